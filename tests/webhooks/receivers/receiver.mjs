// Takes webhooks at a port of its own, which it prints, and says later what it thinks of each.
//
// POST /judge with a list of secrets answers with every call and what each secret makes of it. Any other address takes calls; with
// `?refuse` it refuses the first one of every event.

import { createHmac } from "node:crypto";
import { createServer } from "node:http";

import { receive } from "./receive.mjs";
import { verify, verifyFinternet } from "./verify.mjs";

const calls = [];

const server = createServer(async (request, response) => {
  const { url, headers } = request;
  const body = Buffer.concat(await request.toArray());
  if (url === "/judge") {
    response.end(JSON.stringify(calls.map((call) => judged(call, JSON.parse(body.toString())))));
    return;
  }
  const isFirst = !calls.some((call) => call.url === url && call.headers["webhook-id"] === headers["webhook-id"]);
  calls.push({ url, headers, body });
  response.writeHead(url.endsWith("?refuse") && isFirst ? 503 : 204).end();
});

function judged({ url, headers, body }, secrets) {
  const verdicts = secrets.map((secret) => ({
    library: received(secret, headers, body),
    standard: verify(secret, headers, body),
    finternet: verifyFinternet(secret, headers, body),
    plain: plain(secret, headers, body),
  }));
  return { url, id: headers["webhook-id"], body: body.toString(), verdicts };
}

function received(secret, headers, body) {
  try {
    return receive(secret, headers, body).object === "event";
  } catch {
    return false;
  }
}

/** What programs do that were written for this API. */
function plain(secret, headers, body) {
  const hmac = createHmac("sha256", secret).update(body).digest("hex");
  return headers["finternet-signature"] === hmac && headers["x-finternet-signature"] === hmac;
}

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
