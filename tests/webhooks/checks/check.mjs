// Reads calls, one a line, and says what verify.mjs thinks of each.

import { createInterface } from "node:readline/promises";
import { stdin } from "node:process";

import { verify, verifyFinternet } from "./verify.mjs";

const NAMES = ["webhook-id", "webhook-timestamp", "webhook-signature", "finternet-signature"];

for await (const line of createInterface({ input: stdin })) {
  const [secret, body, ...values] = line.split("\t").map((field) => (field === "-" ? undefined : Buffer.from(field, "base64")));
  const present = NAMES.map((name, index) => [name, values[index]?.toString("latin1")]).filter(([, value]) => value !== undefined);
  const headers = Object.fromEntries(present);
  console.log(verify(secret.toString(), headers, body), verifyFinternet(secret.toString(), headers, body));
}
