"""Reads calls, one a line, and says what verify.py thinks of each."""

import base64
import sys
from email.message import Message

from verify import verify, verify_finternet

NAMES = ("Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "Finternet-Signature")

for line in sys.stdin:
    secret, body, *values = (None if field == "-" else base64.b64decode(field) for field in line.rstrip("\n").split("\t"))
    headers = Message()
    for name, value in zip(NAMES, values):
        if value is not None:
            headers[name] = value.decode("latin-1")
    results = (check(secret.decode(), headers, body) for check in (verify, verify_finternet))
    print(*(str(result).lower() for result in results))
