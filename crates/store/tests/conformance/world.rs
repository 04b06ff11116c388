//! Realistic data: what the real domain decides, sealed as the engine seals it.

use std::sync::atomic::{AtomicU64, Ordering};

use escrow::{
    Actor, Amount, Card, CardBrand, CardOutcome, CardPayment, Command, CompleteMilestone, Confirmation, Consent, Ctx,
    Currency, Decimal, Decision, EventId, Hash, Ids, IntentId, Means, MerchantId, MilestoneId, Mode, NewIntent,
    NewMilestone, NewProof, NewRefund, OrderId, Owner, PaymentType, ProofId, Rail, RawId, Receipt, Rejection,
    ReleaseType, Settings, SettlementMethod, Span, Terms, Timestamp,
};
use store::{Audited, Change, EventRow, EventType, Lease, Outcome, Reply, Store, TransferRow, Unit, Versioned, Wanted};

/// Ids in order: 1, 2, 3…, drawn at a time that stands still.
#[derive(Default)]
pub(crate) struct Counting {
    count: AtomicU64,
    time_ms: AtomicU64,
}

impl Counting {
    /// The ids that follow are drawn at this time.
    pub(crate) fn draw_at(&self, time_ms: u64) {
        self.time_ms.store(time_ms, Ordering::Relaxed);
    }
}

