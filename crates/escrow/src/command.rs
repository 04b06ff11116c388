//! What can be asked of an escrow. Texts and numbers are already parsed and within bounds.

use crate::chain::Hash;
use crate::dispute::Resolution;
use crate::id::{DisputeId, IntentId, MilestoneId, OrderId, PaymentId, ProofId, RefundId, SettlementId};
use crate::ledger::Rail;
use crate::money::{Amount, Decimal};
use crate::payment::{Card, Consent, Means};
use crate::terms::{Owner, Terms, names};
use crate::time::Span;

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

/// The goods are on their way.
#[derive(Clone, Debug, Default)]
pub struct Shipping {
    /// Who carries them.
    pub carrier: Option<String>,
    /// What the carrier calls them.
    pub tracking_number: Option<String>,
}

/// Something that proves the delivery.
#[derive(Clone, Debug)]
pub struct NewProof {
    /// Its id.
    pub id: ProofId,
    /// The hash of what proves it.
    pub hash: Hash,
    /// Where that is.
    pub uri: Option<String>,
    /// Who submits it.
    pub submitted_by: String,
    /// The transaction that submitted it elsewhere.
    pub transaction: Option<Hash>,
    /// The oracle's signature where one was sent, or why it is not one.
    pub oracle_signature: Option<Result<String, String>>,
}

/// The payer approves a completed milestone.
#[derive(Clone, Debug)]
pub struct Approving {
    /// Which.
    pub milestone: MilestoneId,
    /// Which completion of it, where the payer said so; approving another one is refused.
    pub attempt: Option<u32>,
    /// Who approves, in words; no authority.
    pub by: String,
}

/// The payer rejects a completed milestone.
#[derive(Clone, Debug)]
pub struct Rejecting {
    /// Which.
    pub milestone: MilestoneId,
    /// Which completion of it, where the payer said so; rejecting another one is refused.
    pub attempt: Option<u32>,
    /// Why.
    pub reason: String,
}

/// A new dispute.
#[derive(Clone, Debug)]
pub struct NewDispute {
    /// About which milestone; `None` is all that is held.
    pub milestone: Option<MilestoneId>,
    /// Who raises it; a label, no authority.
    pub raised_by: String,
    /// Why.
    pub reason: String,
    /// A longer dispute window for the order.
    pub window: Option<Span>,
    /// How many disputes there were, where the payer said so; after more of them it is refused.
    pub count: Option<u32>,
}

/// Something that a party submits about an open dispute.
#[derive(Clone, Debug)]
pub struct NewEvidence {
    /// About the dispute of this milestone; `None` is the only one that is open.
    pub milestone: Option<MilestoneId>,
    /// About this very dispute, where the payer said so.
    pub dispute: Option<DisputeId>,
    /// Who submits it; a label, no authority.
    pub submitted_by: String,
    /// What it says.
    pub text: Option<String>,
    /// Where it is.
    pub uri: Option<String>,
    /// The hash of what is there.
    pub hash: Option<Hash>,
}

/// How a dispute is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// What is frozen is released.
    MerchantWon,
    /// What is frozen is refunded.
    BuyerWon,
    /// So much of it is refunded, the rest released.
    PartialRefund(Decimal),
}

impl Ruling {
    /// The name of how the dispute ends.
    #[must_use]
    pub const fn resolution(self) -> Resolution {
        match self {
            Ruling::MerchantWon => Resolution::MerchantWon,
            Ruling::BuyerWon => Resolution::BuyerWon,
            Ruling::PartialRefund(_) => Resolution::PartialRefund,
        }
    }
}

/// Somebody decides an open dispute.
#[derive(Clone, Debug)]
pub struct Resolving {
    /// The dispute of this milestone; `None` is the only one that is open.
    pub milestone: Option<MilestoneId>,
    /// This very dispute, where whoever decides has seen it.
    pub dispute: Option<DisputeId>,
    /// How.
    pub ruling: Ruling,
    /// Who; a label, no authority.
    pub by: String,
    /// What is said to it.
    pub note: Option<String>,
}

