//! `milepost migrate`: creates or upgrades a store.

use clap::Args;
use serde_json::json;
use store::{SCHEMA_VERSION, Store};

use crate::config::Sources;
use crate::failure::Failure;
use crate::opening::{self, StoreArgs};
use crate::output::Out;

/// Create the store, or upgrade it to this version of Milepost
///
/// `serve` does it by itself; this does it ahead of time, and says which version it is up to date for.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  milepost migrate --data ./milepost-data")]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the command.
///
/// # Errors
/// When the store cannot be opened.
pub(crate) async fn run(args: MigrateArgs, sources: &Sources, out: Out) -> Result<(), Failure> {
    let folder = args.store.folder(sources)?;
    let store = opening::open(&folder)?;
    store.close().await;
    let (folder, version) = (folder.display().to_string(), env!("CARGO_PKG_VERSION"));
    out.line(format!("The store in {folder} is at schema version {SCHEMA_VERSION}, as milepost {version} needs it."))?;
    out.json(&json!({"store": "sqlite", "data": folder, "schema_version": SCHEMA_VERSION, "version": version}))
}
