// A merchant's sandbox of a running gateway, as far as receivers are concerned.

const TIMEOUT_MS = 30_000;
const POLL_MS = 100;

const INTENT = {
  amount: "1000.00",
  currency: "USDC",
  type: "DELIVERY_VS_PAYMENT",
  settlementMethod: "OFF_RAMP_MOCK",
  settlementDestination: "bank_account_123",
  releaseType: "MILESTONE_LOCKED",
  autoRelease: true,
  description: "Straße, 東京, 🧱 and \u2028 },\"previousHash\":",
  milestones: [{ milestoneIndex: 0, amount: "300.00" }, { milestoneIndex: 1, amount: "700.00" }],
};

/** Asks until an answer is there, or throws with what is missing. */
export async function eventually(what, ask) {
  const deadline = Date.now() + TIMEOUT_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`${what} did not come within ${TIMEOUT_MS / 1000} s`);
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

export class Gateway {
  constructor(baseUrl, apiKey) {
    this.baseUrl = baseUrl.replace(/\/$/, "");
    this.headers = { "X-API-Key": apiKey, "Content-Type": "application/json" };
  }

  async text(method, path, body) {
    const response = await fetch(`${this.baseUrl}${path}`, {
      method,
      headers: this.headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return text;
  }

  async json(method, path, body) {
    return JSON.parse(await this.text(method, path, body));
  }

  /** An intent with two milestones. */
  async intent() {
    const { id } = await this.json("POST", "/payment-intents", INTENT);
    const { data } = await this.json("GET", `/payment-intents/${id}/escrow/milestones`);
    return { id, milestones: data.sort((one, other) => one.milestoneIndex - other.milestoneIndex) };
  }

  async complete(intent, index) {
    const { id } = intent.milestones[index];
    await this.json("POST", `/payment-intents/${intent.id}/escrow/milestones/${id}/complete`, { completedBy: "receivers" });
  }

  /** What has happened to an intent so far: each event as it is served, in order. */
  async events(intent) {
    const { data } = await this.json("GET", `/events?limit=100&paymentIntentId=${intent.id}`);
    return Promise.all(data.reverse().map(({ id }) => this.text("GET", `/events/${id}`)));
  }

  async endpoint(url, enabledEvents) {
    const { id, data } = await this.json("POST", "/webhook-endpoints", { url, enabledEvents });
    return { id, secret: data.secret };
  }

  async rotate(endpoint, gracePeriod) {
    const { data } = await this.json("POST", `/webhook-endpoints/${endpoint.id}/rotate-secret`, { gracePeriod });
    return { ...endpoint, secret: data.secret };
  }

  /** Moves the clock of the sandbox. */
  async advance(seconds) {
    await this.json("POST", "/test-helpers/clock", { advance: seconds });
  }
}