/// A refund that the merchant asks for.
#[derive(Clone, Debug, Default)]
pub struct NewRefund {
    /// How much, in the currency of the intent; `None` is all that is held and free or, when nothing is held any more, all that
    /// has been released and is not on its way to the payee.
    pub amount: Option<Decimal>,
    /// Why.
    pub reason: Option<String>,
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
    /// The goods are on their way.
    Ship(Shipping),
    /// The delivery is proven.
    SubmitProof(NewProof),
    /// Release all that is held, after a proof, by hand; refused when that is no longer the amount that the payer spoke of.
    ReleaseOrder(Option<Amount>),
    /// The payer approves a completed milestone.
    ApproveMilestone(Approving),
    /// The payer rejects a completed milestone: it is to be done again.
    RejectMilestone(Rejecting),
    /// Freeze the order, or a milestone of it, until somebody decides.
    RaiseDispute(NewDispute),
    /// A party submits something about a dispute.
    SubmitEvidence(NewEvidence),
    /// Decide a dispute.
    ResolveDispute(Resolving),
    /// A dispute may have waited long enough.
    EndDispute(DisputeId),
    /// A rejected milestone may have waited long enough for being done again.
    DisputeRejection(MilestoneId),
    /// Give money back to the payer.
    Refund(NewRefund),
    /// The payer takes back what was not delivered in time; refused when what is held is no longer the amount that the payer spoke
    /// of.
    Reclaim(Option<Amount>),
    /// A time lock may be open.
    OpenTimeLock,
    /// Whoever could have spoken may have been silent for long enough: about a milestone, or the whole order.
    EndSilence(Option<MilestoneId>),
    /// A settlement's time has come.
    StartSettlement(SettlementId),
    /// The payout method says that a settlement arrived, and what it calls the payment.
    ConfirmSettlement(SettlementId, String),
    /// The payout method refuses a settlement for good, for this reason.
    FailSettlement(SettlementId, String),
    /// The bank sends a settlement back, for this reason.
    ReturnSettlement(SettlementId, String),
    /// Try a settlement again that did not arrive.
    RetrySettlement(SettlementId),
    /// The rail refuses a refund for good, for this reason.
    FailRefund(RefundId, String),
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
        /// [`Command::Ship`]
        Ship = "ship",
        /// [`Command::SubmitProof`]
        SubmitProof = "submit proof",
        /// [`Command::ReleaseOrder`]
        ReleaseOrder = "release order",
        /// [`Command::ApproveMilestone`]
        ApproveMilestone = "approve milestone",
        /// [`Command::RejectMilestone`]
        RejectMilestone = "reject milestone",
        /// [`Command::RaiseDispute`]
        RaiseDispute = "raise dispute",
        /// [`Command::SubmitEvidence`]
        SubmitEvidence = "submit evidence",
        /// [`Command::ResolveDispute`]
        ResolveDispute = "resolve dispute",
        /// [`Command::EndDispute`]
        EndDispute = "end dispute",
        /// [`Command::DisputeRejection`]
        DisputeRejection = "dispute rejection",
        /// [`Command::Refund`]
        Refund = "refund",
        /// [`Command::Reclaim`]
        Reclaim = "reclaim",
        /// [`Command::OpenTimeLock`]
        OpenTimeLock = "open time lock",
        /// [`Command::EndSilence`]
        EndSilence = "end silence",
        /// [`Command::StartSettlement`]
        StartSettlement = "start settlement",
        /// [`Command::ConfirmSettlement`]
        ConfirmSettlement = "confirm settlement",
        /// [`Command::FailSettlement`]
        FailSettlement = "fail settlement",
        /// [`Command::ReturnSettlement`]
        ReturnSettlement = "return settlement",
        /// [`Command::RetrySettlement`]
        RetrySettlement = "retry settlement",
        /// [`Command::FailRefund`]
        FailRefund = "fail refund",
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
            Command::Ship(_) => CommandKind::Ship,
            Command::SubmitProof(_) => CommandKind::SubmitProof,
            Command::ReleaseOrder(_) => CommandKind::ReleaseOrder,
            Command::ApproveMilestone(_) => CommandKind::ApproveMilestone,
            Command::RejectMilestone(_) => CommandKind::RejectMilestone,
            Command::RaiseDispute(_) => CommandKind::RaiseDispute,
            Command::SubmitEvidence(_) => CommandKind::SubmitEvidence,
            Command::ResolveDispute(_) => CommandKind::ResolveDispute,
            Command::EndDispute(_) => CommandKind::EndDispute,
            Command::DisputeRejection(_) => CommandKind::DisputeRejection,
            Command::Refund(_) => CommandKind::Refund,
            Command::Reclaim(_) => CommandKind::Reclaim,
            Command::OpenTimeLock => CommandKind::OpenTimeLock,
            Command::EndSilence(_) => CommandKind::EndSilence,
            Command::StartSettlement(_) => CommandKind::StartSettlement,
            Command::ConfirmSettlement(..) => CommandKind::ConfirmSettlement,
            Command::FailSettlement(..) => CommandKind::FailSettlement,
            Command::ReturnSettlement(..) => CommandKind::ReturnSettlement,
            Command::RetrySettlement(_) => CommandKind::RetrySettlement,
            Command::FailRefund(..) => CommandKind::FailRefund,
            Command::ConfirmRefund(..) => CommandKind::ConfirmRefund,
            Command::Finalize => CommandKind::Finalize,
        }
    }
}
