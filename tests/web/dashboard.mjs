// The dashboard and the operator's view.

import { createServer } from "node:http";

import { PHONE, eventually, expect, go } from "./rig.mjs";

const MARKUP = `<img src=x onerror=alert(1)>"'&amp;</textarea><script>alert(2)</script>`;
const DAY_S = 86_400;

/** A receiver of webhooks: it remembers what came, and answers as it is told. */
class Receiver {
  came = [];
  status = 200;

  static async open() {
    const receiver = new Receiver();
    receiver.server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => { body += chunk; });
      request.on("end", () => {
        receiver.came.push(JSON.parse(body));
        response.writeHead(receiver.status).end("noted");
      });
    });
    await new Promise((done) => receiver.server.listen(0, "127.0.0.1", done));
    receiver.url = `http://127.0.0.1:${receiver.server.address().port}/hooks`;
    return receiver;
  }

  close() {
    this.server.close();
  }
}

/** Opens an action, fills it in, and does it. */
async function act(within, name, button, fill = async () => {}) {
  const action = within.locator("details.action", { has: within.page().getByText(name, { exact: true }) }).first();
  await action.locator("summary").click();
  await fill(action);
  await go(action.getByRole("button", { name: button }));
}

export function* cases(gateway, browser) {
  /** Somebody who is signed in. */
  async function signedIn(key = gateway.key, options = {}) {
    const visitor = await browser.visitor(options);
    await visitor.open(`${gateway.url}/dashboard`);
    await visitor.page.getByLabel("API key").fill(key);
    await go(visitor.page.getByRole("button", { name: "Sign in" }));
    await visitor.page.getByRole("button", { name: "Sign out" }).waitFor();
    return { visitor, page: visitor.page, main: visitor.page.locator("main") };
  }

  const at = (path) => `${gateway.url}/dashboard${path}`;

  yield ["who is not signed in signs in, and comes to the page that was asked for", async () => {
    const visitor = await browser.visitor();
    visitor.expected.add(403);
    await visitor.open(at("/settlements"));
    await visitor.sees("With an API key of a merchant");
    await visitor.inspect("sign-in");
    await visitor.page.getByLabel("API key").fill("sk_test_nobody-knows-this");
    await go(visitor.page.getByRole("button", { name: "Sign in" }));
    await visitor.sees("This key is unknown here");
    await visitor.page.getByLabel("API key").fill(gateway.key);
    await visitor.page.keyboard.press("Enter");
    await visitor.sees("Settlements");
    expect("the page", new URL(visitor.page.url()).pathname, "/dashboard/settlements");
    expect("what scripts read of the cookie", await visitor.page.evaluate(() => document.cookie), "");
    await go(visitor.page.getByRole("button", { name: "Sign out" }));
    await visitor.sees("With an API key of a merchant");
    await visitor.leave();
  }];

  yield ["the main job: created with 30/50/20, paid, completed in order, released and settled", async () => {
    const { visitor, page, main } = await signedIn();
    await go(page.getByRole("link", { name: "Create a payment" }).first());
    await page.getByLabel("Amount").first().fill("1000");
    await page.getByLabel("What it is for").fill("A website for a bakery");
    for (const [place, [name, amount]] of [["Sketches", "300"], ["The site", "500"], ["A month of care", "200"]].entries()) {
      await page.getByLabel(`Milestone ${place + 1}`).fill(name);
      await page.locator(`#new-amount-${place}`).fill(amount);
    }
    await page.getByLabel("Paid out to").fill("bank_account_123");
    await page.getByLabel("Metadata").fill("orderId=4711");
    await visitor.inspect("create");
    await go(page.getByRole("button", { name: "Create a payment" }));
    await visitor.sees("Not paid yet");
    const intent = new URL(page.url()).pathname.split("/").pop();

    const payer = await browser.visitor({ viewport: PHONE });
    await payer.open(await page.getByRole("link", { name: /\/pay\// }).getAttribute("href").then((link) => gateway.url + new URL(link).pathname));
    await go(payer.page.getByRole("button", { name: "Pay as the simulated payer" }));
    await payer.sees("is held in escrow");
    await payer.leave();
    // Nobody reloads: the page follows the events.
    await visitor.sees("escrow_order.funded");
    await visitor.inspect("payment-held");

    for (const [index, name] of ["Sketches", "The site", "A month of care"].entries()) {
      const step = page.locator(".track > li", { hasText: name });
      await act(step, "Complete", "Complete this milestone", async (action) => {
        await action.getByLabel("Completed by").fill("studio@example.com");
        await action.getByLabel("Proof", { exact: false }).first().fill(`sha256:${index}`);
      });
      await page.locator(".track > li", { hasText: name }).getByText("Released").waitFor();
      if (index === 0) {
        await visitor.inspect("payment");
        await visitor.picture("dashboard");
      }
    }
    await eventually("the settlement", async () => (await gateway.status(intent)) === "SETTLED");
    await main.locator(".heading").getByText("Settled").waitFor();
    await visitor.inspect("payment-settled");
    await go(page.getByRole("link", { name: "Home" }));
    await visitor.sees("Volume");
    await visitor.inspect("home");
    await go(page.getByRole("link", { name: "Balances" }));
    await visitor.sees("Ledger");
    await visitor.inspect("balances");
    await go(page.getByRole("link", { name: "Settlements" }));
    await go(page.locator("td a").first());
    await visitor.sees("Reference");
    await visitor.inspect("settlement");
    await go(page.getByRole("link", { name: "Payments" }));
    await page.getByLabel("Search").fill("orderId=4711");
    await go(page.getByRole("button", { name: "Show" }));
    await visitor.sees("A website for a bakery");
    await visitor.inspect("payments");
    await visitor.leave();
  }];

  yield ["what is refused is said by its field, and nothing that was typed is lost", async () => {
    const { visitor, page } = await signedIn();
    visitor.expected.add(400);
    await visitor.open(at("/intents/new"));
    await page.getByLabel("Amount").first().fill("ten");
    await page.getByLabel("What it is for").fill(MARKUP);
    await page.getByLabel("Paid out to").fill("somewhere");
    await go(page.getByRole("button", { name: "Create a payment" }));
    await page.locator("#new-amount-said").waitFor();
    expect("the description", await page.getByLabel("What it is for").inputValue(), MARKUP);
    await visitor.axe("create, refused");
    await go(page.getByRole("button", { name: "Add a milestone" }));
    await page.getByLabel("Milestone 4").waitFor();
    expect("the description", await page.getByLabel("What it is for").inputValue(), MARKUP);
    await visitor.leave();
  }];

  yield ["a refund, a dispute with evidence, and a decision", async () => {
    const intent = await gateway.intent({ requireApproval: false, autoRelease: true });
    await gateway.post(`/test-helpers/payment-intents/${intent}/fund`);
    const { visitor, page, main } = await signedIn();
    await visitor.open(at(`/intents/${intent}`));
    await act(main, "Raise a dispute", "Raise a dispute", async (action) => {
      await action.getByLabel("About").selectOption({ label: "Sketches" });
      await action.getByLabel("What is wrong?").fill("Not as agreed");
    });
    await visitor.sees("Disputed: waits for a decision");
    await act(main, "Add evidence", "Add evidence", (action) => action.getByLabel("What happened?").fill(MARKUP));
    await visitor.sees(MARKUP);
    await visitor.inspect("disputed");
    await act(main, "Decide", "Decide the dispute", async (action) => {
      await action.getByLabel("Who is right?").selectOption("PARTIAL_REFUND");
      await action.getByLabel("What goes back").fill("120");
    });
    await visitor.sees("Decided by merchant");
    // What belongs to a milestone is not given back beside it.
    const care = page.locator(".track > li", { hasText: "a month of care" });
    await act(care, "Take it out", "Take this milestone out");
    await visitor.sees("Add a milestone");
    await act(main, "Refund", "Refund", async (action) => {
      await action.getByLabel("Amount").fill("100");
      await action.getByLabel("Why").fill("One page less");
    });
    await visitor.sees("One page less");
    await visitor.inspect("refunded");
    for (const [name, file] of [["Refunds", "refunds"], ["Settlements", "settlements"]]) {
      await go(page.getByRole("link", { name }));
      await page.getByRole("heading", { name }).waitFor();
      await visitor.inspect(file);
    }
    visitor.expected.add(404);
    await visitor.open(at("/nothing"));
    await visitor.sees("Nothing here");
    await visitor.inspect("nothing");
    visitor.expected.clear();
    await visitor.leave();
  }];

  yield ["a webhook fails, is seen in the log, and is delivered once more", async () => {
    const receiver = await Receiver.open();
    receiver.status = 500;
    const { visitor, page, main } = await signedIn();
    await go(page.getByRole("link", { name: "Webhooks" }));
    await act(main, "Add an endpoint", "Add an endpoint", async (action) => {
      await action.getByLabel("Address").fill(receiver.url);
      await action.getByLabel("Events").fill("payment_intent.created");
    });
    await visitor.sees("whsec_");
    await go(page.getByRole("link", { name: "Go on" }));
    const intent = await gateway.intent();
    await eventually("the call", async () => receiver.came.length > 0);
    await eventually("the call in the log", async () => {
      await page.reload();
      return (await page.locator("td", { hasText: "500" }).count()) > 0;
    });
    await visitor.inspect("webhook");
    await go(page.locator("td a", { hasText: "payment_intent.created" }));
    await visitor.sees("What was sent");
    receiver.status = 200;
    await act(main, "Send it once more", "Send it once more");
    await eventually("the second call", async () => receiver.came.length > 1);
    await eventually("its answer", async () => {
      await page.reload();
      return (await page.getByText("by hand").count()) > 0;
    });
    await visitor.inspect("delivery");
    await visitor.open(at(`/intents/${intent}/deliveries`));
    await visitor.sees(receiver.url);
    await visitor.inspect("deliveries");
    await visitor.open(at(`/intents/${intent}`));
    await go(page.getByRole("link", { name: "payment_intent.created" }));
    await visitor.sees("Hash of the one before");
    await visitor.inspect("event");
    receiver.close();
    await visitor.leave();
  }];

  yield ["a key is made, rolled and shown once, and the session of a revoked one ends", async () => {
    const { visitor, page, main } = await signedIn();
    await go(page.getByRole("link", { name: "API keys" }));
    await visitor.inspect("keys");
    await act(main, "Make a key", "Make a key", (action) => action.getByLabel("Name").fill("Nightly export"));
    const key = await page.locator(".secret code").textContent();
    await visitor.inspect("key");
    const other = await signedIn(key);
    other.visitor.expected.add(401);
    await go(page.getByRole("link", { name: "Go on" }));
    const card = page.locator("article", { hasText: "Nightly export" }).first();
    await act(card, "Roll", "Roll the key");
    await visitor.sees("There is a new key in its place");
    await go(page.getByRole("link", { name: "Go on" }));
    const old = page.locator("article", { hasText: `…${key.slice(-4)}` }).first();
    await act(old, "Revoke", "Revoke the key");
    await page.locator("article", { hasText: `…${key.slice(-4)}` }).getByText("Revoked").waitFor();
    await other.visitor.open(at("/intents"));
    await other.visitor.sees("works no longer");
    await other.visitor.leave();
    await visitor.leave();
  }];

  yield ["the clock moves, and what was due happens", async () => {
    const intent = await gateway.intent();
    await gateway.post(`/test-helpers/payment-intents/${intent}/fund`);
    await gateway.complete(intent, 0);
    const { visitor, page, main } = await signedIn();
    await go(page.getByRole("link", { name: "Clock" }));
    await visitor.inspect("clock");
    await act(main, "Move the clock forward", "Move the clock forward", (action) => action.getByLabel("By how much").selectOption(String(30 * DAY_S)));
    await visitor.sees("ahead of the real time");
    expect("the milestone", (await gateway.milestone(intent, 0)).status, "RELEASED");
    await go(page.getByRole("link", { name: "Requests" }));
    await visitor.sees("/v1/test-helpers/clock");
    await visitor.inspect("requests");
    await go(page.locator("td a", { hasText: "POST /v1/test-helpers/clock" }).first());
    await visitor.sees("What was answered");
    await visitor.inspect("request");
    await visitor.leave();
  }];

  yield ["what was paid in and released is drawn day by day", async () => {
    for (const [day, completed] of [2, 3, 1, 2, 3, 0, 2].entries()) {
      const intent = await gateway.intent({ requireApproval: false, autoRelease: true, description: `Order ${4711 + day}` });
      await gateway.post(`/test-helpers/payment-intents/${intent}/fund`);
      for (let index = 0; index < completed; index += 1) await gateway.complete(intent, index);
      await gateway.advance(DAY_S);
    }
    const { visitor, page } = await signedIn();
    await visitor.sees("Volume");
    await page.getByText("The same in numbers").click();
    if ((await page.locator("details.numbers tbody tr").count()) < 7) throw new Error("days are missing");
    await visitor.inspect("volume");
    await visitor.leave();
  }];

  yield ["the keyboard alone signs in, opens a payment and completes a milestone", async () => {
    const intent = await gateway.intent({ requireApproval: false, autoRelease: true });
    const visitor = await browser.visitor();
    const { page } = visitor;
    const { keyboard } = page;
    async function tabTo(what, is) {
      for (let presses = 0; presses < 200; presses += 1) {
        if (await page.evaluate(is)) return;
        await keyboard.press("Tab");
      }
      throw new Error(`the keyboard does not reach ${what}`);
    }
    await visitor.open(at(`/intents/${intent}`));
    await tabTo("the key", () => document.activeElement.id === "key");
    await keyboard.type(gateway.key);
    await keyboard.press("Enter");
    await visitor.sees("A website for a bakery");
    await tabTo("the action", () => document.activeElement.matches("summary") && document.activeElement.textContent === "Complete");
    await keyboard.press("Enter");
    await tabTo("the button", () => document.activeElement.textContent === "Complete this milestone");
    await keyboard.press("Enter");
    await eventually("the release", async () => (await gateway.milestone(intent, 0)).status === "RELEASED");
    await visitor.leave();
  }];

  yield ["what is being typed stays while the page follows events", async () => {
    const intent = await gateway.intent();
    const { visitor, page, main } = await signedIn();
    await visitor.open(at(`/intents/${intent}`));
    await main.locator("summary", { hasText: "Cancel the payment" }).click();
    await gateway.post(`/test-helpers/payment-intents/${intent}/fund`);
    await page.waitForResponse((response) => response.url().endsWith(`/intents/${intent}`));
    expect("the open action", await page.getByRole("button", { name: "Cancel the payment" }).isVisible(), true);
    await visitor.leave();
  }];

  yield ["the operator adds a merchant, decides its dispute, and checks everything", async () => {
    const admin = gateway.adminKey;
    const { visitor, page, main } = await signedIn(admin);
    await go(page.getByRole("link", { name: "Merchants" }).first());
    await act(main, "Add a merchant", "Add a merchant", (action) => action.getByLabel("Name").fill(`Studio ${Date.now()}`));
    await visitor.sees("sk_test_");
    await visitor.inspect("merchant-added");
    await go(page.getByRole("link", { name: "Go on" }));
    await visitor.inspect("merchants");
    const intent = await gateway.intent();
    await gateway.post(`/test-helpers/payment-intents/${intent}/fund`);
    await gateway.post(`/payment-intents/${intent}/escrow/dispute`, { reason: "Half of it is missing", raisedBy: "buyer" });
    await gateway.post(`/payment-intents/${intent}/escrow/dispute/evidence`, { text: MARKUP, submittedBy: "studio" });
    await go(page.getByRole("link", { name: "Disputes" }).first());
    await visitor.sees("Half of it is missing", MARKUP);
    await visitor.inspect("operator-disputes");
    const dispute = page.locator("article.dispute", { hasText: intent });
    await act(dispute, "Decide", "Decide the dispute", async (action) => {
      await action.getByLabel("Who is right?").selectOption("PARTIAL_REFUND");
      await action.getByLabel("What goes back").fill("400");
      await action.getByLabel("What there is to say about it").fill("Half of it is there");
    });
    await dispute.waitFor({ state: "detached" });
    expect("what goes back", (await gateway.escrow(intent)).refundedAmount, "400.00");
    for (const [name, file] of [["Settlements", "operator-settlements"], ["Jobs", "jobs"], ["Home", "operator"]]) {
      await go(page.getByRole("link", { name }).first());
      await page.locator("h1").waitFor();
      await visitor.inspect(file);
    }
    await go(page.getByRole("button", { name: "Verify" }));
    await visitor.sees("Everything is as it must be");
    await visitor.axe("the verification");
    await visitor.leave();
  }];
}
