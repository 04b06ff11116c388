//! An engine with nothing around it.

use std::sync::Arc;

use async_trait::async_trait;
use engine::testing::{ManualHost, SilentWitness};
use engine::{
    Answer, Ask, Config, Engine, Host, Idempotency, Incoming, IncomingAnswer, JournalEvent, Parts, PaymentAnswer,
    Payments, Payout, Present, Reach, Rendered, Repayment, Request, SimulatedPayments, Unavailable,
};
use escrow::chain::Numbered;
use escrow::{
    Actor, Amount, Command, CompleteMilestone, Confirmation, Consent, Currency, Decimal, Escrow, Hash, IntentId,
    MerchantId, MilestoneId, Mode, NewIntent, NewMilestone, OrderId, Owner, PaymentType, RawId, ReleaseType,
    SettlementMethod, Span, Terms, Timestamp,
};
use store::{
    MemoryStore, PageRequest, Position, Store, StoredEvent, StoredTransfer, TransferFilter, Versioned, Wanted,
};
use tokio::sync::{mpsc, oneshot};

/// When every test begins.
pub(crate) const START_MS: i64 = 1_700_000_000_000;

pub(crate) const OWNER: Owner = Owner { merchant: MerchantId::new(RawId::from_bits(1)), mode: Mode::Sandbox };

/// Events as their sequence and type.
pub(crate) struct PlainEvents;

impl Present for PlainEvents {
    fn event(&self, escrow: &Escrow, numbered: Numbered<'_>, created: Timestamp) -> Vec<u8> {
        let (id, kind) = (numbered.id, numbered.event.kind);
        format!("{} {} {kind} {} {id}", escrow.id, numbered.sequence, created.ms()).into_bytes()
    }

    fn journal_event(&self, event: JournalEvent<'_>) -> Vec<u8> {
        let (kind, id) = (event.news.event().name(), event.id);
        format!("{:?} {} {kind} {} {id}", event.holder, event.sequence, event.created.ms()).into_bytes()
    }

    fn served(&self, stored: &StoredEvent) -> Vec<u8> {
        stored.event.body.clone()
    }
}

/// Something the engine asks a rail; a test answers when it likes. Unanswered, it is as if nobody knew.
pub(crate) struct Question<Q, A> {
    pub(crate) asked: Q,
    answer: oneshot::Sender<A>,
}

impl<Q, A> Question<Q, A> {
    pub(crate) fn answer(self, answer: A) {
        drop(self.answer.send(answer));
    }
}

/// What is asked of [`ScriptedPayments`], in this order.
pub(crate) struct Questions<Q, A>(mpsc::UnboundedReceiver<Question<Q, A>>);

impl<Q, A> Questions<Q, A> {
    /// The next one.
    pub(crate) async fn next(&mut self, world: &World) -> Question<Q, A> {
        tokio::select! {
            biased;
            question = self.0.recv() => question.expect("an engine"),
            () = world.host.sleep(Span::from_seconds(3600)) => panic!("nothing is asked"),
        }
    }

    /// Waits for long enough that whatever is due is asked, and finds nothing.
    pub(crate) async fn assert_none(&mut self, world: &World) {
        world.host.sleep(Span::from_seconds(60)).await;
        assert!(self.0.try_recv().is_err(), "something was asked");
    }
}

/// What a test is asked, and where from.
pub(crate) fn questions<Q, A>() -> (Asking<Q, A>, Questions<Q, A>) {
    let (asking, asked) = mpsc::unbounded_channel();
    (asking, Questions(asked))
}

/// Where a test hears of what is asked.
pub(crate) type Asking<Q, A> = mpsc::UnboundedSender<Question<Q, A>>;

/// Payments in, out and back of which a test says what becomes of them.
struct ScriptedPayments {
    incoming: Asking<Incoming, IncomingAnswer>,
    payouts: Asking<Payout, PaymentAnswer>,
    repayments: Asking<Repayment, PaymentAnswer>,
}

/// Asks a test; `None` when it lets the question drop.
pub(crate) async fn ask<Q, A>(asking: &Asking<Q, A>, asked: Q) -> Option<A> {
    let (answer, answered) = oneshot::channel();
    drop(asking.send(Question { asked, answer }));
    answered.await.ok()
}

#[async_trait]
impl Payments for ScriptedPayments {
    async fn look_for(&self, asked: Incoming) -> IncomingAnswer {
        ask(&self.incoming, asked).await.unwrap_or(IncomingAnswer::Unknown)
    }

    async fn pay_out(&self, asked: Payout) -> PaymentAnswer {
        ask(&self.payouts, asked).await.unwrap_or(PaymentAnswer::Unknown)
    }

