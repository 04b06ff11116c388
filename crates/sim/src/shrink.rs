//! The least that still goes wrong, and how it reads.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use escrow::command::Ruling;
use escrow::money::decimal;
use escrow::{Currency, Mode, ReleaseType};

use crate::fates::Fault;
use crate::oracle::Rule;
use crate::run::{Case, Outcome};
use crate::workload::{Agreed, What, Wish};

/// How many orders of the same tasks are tried before a smaller case is given up: the one that was found may be another's.
const SCHEDULES: u64 = 6;

/// How many runs are spent on it.
const MOST_RUNS: u32 = 400;

/// Takes away wishes and kinds of faults as long as the same rule is still broken, and gives what is left.
#[must_use]
pub fn shrink(case: &Case, rule: Rule) -> (Case, Outcome) {
    let mut least = case.clone();
    let (mut outcome, mut left) = (least.play(), MOST_RUNS);
    least.wishes = Some(least.plan().iter().map(|wish| wish.number).collect());
    least.faults = Some(outcome.totals.faults.keys().copied().collect());
    if let Some((smaller, found)) = breaks(&least, rule, &mut left) {
        (least, outcome) = (smaller, found);
    } else {
        least.faults = Some(case.possible());
    }
    loop {
        let before = least.clone();
        for smaller in smaller(&least) {
            if let Some((found, what)) = breaks(&smaller, rule, &mut left) {
                (least, outcome) = (found, what);
                break;
            }
        }
        if least.wishes == before.wishes && least.faults == before.faults {
            return (least, outcome);
        }
    }
}

/// The cases with a little less, those with much less first.
fn smaller(case: &Case) -> Vec<Case> {
    let wishes: Vec<usize> = case.wishes.iter().flatten().copied().collect();
    let faults: Vec<Fault> = case.faults.iter().flatten().copied().collect();
    let without = |wishes: &[usize], gone: &[usize]| -> BTreeSet<usize> {
        wishes.iter().copied().filter(|wish| !gone.contains(wish)).collect()
    };
    let mut cases = Vec::new();
    let mut size = wishes.len() / 2;
    while size > 0 {
        let parts = wishes.chunks(size).map(|gone| Case { wishes: Some(without(&wishes, gone)), ..case.clone() });
        cases.extend(parts);
        size /= 2;
    }
    let fewer = faults.iter().map(|gone| {
        let kept = faults.iter().copied().filter(|fault| fault != gone).collect();
        Case { faults: Some(kept), ..case.clone() }
    });
    cases.extend(fewer);
    cases
}

fn breaks(case: &Case, rule: Rule, left: &mut u32) -> Option<(Case, Outcome)> {
    let schedules = std::iter::once(case.schedule).chain((0..SCHEDULES).filter(|other| *other != case.schedule));
    let schedules = schedules.map(|schedule| Case { schedule, ..case.clone() });
    schedules.take_while(|_| std::mem::replace(left, left.saturating_sub(1)) > 0).find_map(|case| {
        let outcome = case.play();
        (outcome.rule() == Some(rule)).then_some((case, outcome))
    })
}

/// A case in the language of the scenarios: what is asked as steps, what the language cannot say as prose.
#[must_use]
pub fn story(case: &Case, outcome: &Outcome) -> String {
    let mut text = String::new();
    let first = outcome.wrongs.first().map_or("nothing", |wrong| wrong.rule.name());
    line(&mut text, &format!("# Seed {}: \"{first}\" does not hold", case.seed));
    for wrong in &outcome.wrongs {
        line(&mut text, "");
        line(&mut text, &wrong.what);
    }
    line(&mut text, "");
    let faults: Vec<&str> = outcome.totals.faults.keys().map(|fault| fault.name()).collect();
    line(&mut text, &format!("What went wrong on the way: {}.", faults.join(", ")));
    line(&mut text, &format!("Replay: {}", case.command()));
    line(&mut text, "");
    let mut plan = case.plan();
    plan.sort_by_key(|wish| (wish.client, wish.number));
    let mut intents = Vec::new();
    let mut current = None;
    for wish in plan {
        let (what, is_step) = told(&wish);
        if matches!(wish.what, What::Open(_)) {
            intents.push(wish.intent);
            current = Some(wish.intent);
        } else if current != Some(wish.intent)
            && let Some(place) = intents.iter().position(|intent| *intent == wish.intent)
        {
            line(&mut text, &format!("> back to intent {}", place + 1));
            current = Some(wish.intent);
        }
        let keyed = if wish.is_keyed { "" } else { ", without a key" };
        let stranger = if wish.is_by_a_stranger { ", by a stranger" } else { "" };
        let after =
            format!("Client {}, after {} ms{keyed}{stranger} (wish {}):", wish.client, wish.pause_ms, wish.number);
        line(&mut text, &after);
        line(&mut text, &if is_step { format!("> {what}") } else { what });
    }
    text
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("memory");
}

fn units(minor: i64) -> String {
    decimal(minor, Currency::Usdc)
}

