// Has a running gateway call receivers in Node and in Python, which use the code of docs/webhooks.md, the public libraries and a plain
// HMAC: for the events of an intent, while a secret is being rotated and afterwards, and once more after a refusal.
//
//     node live.mjs BASE_URL API_KEY      (http://127.0.0.1:3000/v1 and a sandbox key)
//
// prints a line per promise, and exits with 1 when one was broken. It moves the sandbox's clock by some minutes. PYTHON names an
// interpreter that has requirements.txt installed.

import { argv, exit, stderr } from "node:process";

import { blocks } from "./blocks.mjs";
import { Gateway, eventually } from "./gateway.mjs";
import { Receiver } from "./receiver.mjs";
import { CHAIN, run } from "./runtimes.mjs";

// Longer than the tolerance of receivers, so that a call with the sandbox's time would be refused.
const AHEAD_S = 600;
const ALL = { library: true, standard: true, finternet: true, plain: true };
const NONE = { library: false, standard: false, finternet: false, plain: false };
const FORMER = { library: true, standard: true, finternet: false, plain: false };
const NOBODYS = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const [baseUrl, apiKey] = argv.slice(2);
if (apiKey === undefined) {
  stderr.write("usage: node live.mjs BASE_URL API_KEY\n");
  exit(2);
}

const gateway = new Gateway(baseUrl, apiKey);
let failures = 0;

function expect(what, actual, expected) {
  const [is, want] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is === want) return;
  failures += 1;
  console.log(`FAILED  ${what}: ${is} in place of ${want}`);
}

async function promise(what, keep) {
  const before = failures;
  try {
    await keep();
  } catch (error) {
    failures += 1;
    console.log(`FAILED  ${what}: ${error.message}`);
  }
  if (failures === before) console.log(`ok      ${what}`);
}

/** Waits for all that has happened to an intent, and gives the calls about it, the first for each event. */
async function arrived(receiver, intent, secrets) {
  const texts = await gateway.events(intent);
  return eventually(`what happened to ${intent.id}`, async () => {
    const calls = (await receiver.judge(secrets)).filter(({ body }) => JSON.parse(body).paymentIntentId === intent.id);
    const first = new Map(calls.toReversed().map((call) => [call.body, call]));
    return texts.every((text) => first.has(text)) ? calls.filter((call) => first.get(call.body) === call) : undefined;
  });
}

/** An intent that nothing can happen to any more but its settlement, and the calls about it. */
async function story(receiver, secrets) {
  const intent = await gateway.intent();
  await gateway.complete(intent, 0);
  await gateway.complete(intent, 1);
  return arrived(receiver, intent, secrets);
}

function expectVerdicts(calls, ...expected) {
  calls.forEach(({ id, verdicts }) => expect(`what the secrets make of ${id}`, verdicts, expected));
}

async function events(receiver, endpoint) {
  const calls = await story(receiver, [endpoint.secret, NOBODYS]);
  expectVerdicts(calls, ALL, NONE);
  const told = calls.map(({ body }) => JSON.parse(body));
  expect("ids", calls.map(({ id }) => id), told.map(({ id }) => id));
  expect("the order", told.map(({ sequence }) => sequence), told.map((_, index) => index + 1));
  const chain = blocks().find(({ below, language }) => below === CHAIN.block[0] && language === CHAIN.block[1]);
  const head = run(CHAIN, chain.code, () => calls.map(({ body }) => `${body}\n`).join("")).trim();
  expect("the end of the hash chain", `0x${head}`, told.at(-1).hash);
}

async function rotation(receiver, first) {
  const second = await gateway.rotate(first, "1h");
  expectVerdicts(await story(receiver, [second.secret, first.secret, NOBODYS]), ALL, FORMER, NONE);
  const third = await gateway.rotate(second, "0");
  expectVerdicts(await story(receiver, [third.secret, second.secret, first.secret]), ALL, NONE, NONE);
}

/** The calls at an address, once there are so many. */
async function callsAt(receiver, url, count, secrets) {
  return eventually(`call ${count} to ${url}`, async () => {
    const calls = (await receiver.judge(secrets)).filter((call) => call.url === url);
    return calls.length >= count ? calls : undefined;
  });
}

async function refusal(receiver) {
  const url = "/refused?refuse";
  const endpoint = await gateway.endpoint(receiver.address(url), ["webhook_endpoint.test"]);
  await gateway.json("POST", `/webhook-endpoints/${endpoint.id}/test`, {});
  await callsAt(receiver, url, 1, []);
  const at = (status) => `/webhook-endpoints/${endpoint.id}/deliveries?status=${status}`;
  const [delivery] = await eventually("a refused delivery", async () => {
    const { data } = await gateway.json("GET", at("pending"));
    return data[0]?.attempts?.length === 1 ? data : undefined;
  });
  await gateway.advance(AHEAD_S);
  await callsAt(receiver, url, 2, []);
  await eventually("a delivery that succeeded", async () => (await gateway.json("GET", at("succeeded"))).data[0]);
  await gateway.json("POST", `/webhook-deliveries/${delivery.id}/redeliver`, {});
  const calls = await callsAt(receiver, url, 3, [endpoint.secret]);
  expectVerdicts(calls, ALL);
  const { body } = calls[0];
  expect("bodies", calls.map((call) => call.body), [body, body, body]);
  expect("ids", new Set(calls.map(({ id }) => id)).size, 1);
  expect("the body as served", body, await gateway.text("GET", `/events/${calls[0].id}`));
  const shown = await gateway.text("GET", `/webhook-deliveries/${delivery.id}`);
  expect("that the delivery shows it", shown.includes(`"requestBody":${body}`), true);
  const elsewhere = (await receiver.judge([])).filter((call) => call.url !== url && call.id === calls[0].id);
  expect("calls to other endpoints", elsewhere.length, 0);
  await gateway.json("DELETE", `/webhook-endpoints/${endpoint.id}`);
}

async function keep(receiver) {
  const endpoint = await gateway.endpoint(receiver.address("/"), ["*"]);
  await promise(`${receiver.name}: every event comes signed, in order and as it is served`, () => events(receiver, endpoint));
  await promise(`${receiver.name}: while a secret is rotated both sign, then only the new one`, () => rotation(receiver, endpoint));
  await promise(`${receiver.name}: what was refused comes again, the same, and signed anew`, () => refusal(receiver));
  await gateway.json("DELETE", `/webhook-endpoints/${endpoint.id}`);
}

for (const receiver of await Receiver.all()) {
  try {
    await keep(receiver);
  } finally {
    receiver.stop();
  }
}

console.log(failures === 0 ? "all as expected" : `${failures} failed`);
exit(failures === 0 ? 0 : 1);
