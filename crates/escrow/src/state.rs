//! The state of one intent: everything that a decision about its money needs, and nothing else.
//!
//! The serde form of these types is what the store keeps; a change of it is a migration, and a test pins it.

use serde::{Deserialize, Serialize};

use crate::chain::{Chain, Hash};
use crate::id::{IntentId, MilestoneId, OrderId, PaymentId, RefundId, SettlementId};
use crate::ledger::{Funds, Rail};
use crate::limits::CONSENT_PERIOD_S;
use crate::money::Amount;
use crate::payment::{Payer, Payment, PaymentState};
use crate::terms::{Owner, SettlementMethod, Terms, names};
use crate::time::{Span, Timestamp};

/// A payment intent with its escrow order, milestones, settlements and refunds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escrow {
    /// The intent's id.
    pub id: IntentId,
    /// Whom it belongs to.
    pub owner: Owner,
    /// What was agreed.
    pub terms: Terms,
    /// How often earlier consents have become void: with every change of the terms, and every payment that failed. A payer
    /// consents to one count.
    #[serde(default)]
    pub revision: u32,
    /// Where the intent stands.
    pub state: IntentState,
    /// The attempts to pay it, oldest first.
    #[serde(default)]
    pub payments: Vec<Payment>,
    /// The transaction that somebody said carries the payment under way. Nobody has proven it: it is for whoever watches the rail.
    #[serde(default)]
    pub hint: Option<Hash>,
    /// How it was paid, once it was.
    pub funding: Option<Funding>,
    /// The escrow order; `None` for `CONSENTED_PULL`.
    pub order: Option<Order>,
    /// Its balances.
    pub funds: Funds,
    /// Its payouts, oldest first.
    pub settlements: Vec<Settlement>,
    /// Its refunds, oldest first.
    pub refunds: Vec<Refund>,
    /// How many events it has, and the hash of the last.
    pub chain: Chain,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed; never decreases.
    pub updated: Timestamp,
}

names! {
    /// The name of an intent's state.
    IntentStatus {
        /// Created, not paid.
        Initiated = "INITIATED",
        /// A payment was announced, and nobody has consented to the terms.
        RequiresSignature = "REQUIRES_SIGNATURE",
        /// A payment was seen and is not final.
        Processing = "PROCESSING",
        /// The rail refused the payment.
        RequiresAction = "REQUIRES_ACTION",
        /// Funded.
        Succeeded = "SUCCEEDED",
        /// All was paid out.
        Settled = "SETTLED",
        /// Paid out, and the finality period is over.
        Final = "FINAL",
        /// Given up; whatever was paid went back.
        Canceled = "CANCELED",
    }
}

/// Where an intent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntentState {
    /// Created, not paid.
    Initiated,
    /// A payment was announced, and nobody has consented to the terms.
    RequiresSignature {
        /// When.
        since: Timestamp,
    },
    /// A payment was seen and is not final; nothing is booked.
    Processing {
        /// When it was seen.
        since: Timestamp,
    },
    /// The rail refused the payment; another may be made.
    PaymentFailed {
        /// When.
        at: Timestamp,
    },
    /// Funded.
    Succeeded,
    /// All was paid out.
    Settled {
        /// When the last payout arrived.
        at: Timestamp,
        /// When it becomes final.
        final_due: Timestamp,
    },
    /// Nothing can change any more.
    Final {
        /// When the last payout arrived.
        settled_at: Timestamp,
        /// When it became final.
        at: Timestamp,
    },
    /// Given up.
    Canceled {
        /// When.
        at: Timestamp,
    },
}

impl IntentState {
    /// The name of the state.
    #[must_use]
    pub const fn status(self) -> IntentStatus {
        match self {
            IntentState::Initiated => IntentStatus::Initiated,
            IntentState::RequiresSignature { .. } => IntentStatus::RequiresSignature,
            IntentState::Processing { .. } => IntentStatus::Processing,
            IntentState::PaymentFailed { .. } => IntentStatus::RequiresAction,
            IntentState::Succeeded => IntentStatus::Succeeded,
            IntentState::Settled { .. } => IntentStatus::Settled,
            IntentState::Final { .. } => IntentStatus::Final,
            IntentState::Canceled { .. } => IntentStatus::Canceled,
        }
    }

    /// Whether the money has yet to come.
    #[must_use]
    pub const fn is_unpaid(self) -> bool {
        match self {
            IntentState::Initiated
            | IntentState::RequiresSignature { .. }
            | IntentState::Processing { .. }
            | IntentState::PaymentFailed { .. } => true,
            IntentState::Succeeded
            | IntentState::Settled { .. }
            | IntentState::Final { .. }
            | IntentState::Canceled { .. } => false,
        }
    }
}

