//! What can be asked of an escrow. Texts and numbers are already parsed and within bounds.

use crate::id::{IntentId, MilestoneId, OrderId, RefundId, SettlementId};
use crate::ledger::Rail;
use crate::money::Decimal;
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

/// Something asked of an existing escrow.
#[derive(Clone, Debug)]
pub enum Command {
    /// The payer's money arrived, exactly the amount of the intent.
    Fund(Rail),
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
        /// [`Command::Fund`]
        Fund = "fund",
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
            Command::Fund(_) => CommandKind::Fund,
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
