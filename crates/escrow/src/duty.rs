//! Timed duties: what must happen later, whatever crashes in between.

use serde::{Deserialize, Serialize};

use crate::dispute::DisputeState;
use crate::id::{DisputeId, MilestoneId, PaymentId, RefundId, SettlementId};
use crate::payment::PaymentState;
use crate::planted;
use crate::refund::RefundState;
use crate::settlement::SettlementState;
use crate::state::{Escrow, IntentState};
use crate::time::Timestamp;

/// Something that must be done for an escrow, once its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Duty {
    /// Start a scheduled settlement.
    StartSettlement(SettlementId),
    /// Ask the payout method to pay a started settlement, until it answers.
    PayOut(SettlementId),
    /// Ask the rail to pay a refund back, until it answers.
    PayBack(RefundId),
    /// Make a settled intent final.
    Finalize,
    /// Ask the rail whether a payment is final, until it answers.
    AwaitPayment(PaymentId),
    /// Release what a time lock held.
    OpenTimeLock,
    /// Release what nobody has spoken against: a milestone, or the whole order.
    EndSilence(Option<MilestoneId>),
    /// Decide a dispute that nobody has decided.
    EndDispute(DisputeId),
    /// Make a dispute of a milestone that was rejected and not completed again.
    DisputeRejection(MilestoneId),
}

impl Duty {
    /// The names of all kinds of duties, in their order.
    pub const NAMES: [&'static str; 9] = [
        "start_settlement",
        "pay_out",
        "pay_back",
        "finalize",
        "await_payment",
        "open_time_lock",
        "end_silence",
        "end_dispute",
        "dispute_rejection",
    ];

    /// The name of its kind.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        let place = match self {
            Duty::StartSettlement(_) => 0,
            Duty::PayOut(_) => 1,
            Duty::PayBack(_) => 2,
            Duty::Finalize => 3,
            Duty::AwaitPayment(_) => 4,
            Duty::OpenTimeLock => 5,
            Duty::EndSilence(_) => 6,
            Duty::EndDispute(_) => 7,
            Duty::DisputeRejection(_) => 8,
        };
        Duty::NAMES[place]
    }
}

impl std::fmt::Display for Duty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Duty::StartSettlement(id) => write!(f, "start {id}"),
            Duty::PayOut(id) => write!(f, "pay out {id}"),
            Duty::PayBack(id) => write!(f, "pay back {id}"),
            Duty::Finalize => f.write_str("finalize"),
            Duty::AwaitPayment(id) => write!(f, "await {id}"),
            Duty::OpenTimeLock => f.write_str("open the time lock"),
            Duty::EndSilence(Some(id)) => write!(f, "end the silence about {id}"),
            Duty::EndSilence(None) => f.write_str("end the silence"),
            Duty::EndDispute(id) => write!(f, "end {id}"),
            Duty::DisputeRejection(id) => write!(f, "dispute the rejection of {id}"),
        }
    }
}

/// A change of the duties: data for the shell, kept as jobs in the same commit as the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The duty falls due at this time.
    Schedule(Duty, Timestamp),
    /// The duty is done, or no longer one.
    Drop(Duty),
}

