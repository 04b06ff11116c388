// Reads calls, one a line, and says whether receive.mjs, which uses the library, gives back the event of each.

import { createInterface } from "node:readline/promises";
import { stdin } from "node:process";

import { receive } from "./receive.mjs";

const NAMES = ["webhook-id", "webhook-timestamp", "webhook-signature"];

for await (const line of createInterface({ input: stdin })) {
  const [secret, body, ...values] = line.split("\t").map((field) => (field === "-" ? undefined : Buffer.from(field, "base64")));
  const present = NAMES.map((name, index) => [name, values[index]?.toString("latin1")]).filter(([, value]) => value !== undefined);
  console.log(received(secret.toString(), Object.fromEntries(present), body));
}

function received(secret, headers, body) {
  try {
    return JSON.stringify(receive(secret, headers, body)) === JSON.stringify(JSON.parse(body.toString()));
  } catch {
    return false;
  }
}
