// The checkout and the payer's page.

import { PHONE, Shop, eventually, expect } from "./rig.mjs";
import { InjectedWallet } from "./wallet.mjs";

const GOOD = "4242 4242 4242 4242";
const DECLINED = "4000 0000 0000 0002";
const PAID = "Money locked in escrow";
const MARKUP = `<img src=x onerror=alert(1)>"'&amp;</textarea><script>alert(2)</script>`;
const WORDS = "Page 2 is missing.\nAnd so is the „Impressum“ 🧱";

async function fillCard(page, number) {
  await page.getByLabel("Card number").fill(number);
  await page.getByLabel("Expires").fill("12/49");
  await page.getByLabel("Security code").fill("737");
  await page.getByLabel("Name on the card").fill("Ada Lovelace");
}

async function payByCard(page, number = GOOD) {
  await fillCard(page, number);
  await page.getByRole("button", { name: /^Pay 1,000/ }).click();
}

/** Opens an action, fills it in, and does it. */
async function act(page, name, button, fill = async () => {}) {
  const action = page.locator("details.action", { has: page.getByText(name, { exact: true }) }).first();
  await action.locator("summary").click();
  await fill(action);
  await action.getByRole("button", { name: button }).click();
}

export function* cases(gateway, browser) {
  const at = (intent) => `${gateway.url}/pay/${intent}`;

  /** A visitor who has paid an intent by card. */
  async function paidByCard(changes = {}, options = {}) {
    const intent = await gateway.intent(changes);
    const visitor = await browser.visitor(options);
    await visitor.open(at(intent));
    await payByCard(visitor.page);
    await visitor.sees(`is held in escrow`);
    return { intent, visitor, page: visitor.page };
  }

  /** A visitor who has paid an intent by wallet. */
  async function paidByWallet(changes = {}) {
    const intent = await gateway.intent(changes);
    const wallet = new InjectedWallet();
    const visitor = await browser.visitor({}, (context) => wallet.inject(context));
    await visitor.open(at(intent));
    await visitor.page.getByRole("button", { name: "Pay with a wallet" }).click();
    await visitor.sees("is held in escrow");
    return { intent, wallet, visitor, page: visitor.page };
  }

  yield ["a card is declined, another one pays, and the payer is back in the shop", async () => {
    const shop = await Shop.open();
    const intent = await gateway.intent({ returnUrl: `${shop.url}/thanks?order=7`, cancelUrl: "https://shop.example/cart" });
    const visitor = await browser.visitor({ viewport: PHONE });
    expect("the status", await visitor.open(at(intent)), 200);
    await visitor.sees("A website for a bakery", "Sketches", "What happens when", "Back to shop.example");
    await visitor.inspect("checkout");
    visitor.expected.add(402);
    await payByCard(visitor.page, DECLINED);
    await visitor.sees("The payment failed: The card was declined.");
    await visitor.inspect("checkout-declined");
    visitor.expected.clear();
    await payByCard(visitor.page);
    await visitor.sees("Going back to 127.0.0.1");
    await visitor.page.getByRole("heading", { name: "Thank you" }).waitFor();
    expect("the way back", shop.visits[0], `/thanks?order=7&intent=${intent}&payment_intent=${intent}&status=SUCCEEDED`);
    await visitor.leave();
    shop.close();
  }];

  yield ["whoever wants to stay is not sent away", async () => {
    const shop = await Shop.open();
    const intent = await gateway.intent({ returnUrl: `${shop.url}/thanks` });
    const visitor = await browser.visitor();
    await visitor.open(at(intent));
    await payByCard(visitor.page);
    await visitor.page.getByRole("button", { name: "Stay here" }).click();
    await visitor.sees("Back to 127.0.0.1");
    await visitor.page.reload();
    await visitor.sees(PAID);
    expect("who was sent away", shop.visits.length, 0);
    await visitor.leave();
    shop.close();
  }];

  yield ["what is wrong with a card is said at its field", async () => {
    const visitor = await browser.visitor();
    await visitor.open(at(await gateway.intent()));
    visitor.expected.add(400);
    await payByCard(visitor.page, "4242 4242 4242 4241");
    await visitor.sees("Card number must be the number of a card: its check digit is wrong");
    expect("the field", await visitor.page.getByLabel("Card number").getAttribute("aria-invalid"), "true");
    await visitor.inspect("checkout-wrong-number");
    await visitor.leave();
  }];

  yield ["the simulated payer pays, and the page follows by itself until all is done", async () => {
    const intent = await gateway.intent({ requireApproval: false, autoRelease: true });
    const visitor = await browser.visitor();
    await visitor.open(at(intent));
    await visitor.page.getByRole("button", { name: "Pay as the simulated payer" }).click();
    await visitor.sees("Money locked in escrow", "is held in escrow");
    for (const index of [0, 1, 2]) {
      await gateway.complete(intent, index);
    }
    await visitor.sees("All done.");
    await visitor.inspect("payer-over");
    expect("whether it is looked at again", await visitor.page.locator("main").getAttribute("data-every"), "");
    await visitor.leave();
  }];

  yield ["a wallet refuses, is elsewhere, and pays", async () => {
    const intent = await gateway.intent();
    const wallet = new InjectedWallet();
    Object.assign(wallet, { saysNo: true, knowsChains: false, chainId: 1n });
    const visitor = await browser.visitor({ viewport: PHONE }, (context) => wallet.inject(context));
    await visitor.open(at(intent));
    const pay = visitor.page.getByRole("button", { name: "Pay with a wallet" });
    await pay.click();
    await visitor.sees("You said no in the wallet. Nothing was done.");
    wallet.saysNo = false;
    await pay.click();
    await visitor.sees("The wallet does not know the chain 11155111.");
    expect("the status", await gateway.status(intent), "INITIATED");
    await visitor.inspect("checkout-wallet-refused");
    wallet.knowsChains = true;
    await pay.click();
    await visitor.sees("is held in escrow", "Signature checked", wallet.address);
    expect("the chain", wallet.chainId, 11155111n);
    await visitor.leave();
  }];

  yield ["without a wallet, the page says so", async () => {
    const visitor = await browser.visitor();
    await visitor.open(at(await gateway.intent()));
    await visitor.page.getByRole("button", { name: "Pay with a wallet" }).click();
    await visitor.sees("There is no wallet in this browser.");
    await visitor.leave();
  }];

  yield ["a wallet approves, sends back, disputes and adds evidence", async () => {
    const { intent, wallet, visitor, page } = await paidByWallet();
    await gateway.complete(intent, 0, { completionProofURI: "https://proofs.example/sketches.pdf" });
    await visitor.sees("Waits for you");
    await visitor.inspect("payer-wallet-approve");
    await act(page, "Send back", "Send back", (action) => action.getByLabel("What is missing?").fill(WORDS));
    await visitor.sees("Sent back because");
    expect("the reason", (await gateway.milestone(intent, 0)).rejectionReason, WORDS);
    await gateway.complete(intent, 0);
    await visitor.sees("Waits for you");
    await act(page, "Approve", /^Approve and release/);
    await visitor.sees("Released, ");
    expect("who approved", (await gateway.milestone(intent, 0)).approvedBy.toLowerCase(), wallet.address.toLowerCase());

    const other = new InjectedWallet(8);
    Object.assign(wallet, { key: other.key });
    await act(page, "Something is wrong", "Raise a dispute", (action) => action.getByLabel("What is wrong?").fill("x"));
    await visitor.sees("Choose that account in the wallet");
    await page.reload();
    Object.assign(wallet, { key: new InjectedWallet().key });
    await act(page, "Something is wrong", "Raise a dispute", async (action) => {
      await action.getByLabel("What is it about?").selectOption({ label: "The site, ready to look at" });
      await action.getByLabel("What is wrong?").fill(WORDS);
    });
    await visitor.sees("Disputed: waits for a decision");
    await act(page, "Add evidence", "Add evidence", async (action) => {
      await action.getByLabel("What happened?").fill(WORDS);
      await action.getByLabel("Where is more?").fill("https://proofs.example/2");
    });
    await visitor.page.getByRole("link", { name: "https://proofs.example/2" }).waitFor();
    const [dispute] = (await gateway.escrow(intent)).disputes;
    expect("the dispute", dispute.reason, WORDS);
    expect("the evidence", dispute.evidence[0].text, WORDS);
    await visitor.inspect("payer-disputed");
    await gateway.post(`/payment-intents/${intent}/escrow/dispute/resolve`, { resolution: "BUYER_WON", resolvedBy: "judge" });
    await visitor.sees("Decided");
    await visitor.leave();
  }];

  yield ["the browser that paid by card approves, sends back, disputes and adds evidence", async () => {
    const { intent, visitor, page } = await paidByCard({}, { viewport: PHONE });
    await visitor.inspect("payer-paid");
    await gateway.complete(intent, 0);
    await visitor.sees("Waits for you");
    await act(page, "Approve", /^Approve and release/);
    await visitor.sees("Released, ");
    await gateway.complete(intent, 1);
    await visitor.sees("Waits for you");
    await act(page, "Send back", "Send back", (action) => action.getByLabel("What is missing?").fill(WORDS));
    await visitor.sees("Sent back because");
    expect("the reason", (await gateway.milestone(intent, 1)).rejectionReason, WORDS);
    await act(page, "Something is wrong", "Raise a dispute", (action) => action.getByLabel("What is wrong?").fill("All of it"));
    await visitor.sees("The whole order", "Open");
    await act(page, "Add evidence", "Add evidence", (action) => action.getByLabel("What happened?").fill("Nobody answers"));
    await visitor.sees("Nobody answers");
    const stranger = await browser.visitor();
    await stranger.open(at(intent));
    await stranger.sees("Paid by card in another browser.");
    await stranger.leave();
    await visitor.leave();
  }];

  yield ["what was not delivered is taken back once it is due", async () => {
    const { intent, visitor, page } = await paidByCard({ deliveryPeriod: 86400, disputeWindow: 86400 });
    await gateway.advance(3 * 86400);
    await visitor.sees("Take back the money");
    await visitor.inspect("payer-reclaim");
    await act(page, "Take back the money", "Take back what was not delivered");
    await eventually("the money", async () => (await gateway.escrow(intent)).refundedAmount === "1000.00");
    await visitor.sees("goes back to the payer");
    await visitor.leave();
  }];

  yield ["what was proven is released by hand", async () => {
    const { intent, visitor, page } = await paidByCard({ releaseType: "DELIVERY_PROOF", requireApproval: false, milestones: [] });
    const proof = { proofHash: `0x${"ab".repeat(32)}`, submittedBy: "courier", proofURI: "https://proofs.example/7" };
    await gateway.post(`/payment-intents/${intent}/escrow/delivery-proof`, proof);
    await visitor.sees("Release the money", "Delivery proven");
    await visitor.inspect("payer-release");
    await act(page, "Release the money", /^Release 1,000/);
    await visitor.sees("Nothing is held in escrow any more");
    await visitor.leave();
  }];

  yield ["with the keyboard alone", async () => {
    const intent = await gateway.intent();
    const visitor = await browser.visitor();
    await visitor.open(at(intent));
    const { keyboard } = visitor.page;
    const focused = () => visitor.page.evaluate(() => document.activeElement.name || document.activeElement.textContent.trim());
    await keyboard.press("Tab");
    expect("what comes first", await focused(), "Skip to the content");
    await keyboard.press("Enter");
    for (const [name, text] of [["cardNumber", GOOD], ["expiry", "1249"], ["cvv", "737"], ["name", "Ada"]]) {
      await keyboard.press("Tab");
      expect("the field", await focused(), name);
      await keyboard.type(text);
    }
    await keyboard.press("Enter");
    await visitor.sees("is held in escrow");
    await gateway.complete(intent, 0);
    await visitor.sees("Waits for you");
    while ((await focused()) !== "Approve") await keyboard.press("Tab");
    const outline = await visitor.page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    expect("the outline of what has the focus", outline, "solid");
    await keyboard.press("Enter");
    await keyboard.press("Tab");
    expect("what opens", await focused(), "Approve and release 300.00\u00a0USDC");
    await keyboard.press("Enter");
    await visitor.sees("Released, ");
    await visitor.leave();
  }];

  yield ["without scripts", async () => {
    const intent = await gateway.intent();
    const visitor = await browser.visitor({ javaScriptEnabled: false });
    await visitor.open(at(intent));
    await payByCard(visitor.page);
    await eventually("the payment", async () => (await gateway.status(intent)) === "SUCCEEDED");
    await gateway.complete(intent, 0);
    await visitor.open(at(intent));
    await act(visitor.page, "Approve", /^Approve and release/);
    await visitor.sees("Released, ");
    await visitor.leave();
  }];

  yield ["progress disturbs nobody who is writing", async () => {
    const { intent, visitor, page } = await paidByCard();
    await gateway.complete(intent, 0);
    await visitor.sees("Waits for you");
    const action = page.locator("details.action", { has: page.getByText("Send back", { exact: true }) }).first();
    await action.locator("summary").click();
    await action.getByLabel("What is missing?").fill("Half a sen");
    await gateway.complete(intent, 1).catch(() => {});
    await gateway.post(`/payment-intents/${intent}/refund`, {}).catch(() => {});
    const looked = page.waitForResponse((response) => response.url().endsWith("/live"));
    await looked;
    await page.waitForResponse((response) => response.url().endsWith("/live"));
    expect("what was written", await action.getByLabel("What is missing?").inputValue(), "Half a sen");
    await visitor.leave();
  }];

  yield ["a canceled intent, one that is paid and one that there is not", async () => {
    const intent = await gateway.intent({ cancelUrl: "https://shop.example/cart" });
    await gateway.post(`/payment-intents/${intent}/cancel`);
    const visitor = await browser.visitor();
    expect("the status", await visitor.open(at(intent)), 200);
    await visitor.sees("This payment was canceled.");
    await visitor.inspect("checkout-canceled");
    visitor.expected.add(404);
    expect("the status", await visitor.open(`${at(intent)}x`), 404);
    await visitor.sees("There is no payment at this address.");
    await visitor.inspect("unknown");
    visitor.expected.clear();

    const raced = await gateway.intent();
    await visitor.open(at(raced));
    await fillCard(visitor.page, GOOD);
    await gateway.post(`/test-helpers/payment-intents/${raced}/fund`);
    visitor.expected.add(409);
    await visitor.page.getByRole("button", { name: /^Pay 1,000/ }).click();
    await visitor.sees("SUCCEEDED", "Paid by the sandbox's simulated payer");
    await visitor.inspect("checkout-already-paid");
    await visitor.leave();
  }];

  yield ["what people write appears as text", async () => {
    const milestones = [{ milestoneIndex: 0, amount: "300.00", description: MARKUP }, { milestoneIndex: 1, amount: "700.00", description: MARKUP }];
    const { intent, visitor, page } = await paidByCard({ description: MARKUP, milestones });
    await gateway.complete(intent, 0, { completedBy: MARKUP, completionProof: MARKUP, completionProofURI: "javascript:alert(3)" });
    await visitor.sees("Waits for you");
    await act(page, "Send back", "Send back", (action) => action.getByLabel("What is missing?").fill(MARKUP));
    await visitor.sees("Sent back because");
    await act(page, "Something is wrong", "Raise a dispute", (action) => action.getByLabel("What is wrong?").fill(MARKUP));
    await visitor.sees("Open");
    await act(page, "Add evidence", "Add evidence", (action) => action.getByLabel("What happened?").fill(MARKUP));
    await page.locator(".evidence").getByText(MARKUP).waitFor();
    const seen = (await page.locator("main").innerText()).split(MARKUP).length - 1;
    // The description, two milestones, why one was sent back, the dispute and its evidence.
    if (seen < 6) throw new Error(`what was written is seen ${seen} times`);
    expect("images", await page.locator("main img").count(), 0);
    expect("links that run", await page.locator("a[href^='javascript:']").count(), 0);
    await visitor.inspect("payer-markup");
    await visitor.leave();
  }];

  yield ["times are in the reader's zone, with the exact one on hover", async () => {
    const { visitor, page } = await paidByCard({}, { timezoneId: "Asia/Kathmandu" });
    const time = page.locator("time").first();
    const [shown, exact, title] = [await time.textContent(), await time.getAttribute("datetime"), await time.getAttribute("title")];
    if (!/GMT\+5:45$/.test(shown)) throw new Error(`${shown} is not in the reader's zone`);
    expect("the exact time", title, `${exact.replace("T", " ").replace("Z", "")} UTC`);
    await visitor.leave();
  }];

  yield ["nothing moves while a page loads", async () => {
    const { intent, visitor, page } = await paidByCard({}, { viewport: PHONE, timezoneId: "America/New_York" });
    await gateway.complete(intent, 0);
    await page.reload();
    const shifts = await page.evaluate(() => new Promise((done) => {
      const seen = [];
      new PerformanceObserver((list) => seen.push(...list.getEntries().map((entry) => entry.value))).observe({ type: "layout-shift", buffered: true });
      requestAnimationFrame(() => requestAnimationFrame(() => done(seen.reduce((sum, value) => sum + value, 0))));
    }));
    expect("how much moved", shifts, 0);
    await visitor.leave();
  }];
}
