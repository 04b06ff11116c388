//! What can be asked of an escrow. Texts and numbers are already parsed and within bounds.

use crate::chain::Hash;
use crate::id::{IntentId, MilestoneId, OrderId, PaymentId, RefundId, SettlementId};
use crate::ledger::Rail;
use crate::money::Decimal;
use crate::payment::{Card, Consent, Means};
use crate::terms::{Owner, Terms, names};

/// A new intent, with its first milestones.
#[derive(Clone, Debug)]
pub struct NewIntent {
    /// Its id.
    pub id: IntentId,
    /// The id of its order, should it have one.
    pub order_id: OrderId,
    /// Whose it is.
    pub owner: Owner,
    /// What was agreed.
    pub terms: Terms,
    /// Its first milestones, in any order.
    pub milestones: Vec<NewMilestone>,
}

/// A new milestone.
#[derive(Clone, Debug)]
pub struct NewMilestone {
    /// Its id.
    pub id: MilestoneId,
    /// Its place in the order of completion.
    pub index: u32,
    /// Its share.
    pub amount: Decimal,
    /// Free text for people.
    pub description: Option<String>,
    /// Informative share of the whole, as the decimal literal that was sent.
    pub percentage: Option<String>,
}

/// Changes of a pending milestone; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct MilestonePatch {
    /// Another share.
    pub amount: Option<Decimal>,
    /// Another text; `Some(None)` takes it away.
    pub description: Option<Option<String>>,
    /// Another percentage; `Some(None)` takes it away.
    pub percentage: Option<Option<String>>,
}

/// A milestone is done.
#[derive(Clone, Debug)]
pub struct CompleteMilestone {
    /// Which.
    pub milestone: MilestoneId,
    /// Who says so; a label, no authority.
    pub by: String,
    /// What proves it.
    pub proof: Option<String>,
    /// Where the proof is.
    pub proof_uri: Option<String>,
}

/// A wallet consents to the terms and pays.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// The consent, or why the signature is not one. It was checked against the terms of `revision`.
    pub consent: Result<Consent, String>,
    /// Which terms the signature was checked against.
    pub revision: u32,
    /// The transaction that carries the money, where the payer names it.
    pub transaction: Option<Hash>,
}

/// Somebody pays by card.
#[derive(Clone, Debug)]
pub struct CardPayment {
    /// The card, and what the processor calls the payment.
    pub card: Card,
    /// What the processor answered.
    pub outcome: CardOutcome,
}

/// What a card processor answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardOutcome {
    /// The money will come.
    Authorized,
    /// It will not, for this reason.
    Declined(String),
}

/// Money that came in, final.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The rail that it came on.
    pub rail: Rail,
    /// Where from.
    pub means: Means,
    /// How much, in the currency of the intent; `None` is exactly the intent's amount.
    pub amount: Option<Decimal>,
    /// The transaction that carried it.
    pub transaction: Option<Hash>,
}

/// Something asked of an existing escrow.
#[derive(Clone, Debug)]
pub enum Command {
    /// A payer consents by signature, and pays.
    Confirm(Confirmation),
    /// A payer pays by card.
    PayByCard(CardPayment),
    /// Somebody names the transaction that pays: a hint, which moves no money.
    AnnounceTransaction(Hash),
    /// Money came in, final.
    ReceivePayment(Receipt),
    /// The rail says that a payment is final.
    SettlePayment(PaymentId),
    /// The rail refuses a payment, the one under way where none is named, for this reason.
    FailPayment(Option<PaymentId>, String),
    /// Give the intent up.
    Cancel,
    /// Add a milestone.
    AddMilestone(NewMilestone),
    /// Change a pending milestone.
    UpdateMilestone(MilestoneId, MilestonePatch),
    /// Delete a pending milestone.
    DeleteMilestone(MilestoneId),
    /// Complete a milestone.
    CompleteMilestone(CompleteMilestone),
    /// Release a completed milestone by hand; the label says who asked.
    ReleaseMilestone(MilestoneId, Option<String>),
    /// A settlement's time has come.
    StartSettlement(SettlementId),
    /// The payout method says that a settlement arrived, and what it calls the payment.
    ConfirmSettlement(SettlementId, String),
    /// The rail says that a refund arrived, and what it calls the payment.
    ConfirmRefund(RefundId, String),
    /// The finality period may be over.
    Finalize,
}

names! {
    /// The name of a command.
    CommandKind {
        /// [`Command::Confirm`]
        Confirm = "confirm",
        /// [`Command::PayByCard`]
        PayByCard = "pay by card",
        /// [`Command::AnnounceTransaction`]
        AnnounceTransaction = "announce transaction",
        /// [`Command::ReceivePayment`]
        ReceivePayment = "receive payment",
        /// [`Command::SettlePayment`]
        SettlePayment = "settle payment",
        /// [`Command::FailPayment`]
        FailPayment = "fail payment",
        /// [`Command::Cancel`]
        Cancel = "cancel",
        /// [`Command::AddMilestone`]
        AddMilestone = "add milestone",
        /// [`Command::UpdateMilestone`]
        UpdateMilestone = "update milestone",
        /// [`Command::DeleteMilestone`]
        DeleteMilestone = "delete milestone",
        /// [`Command::CompleteMilestone`]
        CompleteMilestone = "complete milestone",
        /// [`Command::ReleaseMilestone`]
        ReleaseMilestone = "release milestone",
        /// [`Command::StartSettlement`]
        StartSettlement = "start settlement",
        /// [`Command::ConfirmSettlement`]
        ConfirmSettlement = "confirm settlement",
        /// [`Command::ConfirmRefund`]
        ConfirmRefund = "confirm refund",
        /// [`Command::Finalize`]
        Finalize = "finalize",
    }
}

impl Command {
    /// The name of the command.
    #[must_use]
    pub const fn kind(&self) -> CommandKind {
        match self {
            Command::Confirm(_) => CommandKind::Confirm,
            Command::PayByCard(_) => CommandKind::PayByCard,
            Command::AnnounceTransaction(_) => CommandKind::AnnounceTransaction,
            Command::ReceivePayment(_) => CommandKind::ReceivePayment,
            Command::SettlePayment(_) => CommandKind::SettlePayment,
            Command::FailPayment(..) => CommandKind::FailPayment,
            Command::Cancel => CommandKind::Cancel,
            Command::AddMilestone(_) => CommandKind::AddMilestone,
            Command::UpdateMilestone(..) => CommandKind::UpdateMilestone,
            Command::DeleteMilestone(_) => CommandKind::DeleteMilestone,
            Command::CompleteMilestone(_) => CommandKind::CompleteMilestone,
            Command::ReleaseMilestone(..) => CommandKind::ReleaseMilestone,
            Command::StartSettlement(_) => CommandKind::StartSettlement,
            Command::ConfirmSettlement(..) => CommandKind::ConfirmSettlement,
            Command::ConfirmRefund(..) => CommandKind::ConfirmRefund,
            Command::Finalize => CommandKind::Finalize,
        }
    }
}
