//! `milepost migrate`: creates or upgrades a store.

use clap::Args;
use serde_json::json;
use store::{POSTGRES_SCHEMA_VERSION, PostgresSettings, PostgresStore, SCHEMA_VERSION};

use crate::config::Sources;
use crate::failure::Failure;
use crate::opening::{Site, StoreArgs};
use crate::output::Out;

/// Create the store, or upgrade it to this version of Milepost
///
/// On an embedded store `serve` does it by itself; this does it ahead of time. A store in a database is upgraded while gateways of the
/// version before go on using it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  milepost migrate --data ./milepost-data
  MILEPOST_DATABASE_URL=postgres://milepost:…@db.example/milepost milepost migrate")]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the command.
///
/// # Errors
/// When the store cannot be opened.
pub(crate) async fn run(args: MigrateArgs, sources: &Sources, out: Out) -> Result<(), Failure> {
    let site = args.store.site(sources)?;
    let reached = match &site {
        Site::Folder(_) => {
            site.clone().open().await?.store.close().await;
            SCHEMA_VERSION
        }
        Site::Database(settings) => upgrade(settings).await?,
    };
    let version = env!("CARGO_PKG_VERSION");
    out.line(format!("The store in {site} is at schema version {reached}, as milepost {version} needs it."))?;
    let (name, place) = site.place();
    out.json(&json!({"store": site.kind(), name: place, "schema_version": reached, "version": version}))
}

/// Brings a database up to date, and gives its version.
async fn upgrade(settings: &PostgresSettings) -> Result<i32, Failure> {
    PostgresStore::migrate(settings).await.map_err(Failure::unavailable)?;
    Ok(POSTGRES_SCHEMA_VERSION)
}