impl Escrow {
    /// Every duty that this state implies, and when it falls due. Jobs are nothing but this, written down.
    #[must_use]
    pub fn duties(&self) -> Vec<(Duty, Timestamp)> {
        let settlements = self.settlements.iter().filter_map(|settlement| match settlement.state {
            SettlementState::Scheduled { due } => Some((Duty::StartSettlement(settlement.id), due)),
            SettlementState::Executed { at } => Some((Duty::PayOut(settlement.id), at)),
            SettlementState::Confirmed { .. }
            | SettlementState::Failed { .. }
            | SettlementState::Returned { .. }
            | SettlementState::Cancelled { .. } => None,
        });
        let refunds = self.refunds.iter().filter_map(|refund| match refund.state {
            RefundState::Pending => Some((Duty::PayBack(refund.id), refund.created)),
            RefundState::Succeeded { .. } | RefundState::Failed { .. } => None,
        });
        let finality = match self.state {
            // A refund on its way may still come back.
            IntentState::Settled { final_due, .. } if self.funds.refunding.is_zero() => {
                Some((Duty::Finalize, final_due))
            }
            IntentState::Initiated
            | IntentState::RequiresSignature { .. }
            | IntentState::Processing { .. }
            | IntentState::PaymentFailed { .. }
            | IntentState::Succeeded
            | IntentState::PayoutFailed { .. }
            | IntentState::Settled { .. }
            | IntentState::Final { .. }
            | IntentState::Canceled { .. } => None,
        };
        let payments = self.payments.iter().filter_map(|payment| match payment.state {
            PaymentState::Confirming { due } => Some((Duty::AwaitPayment(payment.id), due)),
            PaymentState::Final { .. } | PaymentState::Failed { .. } | PaymentState::Unapplied { .. } => None,
        });
        let time_lock = self.time_lock().map(|until| (Duty::OpenTimeLock, until));
        let silence = self.silence().map(|(milestone, until)| (Duty::EndSilence(milestone), until));
        let disputes = self.disputes().iter().filter_map(|dispute| match dispute.state {
            DisputeState::Open { due } => Some((Duty::EndDispute(dispute.id), due)),
            DisputeState::Resolved(_) => None,
        });
        let rejections = self.rejections().map(|(milestone, due)| (Duty::DisputeRejection(milestone), due));
        let money = settlements.chain(refunds).chain(finality).chain(payments);
        money.chain(time_lock).chain(silence).chain(disputes).chain(rejections).collect()
    }
}

/// What turns the duties of `before` into those of `after`.
#[must_use]
pub fn effects(before: &[(Duty, Timestamp)], after: &[(Duty, Timestamp)]) -> Vec<Effect> {
    let is_duty = |duties: &[(Duty, Timestamp)], duty: Duty| duties.iter().any(|(other, _)| *other == duty);
    let is_over = |duty: Duty| !is_duty(after, duty) && !planted!(DutyKept);
    let dropped = before.iter().filter(|(duty, _)| is_over(*duty)).map(|(duty, _)| Effect::Drop(*duty));
    let scheduled =
        after.iter().filter(|entry| !before.contains(entry)).map(|(duty, due)| Effect::Schedule(*duty, *due));
    dropped.chain(scheduled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RawId;

    #[test]
    fn every_duty_has_a_name_and_says_what_is_to_be_done() {
        let raw = RawId::from_bits(7);
        let settlement = SettlementId::new(raw);
        for (duty, name, words) in [
            (Duty::StartSettlement(settlement), "start_settlement", format!("start {settlement}")),
            (Duty::PayOut(settlement), "pay_out", format!("pay out {settlement}")),
            (Duty::PayBack(RefundId::new(raw)), "pay_back", format!("pay back {}", RefundId::new(raw))),
            (Duty::Finalize, "finalize", "finalize".to_owned()),
            (Duty::AwaitPayment(PaymentId::new(raw)), "await_payment", format!("await {}", PaymentId::new(raw))),
            (Duty::OpenTimeLock, "open_time_lock", "open the time lock".to_owned()),
            (Duty::EndSilence(None), "end_silence", "end the silence".to_owned()),
            (
                Duty::EndSilence(Some(MilestoneId::new(raw))),
                "end_silence",
                format!("end the silence about {}", MilestoneId::new(raw)),
            ),
            (Duty::EndDispute(DisputeId::new(raw)), "end_dispute", format!("end {}", DisputeId::new(raw))),
            (
                Duty::DisputeRejection(MilestoneId::new(raw)),
                "dispute_rejection",
                format!("dispute the rejection of {}", MilestoneId::new(raw)),
            ),
        ] {
            assert_eq!((duty.name(), duty.to_string()), (name, words));
        }
    }

    #[test]
    fn what_changes_is_scheduled_again_and_what_goes_is_dropped() {
        let at = Timestamp::from_ms;
        let before = [(Duty::Finalize, at(1)), (Duty::OpenTimeLock, at(2)), (Duty::EndSilence(None), at(3))];
        let after = [(Duty::Finalize, at(1)), (Duty::EndSilence(None), at(4))];
        let expected = [Effect::Drop(Duty::OpenTimeLock), Effect::Schedule(Duty::EndSilence(None), at(4))];
        assert_eq!(effects(&before, &after), expected);
    }
}
