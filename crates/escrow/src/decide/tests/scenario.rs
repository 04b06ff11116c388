//! What happened in a world of the model, told in the language of `crates/sim/scenarios`, where it can be played for real.
//!
//! There, whatever is due is done at once, and the bank and the rail answer well unless a step says otherwise. So what the model
//! lets happen in any order can happen there in one; where a step cannot say what happened, a line of prose does.

use std::fmt::Write as _;

use super::world::Told;
use crate::command::{CardOutcome, Command, MilestonePatch, Ruling};
use crate::id::{MilestoneId, RefundId, SettlementId};
use crate::money::Decimal;
use crate::state::Escrow;
use crate::terms::{Mode, PaymentType, ReleaseType, Terms};
use crate::time::{Span, Timestamp};

const DAY_S: i64 = 24 * 3600;

/// What a span is told as that is zero in the model: there it is over whenever that matters.
const SOME_TIME: Span = Span::from_seconds(DAY_S);

/// How long the sandbox takes for a payment to be final, and for a payout to begin.
const MOMENT: &str = "> wait 10s";

/// How long it takes for an intent to be final.
const FINALITY: &str = "> wait 7d";

/// Tells it: a title, what there is to say of it, and the steps since the intent was created.
pub(super) fn scenario(title: &str, prose: &str, opening: &Escrow, told: &[Told]) -> String {
    let mut text = format!("# {title}\n\n{prose}\n");
    if opening.owner.mode == Mode::Live {
        text.push_str("The model's money is real. Here it is simulated, and the merchant speaks for the payer.\n");
    }
    writeln!(text, "\n{}", creation(opening)).expect("memory");
    for Told { before, command } in told {
        step(before, command).iter().for_each(|line| writeln!(text, "{line}").expect("memory"));
    }
    text.push_str("> status\n> ledger\n");
    text
}

/// How the intent was created.
fn creation(opening: &Escrow) -> String {
    let terms = &opening.terms;
    let mut text = String::new();
    if terms.fee_basis_points != 0 {
        let (percent, hundredths) = (terms.fee_basis_points / 100, terms.fee_basis_points % 100);
        writeln!(text, "> the gateway keeps a fee of {percent}.{hundredths:02} %").expect("memory");
    }
    write!(text, "> create {} {} {}", terms.amount, terms.amount.currency(), kind(terms)).expect("memory");
    for (word, span) in [
        ("delivery-period", terms.delivery_period),
        ("dispute-window", terms.dispute_window),
        ("approval-period", terms.approval_period),
    ] {
        write!(text, " {word} {}", in_words(span)).expect("memory");
    }
    if let Some(oracle) = &terms.delivery_oracle {
        write!(text, " oracle {oracle}").expect("memory");
    }
    let shares: Vec<String> = opening.milestones().iter().map(|milestone| milestone.amount.to_string()).collect();
    if !shares.is_empty() {
        write!(text, " with milestones {}", shares.join(", ")).expect("memory");
    }
    text
}

fn kind(terms: &Terms) -> String {
    let mut words = vec![match terms.payment_type {
        PaymentType::ConsentedPull => "consented-pull".to_owned(),
        PaymentType::Conditional => "conditional".to_owned(),
        PaymentType::DeliveryVsPayment => match terms.release_type {
            ReleaseType::MilestoneLocked => "milestone-locked".to_owned(),
            ReleaseType::DeliveryProof => "delivery-proof".to_owned(),
            ReleaseType::AutoRelease => "released-by-proof".to_owned(),
            ReleaseType::TimeLocked => format!("time-locked for {}", lock(terms.time_lock_until)),
        },
    }];
    let flags = [
        ("auto-release", terms.auto_release),
        ("require-approval", terms.require_approval),
        ("require-delivery", terms.require_delivery),
    ];
    words.extend(flags.iter().filter(|(_, is_set)| *is_set).map(|(word, _)| (*word).to_owned()));
    words.join(" ")
}

/// How long a time lock is: open from the beginning, or not.
fn lock(until: Option<Timestamp>) -> String {
    let is_open = until.is_none_or(|until| until <= Timestamp::from_ms(0));
    if is_open { "0s".to_owned() } else { in_words(SOME_TIME) }
}

fn in_words(span: Span) -> String {
    let seconds = if span == Span::from_ms(0) { SOME_TIME.seconds() } else { span.seconds().max(1) };
    if seconds % DAY_S == 0 { format!("{}d", seconds / DAY_S) } else { format!("{seconds}s") }
}

fn wait(span: Span) -> String {
    format!("> wait {}", in_words(span))
}

