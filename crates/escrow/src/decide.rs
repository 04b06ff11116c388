//! The decision: a command meets a state, and out comes the next state with all that follows from it, or a refusal.
//!
//! | command | INITIATED | REQUIRES_SIGNATURE | PROCESSING | REQUIRES_ACTION | SUCCEEDED | SETTLED | FINAL | CANCELED |
//! |---|---|---|---|---|---|---|---|---|
//! | confirm | PROCESSING | PROCESSING | – | PROCESSING | – | – | – | – |
//! | pay by card | PROCESSING or REQUIRES_ACTION | PROCESSING or REQUIRES_ACTION | – | PROCESSING or REQUIRES_ACTION | – | – | – | – |
//! | announce transaction | REQUIRES_SIGNATURE | REQUIRES_SIGNATURE | PROCESSING | – | – | – | – | CANCELED |
//! | receive payment | INITIATED or SUCCEEDED or SETTLED | REQUIRES_SIGNATURE or SUCCEEDED or SETTLED | PROCESSING or SUCCEEDED or SETTLED | REQUIRES_ACTION or SUCCEEDED or SETTLED | SUCCEEDED | SETTLED | FINAL | CANCELED |
//! | settle payment | – | – | SUCCEEDED or SETTLED | – | – | – | – | CANCELED |
//! | fail payment | – | – | REQUIRES_ACTION | – | – | – | – | CANCELED |
//! | cancel | CANCELED | CANCELED | CANCELED | CANCELED | CANCELED | – | – | – |
//! | add milestone | INITIATED | REQUIRES_SIGNATURE | PROCESSING | REQUIRES_ACTION | SUCCEEDED | – | – | – |
//! | update milestone | INITIATED | REQUIRES_SIGNATURE | PROCESSING | REQUIRES_ACTION | SUCCEEDED | – | – | – |
//! | delete milestone | INITIATED | REQUIRES_SIGNATURE | PROCESSING | REQUIRES_ACTION | SUCCEEDED | – | – | – |
//! | complete milestone | SUCCEEDED or SETTLED | SUCCEEDED or SETTLED | SUCCEEDED or SETTLED | SUCCEEDED or SETTLED | SUCCEEDED or SETTLED | – | – | – |
//! | release milestone | – | – | – | – | SUCCEEDED or SETTLED | – | – | – |
//! | start settlement | – | – | – | – | SUCCEEDED | – | – | – |
//! | confirm settlement | – | – | – | – | SUCCEEDED or SETTLED | – | – | – |
//! | confirm refund | INITIATED | REQUIRES_SIGNATURE | PROCESSING | REQUIRES_ACTION | SUCCEEDED | SETTLED | FINAL | CANCELED |
//! | finalize | – | – | – | – | – | FINAL | – | – |
//!
//! A dash is a refusal. A release settles an intent at once only where the fee takes all of it. Money that came in and is not the
//! funding leaves the state as it is, and so does a transaction that was announced before. Who may ask for what is told by
//! [`crate::may_ask`]. The test `the_table_above_is_what_decide_does` reads this table and tries every cell.

use crate::authority::{Actor, may_ask};
use crate::command::{Command, NewIntent};
use crate::duty::{Duty, Effect, effects};
use crate::event::{Event, EventKind, Subject};
use crate::id::{Ids, TransferId};
use crate::ledger::{Purpose, Transfer};
use crate::money::Amount;
use crate::rejection::Rejection;
use crate::state::{Escrow, IntentState, Milestone, MilestoneState, Order, OrderState};
use crate::terms::Mode;
use crate::time::{Span, Timestamp};

mod intent;
mod milestones;
mod payments;
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
}

impl Default for Settings {
    /// Ten seconds, seven days, and two seconds.
    fn default() -> Settings {
        Settings {
            settlement_delay: Span::from_seconds(10),
            finality_period: Span::from_seconds(7 * 24 * 3600),
            sandbox_block_time: Span::from_seconds(2),
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
        Command::StartSettlement(id) => settlements::start(&mut draft, id),
        Command::ConfirmSettlement(id, reference) => settlements::confirm(&mut draft, id, reference),
        Command::ConfirmRefund(id, reference) => settlements::confirm_refund(&mut draft, id, reference),
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
        let now = ctx.now.max(state.updated);
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
        self.transfers.push(transfer);
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
        let (funds, whole, now) = (self.next.funds, self.next.terms.amount, self.now);
        let is_paid = self.next.funding.is_some();
        let mut released = false;
        if let Some(order) = &mut self.next.order {
            let nothing_held = is_paid && funds.held.is_zero();
            match order.state {
                OrderState::Pending | OrderState::Delivered { .. } if nothing_held => {
                    order.state = OrderState::Completed { at: now };
                    released = true;
                }
                OrderState::Pending if is_delivered(&order.milestones, whole) => {
                    order.state = OrderState::Delivered { at: now };
                }
                OrderState::Pending
                | OrderState::Delivered { .. }
                | OrderState::Completed { .. }
                | OrderState::Cancelled { .. } => {}
            }
        }
        if released {
            self.event(EventKind::OrderReleased, Subject::Order);
        }
        if matches!(self.next.state, IntentState::Succeeded) && funds.is_settled() {
            let final_due = now.after(self.ctx.settings.finality_period);
            self.set_state(IntentState::Settled { at: now, final_due });
            self.event(EventKind::IntentSettled, Subject::Intent);
        }
    }
}

/// Whether milestones cover the whole amount, and none of them is left to do.
fn is_delivered(milestones: &[Milestone], whole: Amount) -> bool {
    let done = milestones.iter().filter(|milestone| milestone.completion().is_some());
    let done_minor = done.fold(0_i64, |sum, milestone| sum.saturating_add(milestone.amount.minor()));
    let has_pending = milestones.iter().any(|milestone| matches!(milestone.state, MilestoneState::Pending));
    !has_pending && done_minor == whole.minor()
}

#[cfg(test)]
mod tests;
