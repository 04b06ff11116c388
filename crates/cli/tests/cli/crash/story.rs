//! What a client asks for, one thing after the other, and what it remembers of the answers.
//!
//! Its next request is sent when the last one is answered; one without an answer is sent again, under the same idempotency key.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::api::{Answer, Api, Unanswered};
use super::ordeal::Scope;

/// The milestones that an intent of 1000 is created with, and the one that is added.
const SHARES: [&str; 3] = ["300.00", "400.00", "100.00"];
const ADDED_SHARE: &str = "200.00";

/// The status of an intent while its payment is under way.
const PROCESSING: &str = "PROCESSING";

/// A write.
pub(crate) struct Deed {
    key: String,
    path: String,
    body: String,
    what: What,
    sent: u64,
    answered: Option<(Answer, u64)>,
}

enum What {
    Create,
    Add,
    Pay,
    Complete(String),
}

/// What becomes of an intent that was created and added to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Its milestones are completed, which has the sandbox pay it.
    Complete,
    /// It is paid by card and then completed, mostly while the payment is still under way.
    PayAndComplete,
    /// It is paid by card and then left alone: nothing but time finishes the payment.
    Pay,
}

/// An intent's life.
struct Intent {
    name: String,
    plan: Plan,
    /// In order: creation, addition, payment, completions.
    deeds: Vec<Deed>,
    id: String,
    /// Known once both were answered.
    milestones: Vec<String>,
}

/// What a client does.
pub(crate) struct Story {
    name: String,
    intents: Vec<Intent>,
    /// How many intents were over when the last load began; what they should be was looked at then.
    checked: usize,
}

/// Puts what happens in order: whatever was answered at a lower number came before what was sent at a higher one.
static MOMENTS: AtomicU64 = AtomicU64::new(0);

fn moment() -> u64 {
    MOMENTS.fetch_add(1, Ordering::Relaxed)
}

/// How many deeds there were, of which kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deeds {
    pub(crate) creations: u64,
    pub(crate) additions: u64,
    pub(crate) payments: u64,
    pub(crate) completions: u64,
}

/// What does not fit what the clients remember.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// How many answers were asked for again.
    pub(crate) replayed: u64,
    /// How many payments were still under way.
    pub(crate) under_way: u64,
    /// Answered, and not there.
    pub(crate) lost: Vec<String>,
    /// There more than once.
    pub(crate) doubled: Vec<String>,
    /// There in part, or answered differently from before.
    pub(crate) wrong: Vec<String>,
    /// When the first of what is lost was answered.
    first_lost: Option<u64>,
    /// When the last of what is there was sent.
    last_kept: Option<u64>,
}

impl Findings {
    pub(crate) fn add(&mut self, other: Findings) {
        self.replayed += other.replayed;
        self.under_way += other.under_way;
        self.lost.extend(other.lost);
        self.doubled.extend(other.doubled);
        self.wrong.extend(other.wrong);
        self.first_lost = self.first_lost.into_iter().chain(other.first_lost).min();
        self.last_kept = self.last_kept.max(other.last_kept);
    }

    /// Whether everything is as it was answered.
    pub(crate) fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.wrong.is_empty()
    }

    /// Whether nothing is there that was asked for after something lost had been answered.
    pub(crate) fn is_a_prefix(&self) -> bool {
        self.first_lost.is_none_or(|lost| self.last_kept.is_none_or(|kept| kept < lost))
    }
}

impl Deed {
    fn new(key: String, path: String, body: &Value, what: What) -> Deed {
        Deed { key, path, body: body.to_string(), what, sent: moment(), answered: None }
    }

    async fn ask(&self, api: &Api) -> Result<Answer, Unanswered> {
        api.post(&self.path, &self.key, self.body.clone()).await
    }

    fn answer(&self) -> Option<&Answer> {
        self.answered.as_ref().map(|(answer, _)| answer)
    }
}

/// What the gateway shows of an intent.
struct Shown {
    status: String,
    is_paid_by_card: bool,
    /// Status by id.
    milestones: BTreeMap<String, String>,
    /// How often each was released, by the ledger.
    releases: BTreeMap<String, u32>,
    fundings: usize,
    held: String,
    ledger_held: u32,
}

impl Shown {
    /// All of it at one moment: while it is looked at, a payment may become final.
    async fn of(id: &str, api: &Api) -> Option<Shown> {
        loop {
            let shown = Shown::look(id, api).await?;
            let (_, intent) = api.get(&format!("/payment-intents/{id}")).await;
            if intent["status"] == shown.status {
                return Some(shown);
            }
        }
    }

