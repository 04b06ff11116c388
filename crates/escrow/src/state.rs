//! The state of one intent: everything that a decision about its money needs, and nothing else.
//!
//! The serde form of these types, and of the payments, disputes, settlements and refunds in it, is what the store keeps; a change
//! of it is a migration, and a test pins it.

use serde::{Deserialize, Serialize};

use crate::chain::{Chain, Hash};
use crate::dispute::Dispute;
use crate::id::{IntentId, MilestoneId, OrderId, PaymentId, ProofId, RefundId, SettlementId};
use crate::ledger::{Funds, Rail};
use crate::limits::CONSENT_PERIOD_S;
use crate::money::Amount;
use crate::payment::{Card, Means, Payer, Payment, PaymentState};
use crate::refund::{Refund, RefundSource, RefundState};
use crate::rejection::Rejection;
use crate::settlement::{Settlement, SettlementStatus};
use crate::terms::{Owner, Terms, names};
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
        /// The rail refused the payment, or a payout did not reach the payee.
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
    /// Funded, and some of what left did not arrive: a settlement failed or came back, or a refund that ended the order did.
    PayoutFailed {
        /// When.
        at: Timestamp,
    },
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
            IntentState::PaymentFailed { .. } | IntentState::PayoutFailed { .. } => IntentStatus::RequiresAction,
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
            | IntentState::PayoutFailed { .. }
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
    /// How it was shipped, if that was said.
    pub shipment: Option<Shipment>,
    /// What proves the delivery, once that was accepted.
    pub proof: Option<DeliveryProof>,
    /// Its disputes, oldest first.
    #[serde(default)]
    pub disputes: Vec<Dispute>,
    /// How long a dispute waits for its resolution, where one has lengthened what was agreed.
    #[serde(default)]
    pub longer_window: Option<Span>,
}

/// How an order was shipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// When that was said.
    pub at: Timestamp,
    /// Who carries it.
    pub carrier: Option<String>,
    /// What the carrier calls it.
    pub tracking_number: Option<String>,
}

/// What proves a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryProof {
    /// Its id.
    pub id: ProofId,
    /// The hash of what proves it.
    pub hash: Hash,
    /// Where that is.
    pub uri: Option<String>,
    /// Who submitted it; a label, unless it is the oracle's address.
    pub submitted_by: String,
    /// The transaction that submitted it elsewhere, as sent.
    pub transaction: Option<Hash>,
    /// The oracle's signature, as sent, where one was checked.
    pub oracle_signature: Option<String>,
    /// When it was accepted.
    pub created: Timestamp,
}

names! {
    /// The name of an order's state.
    OrderStatus {
        /// Waiting for delivery.
        Pending = "PENDING",
        /// On its way.
        Shipped = "SHIPPED",
        /// Delivered, not all released.
        Delivered = "DELIVERED",
        /// All that is held waits for the resolution of a dispute.
        Disputed = "DISPUTED",
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
    /// On its way.
    Shipped {
        /// Since when.
        at: Timestamp,
    },
    /// The delivery was proven, or every share of what is held was completed, and not all has left. It stays so when a share is
    /// rejected afterwards.
    Delivered {
        /// When.
        at: Timestamp,
    },
    /// All that is held waits for the resolution of a dispute.
    Disputed {
        /// Since when.
        at: Timestamp,
    },
    /// Nothing is held any more.
    Completed {
        /// When the last share left.
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
            OrderState::Shipped { .. } => OrderStatus::Shipped,
            OrderState::Delivered { .. } => OrderStatus::Delivered,
            OrderState::Disputed { .. } => OrderStatus::Disputed,
            OrderState::Completed { .. } => OrderStatus::Completed,
            OrderState::Cancelled { .. } => OrderStatus::Cancelled,
        }
    }

    /// Whether nothing is left to do for it.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            OrderState::Completed { .. } | OrderState::Cancelled { .. } => true,
            OrderState::Pending
            | OrderState::Shipped { .. }
            | OrderState::Delivered { .. }
            | OrderState::Disputed { .. } => false,
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
    /// How often it was completed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// Why the last completion was rejected, while no other one has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Rejected>,
    /// Where it stands.
    pub state: MilestoneState,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
pub(crate) const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// How the completion of a milestone was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
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
    /// Its share is the merchant's. A dispute may release what was never completed.
    Released(Option<Completion>, Release),
    /// Deleted, given up with its order, or refunded.
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
    /// The payer's approval, once it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// A payer's approval of a completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// When.
    pub at: Timestamp,
    /// Who gave it, in words.
    pub by: String,
}

/// How a milestone was released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// When.
    pub at: Timestamp,
    /// Who asked for it; `None` when it happened by itself.
    pub by: Option<String>,
    /// How much of the share a dispute gave back to the payer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Amount>,
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

    /// Refuses to speak of another completion than the last one, where it is said which.
    ///
    /// # Errors
    /// When it is another.
    pub fn check_attempt(&self, attempt: Option<u32>) -> Result<(), Rejection> {
        let is_other = attempt.is_some_and(|attempt| attempt != self.attempts);
        if is_other { Err(Rejection::Stale("The completion of the milestone")) } else { Ok(()) }
    }

    /// How it was completed, if it was.
    #[must_use]
    pub const fn completion(&self) -> Option<&Completion> {
        match &self.state {
            MilestoneState::Completed(completion) => Some(completion),
            MilestoneState::Released(completion, _) => completion.as_ref(),
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

names! {
    /// How far the settlements of an intent are, taken together.
    SettlementProgress {
        /// One or more wait for their time, none has started.
        Pending = "PENDING",
        /// At least one has started.
        InProgress = "IN_PROGRESS",
        /// The intent is settled.
        Completed = "COMPLETED",
        /// At least one did not arrive and waits to be tried again.
        Failed = "FAILED",
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

    /// The card that funded the intent, where one did.
    #[must_use]
    pub fn funding_card(&self) -> Option<&Card> {
        match &self.funding.and(self.current_payment())?.means {
            Means::Card(card) => Some(card),
            Means::Deposit(_) | Means::Wallet(_) => None,
        }
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
            (RefundSource::Unapplied(_), RefundState::Pending | RefundState::Failed { .. }) => true,
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
        if matches!(self.state, IntentState::Settled { .. } | IntentState::Final { .. }) {
            return Some(SettlementProgress::Completed);
        }
        if self.settlements.iter().any(Settlement::needs_retry) {
            return Some(SettlementProgress::Failed);
        }
        // Those that a refund has taken the money of never started.
        let is_cancelled = |settlement: &&Settlement| settlement.status() == SettlementStatus::Cancelled;
        let mut settlements = self.settlements.iter().filter(|settlement| !is_cancelled(settlement)).peekable();
        settlements.peek()?;
        let all_wait = settlements.all(|settlement| settlement.status() == SettlementStatus::Scheduled);
        Some(if all_wait { SettlementProgress::Pending } else { SettlementProgress::InProgress })
    }

    /// How far the settlement of the order is.
    #[must_use]
    pub fn order_settlement(&self) -> OrderSettlement {
        if let Some(Order { state: OrderState::Cancelled { .. }, .. }) = self.order {
            return OrderSettlement::Cancelled;
        }
        let has = |status| self.settlements.iter().any(|settlement| settlement.status() == status);
        let has_failed = self.settlements.iter().any(Settlement::needs_retry);
        if has(SettlementStatus::Executed) || has_failed {
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
