//! Puts one defect in after the other, and looks after how many seeds it is found.

use std::process::ExitCode;

use escrow::planted::{Defect, plant};
use sim::{Case, Fault, Outcome};

/// After so many seeds a defect counts as not found.
const MOST_SEEDS: u64 = 400;

/// The first seed, so that everybody sees the same.
const FIRST: u64 = 1;

/// The faults without which a defect does no harm, or which show it best, where they are all that goes wrong; none, where anything
/// shows it. Where there are several such sets, each must show it.
const fn reasons(defect: Defect) -> &'static [&'static [Fault]] {
    match defect {
        Defect::RefusalAnswered => &[&[Fault::CommitRefused]],
        Defect::DoubtAnswered => &[&[Fault::CommitLost]],
        Defect::DoubtDenied => &[&[Fault::ReplyLost]],
        Defect::DelayDenied => &[&[Fault::StoreSlow]],
        Defect::ClosingDenied => &[&[Fault::Restart, Fault::StoreSlow]],
        Defect::ReplyForgotten => &[&[Fault::SentTwice]],
        Defect::KeyUnchecked => &[&[Fault::CommitLate]],
        Defect::LeaseForgotten => &[&[Fault::BankRefuses, Fault::BankSlow], &[Fault::BankRefuses, Fault::Pause]],
        Defect::WorkerGivesUp => &[&[Fault::StoreGone]],
        Defect::RefusalTakenForArrival => &[&[Fault::BankRefuses]],
        Defect::SilenceTakenForArrival => &[&[Fault::BankSilent]],
        Defect::SilenceTakenForRefusal => &[&[Fault::BankReplyLost]],
        Defect::CursorAhead => &[&[Fault::Crash]],
        Defect::FailureCounts => &[&[Fault::ReceiverFails]],
        Defect::EmptyRetry => &[&[Fault::ReceiverReplyLost]],
        Defect::CallsOverlap => &[&[Fault::ReceiverSlow]],
        Defect::BackInTime => &[&[Fault::ClockForward]],
        Defect::TooEarly => &[&[Fault::ClockBack]],
        Defect::VersionUnchecked
        | Defect::ClaimUnchecked
        | Defect::ChainForgotten
        | Defect::JobForgotten
        | Defect::ShortTransfer
        | Defect::StillHeld
        | Defect::SharesUnchecked
        | Defect::AnyOrder
        | Defect::ReleasedAgain
        | Defect::NothingFrozen
        | Defect::FundedAgain
        | Defect::SilentCompletion
        | Defect::DutyKept
        | Defect::EndlessSilence => &[&[]],
    }
}

/// The defect of this name.
pub(crate) fn defect(name: &str) -> Result<Defect, String> {
    let names = || Defect::ALL.iter().map(|defect| defect.name()).collect::<Vec<_>>().join(", ");
    Defect::ALL
        .iter()
        .copied()
        .find(|defect| defect.name() == name)
        .ok_or_else(|| format!("the defects are {}", names()))
}

/// Puts each in, those of these names or all.
pub(crate) fn run(only: &[Defect]) -> ExitCode {
    let is_meant = |defect: &Defect| only.is_empty() || only.contains(defect);
    let defects: Vec<Defect> = Defect::ALL.iter().copied().filter(is_meant).collect();
    let tries: Vec<_> =
        defects.iter().flat_map(|defect| reasons(*defect).iter().map(|with| (*defect, *with))).collect();
    let mut missed = 0;
    println!("{:<32} {:<32} {:>6}  what is broken", "defect", "with only", "seeds");
    for (defect, faults) in &tries {
        plant(Some(*defect));
        let found = first_wrong(faults);
        plant(None);
        let with = faults.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(", ");
        let with = if with.is_empty() { "anything" } else { &with };
        match found {
            Some((seeds, outcome)) => {
                let rule = outcome.rule().map_or("", |rule| rule.name());
                println!("{:<32} {with:<32} {seeds:>6}  {rule}", defect.name());
            }
            None => {
                println!("{:<32} {with:<32} {:>6}  not found", defect.name(), "-");
                missed += 1;
            }
        }
    }
    println!("{} of {} found", tries.len() - missed, tries.len());
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The first seed in which something is wrong, counted from 1.
fn first_wrong(faults: &[Fault]) -> Option<(u64, Outcome)> {
    (0..MOST_SEEDS).find_map(|number| {
        let faults = (!faults.is_empty()).then(|| faults.iter().copied().collect());
        let outcome = Case { faults, ..Case::of(FIRST + number) }.play();
        (!outcome.wrongs.is_empty()).then_some((number + 1, outcome))
    })
}
