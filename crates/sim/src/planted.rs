//! Puts one defect in after the other, and looks after how many seeds it is found.

use std::collections::BTreeSet;
use std::process::ExitCode;

use escrow::planted::{Defect, plant};
use sim::{Case, Fault, Outcome};

/// After so many seeds a defect counts as not found.
const MOST_SEEDS: u64 = 400;

/// The first seed, so that everybody sees the same.
const FIRST: u64 = 1;

/// The fault without which a defect does no harm, or which shows it best; none, where anything shows it.
const fn reason(defect: Defect) -> Option<Fault> {
    match defect {
        Defect::RefusalAnswered => Some(Fault::CommitRefused),
        Defect::DoubtAnswered => Some(Fault::CommitLost),
        Defect::DoubtDenied => Some(Fault::ReplyLost),
        Defect::DelayDenied => Some(Fault::StoreSlow),
        Defect::ClosingDenied => Some(Fault::Restart),
        Defect::ReplyForgotten => Some(Fault::SentTwice),
        Defect::KeyUnchecked => Some(Fault::CommitLate),
        Defect::VersionUnchecked => None,
        Defect::LeaseForgotten => Some(Fault::BankSlow),
        Defect::ClaimUnchecked | Defect::ChainForgotten | Defect::JobForgotten => None,
        Defect::WorkerGivesUp => Some(Fault::StoreGone),
        Defect::RefusalTakenForArrival => Some(Fault::BankRefuses),
        Defect::SilenceTakenForArrival => Some(Fault::BankSilent),
        Defect::SilenceTakenForRefusal => Some(Fault::BankReplyLost),
        Defect::CursorAhead => Some(Fault::Crash),
        Defect::FailureCounts => Some(Fault::ReceiverFails),
        Defect::EmptyRetry => Some(Fault::ReceiverReplyLost),
        Defect::CallsOverlap => Some(Fault::ReceiverSlow),
        Defect::BackInTime => Some(Fault::ClockForward),
        Defect::TooEarly => Some(Fault::ClockBack),
        Defect::ShortTransfer
        | Defect::StillHeld
        | Defect::SharesUnchecked
        | Defect::AnyOrder
        | Defect::ReleasedAgain
        | Defect::NothingFrozen
        | Defect::FundedAgain
        | Defect::SilentCompletion
        | Defect::DutyKept
        | Defect::EndlessSilence => None,
    }
}

/// What must be found.
pub(crate) fn run() -> ExitCode {
    let mut missed = Vec::new();
    println!("{:<32} {:<20} {:>6}  {}", "defect", "with only", "seeds", "what is broken");
    for defect in Defect::ALL.iter().copied() {
        let fault = reason(defect);
        plant(Some(defect));
        let found = first_wrong(fault);
        plant(None);
        let with = fault.map_or("anything", Fault::name);
        match found {
            Some((seeds, outcome)) => {
                let rule = outcome.rule().map_or("", |rule| rule.name());
                println!("{:<32} {with:<20} {seeds:>6}  {rule}", defect.name());
            }
            None => {
                println!("{:<32} {with:<20} {:>6}  not found", defect.name(), "-");
                missed.push(defect);
            }
        }
    }
    println!("{} of {} found", Defect::ALL.len() - missed.len(), Defect::ALL.len());
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The first seed in which something is wrong, counted from 1.
fn first_wrong(fault: Option<Fault>) -> Option<(u64, Outcome)> {
    (0..MOST_SEEDS).find_map(|number| {
        let faults = fault.map(|fault| BTreeSet::from([fault]));
        let outcome = Case { faults, ..Case::of(FIRST + number) }.play();
        (!outcome.wrongs.is_empty()).then_some((number + 1, outcome))
    })
}
