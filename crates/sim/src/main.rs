//! Runs simulations: many seeds, or one again.
#![allow(clippy::print_stdout, reason = "it is for people who look")]

#[cfg(feature = "planted")]
mod planted;

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::{Parser, Subcommand, value_parser};
use engine::{Host, System};
use sim::{Case, Fault, Outcome, Totals, shrink, story};

/// Simulates whole gateways, with everything that can go wrong, from seeds.
#[derive(Parser)]
#[command(name = "sim")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play many seeds; the first that goes wrong is shrunk and told
    Run {
        /// How many seeds
        #[arg(long, default_value_t = 100, value_parser = value_parser!(u64).range(1..))]
        seeds: u64,
        /// The first one; drawn, where none is named
        #[arg(long, value_parser = value_parser!(u64).range(..LAST_SEED))]
        from: Option<u64>,
        /// Go on for so many minutes, however many seeds that takes
        #[arg(long, conflicts_with = "seeds", value_parser = value_parser!(i64).range(1..))]
        minutes: Option<i64>,
    },
    /// Play one seed again, or what is left of it
    Replay {
        /// The seed
        seed: u64,
        /// Another order of the same tasks
        #[arg(long, default_value_t = 0)]
        schedule: u64,
        /// Only these wishes
        #[arg(long, num_args = 0..=1, value_delimiter = ',')]
        wishes: Option<Vec<usize>>,
        /// Only these kinds of faults
        #[arg(long, num_args = 0..=1, value_delimiter = ',', value_parser = fault)]
        faults: Option<Vec<Fault>>,
        /// Kill the gateway after so many polls, and let nothing else go wrong
        #[arg(long, conflicts_with = "faults", value_parser = value_parser!(u64).range(1..))]
        crash_at: Option<u64>,
        /// Find the least that still goes wrong
        #[arg(long)]
        shrink: bool,
    },
    /// Put in one defect after the other, and see after how many seeds each is found
    #[cfg(feature = "planted")]
    Planted {
        /// Only these, by their names; all, where none are named
        #[arg(value_parser = planted::defect)]
        only: Vec<escrow::planted::Defect>,
    },
    /// Kill the gateway of a run at every place where it waits, one after the other
    Crashes {
        /// The seed of the run
        #[arg(default_value_t = 1)]
        seed: u64,
    },
}

fn fault(name: &str) -> Result<Fault, String> {
    let names = || Fault::ALL.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(", ");
    Fault::from_name(name).ok_or_else(|| format!("the kinds are {}", names()))
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run { seeds, from, minutes } => run(seeds, from, minutes),
        Command::Replay { seed, schedule, wishes, faults, crash_at, shrink } => {
            let wishes = wishes.map(BTreeSet::from_iter);
            let faults = faults.map(BTreeSet::from_iter);
            let case = Case { seed, schedule, wishes, faults, crash_at };
            let unknown = case.unknown_wishes();
            if !unknown.is_empty() {
                eprintln!("seed {seed} has no wishes {unknown:?}");
                return ExitCode::from(USAGE);
            }
            replay(&case, shrink)
        }
        #[cfg(feature = "planted")]
        Command::Planted { only } => planted::run(&only),
        Command::Crashes { seed } => crashes(seed),
    }
}

/// The status of a call that makes no sense.
const USAGE: u8 = 2;

/// So many seeds may follow on any that is named.
const LAST_SEED: u64 = u64::MAX / 2;

/// How often something is said about how far it is.
const SAID_EVERY_MS: i64 = 10_000;

fn run(seeds: u64, from: Option<u64>, minutes: Option<i64>) -> ExitCode {
    let clock = System::new();
    let first = from.unwrap_or_else(|| {
        let mut bytes = [0; 4];
        clock.random(&mut bytes);
        u64::from(u32::from_be_bytes(bytes))
    });
    println!("seeds from {first} on");
    let (mut totals, mut said_ms) = (Totals::default(), 0);
    for seed in first.. {
        let is_over = match minutes {
            Some(minutes) => clock.ticks_ms() >= minutes * 60_000,
            None => seed - first >= seeds,
        };
        if is_over {
            break;
        }
        let case = Case::of(seed);
        let outcome = case.play();
        totals.add(&outcome.totals);
        if !outcome.wrongs.is_empty() {
            return failed(&case, &outcome);
        }
        if clock.ticks_ms() - said_ms >= SAID_EVERY_MS {
            said_ms = clock.ticks_ms();
            println!("{} runs, {} answers, {} s", totals.runs, totals.answers, said_ms / 1000);
        }
    }
    report(&totals, clock.ticks_ms())
}

