/**
 * A job of 1,000 USDC in three milestones, with nothing but `fetch`.
 *
 * The money is locked once and released share by share as the milestones are completed; this program then waits until every
 * share has been settled, and fails loudly when anything is not as it should be.
 *
 *   MILEPOST_URL=http://127.0.0.1:3000/v1 MILEPOST_API_KEY=sk_test_… npm start
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const BASE_URL = required('MILEPOST_URL').replace(/\/+$/, '');
const API_KEY = required('MILEPOST_API_KEY');

/** One request may take so long. */
const TIMEOUT_MS = 30_000;
/** A request that got no answer, or a passing refusal, is sent this often in all. */
const ATTEMPTS = 4;
/** All settlements together may take so long. */
const SETTLEMENT_TIMEOUT_MS = 60_000;
/** Often enough to notice soon, and well within the limit on how often a key may ask. */
const POLL_INTERVAL_MS = 1_000;

const TOTAL = '1000.00';
const SHARES = [
  { amount: '300.00', percentage: 30, description: 'Kick-off' },
  { amount: '500.00', percentage: 50, description: 'Core features' },
  { amount: '200.00', percentage: 20, description: 'Final delivery' },
] as const;

type MilestoneStatus = 'PENDING' | 'COMPLETED' | 'RELEASED' | 'CANCELLED';
type SettlementStatus = 'SCHEDULED' | 'EXECUTED' | 'CONFIRMED';

interface Milestone {
  id: string;
  milestoneIndex: number;
  amount: string;
  status: MilestoneStatus;
}

interface Escrow {
  heldAmount: string;
  releasedAmount: string;
  milestones: Milestone[];
  settlements: { id: string; amount: string; status: SettlementStatus }[];
}

interface Balance {
  availableBalance: string;
  pendingBalance: string;
  reservedBalance: string;
  totalBalance: string;
  currency: string;
}

/** What every single object comes wrapped in. */
interface Envelope<T> {
  id: string;
  status: string;
  data: T;
}

/** The gateway refused a request, and says why. */
class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string | undefined,
  ) {
    super(`${status} ${code}: ${message} (${requestId ?? 'no request id'})`);
  }

  /** Whether the same request may succeed later: the gateway was busy or down, and did nothing. */
  get isPassing(): boolean {
    return this.status === 409 || this.status === 429 || this.status >= 500;
  }
}

interface Answer<T> {
  body: T;
  /** The request had been answered before under its idempotency key; nothing happened this time. */
  replayed: boolean;
}

async function send<T>(method: 'GET' | 'POST', path: string, body?: object, idempotencyKey?: string): Promise<Answer<T>> {
  const headers: Record<string, string> = { 'X-API-Key': API_KEY };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (idempotencyKey !== undefined) headers['Idempotency-Key'] = idempotencyKey;
  const response = await fetch(BASE_URL + path, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((error: unknown) => {
    throw new Error(`no gateway answers at ${BASE_URL}: ${reason(error)}`, { cause: error });
  });
  const text = await response.text();
  if (!response.ok) throw refusal(response.status, text);
  return { body: JSON.parse(text) as T, replayed: response.headers.get('Idempotent-Replayed') === 'true' };
}

/** Why there was no answer: `fetch` itself only says that it failed, and keeps the reason in the cause. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message || ('code' in cause ? String(cause.code) : error.message);
}

function refusal(status: number, text: string): ApiError {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; request_id?: string } };
    return new ApiError(status, error.code, error.message, error.request_id);
  } catch {
    // Something between us and the gateway answered, a proxy for instance.
    return new ApiError(status, 'unknown', text.slice(0, 200), undefined);
  }
}

async function get<T>(path: string): Promise<T> {
  return (await send<T>('GET', path)).body;
}

/**
 * Sends a request until it is answered, under one idempotency key: whether the first try got lost on the way there or on the
 * way back, the gateway does what it asks for once.
 */
async function post<T>(path: string, idempotencyKey: string, body: object): Promise<Answer<T>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send<T>('POST', path, body, idempotencyKey);
    } catch (error) {
      const isFinal = error instanceof ApiError && !error.isPassing;
      if (isFinal || attempt === ATTEMPTS) throw error;
      await sleep(200 * 2 ** attempt);
    }
  }
}

function required(name: string): string {
  const value = process.env[name];
  if (value) return value;
  console.error(`Set ${name}. A gateway on this machine prints its base URL and a test key: milepost serve`);
  process.exit(2);
}

function expect<T>(what: string, actual: T, expected: T): void {
  if (actual !== expected) throw new Error(`${what} is ${String(actual)}, and should be ${String(expected)}`);
}

/** An amount in millionths, since money is never a float. */
function micros(amount: string): bigint {
  const [units = '', fraction = ''] = amount.split('.');
  return BigInt(units + fraction.padEnd(6, '0'));
}

