//! A small world to decide in.

use std::cell::Cell;

use crate::authority::{Actor, may_ask};
use crate::chain::Hash;
use crate::command::{
    Approving, CardOutcome, CardPayment, Command, CompleteMilestone, Confirmation, NewDispute, NewEvidence, NewIntent,
    NewMilestone, NewProof, NewRefund, Receipt, Rejecting, Resolving, Ruling,
};
use crate::decide::{Ctx, Decision, Settings, decide, open};
use crate::duty::Duty;
use crate::id::{Ids, IntentId, MerchantId, MilestoneId, OrderId, ProofId, RawId};
use crate::ledger::Rail;
use crate::money::{Amount, Currency, Decimal};
use crate::payment::{Card, CardBrand, Consent, Means, Payer};
use crate::rejection::Rejection;
use crate::state::Escrow;
use crate::terms::{Mode, Owner, PaymentType, ReleaseType, SettlementMethod, Terms};
use crate::time::{Span, Timestamp};

/// Counts.
pub(super) struct Counter(Cell<u128>);

impl Counter {
    pub(super) const fn from(first: u128) -> Counter {
        Counter(Cell::new(first))
    }
}

impl Ids for Counter {
    fn next(&self) -> RawId {
        let id = self.0.get();
        self.0.set(id + 1);
        RawId::from_bits(id)
    }
}

/// What is agreed: 100.00 USDC, milestone-locked, released by itself, no fee.
pub(super) fn terms() -> Terms {
    Terms {
        amount: usdc("100"),
        payment_type: PaymentType::DeliveryVsPayment,
        release_type: ReleaseType::MilestoneLocked,
        auto_release: true,
        settlement_method: SettlementMethod::OffRampMock,
        settlement_destination: "bank_account_123".to_owned(),
        delivery_period: Span::from_seconds(3600),
        dispute_window: Span::from_seconds(3600),
        expected_delivery_hash: None,
        delivery_oracle: None,
        time_lock_until: None,
        require_delivery: false,
        require_approval: false,
        approval_period: Span::from_seconds(0),
        fee_basis_points: 0,
        description: None,
        metadata: None,
        return_url: None,
        cancel_url: None,
    }
}

pub(super) fn usdc(text: &str) -> Amount {
    Amount::parse(text, Currency::Usdc).expect("an amount")
}

pub(super) fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}

pub(super) const fn milestone_id(bits: u128) -> MilestoneId {
    MilestoneId::new(RawId::from_bits(bits))
}

pub(super) fn new_milestone(id: u128, index: u32, amount: &str) -> NewMilestone {
    NewMilestone { id: milestone_id(id), index, amount: decimal(amount), description: None, percentage: None }
}

pub(super) fn complete(id: u128) -> Command {
    Command::CompleteMilestone(CompleteMilestone {
        milestone: milestone_id(id),
        by: "merchant@example.com".to_owned(),
        proof: Some("proof_hash".to_owned()),
        proof_uri: None,
    })
}

/// Who paid, in these worlds.
pub(super) const WALLET: &str = "0x742d35Cc6634C0532925a3b844Bc9e7595f42318";

/// Money that came in on this rail; `None` is exactly the amount of the intent.
pub(super) fn receive(rail: Rail, amount: Option<&str>) -> Command {
    let from = WALLET.parse().ok();
    let (amount, means) = (amount.map(decimal), Means::Deposit(from));
    Command::ReceivePayment(Receipt { rail, means, amount, transaction: None })
}

/// A consent to the terms of this revision.
pub(super) fn confirm(revision: u32) -> Command {
    let consent =
        Consent { signer: WALLET.parse().expect("an address"), signature: "0x01".to_owned(), digest: Hash::ZERO };
    Command::Confirm(Confirmation { consent: Ok(consent), revision, transaction: None })
}