/// A wish in words, and whether they are a step of the language.
fn told(wish: &Wish) -> (String, bool) {
    let step = |text: String| (text, true);
    let prose = |text: String| (text, false);
    match &wish.what {
        What::Open(agreed) => (opening(agreed), agreed.mode == Mode::Sandbox),
        What::Confirm => step("the payer signs and confirms".to_owned()),
        What::PayByCard { is_declined: true } => prose("The payer pays by a card that is declined.".to_owned()),
        What::PayByCard { is_declined: false } => step("the payer pays by card 4242…".to_owned()),
        What::Announce(byte) => step(format!("somebody names transaction 0x{byte:02}…")),
        What::Receive { minor: None, .. } => step("a payment arrives".to_owned()),
        What::Receive { minor: Some(minor), .. } => step(format!("a payment of {} arrives", units(*minor))),
        What::FailPayment => step("the rail refuses the payment: no funds".to_owned()),
        What::Cancel => step("cancel".to_owned()),
        What::Add { index, minor } => step(format!("add milestone {index} of {}", units(*minor))),
        What::Change(place, minor) => step(format!("change milestone {place} to {}", units(*minor))),
        What::Delete(place) => step(format!("delete milestone {place}")),
        What::Complete(place) => step(format!("complete milestone {place}")),
        What::Release(place) => step(format!("release milestone {place}")),
        What::Ship => step("ship".to_owned()),
        What::Prove(byte) => step(format!("submit proof 0x{byte:02}…")),
        What::ReleaseOrder => step("release".to_owned()),
        What::Approve(place) => step(format!("approve milestone {place}")),
        What::Reject(place) => step(format!("the payer rejects milestone {place}: not done")),
        What::Raise(None) => step("the merchant disputes the order: late".to_owned()),
        What::Raise(Some(place)) => step(format!("the payer disputes milestone {place}: late")),
        What::Argue => step("the merchant submits evidence: see the photograph".to_owned()),
        What::Resolve(_, Ruling::MerchantWon) => step("resolved for the merchant".to_owned()),
        What::Resolve(_, Ruling::BuyerWon) => step("resolved for the payer".to_owned()),
        What::Resolve(_, Ruling::PartialRefund(part)) => {
            let minor = part.in_currency(Currency::Usdc).map_or(0, escrow::Amount::minor);
            step(format!("resolved with a refund of {}", units(minor)))
        }
        What::Refund(None) => step("refund".to_owned()),
        What::Refund(Some(minor)) => step(format!("refund {}", units(*minor))),
        What::Reclaim => step("reclaim".to_owned()),
        What::FailPayout(place) => step(format!("settlement {} fails: refused", place + 1)),
        What::ReturnPayout(place) => prose(format!("The bank sends settlement {} back.", place + 1)),
        What::RetryPayout(place) => step(format!("retry settlement {}", place + 1)),
        What::Advance(seconds) => step(format!("wait {seconds}s")),
    }
}

fn opening(agreed: &Agreed) -> String {
    let terms = &agreed.terms;
    let mut text = format!("create {} USDC", units(terms.amount.minor()));
    let mut add = |is_so: bool, words: String| {
        if is_so {
            text.push(' ');
            text.push_str(&words);
        }
    };
    add(!terms.payment_type.has_escrow(), "consented-pull".to_owned());
    match terms.release_type {
        ReleaseType::MilestoneLocked => add(true, "milestone-locked".to_owned()),
        ReleaseType::DeliveryProof => add(true, "delivery-proof".to_owned()),
        ReleaseType::AutoRelease => add(true, "released-by-proof".to_owned()),
        ReleaseType::TimeLocked => add(true, format!("time-locked for {}s", agreed.lock_s.unwrap_or(0))),
    }
    add(terms.auto_release, "auto-release".to_owned());
    add(terms.require_delivery, "require-delivery".to_owned());
    add(terms.require_approval, "require-approval".to_owned());
    add(true, format!("approval-period {}s", terms.approval_period.seconds()));
    add(true, format!("delivery-period {}s", terms.delivery_period.seconds()));
    add(true, format!("dispute-window {}s", terms.dispute_window.seconds()));
    let shares: Vec<String> = agreed.shares.iter().map(|(_, minor)| units(*minor)).collect();
    add(!shares.is_empty(), format!("with milestones {}", shares.join(", ")));
    if agreed.mode == Mode::Live { format!("With real money: {text}") } else { text }
}

impl Case {
    /// The command that plays it again.
    #[must_use]
    pub fn command(&self) -> String {
        let mut command = format!("cargo run -p sim -- replay {}", self.seed);
        if self.schedule != 0 {
            write!(command, " --schedule {}", self.schedule).expect("memory");
        }
        // Where there are none, the option stands alone: nothing else means none.
        let mut add = |option: &str, items: Vec<String>| {
            let items = if items.is_empty() { String::new() } else { format!(" {}", items.join(",")) };
            write!(command, " {option}{items}").expect("memory");
        };
        if let Some(wishes) = &self.wishes {
            add("--wishes", wishes.iter().map(ToString::to_string).collect());
        }
        if let Some(faults) = &self.faults {
            add("--faults", faults.iter().map(|fault| fault.name().to_owned()).collect());
        }
        if let Some(polls) = self.crash_at {
            write!(command, " --crash-at {polls}").expect("memory");
        }
        command
    }
}
