//! Money on its way in: consented to, announced, seen, final, refused, or come without a purpose.

use super::{Draft, releases};
use crate::authority::Actor;
use crate::chain::Hash;
use crate::command::{CardOutcome, CardPayment, Confirmation, Receipt};
use crate::event::{EventKind, Subject};
use crate::id::{PaymentId, RefundId};
use crate::ledger::{Purpose, Rail};
use crate::limits::{MAX_PAYMENTS, MAX_SIMULATED_UNAPPLIED, SANDBOX_CONFIRMATIONS};
use crate::money::Amount;
use crate::payment::{Means, Payer, Payment, PaymentState};
use crate::planted;
use crate::refund::{Refund, RefundSource, RefundState, Unapplied};
use crate::rejection::Rejection;
use crate::state::{Funding, IntentState};
use crate::terms::Mode;
use crate::time::{Span, Timestamp};

/// What a hint is refused as.
const ANNOUNCE: &str = "announce a transaction for";

/// A wallet consents to the terms, and its payment is under way.
pub(super) fn confirm(draft: &mut Draft<'_>, confirmation: Confirmation) -> Result<(), Rejection> {
    check_may_pay(draft, "confirm", Kind::Signed)?;
    // Wallets sign whole seconds.
    if draft.ctx.now.seconds() > draft.next.consent_deadline().seconds() {
        return Err(Rejection::ConsentExpired(draft.next.consent_deadline()));
    }
    if confirmation.revision != draft.next.revision {
        return Err(Rejection::TermsChanged);
    }
    let consent = confirmation.consent.map_err(Rejection::Signature)?;
    let (rail, due) = match draft.next.owner.mode {
        Mode::Sandbox => (Rail::Sandbox, sandbox_finality(draft)),
        Mode::Live => (Rail::Evm, draft.now),
    };
    begin(draft, rail, Means::Wallet(consent), confirmation.transaction, PaymentState::Confirming { due });
    Ok(())
}

/// Somebody pays by card, and the processor has answered.
pub(super) fn pay_by_card(draft: &mut Draft<'_>, payment: CardPayment) -> Result<(), Rejection> {
    check_may_pay(draft, "pay", Kind::ByCard)?;
    let means = Means::Card(payment.card);
    match payment.outcome {
        CardOutcome::Authorized => {
            let due = sandbox_finality(draft);
            begin(draft, Rail::Card, means, None, PaymentState::Confirming { due });
        }
        CardOutcome::Declined(reason) => {
            let position = begin(draft, Rail::Card, means, None, PaymentState::Failed { at: draft.now, reason });
            end_in_failure(draft, position);
        }
    }
    Ok(())
}

/// Notes the transaction that is said to carry the payment. It moves no money: what it really carries, the rail says. Anybody may
/// name one, so nobody can take another's place, and the payer's own word counts more.
pub(super) fn announce(draft: &mut Draft<'_>, transaction: Hash) -> Result<(), Rejection> {
    if draft.next.transaction() == Some(transaction) {
        return Ok(());
    }
    match draft.next.state {
        IntentState::Initiated | IntentState::RequiresSignature { .. } => {}
        IntentState::Processing { .. } => {
            let payment = &draft.next.payments[under_way(draft)?];
            match payment.means {
                Means::Wallet(_) if payment.transaction.is_none() => {}
                Means::Wallet(_) => return Err(Rejection::TransactionNamed),
                Means::Deposit(_) | Means::Card(_) => return Err(refused(draft, ANNOUNCE)),
            }
        }
        IntentState::PaymentFailed { .. }
        | IntentState::Succeeded
        | IntentState::PayoutFailed { .. }
        | IntentState::Settled { .. }
        | IntentState::Final { .. }
        | IntentState::Canceled { .. } => return Err(refused(draft, ANNOUNCE)),
    }
    if draft.next.hint.is_some() {
        return Err(Rejection::TransactionNamed);
    }
    if draft.next.state == IntentState::Initiated {
        draft.set_state(IntentState::RequiresSignature { since: draft.now });
    }
    draft.next.hint = Some(transaction);
    draft.event(EventKind::TransactionSubmitted, Subject::Intent);
    Ok(())
}

/// Books money that came in, final: as the funding, where that is what it is.
pub(super) fn receive(draft: &mut Draft<'_>, receipt: Receipt) -> Result<(), Rejection> {
    draft.simulated = draft.next.owner.mode == Mode::Sandbox;
    let wanted = draft.next.terms.amount;
    let amount = receipt.amount.map_or(Ok(wanted), |decimal| decimal.in_currency(wanted.currency()))?;
    let under_way = under_way(draft).ok();
    if let Some((unapplied, reason)) = without_purpose(draft, &receipt, under_way, amount) {
        check_simulation(draft)?;
        take_unapplied(draft, receipt.rail, unapplied, reason)?;
        if reason != Unapplied::Excess {
            return Ok(());
        }
    }
    let position = under_way.unwrap_or_else(|| {
        let state = PaymentState::Confirming { due: draft.now };
        begin(draft, receipt.rail, receipt.means, receipt.transaction, state)
    });
    book(draft, position)
}

