//! The main job, step by step, with the money checked at every step.

use std::sync::Arc;

use engine::Host;
use escrow::Span;
use escrow::money::decimal;
use serde_json::{Value, json};

use super::money::{CURRENCY, Money, heading, minor};
use crate::api::{Api, list, text};
use crate::failure::Failure;
use crate::output::{Column, Out, Style};

/// What the payer locks.
const WHOLE: &str = "1000.00";

/// The shares that it is released in.
const SHARES: [(&str, &str); 3] = [("300.00", "Kick-off"), ("500.00", "Core features"), ("200.00", "Final delivery")];

/// How long a person looks at a step before the next one.
const PACE: Span = Span::from_ms(700);

/// How often the gateway is asked whether the money has moved.
const POLL: Span = Span::from_ms(100);

/// The same of a gateway that others use as well, which limits how often a key may ask.
const SHARED_POLL: Span = Span::from_ms(1000);

/// How long all settlements together may take: many times the default delay.
const PATIENCE_MS: i64 = 120_000;

/// How long after a release its settlement starts on a gateway where nobody has set anything else.
const USUAL_DELAY: Span = Span::from_seconds(10);

/// Who else uses the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Nobody: the merchant's balance is exactly what the demo makes of it.
    Alone,
    /// Perhaps somebody: only the demo's own intent can be judged.
    Shared,
}

/// The main job on a gateway.
pub(super) struct Story {
    pub(super) api: Api,
    pub(super) host: Arc<dyn Host>,
    pub(super) out: Out,
    pub(super) audience: Audience,
}

impl Story {
    /// Plays it.
    ///
    /// # Errors
    /// When the gateway cannot be used, or the money is not where it should be.
    pub(super) async fn play(&self) -> Result<(), Failure> {
        self.out.line("")?;
        let before = self.balance("balance_before").await?;
        let intent = self.create_intent().await?;
        let milestones = self.create_milestones(&intent).await?;
        self.out.line("")?;
        self.out.line(self.out.paint(Style::Bold, format!("  {:<18}{}", "", heading())))?;
        let mut shown = self.fund(&intent).await?;
        for (index, milestone) in milestones.iter().enumerate() {
            let pace = if self.out.is_watched() { PACE } else { Span::from_ms(0) };
            self.watch(&intent, &mut shown, pace).await?;
            shown = self.complete(&intent, index, milestone).await?;
        }
        let released = self.balance("balance_released").await?;
        self.wait_for_settlement(&intent, shown).await?;
        let after = self.balance("balance_after").await?;
        self.show_balances(&before, &released, &after)?;
        self.show_ledger(&intent).await
    }

    async fn create_intent(&self) -> Result<String, Failure> {
        let answer = self
            .api
            .post(
                "/payment-intents",
                &json!({
                    "amount": WHOLE,
                    "currency": CURRENCY.code(),
                    "type": "DELIVERY_VS_PAYMENT",
                    "settlementMethod": "OFF_RAMP_MOCK",
                    "settlementDestination": "bank_account_123",
                    "description": "milepost demo",
                    "metadata": {"releaseType": "MILESTONE_LOCKED", "autoRelease": true},
                }),
            )
            .await?;
        let (id, status) = (text(&answer, "/id")?.to_owned(), text(&answer, "/status")?);
        self.out.line(format!("  intent       {WHOLE:>8} {CURRENCY}  {status:<9}  {id}"))?;
        self.out.json(
            &json!({"step": "intent_created", "intent": id, "amount": WHOLE, "currency": CURRENCY.code(), "status": status}),
        )?;
        Ok(id)
    }

    async fn create_milestones(&self, intent: &str) -> Result<Vec<String>, Failure> {
        let mut ids = Vec::new();
        for (index, (amount, description)) in SHARES.into_iter().enumerate() {
            let body = json!({"milestoneIndex": index, "amount": amount, "description": description});
            let answer = self.api.post(&format!("/payment-intents/{intent}/escrow/milestones"), &body).await?;
            let (id, status) = (text(&answer, "/id")?.to_owned(), text(&answer, "/data/status")?);
            self.out.line(format!("  milestone {index}  {amount:>8} {CURRENCY}  {status:<9}  {description}"))?;
            let step = json!({"step": "milestone_created", "index": index, "milestone": id, "amount": amount, "status": status});
            self.out.json(&step)?;
            ids.push(id);
        }
        Ok(ids)
    }

