//! The decision: a command meets a state, and out comes the next state with all that follows from it, or a refusal.
//!
//! `docs/transitions.md` has every command in every state of every object, and who may ask for it. It is written from what
//! [`decide`] does, by the test `the_document_of_the_transitions_is_what_decide_does`. The life of an intent, in short:
//!
//! `INITIATED → REQUIRES_SIGNATURE? → PROCESSING → SUCCEEDED → SETTLED → FINAL`, or `CANCELED`; `REQUIRES_ACTION` when a payment
//! or a payout fails, until it is tried again.

use crate::authority::{Actor, may_ask};
use crate::command::{Command, NewIntent};
use crate::dispute::DefaultResolution;
use crate::duty::{Duty, Effect, effects};
use crate::event::{Event, EventKind, Subject};
use crate::id::{Ids, MilestoneId, SettlementId, TransferId};
use crate::ledger::{Purpose, Transfer};
use crate::money::Amount;
use crate::planted;
use crate::rejection::Rejection;
use crate::settlement::{Settlement, SettlementState};
use crate::state::{Escrow, IntentState, Milestone, MilestoneState, Order, OrderState};
use crate::terms::Mode;
use crate::time::{Span, Timestamp};

mod delivery;
mod disputes;
mod intent;
mod milestones;
mod payments;
mod refunds;
mod releases;
mod settlements;

/// What the operator has set, for every escrow alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long after a release its settlement starts.
    pub settlement_delay: Span,
    /// How long after it is settled an intent becomes final.
    pub finality_period: Span,
    /// How long the sandbox's chain takes for a block; a payment is final after [`crate::limits::SANDBOX_CONFIRMATIONS`] of them.
    pub sandbox_block_time: Span,
    /// How a dispute ends that nobody decides in time.
    pub default_resolution: DefaultResolution,
}

impl Default for Settings {
    /// Ten seconds, seven days, two seconds, and for the payer.
    fn default() -> Settings {
        Settings {
            settlement_delay: Span::from_seconds(10),
            finality_period: Span::from_seconds(7 * 24 * 3600),
            sandbox_block_time: Span::from_seconds(2),
            default_resolution: DefaultResolution::BuyerWon,
        }
    }
}

/// What a decision may know besides the state and the command.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    /// The time, real or the sandbox's.
    pub now: Timestamp,
    /// Who asks.
    pub by: &'a Actor,
    /// Where ids of what comes into being are taken from.
    pub ids: &'a dyn Ids,
    /// What the operator has set.
    pub settings: &'a Settings,
}

/// Everything that follows from a command; all of it is committed together, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The next state. Its event chain is still the one of the state before: whoever stores the events continues it.
    pub next: Escrow,
    /// The money that moves, in this order.
    pub transfers: Vec<Transfer>,
    /// What happened, in this order.
    pub events: Vec<Event>,
    /// What is to be done later.
    pub effects: Vec<Effect>,
}

/// Creates an intent, with its order and first milestones.
///
/// # Errors
/// Why it is refused.
pub fn open(new: NewIntent, ctx: &Ctx<'_>) -> Result<Decision, Rejection> {
    intent::open(new, ctx)
}