/// How an intent was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funding {
    /// The way the money came, and goes back.
    pub rail: Rail,
    /// When it was final.
    pub at: Timestamp,
}

/// The escrow order of an intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Where it stands.
    pub state: OrderState,
    /// Its milestones by index; of one index, in the order of their creation.
    pub milestones: Vec<Milestone>,
}

names! {
    /// The name of an order's state.
    OrderStatus {
        /// Waiting for delivery.
        Pending = "PENDING",
        /// Delivered, not all released.
        Delivered = "DELIVERED",
        /// Nothing is held any more.
        Completed = "COMPLETED",
        /// Given up.
        Cancelled = "CANCELLED",
    }
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderState {
    /// Waiting for delivery.
    Pending,
    /// Every share of the whole amount is completed, not all are released.
    Delivered {
        /// When.
        at: Timestamp,
    },
    /// Nothing is held any more.
    Completed {
        /// When the last share was released.
        at: Timestamp,
    },
    /// Given up.
    Cancelled {
        /// When.
        at: Timestamp,
    },
}

impl OrderState {
    /// The name of the state.
    #[must_use]
    pub const fn status(self) -> OrderStatus {
        match self {
            OrderState::Pending => OrderStatus::Pending,
            OrderState::Delivered { .. } => OrderStatus::Delivered,
            OrderState::Completed { .. } => OrderStatus::Completed,
            OrderState::Cancelled { .. } => OrderStatus::Cancelled,
        }
    }
}

/// A share of an order, released when it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestone {
    /// Its id.
    pub id: MilestoneId,
    /// Its place in the order of completion; gaps are allowed.
    pub index: u32,
    /// The share.
    pub amount: Amount,
    /// Free text for people.
    pub description: Option<String>,
    /// Informative share of the whole, as the decimal literal that was sent.
    pub percentage: Option<String>,
    /// Whether it came or changed after the payer's consent to terms of real money: only approval releases it then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub after_consent: bool,
    /// Where it stands.
    pub state: MilestoneState,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

names! {
    /// The name of a milestone's state.
    MilestoneStatus {
        /// Not done.
        Pending = "PENDING",
        /// Done, not released.
        Completed = "COMPLETED",
        /// Its share is the merchant's.
        Released = "RELEASED",
        /// Deleted, or given up with its order.
        Cancelled = "CANCELLED",
    }
}

/// Where a milestone stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MilestoneState {
    /// Not done.
    Pending,
    /// Done, not released.
    Completed(Completion),
    /// Its share is the merchant's.
    Released(Completion, Release),
    /// Deleted, or given up with its order.
    Cancelled {
        /// When.
        at: Timestamp,
    },
}

/// How a milestone was completed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// When.
    pub at: Timestamp,
    /// Who said so; a label, no authority.
    pub by: String,
    /// What proves it, as sent.
    pub proof: Option<String>,
    /// Where the proof is.
    pub proof_uri: Option<String>,
}

/// How a milestone was released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// When.
    pub at: Timestamp,
    /// Who asked for it; `None` when it happened by itself.
    pub by: Option<String>,
}

impl Milestone {
    /// The name of its state.
    #[must_use]
    pub const fn status(&self) -> MilestoneStatus {
        match self.state {
            MilestoneState::Pending => MilestoneStatus::Pending,
            MilestoneState::Completed(_) => MilestoneStatus::Completed,
            MilestoneState::Released(..) => MilestoneStatus::Released,
            MilestoneState::Cancelled { .. } => MilestoneStatus::Cancelled,
        }
    }

    /// Whether its share still waits in escrow.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, MilestoneState::Pending | MilestoneState::Completed(_))
    }

    /// How it was completed, if it was.
    #[must_use]
    pub const fn completion(&self) -> Option<&Completion> {
        match &self.state {
            MilestoneState::Completed(completion) | MilestoneState::Released(completion, _) => Some(completion),
            MilestoneState::Pending | MilestoneState::Cancelled { .. } => None,
        }
    }

    /// How it was released, if it was.
    #[must_use]
    pub const fn release(&self) -> Option<&Release> {
        match &self.state {
            MilestoneState::Released(_, release) => Some(release),
            MilestoneState::Pending | MilestoneState::Completed(_) | MilestoneState::Cancelled { .. } => None,
        }
    }
}

/// One payout to the payee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Its id; the payout method is asked under it, however often.
    pub id: SettlementId,
    /// The milestone whose release it pays out.
    pub milestone: Option<MilestoneId>,
    /// How much, after fees.
    pub amount: Amount,
    /// How.
    pub method: SettlementMethod,
    /// Where to, as the payout method understands it.
    pub destination: String,
    /// Where it stands.
    pub state: SettlementState,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