    async fn look(id: &str, api: &Api) -> Option<Shown> {
        let (status, intent) = api.get(&format!("/payment-intents/{id}")).await;
        if status == 404 {
            return None;
        }
        assert_eq!(status, 200, "{intent}");
        let (status, escrow) = api.get(&format!("/payment-intents/{id}/escrow")).await;
        assert_eq!(status, 200, "{escrow}");
        let (status, ledger) = api.get(&format!("/account/ledger-entries?paymentIntentId={id}&limit=100")).await;
        assert_eq!(status, 200, "{ledger}");
        let entries = ledger["data"].as_array().expect("a list");
        let of_type = |name: &'static str| entries.iter().filter(move |entry| entry["transactionType"] == name);
        let mut releases = BTreeMap::new();
        for entry in of_type("RELEASE") {
            *releases.entry(text(&entry["milestoneId"])).or_default() += 1;
        }
        let milestones = escrow["data"]["milestones"].as_array().expect("a list");
        let sum = |name| of_type(name).map(|entry| units(&text(&entry["amount"]))).sum::<u32>();
        Some(Shown {
            status: text(&intent["status"]),
            is_paid_by_card: intent["data"]["card"].is_object(),
            milestones: milestones.iter().map(|shown| (text(&shown["id"]), text(&shown["status"]))).collect(),
            releases,
            fundings: of_type("CREDIT").count(),
            held: text(&escrow["data"]["heldAmount"]),
            ledger_held: sum("CREDIT").saturating_sub(sum("RELEASE")),
        })
    }

    fn has(&self, deed: &Deed) -> bool {
        match &deed.what {
            What::Create => true,
            What::Add => deed.answer().is_none_or(|answer| self.milestones.contains_key(&text(&answer.json()["id"]))),
            What::Pay => self.is_paid_by_card,
            What::Complete(milestone) => self.releases.contains_key(milestone),
        }
    }

    /// Looks for what no sequence of the client's requests could have made.
    fn examine(&self, id: &str, findings: &mut Findings) {
        for (milestone, times) in self.releases.iter().filter(|(_, times)| **times > 1) {
            findings.doubled.push(format!("{milestone} was released {times} times"));
        }
        if self.fundings > 1 || self.milestones.len() > SHARES.len() + 1 {
            findings.doubled.push(format!("{id} has {} fundings, {} milestones", self.fundings, self.milestones.len()));
        }
        let is_released = |status: &str| status == "RELEASED";
        let released: Vec<&String> =
            self.milestones.iter().filter(|(_, status)| is_released(status)).map(|(id, _)| id).collect();
        let is_funded = !["INITIATED", PROCESSING].contains(&self.status.as_str());
        if released != self.releases.keys().collect::<Vec<_>>()
            || units(&self.held) != self.ledger_held
            || is_funded != (self.fundings > 0)
        {
            findings.wrong.push(format!("{id} and its ledger contradict each other"));
        }
    }
}

impl Intent {
    const fn new(name: String, plan: Plan) -> Intent {
        Intent { name, plan, deeds: Vec::new(), id: String::new(), milestones: Vec::new() }
    }

    fn is_over(&self) -> bool {
        let completions = if self.plan == Plan::Pay { 0 } else { SHARES.len() + 1 };
        self.deeds.len() == self.deeds_before_completions() + completions
    }

    /// The creation, the addition and, where it is paid, the payment.
    fn deeds_before_completions(&self) -> usize {
        if self.plan == Plan::Complete { 2 } else { 3 }
    }

    /// The next request, once the last one is answered.
    fn next(&self) -> Deed {
        let key = format!("{}-{}", self.name, self.deeds.len());
        let milestones = format!("/payment-intents/{}/escrow/milestones", self.id);
        match self.deeds.len() {
            0 => Deed::new(key, "/payment-intents".to_owned(), &creation(), What::Create),
            1 => {
                let body = json!({"milestoneIndex": SHARES.len(), "amount": ADDED_SHARE});
                Deed::new(key, milestones, &body, What::Add)
            }
            2 if self.plan != Plan::Complete => {
                let path = format!("/payment-intents/public/{}/payment", self.id);
                let card = json!({"cardNumber": "4242424242424242", "expiry": "12/99", "cvv": "123"});
                Deed::new(key, path, &json!({"card": card}), What::Pay)
            }
            number => {
                let milestone = self.milestones[number - self.deeds_before_completions()].clone();
                let body = json!({"completedBy": "a client", "completionProof": "proof"});
                Deed::new(key, format!("{milestones}/{milestone}/complete"), &body, What::Complete(milestone))
            }
        }
    }

    /// Learns from the last answer, and from a look at the milestones once they are all there.
    async fn learn(&mut self, api: &Api) -> Result<(), Unanswered> {
        if let [created] = self.deeds.as_slice() {
            self.id = text(&created.answer().expect("it was answered").json()["id"]);
        }
        if self.deeds.len() == 2 && self.milestones.is_empty() {
            let (status, escrow) = api.try_get(&format!("/payment-intents/{}/escrow", self.id)).await?;
            assert_eq!(status, 200, "{escrow}");
            let milestones = escrow["data"]["milestones"].as_array().expect("a list");
            self.milestones = milestones.iter().map(|milestone| text(&milestone["id"])).collect();
        }
        Ok(())
    }

