// Confirms payment intents of a running gateway with signatures of ethers, viem and eth_account, with the merchant's key and
// without one, waits until they are paid, approves and disputes milestones, and tries what must be refused.
//
//     node run.mjs BASE_URL API_KEY      (http://127.0.0.1:3000/v1 and a sandbox key)
//
// prints one line per case, and exits with 1 when one of them failed. A payment takes five blocks of the sandbox's chain: a
// gateway with `--block-time 100ms` does not keep this waiting.

import { argv, exit, stderr } from "node:process";

import { Signature, Wallet, toBeHex } from "ethers";

import { signWithEthAccount } from "./python.mjs";
import { signWithEthers, signWithViem } from "./sign.mjs";

const TIMEOUT_MS = 30_000;
const POLL_MS = 100;
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const FIRST = { milestoneIndex: 0, amount: "300.00" };
const SECOND = { milestoneIndex: 1, amount: "700.00" };

const PAID_PHASES = ["SIGNATURE_VERIFICATION COMPLETED", "BLOCKCHAIN_CONFIRMATION COMPLETED", "ESCROW_LOCKED COMPLETED"];

const [baseUrl, apiKey] = argv.slice(2);
if (apiKey === undefined) {
  stderr.write("usage: node run.mjs BASE_URL API_KEY\n");
  exit(2);
}

// Every library signs what it wants to be given; addresses are sent in different cases, and must come back as sent.
const asIs = (address) => address;
const lower = (address) => address.toLowerCase();
const upper = (address) => `0x${address.slice(2).toUpperCase()}`;
const LIBRARIES = [
  { name: "ethers", sign: (key, intent) => signWithEthers(key, intent.typedData), sent: asIs },
  { name: "viem", sign: (key, intent) => signWithViem(key, intent.typedData), sent: lower },
  { name: "viem with EIP712Domain", sign: (key, intent) => signWithViem(key, intent.typedDataV4), sent: asIs },
  { name: "eth_account", sign: (key, intent) => signWithEthAccount(key, intent.typedDataV4), sent: upper },
];

const AUTHENTICATED = { "X-API-Key": apiKey };

// Who confirms: the merchant's server passes the signature on, or the payer's browser sends it, which has no key.
const ROUTES = [
  { name: "with the merchant's key", path: "/payment-intents", headers: AUTHENTICATED },
  { name: "without a key", path: "/payment-intents/public", headers: {} },
];
const [WITH_KEY] = ROUTES;

