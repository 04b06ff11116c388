"""Starts a gateway and asks it, with schemathesis, whether it is as it describes itself; then checks its store.

    python run.py path/to/milepost

The seed is MILEPOST_SEED, and drawn where that is `random`; without one it is the same every time, so that whether a change passes is no
matter of luck. It is printed. MILEPOST_EXAMPLES says how many requests are made up for each operation.
"""

import json
import os
import random
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLES = os.environ.get("MILEPOST_EXAMPLES", "25")
SEED = "1"
TEST_KEY = "sk_test_contract-tests"
STOP_TIMEOUT_S = 10


def ask(api, method, path, body=None, key=TEST_KEY):
    request = urllib.request.Request(
        api + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"X-API-Key": key, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def objects(api):
    """An intent with two milestones, one of them released, its settlement, a refund, a key that nothing relies on, and a webhook endpoint
    that nobody answers, with something that is sent to it."""
    intent = ask(api, "POST", "/payment-intents", {
        "amount": "1000.00",
        "currency": "USDC",
        "type": "DELIVERY_VS_PAYMENT",
        "settlementMethod": "OFF_RAMP_MOCK",
        "settlementDestination": "bank_account_123",
        "releaseType": "MILESTONE_LOCKED",
        "autoRelease": True,
        "milestones": [{"milestoneIndex": 0, "amount": "300.00"}, {"milestoneIndex": 1, "amount": "500.00"}],
    })["id"]
    at = f"/payment-intents/{intent}"
    first, second = (milestone["id"] for milestone in ask(api, "GET", f"{at}/escrow/milestones")["data"])
    ask(api, "POST", f"{at}/escrow/milestones/{first}/complete", {"completedBy": "contract"})
    endpoint = ask(api, "POST", "/webhook-endpoints", {"url": "http://127.0.0.1:9/"})["id"]
    return {
        "CONTRACT_ENDPOINT": endpoint,
        "CONTRACT_DELIVERY": ask(api, "POST", f"/webhook-endpoints/{endpoint}/test", {})["id"],
        "CONTRACT_EVENT": ask(api, "GET", f"/events?paymentIntentId={intent}")["data"][0]["id"],
        "CONTRACT_INTENT": intent,
        "CONTRACT_MILESTONE": second,
        "CONTRACT_REFUND": ask(api, "POST", f"{at}/refund", {"amount": "50.00"})["id"],
        "CONTRACT_SETTLEMENT": ask(api, "GET", f"{at}/escrow")["data"]["settlements"][0]["id"],
        "CONTRACT_API_KEY": ask(api, "POST", "/api-keys", {"name": "spare"})["id"],
    }


def id_of(api, key):
    known = ask(api, "GET", "/api-keys?limit=100", key=key)["data"]
    return next(one["id"] for one in known if key.endswith(one["lastFour"]))


def run(api, key, seed, *options):
    command = [
        Path(sysconfig.get_path("scripts")) / "schemathesis",
        "--config-file", HERE / "schemathesis.toml",
        "run", f"{api}/openapi.json",
        "--checks", "all",
        "--header", f"X-API-Key: {key}",
        "--seed", str(seed),
        # It answers for as long as it is listened to.
        "--exclude-path", "/events/stream",
        "--max-examples", EXAMPLES,
        # That some operations only ever refuse made-up objects is no news.
        "--warnings", "off",
        "--no-color",
        *options,
    ]
    # What it remembers of a run stays in a folder of its own, so that no run depends on another.
    with tempfile.TemporaryDirectory() as memory:
        return subprocess.run(command, cwd=memory, check=False).returncode


def contract(api, admin_key):
    wanted = os.environ.get("MILEPOST_SEED") or SEED
    seed = random.randrange(2**32) if wanted == "random" else int(wanted)
    print(f"MILEPOST_SEED={seed} repeats this", flush=True)
    os.environ["CONTRACT_HOOKS"] = str(HERE / "hooks.py")
    os.environ["CONTRACT_OWN_KEYS"] = ",".join([id_of(api, TEST_KEY), id_of(api, admin_key)])
    # Objects for each run: what one changes is not what another relies on.
    first, second = objects(api), objects(api)
    os.environ.update(first)
    status = run(api, TEST_KEY, seed)
    os.environ.update(second)
    # What is the operator's as well, or alone: a merchant's key is refused there.
    return status | run(api, admin_key, seed, "--include-path-regex", "^/(admin|api-keys|events|requests)|/resolve$")


def main(milepost):
    with tempfile.TemporaryDirectory() as data:
        made = subprocess.run(
            [milepost, "keys", "create", "--mode", "admin", "--data", data, "--json"], check=True, capture_output=True
        )
        served = subprocess.Popen(
            [milepost, "serve", "--listen", "127.0.0.1:0", "--data", data, "--test-key", TEST_KEY, "--rate-limits", "off"]
            + ["--settlement-delay", "1s", "--block-time", "100ms", "--log-level", "warn", "--json"],
            stdout=subprocess.PIPE,
        )
        try:
            api = json.loads(served.stdout.readline())["api"]
            status = contract(api, json.loads(made.stdout)["secret"])
        finally:
            served.terminate()
            served.wait(STOP_TIMEOUT_S)
        return status | subprocess.run([milepost, "verify", "--data", data], check=False).returncode


sys.exit(main(Path(sys.argv[1]).resolve()))