    async fn check(&self, api: &Api) -> Findings {
        let mut findings = Findings::default();
        let Some(created) = self.deeds.first().and_then(Deed::answer) else { return findings };
        let id = text(&created.json()["id"]);
        let shown = Shown::of(&id, api).await;
        if let Some(shown) = &shown {
            shown.examine(&id, &mut findings);
            findings.under_way += u64::from(shown.status == PROCESSING);
        }
        let answered = self.deeds.iter().filter_map(|deed| deed.answered.as_ref().map(|answered| (deed, answered)));
        for (deed, (before, at)) in answered {
            if !shown.as_ref().is_some_and(|shown| shown.has(deed)) {
                findings.lost.push(format!("{} (answered {})", deed.path, before.status));
                findings.first_lost = findings.first_lost.into_iter().chain([*at]).min();
                continue;
            }
            findings.last_kept = findings.last_kept.max(Some(deed.sent));
            let again = deed.ask(api).await.expect("nobody kills the gateway now");
            findings.replayed += 1;
            if !again.is_replayed {
                findings.doubled.push(format!("{} was done again under its key", deed.path));
            } else if (again.status, &again.body) != (before.status, &before.body_of_replay()) {
                findings.wrong.push(format!("{} was answered differently", deed.path));
            }
            let shows_token = matches!(deed.what, What::Pay) && !before.is_replayed;
            if before.token().is_some() != shows_token {
                findings.wrong.push(format!("{}: the first answer alone has a payer's token", deed.path));
            }
        }
        findings
    }
}

impl Story {
    /// A client by this name, which is part of its idempotency keys.
    pub(crate) const fn new(name: String) -> Story {
        Story { name, intents: Vec::new(), checked: 0 }
    }

    /// Does one thing after the other until one is not answered, and calls `answered` after each.
    pub(crate) async fn go_on(&mut self, api: &Api, mut answered: impl FnMut()) {
        self.checked = self.intents.len().saturating_sub(1);
        while self.step(api).await.is_ok() {
            answered();
        }
    }

    async fn step(&mut self, api: &Api) -> Result<(), Unanswered> {
        if self.intents.last().is_none_or(Intent::is_over) {
            let number = self.intents.len();
            let plan = [Plan::Complete, Plan::PayAndComplete, Plan::Complete, Plan::Pay][number % 4];
            self.intents.push(Intent::new(format!("{}-{number}", self.name), plan));
        }
        let intent = self.intents.last_mut().expect("there is one");
        intent.learn(api).await?;
        let next = intent.next();
        intent.deeds.push(next);
        let deed = intent.deeds.last_mut().expect("it was just put there");
        deed.answered = Some((deed.ask(api).await?, moment()));
        Ok(())
    }

    /// Compares what is there with what was answered, and asks for every answer again.
    pub(crate) async fn check(&self, api: &Api, scope: Scope) -> Findings {
        let first = if scope == Scope::LastLoad { self.checked } else { 0 };
        let mut findings = Findings::default();
        for intent in &self.intents[first..] {
            findings.add(intent.check(api).await);
        }
        findings
    }

    /// Sends the request again that was not answered; `Some(true)` when it turns out to have been done.
    pub(crate) async fn retry(&mut self, api: &Api) -> Option<bool> {
        let deed = self.intents.last_mut()?.deeds.last_mut().filter(|deed| deed.answered.is_none())?;
        let answer = deed.ask(api).await.expect("nobody kills the gateway now");
        let was_done = answer.is_replayed;
        deed.answered = Some((answer, moment()));
        Some(was_done)
    }

    /// What was asked for and answered.
    pub(crate) fn count(&self, deeds: &mut Deeds) {
        for deed in self.intents.iter().flat_map(|intent| &intent.deeds).filter(|deed| deed.answered.is_some()) {
            match deed.what {
                What::Create => deeds.creations += 1,
                What::Add => deeds.additions += 1,
                What::Pay => deeds.payments += 1,
                What::Complete(_) => deeds.completions += 1,
            }
        }
    }
}

impl Deeds {
    pub(crate) const fn total(self) -> u64 {
        self.creations + self.additions + self.payments + self.completions
    }

    /// How many milestones they made.
    pub(crate) const fn milestones(self) -> u64 {
        SHARES.len() as u64 * self.creations + self.additions
    }
}

fn creation() -> Value {
    let milestone = |(index, amount): (u32, &str)| json!({"milestoneIndex": index, "amount": amount});
    json!({
        "amount": "1000.00",
        "currency": "USDC",
        "type": "DELIVERY_VS_PAYMENT",
        "settlementMethod": "OFF_RAMP_MOCK",
        "settlementDestination": "bank_account_123",
        "metadata": {"releaseType": "MILESTONE_LOCKED", "autoRelease": true},
        "milestones": (0..).zip(SHARES).map(milestone).collect::<Vec<_>>(),
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The whole units of an amount; there are no others here.
fn units(amount: &str) -> u32 {
    amount.split('.').next().and_then(|units| units.parse().ok()).unwrap_or_else(|| panic!("{amount:?} is no amount"))
}