/// How much of what came in is not the funding, and why.
fn without_purpose(
    draft: &Draft<'_>,
    receipt: &Receipt,
    under_way: Option<usize>,
    amount: Amount,
) -> Option<(Amount, Unapplied)> {
    if matches!(draft.next.state, IntentState::Canceled { .. }) {
        return Some((amount, Unapplied::Late));
    }
    // Somebody else's money does not finish the payment that is waited for.
    let is_anothers = under_way.is_some_and(|position| !is_carried_by(&draft.next.payments[position], receipt));
    match amount.minus(draft.next.terms.amount) {
        _ if !draft.next.state.is_unpaid() && !planted!(FundedAgain) => Some((amount, Unapplied::Double)),
        Err(_) => Some((amount, Unapplied::Short)),
        Ok(_) if is_anothers => Some((amount, Unapplied::Double)),
        Ok(excess) => (!excess.is_zero()).then_some((excess, Unapplied::Excess)),
    }
}

/// Simulated payers may send what nobody waits for often, but not for ever. Real money is never turned away, nor the funding.
fn check_simulation(draft: &Draft<'_>) -> Result<(), Rejection> {
    let so_far = draft.next.refunds.iter().filter(|refund| refund.source.is_unapplied()).count();
    let is_asked_for = *draft.ctx.by == Actor::Merchant;
    if is_asked_for && so_far >= MAX_SIMULATED_UNAPPLIED { Err(Rejection::TooManyUnapplied) } else { Ok(()) }
}

/// Whether money that came in is what a payment under way was about: the simulated payer finishes any, others their own.
fn is_carried_by(payment: &Payment, receipt: &Receipt) -> bool {
    match &receipt.means {
        Means::Deposit(None) => true,
        Means::Deposit(Some(from)) => payment.payer() == Some(Payer::Wallet(from.clone())),
        Means::Wallet(_) | Means::Card(_) => payment.means == receipt.means,
    }
}

/// Books a payment that the rail says is final. For an intent that was given up meanwhile, it comes too late.
pub(super) fn settle(draft: &mut Draft<'_>, id: PaymentId) -> Result<(), Rejection> {
    let position = confirming(draft, id)?;
    if let PaymentState::Confirming { due } = draft.next.payments[position].state
        && draft.ctx.now < due
    {
        return Err(Rejection::NotDue(due));
    }
    let (rail, amount) = (draft.next.payments[position].rail, draft.next.terms.amount);
    if matches!(draft.next.state, IntentState::Processing { .. }) {
        return book(draft, position);
    }
    draft.simulated = draft.next.owner.mode == Mode::Sandbox;
    let refund = take_unapplied(draft, rail, amount, Unapplied::Late)?;
    draft.next.payments[position].state = PaymentState::Unapplied { at: draft.now, refund };
    Ok(())
}

/// Notes that the rail refuses a payment.
pub(super) fn fail(draft: &mut Draft<'_>, id: Option<PaymentId>, reason: String) -> Result<(), Rejection> {
    let position = match id {
        Some(id) => confirming(draft, id)?,
        None => under_way(draft).map_err(|_| refused(draft, "fail"))?,
    };
    draft.next.payments[position].state = PaymentState::Failed { at: draft.now, reason };
    end_in_failure(draft, position);
    Ok(())
}

/// Makes the simulated payer pay an escrow that needs money and may be paid by simulation; a payment under way arrives.
///
/// # Errors
/// [`Rejection::NotFunded`] for live money.
pub(super) fn simulate(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    if !draft.next.state.is_unpaid() {
        return Ok(());
    }
    match draft.next.owner.mode {
        Mode::Sandbox => {
            let means = Means::Deposit(None);
            receive(draft, Receipt { rail: Rail::Sandbox, means, amount: None, transaction: None })
        }
        Mode::Live => Err(Rejection::NotFunded),
    }
}

/// What anybody may try, each counted by itself, so that cards that are declined keep nobody from signing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Signed,
    ByCard,
}