/// Decides what a command does to a state.
///
/// # Errors
/// Why it is refused; then nothing changes.
pub fn decide(state: &Escrow, command: Command, ctx: &Ctx<'_>) -> Result<Decision, Rejection> {
    if let Actor::Unproven(why) = ctx.by {
        return Err(why.clone());
    }
    let (who, action) = (ctx.by.role(), command.kind());
    if !may_ask(who, action, state.owner.mode) {
        return Err(Rejection::NotAllowed { who, action });
    }
    if let Actor::Payer(payer) = ctx.by
        && state.payer().as_ref() != Some(payer)
    {
        return Err(Rejection::NotThePayer);
    }
    let mut draft = Draft::of(state.clone(), state.duties(), ctx);
    match command {
        Command::Confirm(confirmation) => payments::confirm(&mut draft, confirmation),
        Command::PayByCard(payment) => payments::pay_by_card(&mut draft, payment),
        Command::AnnounceTransaction(transaction) => payments::announce(&mut draft, transaction),
        Command::ReceivePayment(receipt) => payments::receive(&mut draft, receipt),
        Command::SettlePayment(id) => payments::settle(&mut draft, id),
        Command::FailPayment(id, reason) => payments::fail(&mut draft, id, reason),
        Command::Cancel => intent::cancel(&mut draft),
        Command::AddMilestone(new) => milestones::add(&mut draft, new),
        Command::UpdateMilestone(id, patch) => milestones::update(&mut draft, id, patch),
        Command::DeleteMilestone(id) => milestones::delete(&mut draft, id),
        Command::CompleteMilestone(completion) => milestones::complete(&mut draft, completion),
        Command::ReleaseMilestone(id, by) => milestones::release(&mut draft, id, by),
        Command::Ship(shipping) => delivery::ship(&mut draft, shipping),
        Command::SubmitProof(proof) => delivery::submit_proof(&mut draft, proof),
        Command::ReleaseOrder(held) => delivery::release(&mut draft, held),
        Command::ApproveMilestone(approving) => milestones::approve(&mut draft, approving),
        Command::RejectMilestone(rejecting) => milestones::reject(&mut draft, rejecting),
        Command::RaiseDispute(new) => disputes::raise(&mut draft, new),
        Command::SubmitEvidence(new) => disputes::submit_evidence(&mut draft, new),
        Command::ResolveDispute(resolving) => disputes::resolve(&mut draft, resolving),
        Command::EndDispute(id) => disputes::end(&mut draft, id),
        Command::DisputeRejection(id) => disputes::dispute_rejection(&mut draft, id),
        Command::Refund(new) => refunds::request(&mut draft, new),
        Command::Reclaim(held) => refunds::reclaim(&mut draft, held),
        Command::OpenTimeLock => releases::open_time_lock(&mut draft),
        Command::EndSilence(subject) => releases::end_silence(&mut draft, subject),
        Command::StartSettlement(id) => settlements::start(&mut draft, id),
        Command::ConfirmSettlement(id, reference) => settlements::confirm(&mut draft, id, reference),
        Command::FailSettlement(id, reason) => settlements::fail(&mut draft, id, reason),
        Command::ReturnSettlement(id, reason) => settlements::send_back(&mut draft, id, reason),
        Command::RetrySettlement(id) => settlements::retry(&mut draft, id),
        Command::FailRefund(id, reason) => refunds::fail(&mut draft, id, reason),
        Command::ConfirmRefund(id, reference) => refunds::confirm(&mut draft, id, reference),
        Command::Finalize => intent::finalize(&mut draft),
    }?;
    draft.finish()
}

/// A decision in the making: the next state, and what has been noted down so far. It is dropped whole on a refusal.
struct Draft<'a> {
    next: Escrow,
    transfers: Vec<Transfer>,
    events: Vec<Event>,
    duties_before: Vec<(Duty, Timestamp)>,
    ctx: &'a Ctx<'a>,
    now: Timestamp,
    simulated: bool,
}