    /// Makes the sandbox's payer pay, and checks that all of it is locked.
    async fn fund(&self, intent: &str) -> Result<Money, Failure> {
        self.api.post(&format!("/test-helpers/payment-intents/{intent}/fund"), &json!({})).await?;
        let money = self.money(intent).await?;
        self.show_money("payer has paid", &money)?;
        self.out.json(&json!({"step": "funded", "intent": intent, "money": money.json()}))?;
        expect("held", money.held, minor(WHOLE)?)?;
        Ok(money)
    }

    /// Completes a milestone, and checks that its share and no other was released.
    async fn complete(&self, intent: &str, index: usize, milestone: &str) -> Result<Money, Failure> {
        let path = format!("/payment-intents/{intent}/escrow/milestones/{milestone}/complete");
        let body = json!({"completedBy": "demo", "completionProof": format!("proof_hash_{index}")});
        let answer = self.api.post(&path, &body).await?;
        let status = text(&answer, "/data/status")?;
        if status != "RELEASED" {
            return Err(Failure::no(format!("milestone {index} is {status} after its completion, not RELEASED")));
        }
        let money = self.money(intent).await?;
        self.show_money(&format!("milestone {index} done"), &money)?;
        let step = "milestone_completed";
        self.out.json(&json!({"step": step, "index": index, "milestone": milestone, "money": money.json()}))?;
        let due: i64 = SHARES[..=index].iter().map(|(amount, _)| minor(amount)).sum::<Result<i64, Failure>>()?;
        expect("released", money.released, due)?;
        expect("held", money.held, minor(WHOLE)? - due)?;
        Ok(money)
    }

    const fn poll(&self) -> Span {
        match self.audience {
            Audience::Alone => POLL,
            Audience::Shared => SHARED_POLL,
        }
    }

    /// For some time, shows the money whenever it has moved by itself.
    async fn watch(&self, intent: &str, shown: &mut Money, span: Span) -> Result<(), Failure> {
        let since_ms = self.host.ticks_ms();
        while self.host.ticks_ms() - since_ms < span.ms() {
            self.host.sleep(self.poll()).await;
            let money = self.money(intent).await?;
            if money != *shown {
                self.show_money("settlement", &money)?;
                self.out.json(&json!({"step": "money_moved", "money": money.json()}))?;
                *shown = money;
            }
        }
        Ok(())
    }

    /// Watches until all the money has arrived, and checks that it did.
    async fn wait_for_settlement(&self, intent: &str, mut shown: Money) -> Result<(), Failure> {
        if self.audience == Audience::Shared && shown.unsettled() > 0 {
            let when = format!("{} s after a release, unless this gateway is set otherwise", USUAL_DELAY.ms() / 1000);
            self.out.line(self.out.paint(Style::Dim, format!("  waiting for the settlement, which starts {when}…")))?;
        }
        if self.audience == Audience::Alone {
            // Nobody else's time: the sandbox's clock is moved, so that the settlements start when everything else was shown.
            self.api.post("/test-helpers/clock", &json!({"advance": USUAL_DELAY.seconds()})).await?;
        }
        let since_ms = self.host.ticks_ms();
        while shown.unsettled() > 0 {
            if self.host.ticks_ms() - since_ms > PATIENCE_MS {
                return Err(Failure::no("the settlements did not arrive in time"));
            }
            self.watch(intent, &mut shown, self.poll()).await?;
        }
        let answer = self.api.get(&format!("/payment-intents/{intent}")).await?;
        let status = text(&answer, "/status")?;
        self.out.json(&json!({"step": "settled", "intent": intent, "status": status, "money": shown.json()}))?;
        if self.audience == Audience::Alone {
            expect("settled", shown.settled, minor(WHOLE)?)?;
        }
        if matches!(status, "SETTLED" | "FINAL") {
            return Ok(());
        }
        Err(Failure::no(format!("the intent is {status} after all its money was settled, not SETTLED")))
    }

