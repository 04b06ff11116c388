// What every test in a browser stands on: a gateway of its own, the system's Chromium, and pages that are watched. Whatever a test
// does, a page fails it that writes an error to the console, asks anybody but this machine, or is larger than a page may be.

import { execFileSync, spawn } from "node:child_process";
import { createServer } from "node:http";
import { mkdtemp, mkdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";

import { chromium } from "playwright-core";

const TIMEOUT_MS = 30_000;
const POLL_MS = 50;
const MAX_PAGE_BYTES = 60_000;
const TEST_KEY = "sk_test_in_the_browser";

export const PHONE = { width: 375, height: 720 };
export const DESKTOP = { width: 1280, height: 900 };
const PICTURE = { width: 1080, height: 640 };
const THEMES = ["light", "dark"];

/** Asks until an answer is there, or throws with what is missing. */
export async function eventually(what, ask) {
  const deadline = Date.now() + TIMEOUT_MS;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`${what} did not come within ${TIMEOUT_MS / 1000} s`);
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

export function expect(what, actual, expected) {
  if (actual !== expected) throw new Error(`${what} is ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
}

/** Presses what leads to another page, and waits until that one is there: what is asked of a page on its way out fails, or tells of it. */
export async function go(target) {
  await Promise.all([target.page().waitForEvent("load"), target.click()]);
}

/** A gateway on a port of the system's choice, with a store of its own, a merchant's sandbox and a key of the operator's. */
export class Gateway {
  static async start(binary, flags = []) {
    const folder = await mkdtemp(join(tmpdir(), "milepost-web-"));
    // On its own: while it runs, the gateway has the store for itself alone.
    const made = execFileSync(binary, ["keys", "create", "--mode", "admin", "--data", folder, "--json"], { encoding: "utf8" });
    const always = ["--listen", "127.0.0.1:0", "--data", folder, "--json", "--rate-limits", "off", "--test-key", TEST_KEY];
    const timing = ["--settlement-delay", "1s", "--block-time", "100ms"];
    const child = spawn(binary, ["serve", ...always, ...timing, ...flags], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise((done) => child.once("exit", done));
    const line = new Promise((done) => createInterface({ input: child.stdout }).once("line", done));
    const first = await Promise.race([line, ended.then(() => null)]);
    if (first === null) throw new Error("the gateway did not start");
    return new Gateway(child, ended, folder, JSON.parse(first), JSON.parse(made).secret);
  }

  constructor(child, ended, folder, announced, adminKey) {
    Object.assign(this, { child, ended, folder, announced, adminKey, url: announced.listening, key: TEST_KEY });
  }

  async stop() {
    this.child.kill("SIGTERM");
    await this.ended;
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A request with the merchant's key, which must succeed. */
  async call(method, path, body) {
    const response = await fetch(`${this.url}/v1${path}`, {
      method,
      headers: { "X-API-Key": this.key, "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text);
  }

  get(path) {
    return this.call("GET", path);
  }

  post(path, body = {}) {
    return this.call("POST", path, body);
  }

  /** An intent over 1,000 USDC in three milestones, with what sets it apart. */
  async intent(changes = {}) {
    const { id } = await this.post("/payment-intents", {
      amount: "1000.00", currency: "USDC", type: "DELIVERY_VS_PAYMENT", settlementMethod: "OFF_RAMP_MOCK",
      settlementDestination: "bank_account_123", releaseType: "MILESTONE_LOCKED", requireApproval: true,
      description: "A website for a bakery",
      milestones: [
        { milestoneIndex: 0, amount: "300.00", description: "Sketches" },
        { milestoneIndex: 1, amount: "500.00", description: "The site, ready to look at" },
        { milestoneIndex: 2, amount: "200.00", description: "Online, with a month of care" },
      ],
      ...changes,
    });
    return id;
  }

  async escrow(intent) {
    return (await this.get(`/payment-intents/${intent}/escrow`)).data;
  }

  async status(intent) {
    return (await this.get(`/payment-intents/${intent}`)).status;
  }

  async milestone(intent, index) {
    return (await this.escrow(intent)).milestones.find((milestone) => milestone.milestoneIndex === index);
  }

  /** The merchant completes a milestone. */
  async complete(intent, index, proof = {}) {
    const { id } = await this.milestone(intent, index);
    const body = { completedBy: "studio@example.com", completionProof: "sha256:5f2c", ...proof };
    return this.post(`/payment-intents/${intent}/escrow/milestones/${id}/complete`, body);
  }

  /** Moves the sandbox's clock. */
  advance(seconds) {
    return this.post("/test-helpers/clock", { advance: seconds });
  }
}

/** Where payers are sent back to: it remembers how they came. */
export class Shop {
  static async open() {
    const shop = new Shop();
    shop.server = createServer((request, response) => {
      if (request.url.startsWith("/favicon")) return response.writeHead(204).end();
      shop.visits.push(request.url);
      response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><html lang=en><title>Shop</title><h1>Thank you</h1>");
    });
    await new Promise((done) => shop.server.listen(0, "127.0.0.1", done));
    shop.url = `http://127.0.0.1:${shop.server.address().port}`;
    return shop;
  }

  visits = [];

  close() {
    this.server.close();
  }
}

/** The system's Chromium, and what is written about its pages. */
export class Browser {
  static async launch(out) {
    const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
    const args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"];
    const browser = await chromium.launch({ executablePath, args });
    const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    await mkdir(out, { recursive: true });
    return new Browser(browser, axe, out);
  }

  constructor(browser, axe, out) {
    Object.assign(this, { browser, axe, out });
  }

  /** The largest page so far, in compressed bytes with all it loads. */
  largest = { bytes: 0, url: "" };

  /**
   * A visitor with a browser of their own.
   * `options` are Playwright's for a context; `prepare` is called with the context before its first page.
   */
  async visitor(options = {}, prepare = async () => {}) {
    const context = await this.browser.newContext({ viewport: DESKTOP, locale: "en-GB", timezoneId: "UTC", ...options });
    context.setDefaultTimeout(TIMEOUT_MS);
    await prepare(context);
    const page = await context.newPage();
    const visitor = new Visitor(this, context, page);
    visitor.watch();
    return visitor;
  }

  close() {
    return this.browser.close();
  }
}

/** Somebody at a page. */
export class Visitor {
  faults = [];
  /** The statuses of pages that are refusals on purpose: the console tells of them. */
  expected = new Set();

  constructor(browser, context, page) {
    Object.assign(this, { browser, context, page });
  }

  watch() {
    const { page } = this;
    page.on("console", (message) => {
      const [, status] = /status of (\d+)/.exec(message.text()) ?? [];
      if (message.type() === "error" && !this.expected.has(Number(status))) this.faults.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.faults.push(`script: ${error.message}`));
    page.on("dialog", async (dialog) => {
      this.faults.push(`a dialog: ${dialog.message()}`);
      await dialog.dismiss();
    });
    page.on("request", (request) => {
      const { hostname, protocol } = new URL(request.url());
      if (protocol !== "data:" && hostname !== "127.0.0.1") this.faults.push(`a request left the host: ${request.url()}`);
    });
  }

  async open(url) {
    return (await this.page.goto(url, { waitUntil: "load" })).status();
  }

  /** The page has these words, seen by whoever looks at it. */
  async sees(...texts) {
    for (const text of texts) await this.page.getByText(text).first().waitFor({ state: "visible" });
  }

  /** Looks at the page as it is: axe in both themes and widths, nothing wider than the window, small enough; and takes its pictures. */
  async inspect(name) {
    const { page, browser } = this;
    const before = page.viewportSize();
    for (const [width, viewport] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
      await page.setViewportSize(viewport);
      for (const colorScheme of THEMES) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await this.axe(`${name}, ${width}, ${colorScheme}`);
        await page.screenshot({ path: join(browser.out, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      }
      const excess = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (excess > 0) this.faults.push(`${name}: ${excess} pixels too wide at ${width} width`);
    }
    await page.emulateMedia({ colorScheme: "light", reducedMotion: null });
    await page.setViewportSize(before);
    await this.isSmall();
  }

  /** A picture for the README, of what one sees without scrolling. */
  async picture(name) {
    const { page, browser } = this;
    const before = page.viewportSize();
    await page.setViewportSize(PICTURE);
    await page.emulateMedia({ reducedMotion: "reduce" });
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: join(browser.out, `readme-${name}.png`) });
    await page.emulateMedia({ reducedMotion: null });
    await page.setViewportSize(before);
  }

  async axe(where) {
    const { violations } = await this.page.evaluate(`${this.browser.axe}; axe.run(document, { resultTypes: ["violations"] })`);
    for (const { id, nodes } of violations) {
      this.faults.push(`axe, ${where}: ${id}: ${nodes.map((node) => `${node.html.slice(0, 120)} ${node.failureSummary}`).join("; ")}`);
    }
  }

  /** The page, freshly loaded with its files, is no larger than a page may be. */
  async isSmall() {
    const { browser } = this;
    const url = this.page.url();
    const other = await this.context.newPage();
    let bytes = 0;
    const weighing = [];
    other.on("response", (response) => {
      // A stream of events has no end.
      if (response.headers()["content-type"]?.startsWith("text/event-stream")) return;
      weighing.push(response.body().then((body) => { bytes += gzipSync(body).length; }, () => {}));
    });
    await other.goto(url, { waitUntil: "load" });
    await Promise.all(weighing);
    await other.close();
    if (bytes > browser.largest.bytes) browser.largest = { bytes, url: new URL(url).pathname };
    if (bytes > MAX_PAGE_BYTES) this.faults.push(`${url} is ${bytes} bytes, compressed`);
  }

  /** Leaves, and throws what was wrong meanwhile. */
  async leave() {
    await this.context.close();
    if (this.faults.length > 0) throw new Error(this.faults.join("\n    "));
  }
}

/** Runs cases one after the other, prints a line for each, and gives how many failed. */
export async function run(cases) {
  let failed = 0;
  for (const [name, play] of cases) {
    const since = Date.now();
    try {
      await play();
      console.log(`ok      ${name} (${Date.now() - since} ms)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n    ${error.stack ?? error}`);
    }
  }
  return failed;
}