impl Ids for Counting {
    fn next(&self) -> RawId {
        let time_ms = u128::from(self.time_ms.load(Ordering::Relaxed));
        RawId::from_bits((time_ms << 80) + u128::from(self.count.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

/// Makes units out of commands.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) ids: Counting,
    settings: Settings,
}

impl World {
    /// One whose ids begin behind this number, beside others.
    pub(crate) fn drawing_from(number: u64) -> World {
        let world = World::default();
        world.ids.count.store(number, Ordering::Relaxed);
        world
    }
}

pub(crate) fn merchant(number: u128) -> MerchantId {
    MerchantId::new(RawId::from_bits(number << 64))
}

/// The sandbox of a merchant.
pub(crate) fn owner(number: u128) -> Owner {
    Owner { merchant: merchant(number), mode: Mode::Sandbox }
}

pub(crate) const fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}

/// Terms of an order of milestones, released by themselves, for so many minor units.
pub(crate) fn terms(minor: i64, currency: Currency) -> Terms {
    Terms {
        amount: Amount::from_minor(minor, currency).expect("not negative"),
        payment_type: PaymentType::DeliveryVsPayment,
        release_type: ReleaseType::MilestoneLocked,
        auto_release: true,
        settlement_method: SettlementMethod::OffRampMock,
        settlement_destination: "acct_1".to_owned(),
        delivery_period: Span::from_seconds(60),
        dispute_window: Span::from_seconds(60),
        expected_delivery_hash: None,
        delivery_oracle: None,
        time_lock_until: None,
        require_delivery: false,
        require_approval: false,
        approval_period: Span::from_seconds(60),
        fee_basis_points: 250,
        description: Some("two \"halves\" – ½".to_owned()),
        metadata: Some(escrow::Metadata::from_json(r#"{"b":1,"a":[]}"#.to_owned())),
        return_url: None,
        cancel_url: None,
    }
}

pub(crate) fn milestone(world: &World, index: u32, amount: &str) -> NewMilestone {
    NewMilestone {
        id: MilestoneId::fresh(&world.ids),
        index,
        amount: Decimal::parse(amount).expect("an amount"),
        description: None,
        percentage: Some("50".to_owned()),
    }
}

pub(crate) fn complete(milestone: MilestoneId) -> Command {
    let by = "worker".to_owned();
    Command::CompleteMilestone(CompleteMilestone { milestone, by, proof: Some("done".to_owned()), proof_uri: None })
}

/// The hash of a transaction.
pub(crate) fn transaction(number: u8) -> Hash {
    Hash::from_bytes([number; 32])
}

/// The simulated payer pays all of it.
pub(crate) fn pay() -> Command {
    receive(Rail::Sandbox, None)
}

/// So much comes in on a rail; `None` is what is owed.
pub(crate) fn receive(rail: Rail, amount: Option<&str>) -> Command {
    let amount = amount.map(|amount| Decimal::parse(amount).expect("an amount"));
    Command::ReceivePayment(Receipt { rail, means: Means::Deposit(None), amount, transaction: None })
}

/// The merchant gives so much back; `None` is what is free.
pub(crate) fn refund(amount: Option<&str>) -> Command {
    let amount = amount.map(|amount| Decimal::parse(amount).expect("an amount"));
    Command::Refund(NewRefund { amount, reason: Some("too late".to_owned()) })
}

/// Somebody proves the delivery.
pub(crate) fn prove(world: &World) -> Command {
    let (id, hash) = (ProofId::fresh(&world.ids), Hash::ZERO.following(b"parcel"));
    let uri = Some("ipfs://parcel".to_owned());
    let oracle_signature = Some(Ok("0x1b".to_owned()));
    let submitted_by = "courier".to_owned();
    Command::SubmitProof(NewProof { id, hash, uri, submitted_by, transaction: Some(transaction(9)), oracle_signature })
}

/// A wallet consents to the terms as they are, and may name its transaction.
pub(crate) fn confirm(base: &Versioned, transaction: Option<Hash>) -> Command {
    let signer = "0x742d35Cc6634C0532925a3b844Bc9e7595f42318".parse().expect("an address");
    let consent = Consent { signer, signature: "0x1b".to_owned(), digest: Hash::ZERO.following(b"terms") };
    Command::Confirm(Confirmation { consent: Ok(consent), revision: base.escrow.revision, transaction })
}

pub(crate) fn pay_by_card(outcome: CardOutcome) -> Command {
    let (last_four, reference) = ("4242".to_owned(), "pi_1".to_owned());
    let card = Card { brand: CardBrand::Visa, last_four, reference, token: Hash::ZERO.following(b"token") };
    Command::PayByCard(CardPayment { card, outcome })
}

/// Somebody who may ask for this.
fn asker(command: &Command) -> Actor {
    match command {
        Command::Confirm(_) | Command::PayByCard(_) | Command::AnnounceTransaction(_) => Actor::Anyone,
        Command::ReceivePayment(_)
        | Command::FailPayment(..)
        | Command::Cancel
        | Command::AddMilestone(_)
        | Command::UpdateMilestone(..)
        | Command::DeleteMilestone(_)
        | Command::CompleteMilestone(_)
        | Command::ReleaseMilestone(..)
        | Command::Ship(_)
        | Command::SubmitProof(_)
        | Command::ReleaseOrder(_)
        | Command::ApproveMilestone(_)
        | Command::RejectMilestone(_)
        | Command::RaiseDispute(_)
        | Command::SubmitEvidence(_)
        | Command::ResolveDispute(_)
        | Command::Refund(_)
        | Command::Reclaim(_)
        | Command::RetrySettlement(_) => Actor::Merchant,
        Command::SettlePayment(_)
        | Command::OpenTimeLock
        | Command::EndSilence(_)
        | Command::StartSettlement(_)
        | Command::ConfirmSettlement(..)
        | Command::FailSettlement(..)
        | Command::ReturnSettlement(..)
        | Command::FailRefund(..)
        | Command::ConfirmRefund(..)
        | Command::EndDispute(_)
        | Command::DisputeRejection(_)
        | Command::Finalize => Actor::Gateway,
    }
}

impl World {
    /// Opens an intent of 1000.00 USDC with two milestones of 500.00.
    pub(crate) fn open(&self, owner: Owner, now: Timestamp) -> Unit {
        let milestones = vec![milestone(self, 0, "500"), milestone(self, 1, "500")];
        self.open_with(owner, terms(1_000_000_000, Currency::Usdc), milestones, now)
    }

    pub(crate) fn open_with(&self, owner: Owner, terms: Terms, milestones: Vec<NewMilestone>, now: Timestamp) -> Unit {
        let (id, order_id) = (IntentId::fresh(&self.ids), OrderId::fresh(&self.ids));
        let decision =
            escrow::open(NewIntent { id, order_id, owner, terms, milestones }, &self.ctx(&Actor::Merchant, now));
        self.sealed(decision.expect("a valid intent"), None, now)
    }

    /// What a command does to an escrow, which must allow it.
    pub(crate) fn after(&self, base: &Versioned, command: Command, now: Timestamp) -> Unit {
        // A consent is to what is there when it is given.
        let mut command = command;
        if let Command::Confirm(given) = &mut command {
            given.revision = base.escrow.revision;
        }
        self.try_after(base, command, now).expect("an allowed command")
    }

    pub(crate) fn try_after(&self, base: &Versioned, command: Command, now: Timestamp) -> Result<Unit, Rejection> {
        let by = asker(&command);
        let decision = escrow::decide(&base.escrow, command, &self.ctx(&by, now))?;
        Ok(self.sealed(decision, Some(base.clone()), now))
    }

    fn ctx<'a>(&'a self, by: &'a Actor, now: Timestamp) -> Ctx<'a> {
        Ctx { now, by, ids: &self.ids, settings: &self.settings }
    }

    fn sealed(&self, decision: Decision, base: Option<Versioned>, now: Timestamp) -> Unit {
        let mut next = decision.next;
        let mut events = Vec::new();
        for event in decision.events {
            let (id, sequence) = (EventId::fresh(&self.ids), next.chain.count + 1);
            let body = format!(r#"{{"id":"{id}","sequence":{sequence},"type":"{}"}}"#, event.kind).into_bytes();
            next.chain = next.chain.followed_by(&body);
            let kind = EventType::Intent(event.kind);
            events.push(EventRow { id, kind, sequence, created: now, hash: next.chain.head, body });
        }
        let transfers = decision.transfers.into_iter().map(|transfer| TransferRow { transfer, created: now }).collect();
        let change = Change { base, next, transfers, events, effects: decision.effects };
        Unit { change: Some(change), ..Unit::default() }
    }
}

/// The intent that a unit is about.
pub(crate) fn intent(unit: &Unit) -> IntentId {
    unit.change.as_ref().expect("a change").next.id
}

/// The milestones of what a unit stores.
pub(crate) fn milestones(unit: &Unit) -> Vec<MilestoneId> {
    unit.change.as_ref().expect("a change").next.milestones().iter().map(|milestone| milestone.id).collect()
}

pub(crate) fn reply(owner: Owner, key: &str, created: Timestamp) -> Reply {
    let fingerprint = Hash::ZERO.following(key.as_bytes());
    Reply { owner, key: key.to_owned(), fingerprint, status: 201, body: b"{\"ok\":\xff}".to_vec(), created }
}

pub(crate) fn with_reply(mut unit: Unit, reply: Reply) -> Unit {
    unit.replies.push(reply);
    unit
}

pub(crate) fn with_lease(mut unit: Unit, lease: Lease) -> Unit {
    unit.leases.push(lease);
    unit
}

/// Commits one unit.
pub(crate) async fn commit(store: &dyn Store, unit: Unit) -> Outcome {
    let outcomes = store.commit(vec![unit]).await.expect("a store that works");
    assert_eq!(outcomes.len(), 1);
    outcomes[0]
}

/// Commits one unit, which must fit, and reads its escrow back.
pub(crate) async fn stored(store: &dyn Store, unit: Unit) -> Versioned {
    let id = intent(&unit);
    assert_eq!(commit(store, unit).await, Outcome::Committed);
    load(store, id).await.expect("what was just stored")
}

pub(crate) async fn load(store: &dyn Store, id: IntentId) -> Option<Versioned> {
    let loaded = store.load(Wanted { escrows: vec![id], ..Wanted::default() }).await.expect("a store that works");
    loaded.escrows.into_iter().next().expect("an answer for each")
}

pub(crate) async fn load_reply(store: &dyn Store, owner: Owner, key: &str) -> Option<Reply> {
    let wanted = Wanted { replies: vec![(owner, key.to_owned())], ..Wanted::default() };
    let loaded = store.load(wanted).await.expect("a store that works");
    loaded.replies.into_iter().next().expect("an answer for each")
}

/// An escrow that was funded and had both its milestones completed and released.
pub(crate) async fn released(store: &dyn Store, world: &World, owner: Owner, now: Timestamp) -> Versioned {
    let opened = world.open(owner, now);
    let ids = milestones(&opened);
    let opened = stored(store, opened).await;
    let funded = stored(store, world.after(&opened, pay(), now)).await;
    let first = stored(store, world.after(&funded, complete(ids[0]), now)).await;
    stored(store, world.after(&first, complete(ids[1]), now)).await
}

/// Everything an audit finds.
pub(crate) async fn audit(store: &dyn Store) -> Vec<Audited> {
    let (found, all) = std::sync::mpsc::channel();
    let visit = move |audited| found.send(audited).expect("somebody who looks");
    store.audit(Box::new(visit)).await.expect("a store that works");
    all.iter().collect()
}