/// The lines that a command comes to in this state; none where it happens by itself.
fn step(before: &Escrow, command: &Command) -> Vec<String> {
    let Names { milestone, settlement, refund } = names(before);
    let (terms, amount) = (&before.terms, |decimal: Decimal| in_currency(decimal, &before.terms));
    let line = match command {
        Command::Confirm(new) if new.revision == before.revision => "> the payer signs and confirms".to_owned(),
        Command::Confirm(_) => "A consent to other terms comes in.".to_owned(),
        Command::PayByCard(payment) => match payment.outcome {
            CardOutcome::Authorized => "> the payer pays by card 4242424242424242".to_owned(),
            CardOutcome::Declined(_) => "> the payer pays by card 4000000000000002".to_owned(),
        },
        Command::AnnounceTransaction(hash) => format!("> somebody names transaction 0x{hash}"),
        Command::ReceivePayment(new) => new
            .amount
            .map_or("> a payment arrives".to_owned(), |sent| format!("> a payment of {} arrives", amount(sent))),
        Command::SettlePayment(_) | Command::ConfirmSettlement(..) => MOMENT.to_owned(),
        Command::FailPayment(_, reason) => format!("> the rail refuses the payment: {reason}"),
        Command::Cancel => "> cancel".to_owned(),
        Command::AddMilestone(new) => format!("> add milestone {} of {}", new.index, amount(new.amount)),
        Command::UpdateMilestone(id, MilestonePatch { amount: Some(share), .. }) => {
            format!("> change milestone {} to {}", milestone(*id), amount(*share))
        }
        Command::UpdateMilestone(id, _) => format!("Other things are said of milestone {}.", milestone(*id)),
        Command::DeleteMilestone(id) => format!("> delete milestone {}", milestone(*id)),
        Command::CompleteMilestone(new) => format!("> complete milestone {}", milestone(new.milestone)),
        Command::ReleaseMilestone(id, _) => format!("> release milestone {}", milestone(*id)),
        Command::ApproveMilestone(new) => format!("> approve milestone {}", milestone(new.milestone)),
        Command::RejectMilestone(new) => format!("> reject milestone {}: {}", milestone(new.milestone), new.reason),
        Command::Ship(_) => "> ship".to_owned(),
        Command::SubmitProof(proof) => format!("> submit proof 0x{}{}", proof.hash, by_oracle(terms)),
        Command::ReleaseOrder(_) => "> release".to_owned(),
        Command::OpenTimeLock => wait(SOME_TIME),
        Command::EndSilence(_) => wait(terms.approval_period),
        Command::RaiseDispute(new) => {
            let subject = new.milestone.map_or("the order".to_owned(), |id| format!("milestone {}", milestone(id)));
            format!("> the merchant disputes {subject}: {}", new.reason)
        }
        Command::SubmitEvidence(new) => {
            format!("> the merchant submits evidence: {}", new.text.as_deref().unwrap_or("a document"))
        }
        Command::ResolveDispute(resolving) => {
            let about = resolving.milestone.map_or(String::new(), |id| format!(" about milestone {}", milestone(id)));
            format!("> resolved {}{about}", ruled(resolving.ruling, amount))
        }
        Command::EndDispute(_) => wait(before.dispute_window()),
        Command::DisputeRejection(_) => wait(terms.delivery_period),
        Command::Refund(new) => new.amount.map_or("> refund".to_owned(), |sent| format!("> refund {}", amount(sent))),
        Command::Reclaim(_) => {
            return vec![wait(terms.delivery_period), wait(terms.dispute_window), "> reclaim".to_owned()];
        }
        Command::FailSettlement(id, reason) | Command::ReturnSettlement(id, reason) => {
            format!("> settlement {} fails: {reason}", settlement(*id))
        }
        Command::RetrySettlement(id) => format!("> retry settlement {}", settlement(*id)),
        Command::FailRefund(id, reason) => {
            format!("The rail refuses refund {} ({reason}), which no step can say: here it has arrived.", refund(*id))
        }
        Command::Finalize => FINALITY.to_owned(),
        // They happen by themselves: a payout begins when it is told that it failed or arrived, and a refund arrives at once.
        Command::StartSettlement(_) | Command::ConfirmRefund(..) => return Vec::new(),
    };
    vec![line]
}

/// What scenarios call a milestone, a settlement and a refund.
struct Names<M, S, R> {
    milestone: M,
    settlement: S,
    refund: R,
}

/// Milestones are known by their index, and settlements and refunds by their place, counted from 1.
fn names(
    state: &Escrow,
) -> Names<impl Fn(MilestoneId) -> String, impl Fn(SettlementId) -> String, impl Fn(RefundId) -> String> {
    let known = |name: Option<String>| name.unwrap_or("that is not there".to_owned());
    let place = |place: Option<usize>| place.map(|place| (place + 1).to_string());
    Names {
        milestone: move |id| known(state.milestone(id).map(|milestone| milestone.index.to_string())),
        settlement: move |id| known(place(state.settlements.iter().position(|settlement| settlement.id == id))),
        refund: move |id| known(place(state.refunds.iter().position(|refund| refund.id == id))),
    }
}

fn in_currency(decimal: Decimal, terms: &Terms) -> String {
    let amount = decimal.in_currency(terms.amount.currency());
    amount.map_or_else(|_| format!("{decimal:?}"), |amount| amount.to_string())
}

fn by_oracle(terms: &Terms) -> String {
    terms.delivery_oracle.as_ref().map_or(String::new(), |oracle| format!(" as {oracle}"))
}

fn ruled(ruling: Ruling, amount: impl Fn(Decimal) -> String) -> String {
    match ruling {
        Ruling::MerchantWon => "for the merchant".to_owned(),
        Ruling::BuyerWon => "for the payer".to_owned(),
        Ruling::PartialRefund(refunded) => format!("with a refund of {}", amount(refunded)),
    }
}