impl<'a> Draft<'a> {
    fn of(state: Escrow, duties_before: Vec<(Duty, Timestamp)>, ctx: &'a Ctx<'a>) -> Draft<'a> {
        let now = if planted!(BackInTime) { ctx.now } else { ctx.now.max(state.updated) };
        Draft { next: state, transfers: Vec::new(), events: Vec::new(), duties_before, ctx, now, simulated: false }
    }

    fn finish(mut self) -> Result<Decision, Rejection> {
        if !self.events.is_empty() {
            self.next.updated = self.now;
        }
        self.next.check().map_err(Rejection::Broken)?;
        let effects = effects(&self.duties_before, &self.next.duties());
        Ok(Decision { next: self.next, transfers: self.transfers, events: self.events, effects })
    }

    fn transfer(&mut self, purpose: Purpose, amount: Amount) -> Result<(), Rejection> {
        let transfer = Transfer { id: TransferId::fresh(self.ctx.ids), purpose, amount };
        self.next.funds = self.next.funds.after(&transfer).map_err(|error| Rejection::Broken(error.to_string()))?;
        let told = if planted!(ShortTransfer) { amount.share(9_999) } else { amount };
        self.transfers.push(Transfer { amount: told, ..transfer });
        Ok(())
    }

    fn event(&mut self, kind: EventKind, subject: Subject) {
        self.event_with(kind, subject, Vec::new());
    }

    fn event_with(&mut self, kind: EventKind, subject: Subject, previous: Vec<(&'static str, String)>) {
        self.events.push(Event { kind, subject, previous, simulated: self.simulated });
    }

    fn set_state(&mut self, state: IntentState) {
        let previous = self.next.status();
        self.next.state = state;
        self.event_with(EventKind::IntentStatusChanged, Subject::Intent, vec![("status", previous.name().to_owned())]);
    }

    /// Whether a change of the terms comes too late for the payer to have consented to it. In the sandbox that does not matter.
    fn is_after_consent(&self) -> bool {
        self.next.owner.mode == Mode::Live && self.next.has_consent()
    }

    /// Has an amount paid out that has just become the merchant's.
    fn schedule_settlement(&mut self, milestone: Option<MilestoneId>, amount: Amount) {
        let settlement = Settlement {
            id: SettlementId::fresh(self.ctx.ids),
            milestone,
            amount,
            method: self.next.terms.settlement_method,
            destination: self.next.terms.settlement_destination.clone(),
            retries: 0,
            state: SettlementState::Scheduled { due: self.now.after(self.ctx.settings.settlement_delay) },
            created: self.now,
            updated: self.now,
        };
        self.next.settlements.push(settlement);
    }

    fn order(&self) -> Result<&Order, Rejection> {
        self.next.order.as_ref().ok_or(Rejection::NoOrder)
    }

    fn order_mut(&mut self) -> Result<&mut Order, Rejection> {
        self.next.order.as_mut().ok_or(Rejection::NoOrder)
    }

    /// Changes the milestone at this place of the list.
    fn change_milestone(&mut self, position: usize, change: impl FnOnce(&mut Milestone)) -> Result<(), Rejection> {
        let now = self.now;
        let milestone = self.order_mut()?.milestones.get_mut(position).ok_or(Rejection::MilestoneNotFound)?;
        change(milestone);
        milestone.updated = now;
        Ok(())
    }

    /// Moves the order and the intent on to where the balances and milestones say they are.
    fn advance(&mut self) {
        let (funds, now) = (self.next.funds, self.now);
        let is_empty = self.next.funding.is_some() && funds.held.is_zero();
        let was_released = !funds.released.is_zero();
        let is_delivered = self.next.is_delivered();
        let mut is_released = false;
        if let Some(order) = &mut self.next.order {
            match order.state {
                OrderState::Pending
                | OrderState::Shipped { .. }
                | OrderState::Delivered { .. }
                | OrderState::Disputed { .. }
                    if is_empty =>
                {
                    is_released = was_released;
                    order.state = if was_released {
                        OrderState::Completed { at: now }
                    } else {
                        OrderState::Cancelled { at: now }
                    };
                }
                OrderState::Pending | OrderState::Shipped { .. } if is_delivered => {
                    order.state = OrderState::Delivered { at: now };
                }
                OrderState::Pending
                | OrderState::Shipped { .. }
                | OrderState::Delivered { .. }
                | OrderState::Disputed { .. }
                | OrderState::Completed { .. }
                | OrderState::Cancelled { .. } => {}
            }
        }
        if is_released {
            self.event(EventKind::OrderReleased, Subject::Order);
        }
        self.advance_intent();
    }

    /// Moves the intent on to where the balances say it is.
    fn advance_intent(&mut self) {
        let (funds, now) = (self.next.funds, self.now);
        match (self.next.state, self.next.needs_action()) {
            (IntentState::Succeeded | IntentState::Settled { .. }, true) => {
                self.set_state(IntentState::PayoutFailed { at: now });
            }
            (IntentState::PayoutFailed { .. }, false) => self.set_state(IntentState::Succeeded),
            // A refund of what had been released came back and is paid out after all. No status leads back from here but by way of
            // the one that says that something did not arrive.
            (IntentState::Settled { .. }, false) if !funds.is_settled() => {
                self.set_state(IntentState::PayoutFailed { at: now });
                self.set_state(IntentState::Succeeded);
            }
            (
                IntentState::Initiated
                | IntentState::RequiresSignature { .. }
                | IntentState::Processing { .. }
                | IntentState::PaymentFailed { .. }
                | IntentState::Succeeded
                | IntentState::PayoutFailed { .. }
                | IntentState::Settled { .. }
                | IntentState::Final { .. }
                | IntentState::Canceled { .. },
                _,
            ) => {}
        }
        if !matches!(self.next.state, IntentState::Succeeded) {
            return;
        }
        if funds.is_settled() {
            let final_due = now.after(self.ctx.settings.finality_period);
            self.set_state(IntentState::Settled { at: now, final_due });
            self.event(EventKind::IntentSettled, Subject::Intent);
        } else if funds.held.is_zero() && funds.released.is_zero() {
            self.set_state(IntentState::Canceled { at: now });
            self.event(EventKind::IntentCanceled, Subject::Intent);
        }
    }
}

impl Escrow {
    /// Whether milestones cover all that is held, and none of them is left to do.
    fn is_delivered(&self) -> bool {
        let has_pending = self.milestones().iter().any(|milestone| matches!(milestone.state, MilestoneState::Pending));
        self.funding.is_some() && !self.milestones().is_empty() && !has_pending && self.unallocated().is_zero()
    }
}

#[cfg(test)]
mod tests;