/// A proof of delivery; its hash is this byte, thirty-two times.
pub(super) fn submit_proof(byte: u8) -> Command {
    Command::SubmitProof(NewProof {
        id: ProofId::new(RawId::from_bits(u128::from(byte))),
        hash: Hash::from_bytes([byte; 32]),
        uri: None,
        submitted_by: WALLET.to_owned(),
        transaction: None,
        oracle_signature: None,
    })
}

/// The same, with the oracle's signature.
pub(super) fn submit_signed_proof(byte: u8) -> Command {
    let Command::SubmitProof(proof) = submit_proof(byte) else { unreachable!() };
    Command::SubmitProof(NewProof { oracle_signature: Some(Ok("0x01".to_owned())), ..proof })
}

/// The payer approves the last completion of a milestone.
pub(super) fn approve(id: u128) -> Command {
    Command::ApproveMilestone(Approving { milestone: milestone_id(id), attempt: None, by: "the payer".to_owned() })
}

/// The payer rejects the last completion of a milestone.
pub(super) fn reject(id: u128) -> Command {
    Command::RejectMilestone(Rejecting { milestone: milestone_id(id), attempt: None, reason: "not done".to_owned() })
}

/// Somebody releases a completed milestone by hand.
pub(super) fn release(id: u128) -> Command {
    Command::ReleaseMilestone(milestone_id(id), Some("the payer".to_owned()))
}

/// Somebody disputes a milestone; `None` is the whole order.
pub(super) fn raise(milestone: Option<u128>) -> Command {
    Command::RaiseDispute(NewDispute {
        milestone: milestone.map(milestone_id),
        raised_by: "a party".to_owned(),
        reason: "late".to_owned(),
        window: None,
        count: None,
    })
}

/// Somebody has something to say about the dispute of a milestone; `None` is the only one that is open.
pub(super) fn submit_evidence(milestone: Option<u128>) -> Command {
    Command::SubmitEvidence(NewEvidence {
        milestone: milestone.map(milestone_id),
        dispute: None,
        submitted_by: "a party".to_owned(),
        text: Some("see the photograph".to_owned()),
        uri: None,
        hash: None,
    })
}

/// Somebody decides the dispute of a milestone; `None` is the only one that is open.
pub(super) fn resolve(milestone: Option<u128>, ruling: Ruling) -> Command {
    let milestone = milestone.map(milestone_id);
    Command::ResolveDispute(Resolving { milestone, dispute: None, ruling, by: "the operator".to_owned(), note: None })
}

/// So much goes back to the payer, the rest to the merchant.
pub(super) fn partly(refunded: &str) -> Ruling {
    Ruling::PartialRefund(decimal(refunded))
}

/// The merchant gives so much back; `None` is all that can be had.
pub(super) fn refund(amount: Option<&str>) -> Command {
    Command::Refund(NewRefund { amount: amount.map(decimal), reason: None })
}

/// A card payment with this answer of the processor.
pub(super) fn pay_by_card(outcome: CardOutcome) -> Command {
    let card = Card {
        brand: CardBrand::Visa,
        last_four: "4242".to_owned(),
        reference: "processor_1".to_owned(),
        token: Hash::from_bytes([7; 32]),
    };
    Command::PayByCard(CardPayment { card, outcome })
}

/// Whoever holds the wallet that pays in these worlds.
pub(super) fn payer() -> Actor {
    Actor::Payer(Payer::Wallet(WALLET.parse().expect("an address")))
}

/// Somebody with another wallet.
pub(super) fn stranger() -> Actor {
    Actor::Payer(Payer::Wallet(WALLET.replace('7', "8").parse().expect("an address")))
}

/// Somebody who may ask for this.
pub(super) fn actor(command: &Command, mode: Mode) -> Actor {
    let actors = [Actor::Merchant, Actor::Gateway, payer(), Actor::Operator, Actor::Anyone];
    let allowed = |actor: &Actor| may_ask(actor.role(), command.kind(), mode);
    actors.into_iter().find(allowed).unwrap_or(Actor::Merchant)
}