names! {
    /// The name of a settlement's state.
    SettlementStatus {
        /// Waiting for its time.
        Scheduled = "SCHEDULED",
        /// The payout method was asked, or is about to be.
        Executed = "EXECUTED",
        /// The money arrived.
        Confirmed = "CONFIRMED",
    }
}

/// Where a settlement stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SettlementState {
    /// Waiting for its time.
    Scheduled {
        /// When it starts.
        due: Timestamp,
    },
    /// The money is reserved; the payout method is asked, under the same id until it answers.
    Executed {
        /// When it started.
        at: Timestamp,
    },
    /// The money arrived.
    Confirmed {
        /// When it started.
        executed_at: Timestamp,
        /// When it arrived.
        at: Timestamp,
        /// The payout method's own name for the payment.
        reference: String,
    },
}

impl Settlement {
    /// The name of its state.
    #[must_use]
    pub const fn status(&self) -> SettlementStatus {
        match self.state {
            SettlementState::Scheduled { .. } => SettlementStatus::Scheduled,
            SettlementState::Executed { .. } => SettlementStatus::Executed,
            SettlementState::Confirmed { .. } => SettlementStatus::Confirmed,
        }
    }
}

/// One payment back to whoever paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Its id; the rail is asked under it, however often.
    pub id: RefundId,
    /// How much.
    pub amount: Amount,
    /// The rail it goes back on.
    pub rail: Rail,
    /// Where the money was.
    #[serde(default)]
    pub source: RefundSource,
    /// Where it stands.
    pub state: RefundState,
    /// When it was created.
    pub created: Timestamp,
}

names! {
    /// The name of a refund's state.
    RefundStatus {
        /// On its way.
        Pending = "PENDING",
        /// The payer has it.
        Succeeded = "SUCCEEDED",
    }
}

/// Where the money of a refund was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundSource {
    /// In escrow.
    #[default]
    Escrow,
    /// Nowhere: it came in without a purpose.
    Unapplied(Unapplied),
}

impl RefundSource {
    /// Whether the money was in escrow.
    #[must_use]
    pub const fn is_escrow(&self) -> bool {
        matches!(self, RefundSource::Escrow)
    }

    /// Whether the money came in without a purpose.
    #[must_use]
    pub const fn is_unapplied(&self) -> bool {
        matches!(self, RefundSource::Unapplied(_))
    }
}

names! {
    /// Why money that came in is not the funding of its intent.
    Unapplied {
        /// The intent had been given up.
        Late = "late",
        /// The intent had been paid.
        Double = "double",
        /// It was less than the intent's amount.
        Short = "short",
        /// It was what exceeded the intent's amount.
        Excess = "excess",
    }
}

/// Where a refund stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundState {
    /// The rail is asked, under the same id until it answers.
    Pending,
    /// The payer has it.
    Succeeded {
        /// When it arrived.
        at: Timestamp,
        /// The rail's own name for the payment.
        reference: String,
    },
}

impl Refund {
    /// The name of its state.
    #[must_use]
    pub const fn status(&self) -> RefundStatus {
        match self.state {
            RefundState::Pending => RefundStatus::Pending,
            RefundState::Succeeded { .. } => RefundStatus::Succeeded,
        }
    }
}

names! {
    /// How far the settlements of an intent are, taken together.
    SettlementProgress {
        /// One or more wait for their time, none has started.
        Pending = "PENDING",
        /// At least one has started.
        InProgress = "IN_PROGRESS",
        /// The intent is settled.
        Completed = "COMPLETED",
    }
}

names! {
    /// How far the settlement of an order is.
    OrderSettlement {
        /// Nothing was released.
        None = "NONE",
        /// The next one waits for its time.
        Scheduled = "SCHEDULED",
        /// The next one has started.
        Executed = "EXECUTED",
        /// Every one so far has arrived.
        Confirmed = "CONFIRMED",
        /// The order was given up.
        Cancelled = "CANCELLED",
    }
}

impl Escrow {
    /// The name of the intent's state.
    #[must_use]
    pub const fn status(&self) -> IntentStatus {
        self.state.status()
    }

    /// The milestones, by index; none where there is no order.
    #[must_use]
    pub fn milestones(&self) -> &[Milestone] {
        self.order.as_ref().map_or(&[], |order| order.milestones.as_slice())
    }

    /// The milestone with this id.
    #[must_use]
    pub fn milestone(&self, id: MilestoneId) -> Option<&Milestone> {
        self.milestones().iter().find(|milestone| milestone.id == id)
    }

    /// The settlement with this id.
    #[must_use]
    pub fn settlement(&self, id: SettlementId) -> Option<&Settlement> {
        self.settlements.iter().find(|settlement| settlement.id == id)
    }

