"""A job of 1,000 USDC in three milestones, with requests.

The money is locked once and released share by share as the milestones are completed; this program then waits until every
share has been settled, and fails loudly when anything is not as it should be.

    MILEPOST_URL=http://127.0.0.1:3000/v1 MILEPOST_API_KEY=sk_test_… python milestones.py
"""

import os
import sys
import time
import uuid
from decimal import Decimal

import requests

TIMEOUT_S = 30
ATTEMPTS = 4
SETTLEMENT_TIMEOUT_S = 60
# Often enough to notice soon, and well within the limit on how often a key may ask.
POLL_INTERVAL_S = 1

TOTAL = Decimal("1000.00")
SHARES = [
    {"amount": "300.00", "percentage": 30, "description": "Kick-off"},
    {"amount": "500.00", "percentage": 50, "description": "Core features"},
    {"amount": "200.00", "percentage": 20, "description": "Final delivery"},
]


class ApiError(Exception):
    """The gateway refused a request, and says why."""

    def __init__(self, status, code, message, request_id):
        super().__init__(f"{status} {code}: {message} ({request_id or 'no request id'})")
        self.status = status
        self.code = code

    @property
    def is_passing(self):
        """Whether the same request may succeed later: the gateway was busy or down, and did nothing."""
        return self.status in (409, 429) or self.status >= 500


class Unreachable(Exception):
    """No gateway answers."""


class Surprise(Exception):
    """Something is not as it should be."""


