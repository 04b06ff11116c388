// Calls as a receiver may get them, genuine and not, and what is to be thought of their two kinds of signature.

import { createHmac, randomBytes } from "node:crypto";

const MINUTE_S = 60;
const BODY = '{"id":"evt_1","object":"event","data":{"object":{"amount":"1.50","n":1.50}},"created":1764097200}';
const PARSED = JSON.stringify(JSON.parse(BODY));

const newSecret = () => `whsec_${randomBytes(32).toString("base64")}`;
const decoded = (secret) => Buffer.from(secret.replace(/^whsec_/, ""), "base64");

/** The signature of Standard Webhooks 1.0, without its version. */
export function standard(key, { id, timestamp, body }) {
  return createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
}

/** The signature that is documented for this API. */
export function finternet(key, body) {
  return createHmac("sha256", key).update(body).digest("hex");
}

/** A call as Milepost makes it, of that age, and with that body. */
function call({ secret = newSecret(), ageS = 0, id = "evt_03526TgYmDkLqW8nB5sA7c", body = BODY, timestamp } = {}) {
  const made = { secret, id, timestamp: timestamp ?? String(Math.floor(Date.now() / 1000) - ageS), body: Buffer.from(body) };
  return { ...made, signature: `v1,${standard(decoded(secret), made)}`, finternet: finternet(secret, made.body) };
}

/** What only one of the two kinds covers, or both, or none. */
const BOTH = { standard: true, finternet: true };
const ONLY_STANDARD = { standard: true, finternet: false };
const ONLY_BODY = { standard: false, finternet: true };
const NEITHER = { standard: false, finternet: false };

// Ages keep a distance to the five minutes, so that it does not matter how long a runtime takes to start.
const CASES = [
  ["genuine", BOTH, () => call()],
  ["in another alphabet", BOTH, () => call({ body: '{"description":"Straße, 東京, 🧱 and \u2028","amount":"1.00"}' })],
  ["with a NUL and line ends", BOTH, () => call({ body: '"\u0000"\r\n' }), "the body is no JSON"],
  ["with an empty body", BOTH, () => call({ body: "" }), "the body is no JSON"],
  ["with bytes that are no text", BOTH, () => call({ body: Buffer.from([0x22, 0xff, 0xfe, 0x22]) }), "the body is no JSON"],

  ["two signatures, the first right", BOTH, () => edited((it) => ({ signature: `${it.signature} v1,${other(it)}` }))],
  ["two signatures, the second right", BOTH, () => edited((it) => ({ signature: `v1,${other(it)} ${it.signature}` }))],
  ["an unknown version beside the right one", BOTH, () => edited((it) => ({ signature: `v9,${other(it)} ${it.signature}` }))],
  ["two signatures, none right", ONLY_BODY, () => edited((it) => ({ signature: `v1,${other(it)} v1,${other(it)}` }))],

  ["another secret", NEITHER, () => edited(() => ({ secret: newSecret() }))],
  ["a changed body", NEITHER, () => edited((it) => ({ body: Buffer.from(`${it.body}\n`) }))],
  ["a body that was parsed", NEITHER, () => edited(() => ({ body: Buffer.from(PARSED) }))],
  ["a changed id", ONLY_BODY, () => edited(() => ({ id: "evt_03526TgYmDkLqW8nB5sA7d" }))],
  ["a changed time", ONLY_BODY, () => edited((it) => ({ timestamp: String(Number(it.timestamp) - 1) }))],

  ["four minutes old", BOTH, () => call({ ageS: 4 * MINUTE_S })],
  ["four minutes ahead", BOTH, () => call({ ageS: -4 * MINUTE_S })],
  ["too old", ONLY_BODY, () => call({ ageS: 6 * MINUTE_S })],
  ["from the future", ONLY_BODY, () => call({ ageS: -10 * MINUTE_S })],
  ["a time that is no number", ONLY_BODY, () => call({ timestamp: "soon" })],
  ["a time with an exponent", ONLY_BODY, () => call({ timestamp: "1e9" })],
  ["a time below zero", ONLY_BODY, () => call({ timestamp: "-1" })],
  ["a time past all integers", ONLY_BODY, () => call({ timestamp: "9".repeat(40) })],
  ["a time past all patience", ONLY_BODY, () => call({ timestamp: "9".repeat(6000) })],

  ["no id", ONLY_BODY, () => edited(() => ({ id: undefined }))],
  ["an empty id", ONLY_BODY, () => call({ id: "" })],
  ["no time", ONLY_BODY, () => edited(() => ({ timestamp: undefined }))],
  ["no webhook-signature", ONLY_BODY, () => edited(() => ({ signature: undefined }))],
  ["no finternet-signature", ONLY_STANDARD, () => edited(() => ({ finternet: undefined }))],
  ["no header at all", NEITHER, () => ({ secret: newSecret(), body: Buffer.from(BODY) })],

  ["an unknown version only", ONLY_BODY, () => edited((it) => ({ signature: it.signature.replace("v1,", "v2,") }))],
  ["the version of public keys", ONLY_BODY, () => edited((it) => ({ signature: it.signature.replace("v1,", "v1a,") }))],
  ["no version", ONLY_BODY, () => edited((it) => ({ signature: it.signature.replace("v1,", "") }))],
  ["not base64, not hexadecimal", NEITHER, () => edited(() => ({ signature: "v1,%%%", finternet: "zz" }))],
  ["as long as a signature, but no ASCII", NEITHER, () => edited(notAscii)],
  ["a version and nothing else", NEITHER, () => edited(() => ({ signature: "v1", finternet: "" }))],
  ["an empty signature", ONLY_BODY, () => edited(() => ({ signature: "v1," }))],
  ["the beginning of a signature", NEITHER, () => edited(cutOff)],

  ["signed with the wrong part of the secret", NEITHER, () => edited(wrongPart)],
  ["a secret that is empty", NEITHER, () => call({ secret: "" })],
];

/** The cases, made now, each with what it is called, what is expected, and why libraries are not asked, if they are not. */
export function cases() {
  return CASES.map(([name, expected, make, notForLibraries]) => ({ name, expected, call: make(), notForLibraries }));
}

function edited(edit) {
  const genuine = call();
  return { ...genuine, ...edit(genuine) };
}

const other = (made) => standard(randomBytes(32), made);

function notAscii(made) {
  return { signature: `v1,${"é".repeat(made.signature.length - 3)}`, finternet: "é".repeat(made.finternet.length) };
}

function cutOff(made) {
  return { signature: made.signature.slice(0, -4), finternet: made.finternet.slice(0, -2) };
}

function wrongPart(made) {
  return { signature: `v1,${standard(made.secret, made)}`, finternet: finternet(decoded(made.secret), made.body) };
}

/**
 * A call on one line, for languages that read no JSON by themselves: secret, body, webhook-id, webhook-timestamp, webhook-signature
 * and finternet-signature in base64, with tabs between them and `-` for what is missing. Headers are the bytes of Latin-1, as HTTP
 * carries them.
 */
export function line({ secret, body, id, timestamp, signature, finternet }) {
  const fields = [secret, body, id, timestamp, signature, finternet];
  return fields.map((field) => (field === undefined ? "-" : Buffer.from(field, "latin1").toString("base64"))).join("\t");
}