    fn show_money(&self, what: &str, money: &Money) -> Result<(), Failure> {
        self.out.line(format!("  {what:<18}{}", money.row(self.out)))
    }

    async fn money(&self, intent: &str) -> Result<Money, Failure> {
        Money::of(&self.api.get(&format!("/payment-intents/{intent}/escrow")).await?)
    }

    async fn balance(&self, step: &str) -> Result<Value, Failure> {
        let path = format!("/payment-intents/account/balance?currency={CURRENCY}");
        let balance = self.api.get(&path).await?.get("data").cloned().unwrap_or_default();
        self.out.json(&json!({"step": step, "balance": balance}))?;
        Ok(balance)
    }

    /// Nothing of a settled job is left in the merchant's balance.
    fn show_balances(&self, before: &Value, released: &Value, after: &Value) -> Result<(), Failure> {
        const NAMES: [&str; 4] = ["pendingBalance", "availableBalance", "reservedBalance", "totalBalance"];
        self.out.line("")?;
        let columns = ["", "held", "available", "reserved", "total"];
        let columns = columns.map(|name| if name.is_empty() { Column::Left(name) } else { Column::Right(name) });
        let mut rows = Vec::new();
        let labels = ["  balance before", "  after the last release", "  after settlement"];
        for (label, balance) in labels.into_iter().zip([before, released, after]) {
            let figures = NAMES.iter().map(|name| text(balance, &format!("/{name}")).map(str::to_owned));
            let figures = figures.collect::<Result<Vec<String>, Failure>>()?;
            rows.push(std::iter::once(label.to_owned()).chain(figures).collect());
        }
        self.out.table(&columns, &rows)?;
        match self.audience {
            Audience::Alone => expect("the balance", minor(text(after, "/totalBalance")?)?, 0),
            Audience::Shared => Ok(()),
        }
    }

    async fn show_ledger(&self, intent: &str) -> Result<(), Failure> {
        let path = format!("/payment-intents/account/ledger-entries?paymentIntentId={intent}&limit=100");
        let answer = self.api.get(&path).await?;
        let entries = list(&answer, "/data")?;
        self.out.json(&json!({"step": "ledger", "entries": entries}))?;
        self.out.line("")?;
        let columns = [
            Column::Left("  ledger"),
            Column::Right("amount"),
            Column::Left("account"),
            Column::Right("before"),
            Column::Right("after"),
            Column::Left("description"),
        ];
        let row = |entry: &Value| -> Result<Vec<String>, Failure> {
            let cell = |name: &str| text(entry, &format!("/{name}")).map(str::to_owned);
            let kind = cell("transactionType")?;
            let account = account(&kind)?.to_owned();
            let (before, after) = (cell("balanceBefore")?, cell("balanceAfter")?);
            Ok(vec![format!("  {kind}"), cell("amount")?, account, before, after, cell("description")?])
        };
        // Lists come newest first; a story is told from its beginning.
        let rows = entries.iter().rev().map(row).collect::<Result<Vec<_>, Failure>>()?;
        self.out.table(&columns, &rows)
    }
}

/// The balance that an entry of this kind tells before and after, by the names of the balances' columns.
fn account(transaction_type: &str) -> Result<&'static str, Failure> {
    match transaction_type {
        "CREDIT" => Ok("held"),
        "RELEASE" | "FEE" | "RESERVE" => Ok("available"),
        "SETTLEMENT" => Ok("reserved"),
        other => Err(Failure::no(format!("the ledger of the intent has a {other}, which does not belong there"))),
    }
}

fn expect(what: &str, is_minor: i64, should_be_minor: i64) -> Result<(), Failure> {
    if is_minor == should_be_minor {
        return Ok(());
    }
    let (is, should_be) = (decimal(is_minor, CURRENCY), decimal(should_be_minor, CURRENCY));
    Err(Failure::no(format!("{what} is {is} {CURRENCY} and should be {should_be}")))
}