    async fn pay_back(&self, asked: Repayment) -> PaymentAnswer {
        ask(&self.repayments, asked).await.unwrap_or(PaymentAnswer::Unknown)
    }
}

/// An engine and what it asks about money on its way in, out and back.
pub(crate) struct Scripted {
    pub(crate) world: World,
    pub(crate) incoming: Questions<Incoming, IncomingAnswer>,
    pub(crate) payouts: Questions<Payout, PaymentAnswer>,
    pub(crate) repayments: Questions<Repayment, PaymentAnswer>,
}

impl Scripted {
    pub(crate) fn new() -> Scripted {
        Scripted::over(Arc::new(MemoryStore::default()))
    }

    /// The same on this store.
    pub(crate) fn over(store: Arc<dyn Store>) -> Scripted {
        let ((incoming, asked_in), (payouts, asked_out)) = (questions(), questions());
        let (repayments, asked_back) = questions();
        let host = Arc::new(ManualHost::at_ms(START_MS));
        let payments = Arc::new(ScriptedPayments { incoming, payouts, repayments });
        let world = World::on(store, host, payments, Config::default());
        Scripted { world, incoming: asked_in, payouts: asked_out, repayments: asked_back }
    }
}

pub(crate) struct World {
    pub(crate) host: Arc<ManualHost>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) engine: Arc<Engine>,
}

