//! `milepost migrate`: creates or upgrades a store, or copies an embedded one into a database.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use store::{POSTGRES_SCHEMA_VERSION, PostgresSettings, PostgresStore, SCHEMA_VERSION};

use crate::config::Sources;
use crate::failure::Failure;
use crate::opening::{SecretArgs, Site, StoreArgs};
use crate::output::Out;

mod moving;
mod sum;

use moving::Move;

/// Create the store, or upgrade it to this version of Milepost; or copy an embedded one into a database
///
/// On an embedded store `serve` does it by itself; this does it ahead of time. A store in a database is upgraded while gateways of the
/// version before go on using it. With --from, everything in an embedded store but the log of requests is copied into a database that is
/// empty, all of it or nothing; then both are checked as `milepost verify` does, and compared row by row.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  milepost migrate --data ./milepost-data
  MILEPOST_DATABASE_URL=postgres://milepost:…@db.example/milepost milepost migrate --from ./milepost-data")]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The folder of an embedded store to copy into the database; nobody may use it meanwhile
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    #[command(flatten)]
    secret: SecretArgs,
}

/// Runs the command.
///
/// # Errors
/// When the store cannot be opened or copied, or the copy is not what it should be.
pub(crate) async fn run(args: MigrateArgs, sources: &Sources, out: Out) -> Result<(), Failure> {
    let site = args.store.site(sources)?;
    match (args.from, site) {
        (None, site) => bring_up_to_date(site, out).await,
        (Some(from), Site::Database(settings)) => {
            // The folder's own secret is the one that its keys were made with, whatever is set for the gateways to come.
            let own = from.join(crate::secret::SECRET_NAME);
            let secret = if own.exists() { own } else { args.secret.file(sources, &from)? };
            Move { from, to: *settings, secret }.run(out).await
        }
        (Some(_), Site::Folder(_)) => {
            Err(Failure::usage("--from: name the database to copy into with --database-url or MILEPOST_DATABASE_URL"))
        }
    }
}

async fn bring_up_to_date(site: Site, out: Out) -> Result<(), Failure> {
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
