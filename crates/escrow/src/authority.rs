//! Who may ask for what.

use crate::command::CommandKind;
use crate::payment::Payer;
use crate::rejection::Rejection;
use crate::terms::{Mode, names};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The merchant, by an API key.
    Merchant,
    /// Somebody who has proven to be this payer. Whether it was this one who paid, the decision tells.
    Payer(Payer),
    /// Somebody who says to be the payer and has not proven it, and what they are told: whatever they ask for is refused so.
    Unproven(Rejection),
    /// Whoever runs the gateway, by an admin key. The operator acts for no merchant.
    Operator,
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
        /// [`Actor::Operator`]
        Operator = "operator",
        /// [`Actor::Anyone`], and [`Actor::Unproven`]
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
            Actor::Operator => Role::Operator,
            // Nothing is proven, so that they may not ask for more than anyone else.
            Actor::Anyone | Actor::Unproven(_) => Role::Anyone,
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
        | CommandKind::CompleteMilestone
        | CommandKind::Ship
        | CommandKind::SubmitProof
        | CommandKind::Refund
        | CommandKind::RetrySettlement => matches!(who, Role::Merchant),
        // In the sandbox the merchant speaks for the simulated payer.
        CommandKind::ReleaseMilestone
        | CommandKind::ReleaseOrder
        | CommandKind::ApproveMilestone
        | CommandKind::RejectMilestone
        | CommandKind::Reclaim => matches!((who, mode), (Role::Payer, _) | (Role::Merchant, Mode::Sandbox)),
        CommandKind::RaiseDispute | CommandKind::SubmitEvidence => matches!(who, Role::Merchant | Role::Payer),
        CommandKind::ResolveDispute => matches!((who, mode), (Role::Operator, _) | (Role::Merchant, Mode::Sandbox)),
        CommandKind::FailSettlement | CommandKind::ReturnSettlement => {
            matches!((who, mode), (Role::Gateway, _) | (Role::Merchant, Mode::Sandbox))
        }
        CommandKind::SettlePayment
        | CommandKind::OpenTimeLock
        | CommandKind::EndSilence
        | CommandKind::EndDispute
        | CommandKind::DisputeRejection
        | CommandKind::FailRefund
        | CommandKind::StartSettlement
        | CommandKind::ConfirmSettlement
        | CommandKind::ConfirmRefund
        | CommandKind::Finalize => matches!(who, Role::Gateway),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_decides_disputes_and_does_nothing_else() {
        let modes = [Mode::Sandbox, Mode::Live];
        let all = CommandKind::ALL.iter().flat_map(|what| modes.map(|mode| (*what, mode)));
        let asked: Vec<_> = all.filter(|(what, mode)| may_ask(Role::Operator, *what, *mode)).collect();
        assert_eq!(asked, modes.map(|mode| (CommandKind::ResolveDispute, mode)));
    }
}