/// Refuses a payment that the intent does not wait for, or one too many.
fn check_may_pay(draft: &Draft<'_>, action: &'static str, kind: Kind) -> Result<(), Rejection> {
    match draft.next.state {
        IntentState::Initiated | IntentState::RequiresSignature { .. } | IntentState::PaymentFailed { .. } => {}
        IntentState::Processing { .. }
        | IntentState::Succeeded
        | IntentState::PayoutFailed { .. }
        | IntentState::Settled { .. }
        | IntentState::Final { .. }
        | IntentState::Canceled { .. } => return Err(refused(draft, action)),
    }
    let is_of_kind = |payment: &&Payment| matches!(payment.means, Means::Card(_)) == (kind == Kind::ByCard);
    let so_far = draft.next.payments.iter().filter(is_of_kind).count();
    if so_far >= MAX_PAYMENTS { Err(Rejection::TooManyPayments) } else { Ok(()) }
}

fn refused(draft: &Draft<'_>, action: &'static str) -> Rejection {
    Rejection::IntentStatus { action, status: draft.next.status() }
}

/// When a payment that is seen now is final on the sandbox's chain.
fn sandbox_finality(draft: &Draft<'_>) -> Timestamp {
    let blocks = i64::from(SANDBOX_CONFIRMATIONS);
    draft.now.after(Span::from_ms(draft.ctx.settings.sandbox_block_time.ms().saturating_mul(blocks)))
}

/// Notes a payment that was seen, and gives its place.
fn begin(draft: &mut Draft<'_>, rail: Rail, means: Means, transaction: Option<Hash>, state: PaymentState) -> usize {
    // What was announced is not this payment, unless a wallet makes it.
    if !matches!(means, Means::Wallet(_)) {
        draft.next.hint = None;
    }
    let id = PaymentId::fresh(draft.ctx.ids);
    let revision = draft.next.revision;
    draft.next.payments.push(Payment { id, rail, means, revision, transaction, state, created: draft.now });
    draft.set_state(IntentState::Processing { since: draft.now });
    let position = draft.next.payments.len() - 1;
    if !draft.next.payments[position].has_failed() {
        draft.event(EventKind::TransactionSubmitted, Subject::Intent);
    }
    position
}

/// A payment has failed, and what was said of it is void, a wallet's consent to it too: the intent needs another, unless it was
/// given up.
fn end_in_failure(draft: &mut Draft<'_>, position: usize) {
    draft.next.hint = None;
    if matches!(draft.next.payments[position].means, Means::Wallet(_)) {
        draft.next.revision = draft.next.revision.saturating_add(1);
    }
    if matches!(draft.next.state, IntentState::Processing { .. }) {
        draft.set_state(IntentState::PaymentFailed { at: draft.now });
    }
    draft.event(EventKind::PaymentFailed, Subject::Intent);
}

/// The place of the payment under way of an intent that waits for it.
fn under_way(draft: &Draft<'_>) -> Result<usize, Rejection> {
    let is_waiting = matches!(draft.next.state, IntentState::Processing { .. });
    let position = draft.next.payments.iter().rposition(Payment::is_confirming).filter(|_| is_waiting);
    position.ok_or(Rejection::PaymentNotUnderWay)
}

/// The place of a payment that is under way.
fn confirming(draft: &Draft<'_>, id: PaymentId) -> Result<usize, Rejection> {
    let position = draft.next.payments.iter().position(|payment| payment.id == id && payment.is_confirming());
    position.ok_or(Rejection::PaymentNotUnderWay)
}

/// Books a payment as the funding; what was waiting for it is released.
fn book(draft: &mut Draft<'_>, position: usize) -> Result<(), Rejection> {
    let now = draft.now;
    let payment = &mut draft.next.payments[position];
    payment.state = PaymentState::Final { at: now };
    let rail = payment.rail;
    draft.next.hint = None;
    draft.simulated = draft.next.owner.mode == Mode::Sandbox;
    draft.transfer(Purpose::Fund(rail), draft.next.terms.amount)?;
    draft.next.funding = Some(Funding { rail, at: now });
    draft.event(EventKind::TransactionConfirmed, Subject::Intent);
    draft.set_state(IntentState::Succeeded);
    draft.event(EventKind::IntentSucceeded, Subject::Intent);
    let has_order = draft.next.order.is_some();
    if has_order {
        draft.event(EventKind::OrderFunded, Subject::Order);
    }
    draft.simulated = false;
    if has_order {
        return releases::due(draft);
    }
    releases::all(draft)
}

/// Books money without a purpose, to be sent back.
fn take_unapplied(draft: &mut Draft<'_>, rail: Rail, amount: Amount, reason: Unapplied) -> Result<RefundId, Rejection> {
    let id = RefundId::fresh(draft.ctx.ids);
    draft.transfer(Purpose::Receive(id, rail), amount)?;
    let (source, state) = (RefundSource::Unapplied(reason), RefundState::Pending);
    draft.next.refunds.push(Refund {
        id,
        amount,
        rail,
        source,
        from_payable: None,
        reason: None,
        state,
        created: draft.now,
    });
    draft.event(EventKind::PaymentUnapplied, Subject::Refund(id));
    Ok(id)
}