async function request(method, path, body, headers = AUTHENTICATED) {
  const response = await fetch(`${baseUrl.replace(/\/$/, "")}${path}`, {
    method,
    headers: { ...headers, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const answer = await response.text();
  try {
    return { status: response.status, body: JSON.parse(answer) };
  } catch {
    throw new Error(`${method} ${path} answered ${response.status} without JSON: ${answer.slice(0, 200)}`);
  }
}

function expect(what, actual, expected) {
  if (actual !== expected) {
    throw new Error(`${what} is ${text(actual)}, expected ${text(expected)}`);
  }
}

async function create(currency, milestones, terms = {}) {
  const { status, body } = await request("POST", "/payment-intents", {
    amount: "1000.00",
    currency,
    type: "DELIVERY_VS_PAYMENT",
    settlementMethod: "OFF_RAMP_MOCK",
    settlementDestination: "bank_account_123",
    releaseType: "MILESTONE_LOCKED",
    autoRelease: true,
    milestones,
    ...terms,
  });
  if (status !== 200) {
    throw new Error(`creating an intent answered ${status}: ${text(body)}`);
  }
  expect("the intent of the typed data", body.data.typedData.message.intentId, body.data.id);
  const { EIP712Domain, ...types } = body.data.typedDataV4.types;
  expect("EIP712Domain of typedData.types", body.data.typedData.types.EIP712Domain, undefined);
  expect("the fields of EIP712Domain", EIP712Domain.length, 4);
  expect("typedDataV4 without EIP712Domain", text({ ...body.data.typedDataV4, types }), text(body.data.typedData));
  const shares = (await request("GET", `/payment-intents/${body.id}/escrow/milestones`)).body.data;
  return { ...body.data, milestoneIds: shares.map(({ id }) => id) };
}

function text(value) {
  return JSON.stringify(value);
}

// What was confirmed, and must be paid at the end; what has no name is looked at elsewhere.
const confirmed = [];

function confirm(intent, signature, payerAddress, { path, headers }) {
  return request("POST", `${path}/${intent.id}/confirm`, { signature, payerAddress }, headers);
}

async function accepts(name, intent, signature, payerAddress, route = WITH_KEY) {
  const { status, body } = await confirm(intent, signature, payerAddress, route);
  if (status !== 200) {
    throw new Error(`confirm answered ${status}: ${text(body)}`);
  }
  expect("status", body.status, "PROCESSING");
  expect("data.status", body.data.status, "PROCESSING");
  expect("data.signature", body.data.signature, signature);
  expect("data.signerAddress", body.data.signerAddress, payerAddress);
  if (name !== "") {
    confirmed.push({ name, id: intent.id, payerAddress });
  }
}

async function refuses(intent, signature, payerAddress) {
  const messages = [];
  for (const route of ROUTES) {
    const { status, body } = await confirm(intent, signature, payerAddress, route);
    expect("the HTTP status", status, 400);
    expect("error.code", body.error?.code, "signature_verification_failed");
    expect("error.param", body.error?.param, "signature");
    expect("code", body.code, "signature_verification_failed");
    expect("param", body.param, "signature");
    messages.push(body.error.message);
  }
  expect("the message without a key", messages[1], messages[0]);
  return messages[0];
}

async function paid({ id, payerAddress }) {
  const deadline = Date.now() + TIMEOUT_MS;
  let intent;
  do {
    intent = (await request("GET", `/payment-intents/${id}`)).body;
    if (intent.status === "PROCESSING") {
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
  } while (intent.status === "PROCESSING" && Date.now() < deadline);
  expect("status", intent.status, "SUCCEEDED");
  const phases = intent.data.phases.map(({ phase, status }) => `${phase} ${status}`);
  expect("phases", text(phases.slice(0, 3)), text(PAID_PHASES));
  const escrow = (await request("GET", `/payment-intents/${id}/escrow`)).body.data;
  expect("heldAmount", escrow.heldAmount, "1000.00");
  expect("buyerAddress", escrow.buyerAddress, payerAddress);
  const again = await request("POST", `/payment-intents/${id}/confirm`, { signature: intent.data.signature, payerAddress });
  expect("the HTTP status of a second confirm", again.status, 400);
  expect("its message", again.body.error.message, "Cannot confirm payment intent in status: SUCCEEDED");
}

function flipped(signature, byte) {
  const place = 2 + 2 * byte;
  const value = parseInt(signature.slice(place, place + 2), 16) ^ 1;
  return signature.slice(0, place) + value.toString(16).padStart(2, "0") + signature.slice(place + 2);
}

/** The other signature of the same account over the same message: order - s, and the other v. */
function highTwin(signature) {
  const { r, s, v } = Signature.from(signature);
  const high = toBeHex(ORDER - BigInt(s), 32);
  return `${r}${high.slice(2)}${v === 27 ? "1c" : "1b"}`;
}

/** The last byte of a signature, replaced. */
function withV(signature, v) {
  return signature.slice(0, 130) + v.toString(16).padStart(2, "0");
}

/** An intent with a signature whose v says this; which one it is, the message and the wallet decide. */
async function signedWithParity(parity) {
  const intent = await create("USDC", [FIRST, SECOND]);
  for (;;) {
    const wallet = Wallet.createRandom();
    const { signature } = await signWithEthers(wallet.privateKey, intent.typedData);
    if (Signature.from(signature).yParity === parity) {
      return { intent, wallet, signature };
    }
  }
}

let failures = 0;

async function check(name, run) {
  try {
    const note = await run();
    console.log(`ok    ${name}${note === undefined ? "" : `: ${note}`}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL  ${name}: ${error.message}`);
  }
}

for (const route of ROUTES) {
  for (const currency of ["DAI", "USDC"]) {
    for (const { name, sign, sent } of LIBRARIES) {
      const title = `${currency}, signed with ${name}, confirmed ${route.name}`;
      await check(title, async () => {
        const wallet = Wallet.createRandom();
        const intent = await create(currency, [FIRST, SECOND]);
        const { signature, address } = await sign(wallet.privateKey, intent);
        expect("the signer", address, wallet.address);
        await accepts(title, intent, signature, sent(address), route);
      });
    }
  }
}

for (const [name, base] of [["v as 27 or 28", 27], ["v as 0 or 1", 0]]) {
  for (const parity of [0, 1]) {
    const title = `${name}: ${base + parity}`;
    await check(title, async () => {
      const { intent, wallet, signature } = await signedWithParity(parity);
      await accepts(title, intent, withV(signature, base + parity), wallet.address);
    });
  }
}

await check("what must be refused can be tried", async () => {
  const wallet = Wallet.createRandom();
  const stranger = Wallet.createRandom();
  const intent = await create("USDC", [FIRST, SECOND]);
  const other = await create("USDC", [FIRST, SECOND]);
  const { signature } = await signWithEthers(wallet.privateKey, intent.typedData);
  const { signature: strangers } = await signWithEthers(stranger.privateKey, intent.typedData);
  const { signature: others } = await signWithEthers(wallet.privateKey, other.typedData);
  const bad = [
    ["another wallet's signature", strangers],
    ["a signature for another intent", others],
    ["the twin with a high s", highTwin(signature)],
    ["a flipped bit in r", flipped(signature, 10)],
    ["a flipped bit in s", flipped(signature, 50)],
    ["the other v", withV(signature, Signature.from(signature).v === 27 ? 28 : 27)],
    ["v = 29", withV(signature, 29)],
    ["64 bytes", signature.slice(0, 130)],
    ["66 bytes", `${signature}00`],
    ["no 0x", signature.slice(2)],
    ["not hexadecimal", `0x${"zz".repeat(65)}`],
    ["not a signature at all", "please"],
    ["an empty text", ""],
    ["all zero", `0x${"00".repeat(65)}`],
  ];
  for (const [name, sent] of bad) {
    await check(name, () => refuses(intent, sent, wallet.address));
  }
  const last = "the right signature after all the wrong ones";
  await check(last, () => accepts(last, intent, signature, wallet.address));
});

await check("what was signed before a milestone was added can be tried", async () => {
  const wallet = Wallet.createRandom();
  const intent = await create("DAI", [FIRST]);
  const { signature } = await signWithEthers(wallet.privateKey, intent.typedData);
  const added = await request("POST", `/payment-intents/${intent.id}/escrow/milestones`, SECOND);
  expect("the HTTP status of the added milestone", added.status, 201);
  await check("a signature from before a milestone was added", () => refuses(intent, signature, wallet.address));
});

for (const payment of confirmed) {
  await check(`paid: ${payment.name}`, () => paid(payment));
}

// After paying, the wallet approves one milestone and disputes the other, without a key.
for (const { name, sign, sent } of LIBRARIES) {
  await check(`after paying, signed with ${name}`, async () => {
    const { privateKey } = Wallet.createRandom();
    const intent = await create("USDC", [FIRST, SECOND], { requireApproval: true });
    const consent = await sign(privateKey, intent);
    await accepts("", intent, consent.signature, sent(consent.address), ROUTES[1]);
    await finality(intent.id);
    const [first, second] = intent.milestoneIds;
    const done = { completedBy: "builder@example.com", completionProof: "photo.jpg" };
    await request("POST", `/payment-intents/${intent.id}/escrow/milestones/${first}/complete`, done);
    const shown = (await request("GET", `/payment-intents/public/${intent.id}/escrow`, undefined, {})).body.data;
    const { approval } = shown.milestones[0];
    const approve = `/milestones/${first}/approve`;
    await acts(intent.id, approve, {}, await sign(privateKey, approval), sent, "data.status", "RELEASED");
    const { domain } = approval.typedData;
    const EIP712Domain = approval.typedDataV4.types.EIP712Domain;
    const dispute = disputeOf(domain, EIP712Domain, { intentId: intent.id, milestoneId: second, reason: "It leaks" });
    const body = { reason: "It leaks", raisedBy: "the payer", milestoneId: second };
    await acts(intent.id, "/dispute", body, await sign(privateKey, dispute), sent, "status", "raised");
  });
}

async function finality(id) {
  const deadline = Date.now() + TIMEOUT_MS;
  while ((await request("GET", `/payment-intents/${id}`)).body.status === "PROCESSING" && Date.now() < deadline) {
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

/** What docs/releases.md tells a payer to sign for a dispute, in both forms. */
function disputeOf(domain, EIP712Domain, content) {
  const Dispute = [
    { name: "intentId", type: "string" },
    { name: "milestoneId", type: "string" },
    { name: "reason", type: "string" },
    { name: "disputeWindow", type: "uint256" },
    { name: "count", type: "uint256" },
  ];
  const message = { ...content, disputeWindow: "0", count: "0" };
  const typedData = { domain, types: { Dispute }, primaryType: "Dispute", message };
  return { typedData, typedDataV4: { ...typedData, types: { EIP712Domain, Dispute } } };
}

async function acts(id, action, body, { signature, address }, sent, field, expected) {
  const path = `/payment-intents/public/${id}${action}`;
  const answer = await request("POST", path, { ...body, signature, payerAddress: sent(address) }, {});
  if (answer.status !== 200) {
    throw new Error(`${action} answered ${answer.status}: ${text(answer.body)}`);
  }
  const value = field.split(".").reduce((object, name) => object[name], answer.body);
  expect(`${field} after ${action}`, value, expected);
}

console.log(failures === 0 ? "all as expected" : `${failures} failed`);
exit(failures === 0 ? 0 : 1);