impl World {
    pub(crate) fn new() -> World {
        World::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> World {
        World::over(Arc::new(MemoryStore::default()), config)
    }

    /// One on this store.
    pub(crate) fn over(store: Arc<dyn Store>, config: Config) -> World {
        World::on(store, Arc::new(ManualHost::at_ms(START_MS)), Arc::new(SimulatedPayments), config)
    }

    /// One on a store that others use as well.
    pub(crate) fn shared() -> World {
        World::over(Arc::new(MemoryStore::shared()), Config::default())
    }

    /// One more engine on the same store, as if another process served it.
    pub(crate) fn another(&self) -> World {
        self.another_through(self.store.clone())
    }

    /// The same, which reaches the store through something else.
    pub(crate) fn another_through(&self, store: Arc<dyn Store>) -> World {
        let host = Arc::new(ManualHost::at_ms(self.host.now().ms()));
        // Its randomness must differ, or it would make the same ids.
        host.random(&mut [0; 1 << 16]);
        World::on(store, host, Arc::new(SimulatedPayments), Config::default())
    }

    fn on(store: Arc<dyn Store>, host: Arc<ManualHost>, payments: Arc<dyn Payments>, config: Config) -> World {
        let present = Arc::new(PlainEvents);
        let parts = Parts { store: store.clone(), host: host.clone(), present, payments, config };
        World { host, store, engine: Engine::start(parts) }
    }

    /// Opens an intent of 100 USDC with milestones of these amounts; returns it with their ids.
    pub(crate) async fn open(&self, amounts: &[&str]) -> (IntentId, Vec<MilestoneId>) {
        let new = new_intent(&self.engine, amounts);
        let ids = (new.id, new.milestones.iter().map(|milestone| milestone.id).collect());
        let answer = self.ask(Ask::Open(Box::new(new)), None).await;
        assert_eq!(status(&answer), 200);
        ids
    }

    pub(crate) async fn ask(&self, ask: Ask, idempotency: Option<Idempotency>) -> Result<Answer, Unavailable> {
        self.engine.submit(request(OWNER, ask, idempotency)).await
    }

    pub(crate) async fn escrow(&self, intent: IntentId) -> Escrow {
        self.store.escrow(intent).await.expect("a store").expect("the intent")
    }

    /// The state as it is stored, with the count of its commits.
    pub(crate) async fn versioned(&self, intent: IntentId) -> Versioned {
        let wanted = Wanted { escrows: vec![intent], ..Wanted::default() };
        let mut loaded = self.store.load(wanted).await.expect("a store");
        loaded.escrows.pop().flatten().expect("the intent")
    }

    pub(crate) async fn transfers(&self) -> Vec<StoredTransfer> {
        let page = PageRequest { limit: 10_000, position: Position::Offset(0) };
        self.store.transfers(OWNER, TransferFilter::default(), page).await.expect("a store").items
    }

    /// Waits, on a clock that only these tests move, until a condition holds.
    pub(crate) async fn until(&self, intent: IntentId, holds: impl Fn(&Escrow) -> bool) -> Escrow {
        for _ in 0..1_000 {
            let escrow = self.escrow(intent).await;
            if holds(&escrow) {
                return escrow;
            }
            self.host.sleep(Span::from_ms(100)).await;
        }
        panic!("it never came true: {:?}", self.escrow(intent).await);
    }

    pub(crate) async fn assert_clean(&self) -> engine::verify::Report {
        let report = engine::verify::verify(self.store.as_ref(), Box::new(SilentWitness)).await.expect("a store");
        assert!(report.is_clean(), "{report:#?}");
        report
    }
}

pub(crate) fn request(owner: Owner, ask: Ask, idempotency: Option<Idempotency>) -> Request {
    let idempotency = idempotency.map(|sent| Idempotency { owner, ..sent });
    Request { reach: Reach::Owner(owner), by: Actor::Merchant, ask, idempotency, render: Arc::new(render) }
}

/// What somebody asks who knows the intent's address, and may be anybody's.
pub(crate) fn request_by(by: Actor, ask: Ask, idempotency: Option<Idempotency>) -> Request {
    Request { reach: Reach::Everybody, by, ..request(OWNER, ask, idempotency) }
}

/// What the merchant passes on of a payer who consents to the terms as they are, and names this transaction.
pub(crate) async fn confirm(
    world: &World,
    intent: IntentId,
    transaction: Option<Hash>,
    idempotency: Option<Idempotency>,
) -> Request {
    let signer: escrow::Address = "0x742d35Cc6634C0532925a3b844Bc9e7595f42318".parse().expect("an address");
    let consent = Consent { signer, signature: "0x01".to_owned(), digest: Hash::ZERO };
    let revision = world.escrow(intent).await.revision;
    let confirmation = Confirmation { consent: Ok(consent), revision, transaction };
    let ask = Ask::Decide(intent, Command::Confirm(confirmation));
    Request { by: Actor::Anyone, ..request(OWNER, ask, idempotency) }
}

/// 200 with the state's version of events, or 400 with the reason.
fn render(result: Result<&Escrow, &escrow::Rejection>) -> Rendered {
    match result {
        Ok(escrow) => {
            Rendered { status: 200, body: format!("{} {}", escrow.id, escrow.chain.count).into_bytes(), kept: None }
        }
        Err(rejection) => Rendered { status: 400, body: rejection.to_string().into_bytes(), kept: None },
    }
}

pub(crate) fn new_intent(engine: &Engine, amounts: &[&str]) -> NewIntent {
    let ids = engine.ids();
    let terms = Terms {
        amount: Amount::parse("100", Currency::Usdc).expect("an amount"),
        payment_type: PaymentType::DeliveryVsPayment,
        release_type: ReleaseType::MilestoneLocked,
        auto_release: true,
        settlement_method: SettlementMethod::OffRampMock,
        settlement_destination: "bank".to_owned(),
        delivery_period: Span::from_seconds(3600),
        dispute_window: Span::from_seconds(3600),
        expected_delivery_hash: None,
        delivery_oracle: None,
        time_lock_until: None,
        require_delivery: false,
        require_approval: false,
        approval_period: Span::from_seconds(3600),
        fee_basis_points: 0,
        description: None,
        metadata: None,
        return_url: None,
        cancel_url: None,
    };
    let milestones = (0..).zip(amounts).map(|(index, amount)| new_milestone(engine, index, amount)).collect();
    NewIntent { id: IntentId::fresh(ids), order_id: OrderId::fresh(ids), owner: OWNER, terms, milestones }
}

pub(crate) fn new_milestone(engine: &Engine, index: u32, amount: &str) -> NewMilestone {
    NewMilestone {
        id: MilestoneId::fresh(engine.ids()),
        index,
        amount: Decimal::parse(amount).expect("a decimal"),
        description: None,
        percentage: None,
    }
}

pub(crate) fn complete(intent: IntentId, milestone: MilestoneId) -> Ask {
    let command = CompleteMilestone { milestone, by: "merchant@example.com".to_owned(), proof: None, proof_uri: None };
    Ask::Decide(intent, Command::CompleteMilestone(command))
}

pub(crate) fn key(key: &str, fingerprint: u8) -> Option<Idempotency> {
    Some(Idempotency { owner: OWNER, key: key.to_owned(), fingerprint: Hash::from_bytes([fingerprint; 32]) })
}

pub(crate) fn status(answer: &Result<Answer, Unavailable>) -> u16 {
    match answer {
        Ok(Answer::Decided(rendered) | Answer::Replayed(rendered)) => rendered.status,
        other => panic!("no answer: {other:?}"),
    }
}

/// Sends all of them at the same time, and collects their answers.
pub(crate) async fn at_once(world: &World, requests: Vec<Request>) -> Vec<Result<Answer, Unavailable>> {
    let tasks: Vec<_> = requests
        .into_iter()
        .map(|request| {
            let engine = world.engine.clone();
            let (sender, receiver) = tokio::sync::oneshot::channel();
            world.host.spawn(Box::pin(async move { drop(sender.send(engine.submit(request).await)) }));
            receiver
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("an answer"));
    }
    answers
}
