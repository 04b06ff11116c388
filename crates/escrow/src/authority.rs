//! Who may ask for what.

use crate::command::CommandKind;
use crate::payment::Payer;
use crate::terms::{Mode, names};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The merchant, by an API key.
    Merchant,
    /// Somebody who has proven to be this payer. Whether it was this one who paid, the decision tells.
    Payer(Payer),
    /// Somebody who knows the address of the intent.
    Anyone,
    /// The gateway itself: a timer, or what a rail or a payout method says.
    Gateway,
}

names! {
    /// Who asks, without which one.
    Role {
        /// [`Actor::Merchant`]
        Merchant = "merchant",
        /// [`Actor::Payer`]
        Payer = "payer",
        /// [`Actor::Anyone`]
        Anyone = "anyone",
        /// [`Actor::Gateway`]
        Gateway = "gateway",
    }
}

impl Actor {
    /// The role.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self {
            Actor::Merchant => Role::Merchant,
            Actor::Payer(_) => Role::Payer,
            Actor::Anyone => Role::Anyone,
            Actor::Gateway => Role::Gateway,
        }
    }
}

/// Whether somebody in this role may ask for this at all.
#[must_use]
pub const fn may_ask(who: Role, what: CommandKind, mode: Mode) -> bool {
    match what {
        // Whoever pays becomes the payer; the proof is in the command.
        CommandKind::Confirm | CommandKind::AnnounceTransaction => matches!(who, Role::Anyone),
        // Cards exist in the sandbox only, until a processor is connected.
        CommandKind::PayByCard => matches!((who, mode), (Role::Anyone, Mode::Sandbox)),
        // The merchant simulates payers, who exist in the sandbox only.
        CommandKind::ReceivePayment | CommandKind::FailPayment => {
            matches!((who, mode), (Role::Gateway, _) | (Role::Merchant, Mode::Sandbox))
        }
        CommandKind::Cancel
        | CommandKind::AddMilestone
        | CommandKind::UpdateMilestone
        | CommandKind::DeleteMilestone
        | CommandKind::CompleteMilestone => matches!(who, Role::Merchant),
        CommandKind::ReleaseMilestone => matches!((who, mode), (Role::Payer, _) | (Role::Merchant, Mode::Sandbox)),
        CommandKind::SettlePayment
        | CommandKind::StartSettlement
        | CommandKind::ConfirmSettlement
        | CommandKind::ConfirmRefund
        | CommandKind::Finalize => matches!(who, Role::Gateway),
    }
}