/// What the gateway asks when this falls due, where all that is asked of the outside goes well.
pub(super) fn ring(duty: Duty) -> Command {
    match duty {
        Duty::StartSettlement(id) => Command::StartSettlement(id),
        Duty::PayOut(id) => Command::ConfirmSettlement(id, "paid".to_owned()),
        Duty::PayBack(id) => Command::ConfirmRefund(id, "repaid".to_owned()),
        Duty::Finalize => Command::Finalize,
        Duty::AwaitPayment(id) => Command::SettlePayment(id),
        Duty::OpenTimeLock => Command::OpenTimeLock,
        Duty::EndSilence(subject) => Command::EndSilence(subject),
        Duty::EndDispute(id) => Command::EndDispute(id),
        Duty::DisputeRejection(id) => Command::DisputeRejection(id),
    }
}

/// Something that happened, and the state that it met.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) before: Escrow,
    pub(super) command: Command,
}

/// An escrow and the clock it lives by.
pub(super) struct World {
    pub(super) state: Escrow,
    pub(super) now_ms: i64,
    pub(super) settings: Settings,
    /// What it began with, and what has happened since.
    pub(super) opening: Escrow,
    pub(super) told: Vec<Told>,
    ids: Counter,
}

impl World {
    /// A new sandbox intent with these milestones of index and amount; their ids are 1, 2, 3….
    pub(super) fn new(terms: Terms, milestones: &[(u32, &str)]) -> World {
        World::in_mode(Mode::Sandbox, terms, milestones)
    }

    pub(super) fn in_mode(mode: Mode, terms: Terms, milestones: &[(u32, &str)]) -> World {
        let ids = Counter::from(1_000);
        let settings = Settings::default();
        let milestones = (1..).zip(milestones).map(|(id, (index, amount))| new_milestone(id, *index, amount)).collect();
        let new = NewIntent {
            id: IntentId::fresh(&ids),
            order_id: OrderId::fresh(&ids),
            owner: Owner { merchant: MerchantId::fresh(&ids), mode },
            terms,
            milestones,
        };
        let ctx = Ctx { now: Timestamp::from_ms(0), by: &Actor::Merchant, ids: &ids, settings: &settings };
        let state = open(new, &ctx).expect("the world can be opened").next;
        World { opening: state.clone(), state, now_ms: 0, settings, told: Vec::new(), ids }
    }

    /// A world that has come to this state.
    pub(super) fn at(state: Escrow, settings: Settings) -> World {
        let ids = Counter::from(1_000_000);
        World { opening: state.clone(), state, now_ms: 0, settings, told: Vec::new(), ids }
    }

    /// The same world, its order manually funded on the rail that real money takes.
    pub(super) fn funded(mut self) -> World {
        let rail = match self.state.owner.mode {
            Mode::Sandbox => Rail::Sandbox,
            Mode::Live => Rail::Evm,
        };
        self.run(receive(rail, None)).expect("it can be funded");
        self
    }

    /// The same world, after somebody who may ask has asked for all of this.
    pub(super) fn after(mut self, commands: impl IntoIterator<Item = Command>) -> World {
        for command in commands {
            self.run(command.clone()).unwrap_or_else(|why| panic!("{command:?}: {why}"));
        }
        self
    }

    /// Decides for somebody who may ask, without moving on.
    pub(super) fn ask(&self, command: Command) -> Result<Decision, Rejection> {
        self.ask_as(&actor(&command, self.state.owner.mode), command)
    }

    /// Decides for this actor, without moving on.
    pub(super) fn ask_as(&self, by: &Actor, command: Command) -> Result<Decision, Rejection> {
        let ctx = Ctx { now: Timestamp::from_ms(self.now_ms), by, ids: &self.ids, settings: &self.settings };
        decide(&self.state, command, &ctx)
    }

    /// Decides, and moves on where that is possible.
    pub(super) fn run(&mut self, command: Command) -> Result<Decision, Rejection> {
        let decision = self.ask(command.clone())?;
        let before = std::mem::replace(&mut self.state, decision.next.clone());
        self.told.push(Told { before, command });
        Ok(decision)
    }
}
