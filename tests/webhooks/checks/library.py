"""Reads calls, one a line, and says whether receive.py, which uses the library, gives back the event of each."""

import base64
import json
import sys
from email.message import Message

from receive import receive

NAMES = ("Webhook-Id", "Webhook-Timestamp", "Webhook-Signature")


def received(secret, headers, body):
    """Says whether the library takes a call; it refuses in many ways."""
    try:
        return receive(secret, headers, body) == json.loads(body)
    except Exception:
        return False


for line in sys.stdin:
    secret, body, *values = (None if field == "-" else base64.b64decode(field) for field in line.rstrip("\n").split("\t"))
    headers = Message()
    for name, value in zip(NAMES, values):
        if value is not None:
            headers[name] = value.decode("latin-1")
    print(str(received(secret.decode(), headers, body)).lower())