fn failed(case: &Case, outcome: &Outcome) -> ExitCode {
    for wrong in outcome.wrongs.iter().take(5) {
        println!("seed {}: {}: {}", case.seed, wrong.rule.name(), wrong.what);
    }
    println!("shrinking…");
    if let Some(rule) = outcome.rule() {
        let (least, outcome) = shrink(case, rule);
        println!("\n{}", story(&least, &outcome));
    }
    ExitCode::FAILURE
}

fn replay(case: &Case, is_shrunk: bool) -> ExitCode {
    let outcome = case.play();
    match outcome.rule() {
        None => {
            let Totals { answers, polls, .. } = outcome.totals;
            println!("all is well: {answers} answers, {polls} polls, trace {:016x}", outcome.trace);
            if case.crash_at.is_some() && outcome.crashes == 0 {
                println!("nobody was killed: the clients were done before");
            }
            ExitCode::SUCCESS
        }
        Some(_) if is_shrunk => failed(case, &outcome),
        Some(_) => {
            println!("{}", story(case, &outcome));
            ExitCode::FAILURE
        }
    }
}

fn crashes(seed: u64) -> ExitCode {
    let mut polls = 1;
    loop {
        let case = Case { crash_at: Some(polls), ..Case::of(seed) };
        let outcome = case.play();
        if !outcome.wrongs.is_empty() {
            println!("{}", story(&case, &outcome));
            return ExitCode::FAILURE;
        }
        if outcome.crashes == 0 {
            println!("killed at each of {} places, and all was well", polls - 1);
            return ExitCode::SUCCESS;
        }
        polls += 1;
    }
}

fn report(totals: &Totals, real_ms: i64) -> ExitCode {
    let Totals { runs, polls, answers, told_again, simulated_ms, .. } = totals;
    println!(
        "\n{runs} runs in {} s: {} h simulated, {polls} polls, {answers} answers",
        real_ms / 1000,
        simulated_ms / 3_600_000
    );
    println!("{told_again} results of the bank came twice\n");
    println!("what went wrong");
    for fault in Fault::ALL {
        println!("  {:<20} {:>9}", fault.name(), totals.faults.get(fault).unwrap_or(&0));
    }
    println!("states");
    for (state, count) in &totals.coverage.states {
        println!("  {state:<34} {count:>9}");
    }
    println!("refusals");
    for (refusal, count) in &totals.coverage.refusals {
        println!("  {refusal:<34} {count:>9}");
    }
    let (faults, states) = (totals.missing_faults(), totals.missing_states());
    if faults.is_empty() && states.is_empty() {
        println!("\nall was well");
        return ExitCode::SUCCESS;
    }
    let faults: Vec<&str> = faults.into_iter().map(Fault::name).collect();
    println!("\nnever happened: {faults:?}, {states:?}: too few seeds, or something is not simulated any more");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_repeated_by_the_command_that_it_names() {
        let wishes = [None, Some(BTreeSet::new()), Some(BTreeSet::from([3, 14]))];
        let faults = [None, Some(BTreeSet::new()), Some(BTreeSet::from([Fault::Crash, Fault::BankSlow]))];
        for (wishes, faults) in wishes.iter().flat_map(|wishes| faults.iter().map(move |faults| (wishes, faults))) {
            let case = Case { schedule: 5, wishes: wishes.clone(), faults: faults.clone(), ..Case::of(7) };
            let command = case.command();
            let words = command.strip_prefix("cargo run -p sim -- ").expect("a command of cargo").split(' ');
            let read = Cli::try_parse_from(["sim"].into_iter().chain(words)).unwrap_or_else(|error| panic!("{error}"));
            let Command::Replay { seed, schedule, wishes, faults, .. } = read.command else { panic!("{command}") };
            assert_eq!((seed, schedule), (7, 5));
            assert_eq!(wishes.map(BTreeSet::from_iter), case.wishes, "{command}");
            assert_eq!(faults.map(BTreeSet::from_iter), case.faults, "{command}");
        }
    }
}