class Gateway:
    """A client of the gateway."""

    def __init__(self, url, key):
        self.url = url.rstrip("/")
        self.session = requests.Session()
        self.session.headers["X-API-Key"] = key

    def get(self, path):
        return self._send("GET", path).json()

    def post(self, path, idempotency_key, body):
        """Sends a request until it is answered, under one idempotency key: whether the first try got lost on the way there
        or on the way back, the gateway does what it asks for once. Returns the body, and whether it is a replay."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = self._send("POST", path, json=body, headers={"Idempotency-Key": idempotency_key})
                return response.json(), response.headers.get("Idempotent-Replayed") == "true"
            except ApiError as error:
                if attempt == ATTEMPTS or not error.is_passing:
                    raise
            except Unreachable:
                if attempt == ATTEMPTS:
                    raise
            time.sleep(0.2 * 2**attempt)

    def _send(self, method, path, **options):
        try:
            response = self.session.request(method, self.url + path, timeout=TIMEOUT_S, **options)
        except requests.RequestException as error:
            raise Unreachable(f"no gateway answers at {self.url}: {error}") from error
        if response.ok:
            return response
        try:
            error = response.json()["error"]
            raise ApiError(response.status_code, error["code"], error["message"], error.get("request_id"))
        except (ValueError, KeyError, TypeError):
            # Something between us and the gateway answered, a proxy for instance.
            raise ApiError(response.status_code, "unknown", response.text[:200], None) from None


def expect(what, actual, expected):
    if actual != expected:
        raise Surprise(f"{what} is {actual}, and should be {expected}")


def create_job(gateway, job):
    intent, _ = gateway.post(
        "/payment-intents",
        f"{job}-intent",
        {
            "amount": str(TOTAL),
            "currency": "USDC",
            "type": "DELIVERY_VS_PAYMENT",
            "settlementMethod": "OFF_RAMP_MOCK",
            "settlementDestination": "bank_account_123",
            "description": "Three milestones, from Python",
            "metadata": {"job": job, "releaseType": "MILESTONE_LOCKED", "autoRelease": True},
        },
    )
    print(f"intent       {TOTAL:>8}  {intent['status']:<9}  {intent['id']}")
    milestone_ids = []
    for index, share in enumerate(SHARES):
        path = f"/payment-intents/{intent['id']}/escrow/milestones"
        milestone, _ = gateway.post(path, f"{job}-milestone-{index}", {"milestoneIndex": index, **share})
        status = milestone["data"]["status"]
        print(f"milestone {index}  {share['amount']:>8}  {status:<9}  {share['description']}")
        milestone_ids.append(milestone["id"])
    return intent["id"], milestone_ids


def complete(gateway, job, intent_id, index, milestone_id):
    """Completes one milestone, and checks that exactly its share has left escrow."""
    path = f"/payment-intents/{intent_id}/escrow/milestones/{milestone_id}/complete"
    body = {"completedBy": "builder@example.com", "completionProof": f"proof_hash_{index}"}
    first, _ = gateway.post(path, f"{job}-complete-{index}", body)
    expect(f"milestone {index}", first["data"]["status"], "RELEASED")

    # Somebody who never saw the answer asks again: the same answer comes back, and no money moves twice.
    again, replayed = gateway.post(path, f"{job}-complete-{index}", body)
    expect("the second answer is a replay", replayed, True)
    expect("the second answer", again, first)

    escrow = gateway.get(f"/payment-intents/{intent_id}/escrow")["data"]
    due = sum(Decimal(share["amount"]) for share in SHARES[: index + 1])
    expect("releasedAmount", Decimal(escrow["releasedAmount"]), due)
    expect("heldAmount", Decimal(escrow["heldAmount"]), TOTAL - due)
    print(f"milestone {index}  released; held {escrow['heldAmount']}, released {escrow['releasedAmount']}")


def expect_order_to_be_kept(gateway, job, intent_id, milestone_id):
    """Out of order, a completion is refused: the error says which milestone comes first."""
    path = f"/payment-intents/{intent_id}/escrow/milestones/{milestone_id}/complete"
    try:
        gateway.post(path, f"{job}-too-early", {"completedBy": "builder@example.com"})
    except ApiError as error:
        expect("the refusal", error.status, 400)
        print(f"milestone 2  refused: {error}")
        return
    raise Surprise("milestone 2 was completed before milestones 0 and 1")


def wait_for_settlement(gateway, intent_id):
    deadline = time.monotonic() + SETTLEMENT_TIMEOUT_S
    while True:
        settlements = gateway.get(f"/payment-intents/{intent_id}/escrow")["data"]["settlements"]
        expect("the number of settlements", len(settlements), len(SHARES))
        if all(settlement["status"] == "CONFIRMED" for settlement in settlements):
            break
        if time.monotonic() > deadline:
            raise Surprise("the settlements did not arrive in time")
        time.sleep(POLL_INTERVAL_S)
    expect("the intent", gateway.get(f"/payment-intents/{intent_id}")["status"], "SETTLED")
    print("settlement   every share has arrived")


def show_balance(gateway):
    balance = gateway.get("/payment-intents/account/balance?currency=USDC")["data"]
    parts = {name: Decimal(balance[f"{name}Balance"]) for name in ("available", "pending", "reserved")}
    total = Decimal(balance["totalBalance"])
    expect("totalBalance", total, sum(parts.values()))
    print("balance      " + ", ".join(f"{name} {amount}" for name, amount in parts.items()) + f", total {total}")


def main():
    gateway = Gateway(required("MILEPOST_URL"), required("MILEPOST_API_KEY"))
    job = str(uuid.uuid4())
    intent_id, milestone_ids = create_job(gateway, job)
    expect_order_to_be_kept(gateway, job, intent_id, milestone_ids[2])
    for index, milestone_id in enumerate(milestone_ids):
        complete(gateway, job, intent_id, index, milestone_id)
    show_balance(gateway)
    wait_for_settlement(gateway, intent_id)
    show_balance(gateway)


def required(name):
    value = os.environ.get(name)
    if not value:
        print(f"Set {name}. A gateway on this machine prints its base URL and a test key: milepost serve", file=sys.stderr)
        sys.exit(2)
    return value


if __name__ == "__main__":
    try:
        main()
    except (ApiError, Unreachable, Surprise) as error:
        print(error, file=sys.stderr)
        sys.exit(1)
