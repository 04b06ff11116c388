//! `milepost`: a gateway for milestone payments, and the tools around it. One subcommand is one file.
//!
//! Only this crate reads the environment.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod api;
mod backup;
mod bench;
mod config;
mod connections;
mod demo;
mod descriptors;
mod event;
mod events;
mod failure;
mod gateway;
mod keys;
mod limits;
mod listen;
mod log;
mod merchants;
mod meter;
mod migrate;
mod opening;
mod output;
mod secret;
mod serve;
mod signals;
mod trigger;
mod verify;

use crate::config::Sources;
use crate::failure::Failure;
use crate::output::Out;

/// Every request makes and drops hundreds of small pieces on several threads, which the allocator of glibc takes a quarter of its time for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const _: () = assert!(!escrow::planted::CAN_BE_PLANTED, "what ships has no planted defects: build without the feature");

const _: () = assert!(!server::HAS_FUZZ_TARGETS, "what ships has no fuzz targets: build without the feature");

/// How long the process waits, after its work, for threads that are still busy.
const LAST_WAIT: std::time::Duration = std::time::Duration::from_secs(1);

const ABOUT_EXIT: &str = "\
Exit codes: 0 done; 1 the answer is no, a check failed; 2 wrong use; 3 something it depends on is unavailable.
Settings: a flag wins over its MILEPOST_* variable, that over ./milepost.toml (or --config FILE).

Example:
  milepost serve";

/// A self-hosted gateway for milestone payments: money is locked once, released share by share, and every cent can be traced.
#[derive(Debug, Parser)]
#[command(name = "milepost", version, after_help = ABOUT_EXIT)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Read settings from this file instead of ./milepost.toml [env: MILEPOST_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write JSON for machines
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    // Larger than the others: every setting of the gateway is a flag of it.
    Serve(Box<serve::ServeArgs>),
    Demo(demo::DemoArgs),
    Trigger(trigger::TriggerArgs),
    Keys(keys::KeysArgs),
    Listen(listen::ListenArgs),
    Events(events::EventsArgs),
    Verify(verify::VerifyArgs),
    Backup(backup::BackupArgs),
    Migrate(migrate::MigrateArgs),
    Bench(bench::BenchArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let is_json = cli.json;
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(is_json),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let out = Out::new(cli.json);
    let sources = Sources::of_process(cli.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unavailable(format!("cannot start: {error}")))?;
    let result = runtime.block_on(dispatch(cli.command, &sources, out));
    runtime.shutdown_timeout(LAST_WAIT);
    result
}

async fn dispatch(command: Command, sources: &Sources, out: Out) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => serve::run(*args, sources, out).await,
        Command::Demo(args) => demo::run(args, sources, out).await,
        Command::Trigger(args) => trigger::run(args, out).await,
        Command::Keys(args) => keys::run(args, sources, out).await,
        Command::Listen(args) => listen::run(args, out).await,
        Command::Events(args) => events::run(args, out).await,
        Command::Verify(args) => verify::run(args, sources, out).await,
        Command::Backup(args) => backup::run(args, sources, out).await,
        Command::Migrate(args) => migrate::run(args, sources, out).await,
        Command::Bench(args) => bench::run(args, sources, out).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_explains_itself_with_an_example() {
        let mut command = Cli::command();
        command.build();
        let mut waiting: Vec<clap::Command> = command.get_subcommands().cloned().collect();
        while let Some(command) = waiting.pop().filter(|command| command.get_name() != "help") {
            waiting.extend(command.get_subcommands().filter(|inner| inner.get_name() != "help").cloned());
            let help = command.clone().render_help().to_string();
            assert!(help.contains("Example"), "{} has no example", command.get_name());
            assert!(help.contains("--json"), "{} has no --json", command.get_name());
        }
    }
}