async function createJob(job: string): Promise<{ intentId: string; milestoneIds: string[] }> {
  const intent = await post<Envelope<object>>('/payment-intents', `${job}-intent`, {
    amount: TOTAL,
    currency: 'USDC',
    type: 'DELIVERY_VS_PAYMENT',
    settlementMethod: 'OFF_RAMP_MOCK',
    settlementDestination: 'bank_account_123',
    description: 'Three milestones, from TypeScript',
    metadata: { job, releaseType: 'MILESTONE_LOCKED', autoRelease: true },
  });
  const intentId = intent.body.id;
  console.log(`intent       ${TOTAL.padStart(8)}  ${intent.body.status.padEnd(9)}  ${intentId}`);

  const milestoneIds: string[] = [];
  for (const [index, share] of SHARES.entries()) {
    const path = `/payment-intents/${intentId}/escrow/milestones`;
    const milestone = await post<Envelope<Milestone>>(path, `${job}-milestone-${index}`, { milestoneIndex: index, ...share });
    console.log(`milestone ${index}  ${share.amount.padStart(8)}  ${milestone.body.data.status.padEnd(9)}  ${share.description}`);
    milestoneIds.push(milestone.body.id);
  }
  return { intentId, milestoneIds };
}

/** Completes one milestone, and checks that exactly its share has left escrow. */
async function complete(job: string, intentId: string, index: number, milestoneId: string): Promise<void> {
  const path = `/payment-intents/${intentId}/escrow/milestones/${milestoneId}/complete`;
  const body = { completedBy: 'builder@example.com', completionProof: `proof_hash_${index}` };
  const first = await post<Envelope<Milestone>>(path, `${job}-complete-${index}`, body);
  expect(`milestone ${index}`, first.body.data.status, 'RELEASED');

  // Somebody who never saw the answer asks again: the same answer comes back, and no money moves twice.
  const again = await post<Envelope<Milestone>>(path, `${job}-complete-${index}`, body);
  expect('the second answer is a replay', again.replayed, true);
  expect('the second answer', JSON.stringify(again.body), JSON.stringify(first.body));

  const { data: escrow } = await get<Envelope<Escrow>>(`/payment-intents/${intentId}/escrow`);
  const due = SHARES.slice(0, index + 1).reduce((sum, share) => sum + micros(share.amount), 0n);
  expect('releasedAmount', micros(escrow.releasedAmount), due);
  expect('heldAmount', micros(escrow.heldAmount), micros(TOTAL) - due);
  console.log(`milestone ${index}  released; held ${escrow.heldAmount}, released ${escrow.releasedAmount}`);
}

/** Out of order, a completion is refused: the error says which milestone comes first. */
async function expectOrderToBeKept(job: string, intentId: string, milestoneId: string): Promise<void> {
  try {
    await post(`/payment-intents/${intentId}/escrow/milestones/${milestoneId}/complete`, `${job}-too-early`, {
      completedBy: 'builder@example.com',
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    expect('the refusal', error.status, 400);
    console.log(`milestone 2  refused: ${error.message}`);
    return;
  }
  throw new Error('milestone 2 was completed before milestones 0 and 1');
}

async function waitForSettlement(intentId: string): Promise<void> {
  const deadline = Date.now() + SETTLEMENT_TIMEOUT_MS;
  for (;;) {
    const { data: escrow } = await get<Envelope<Escrow>>(`/payment-intents/${intentId}/escrow`);
    expect('the number of settlements', escrow.settlements.length, SHARES.length);
    if (escrow.settlements.every((settlement) => settlement.status === 'CONFIRMED')) break;
    if (Date.now() > deadline) throw new Error('the settlements did not arrive in time');
    await sleep(POLL_INTERVAL_MS);
  }
  const intent = await get<Envelope<object>>(`/payment-intents/${intentId}`);
  expect('the intent', intent.status, 'SETTLED');
  console.log('settlement   every share has arrived');
}

async function showBalance(): Promise<void> {
  const { data: balance } = await get<{ data: Balance }>('/payment-intents/account/balance?currency=USDC');
  const parts = [balance.availableBalance, balance.pendingBalance, balance.reservedBalance];
  expect('totalBalance', micros(balance.totalBalance), parts.reduce((sum, part) => sum + micros(part), 0n));
  console.log(`balance      available ${parts[0]}, pending ${parts[1]}, reserved ${parts[2]}, total ${balance.totalBalance}`);
}

async function main(): Promise<void> {
  const job = randomUUID();
  const { intentId, milestoneIds } = await createJob(job);
  await expectOrderToBeKept(job, intentId, milestoneIds[2] ?? '');
  for (const [index, milestoneId] of milestoneIds.entries()) {
    await complete(job, intentId, index, milestoneId);
  }
  await showBalance();
  await waitForSettlement(intentId);
  await showBalance();
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