    /// The refund with this id.
    #[must_use]
    pub fn refund(&self, id: RefundId) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.id == id)
    }

    /// The attempt to pay with this id.
    #[must_use]
    pub fn payment(&self, id: PaymentId) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.id == id)
    }

    /// The attempt that counts: the one that funded the intent, else the latest.
    #[must_use]
    pub fn current_payment(&self) -> Option<&Payment> {
        let is_final = |payment: &&Payment| matches!(payment.state, PaymentState::Final { .. });
        self.payments.iter().find(is_final).or(self.payments.last())
    }

    /// Who paid, once somebody did and can be told from others.
    #[must_use]
    pub fn payer(&self) -> Option<Payer> {
        self.funding.and(self.current_payment()).and_then(Payment::payer)
    }

    /// Whether a payer has consented to the terms, in a payment that has not failed.
    #[must_use]
    pub fn has_consent(&self) -> bool {
        self.funding.is_some() || self.payments.iter().any(|payment| !payment.has_failed())
    }

    /// The last moment at which a payer can consent by signature.
    #[must_use]
    pub const fn consent_deadline(&self) -> Timestamp {
        self.created.after(Span::from_seconds(CONSENT_PERIOD_S))
    }

    /// The transactions that payers of this intent have named: no other intent of its owner may name them.
    #[must_use]
    pub fn transactions(&self) -> Vec<Hash> {
        self.payments.iter().filter_map(|payment| payment.transaction).collect()
    }

    /// The transaction that carries the payment, as far as it is known: named by the payer, else by anybody, else simulated.
    #[must_use]
    pub fn transaction(&self) -> Option<Hash> {
        let payment = self.current_payment();
        let named = payment.and_then(|payment| payment.transaction);
        named.or(self.hint).or_else(|| payment.and_then(Payment::transaction_hash))
    }

    /// What came in without a purpose and has not gone back yet, in minor units.
    #[must_use]
    pub fn unapplied_minor(&self) -> i64 {
        let waiting = self.refunds.iter().filter(|refund| match (refund.source, &refund.state) {
            (RefundSource::Unapplied(_), RefundState::Pending) => true,
            (RefundSource::Escrow, _) | (RefundSource::Unapplied(_), RefundState::Succeeded { .. }) => false,
        });
        waiting.fold(0_i64, |sum, refund| sum.saturating_add(refund.amount.minor()))
    }

    /// When delivery is due, once it was funded.
    #[must_use]
    pub fn delivery_deadline(&self) -> Option<Timestamp> {
        self.funding.map(|funding| funding.at.after(self.terms.delivery_period))
    }

    /// What the shares of this escrow may add up to: what is held or, before funding, what will be.
    #[must_use]
    pub const fn allocatable(&self) -> Amount {
        if self.state.is_unpaid() { self.terms.amount } else { self.funds.held }
    }

    /// What the open milestones add up to, in minor units.
    #[must_use]
    pub fn allocated_minor(&self) -> i64 {
        self.milestones()
            .iter()
            .filter(|milestone| milestone.is_open())
            .fold(0_i64, |sum, milestone| sum.saturating_add(milestone.amount.minor()))
    }

    /// What is held and belongs to no open milestone.
    #[must_use]
    pub fn unallocated(&self) -> Amount {
        let held = self.funds.held;
        let free = held.minor().saturating_sub(self.allocated_minor());
        Amount::from_minor(free, held.currency()).unwrap_or(Amount::zero(held.currency()))
    }

    /// How far the settlements are; `None` before the first.
    #[must_use]
    pub fn settlement_progress(&self) -> Option<SettlementProgress> {
        match self.state {
            IntentState::Settled { .. } | IntentState::Final { .. } => Some(SettlementProgress::Completed),
            IntentState::Initiated
            | IntentState::RequiresSignature { .. }
            | IntentState::Processing { .. }
            | IntentState::PaymentFailed { .. }
            | IntentState::Succeeded
            | IntentState::Canceled { .. } => {
                let waits = |settlement: &Settlement| matches!(settlement.state, SettlementState::Scheduled { .. });
                match self.settlements.as_slice() {
                    [] => None,
                    all if all.iter().all(waits) => Some(SettlementProgress::Pending),
                    _ => Some(SettlementProgress::InProgress),
                }
            }
        }
    }

    /// How far the settlement of the order is.
    #[must_use]
    pub fn order_settlement(&self) -> OrderSettlement {
        if let Some(Order { state: OrderState::Cancelled { .. }, .. }) = self.order {
            return OrderSettlement::Cancelled;
        }
        let has = |status| self.settlements.iter().any(|settlement| settlement.status() == status);
        if has(SettlementStatus::Executed) {
            OrderSettlement::Executed
        } else if has(SettlementStatus::Scheduled) {
            OrderSettlement::Scheduled
        } else if has(SettlementStatus::Confirmed) {
            OrderSettlement::Confirmed
        } else {
            OrderSettlement::None
        }
    }
}
