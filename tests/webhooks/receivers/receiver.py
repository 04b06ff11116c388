"""Takes webhooks at a port of its own, which it prints, and says later what it thinks of each.

POST /judge with a list of secrets answers with every call and what each secret makes of it. Any other address takes calls; with
`?refuse` it refuses the first one of every event.
"""

import hashlib
import hmac
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from receive import receive
from verify import verify, verify_finternet

CALLS = []


def judged(call, secrets):
    url, headers, body = call
    verdicts = [
        {
            "library": received(secret, headers, body),
            "standard": verify(secret, headers, body),
            "finternet": verify_finternet(secret, headers, body),
            "plain": plain(secret, headers, body),
        }
        for secret in secrets
    ]
    return {"url": url, "id": headers["webhook-id"], "body": body.decode(), "verdicts": verdicts}


def received(secret, headers, body):
    try:
        return receive(secret, headers, body)["object"] == "event"
    except Exception:
        return False


def plain(secret, headers, body):
    """What programs do that were written for this API."""
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return headers["finternet-signature"] == expected == headers["x-finternet-signature"]


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/judge":
            self.answer(200, json.dumps([judged(call, json.loads(body)) for call in list(CALLS)]).encode())
            return
        known = {(url, headers["webhook-id"]) for url, headers, _ in list(CALLS)}
        is_first = (self.path, self.headers["webhook-id"]) not in known
        CALLS.append((self.path, self.headers, body))
        self.answer(503 if self.path.endswith("?refuse") and is_first else 204, b"")

    def answer(self, status, body):
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


SERVER = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print(SERVER.server_port, flush=True)
SERVER.serve_forever()
