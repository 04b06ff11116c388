"""Signs EIP-712 typed data as eth_account does it.

    python sign.py PRIVATE_KEY [FILE] < typed-data-v4.json

prints {"address", "digest", "signature"}. The typed data is `typedDataV4` of a payment intent, as it is: `types` must contain
EIP712Domain. Only for keys of tests: the arguments of a process are no secret.
"""

import json
import sys

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak


def sign(private_key: str, full_message: dict) -> dict:
    """Signs the message, and says what was signed and by whom."""
    account = Account.from_key(private_key)
    signed = Account.sign_typed_data(account.key, full_message=full_message)
    signable = encode_typed_data(full_message=full_message)
    digest = keccak(b"\x19" + signable.version + signable.header + signable.body)
    return {
        "address": account.address,
        "digest": "0x" + digest.hex(),
        "signature": "0x" + bytes(signed.signature).hex(),
    }


def main() -> None:
    """Reads typed data, and prints its signature."""
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python sign.py PRIVATE_KEY [FILE] < typed-data-v4.json")
    if len(sys.argv) == 3:
        with open(sys.argv[2], encoding="utf-8") as file:
            text = file.read()
    else:
        text = sys.stdin.buffer.read().decode("utf-8")
    print(json.dumps(sign(sys.argv[1], json.loads(text)), indent=2))


if __name__ == "__main__":
    main()
