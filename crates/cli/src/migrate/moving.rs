//! Moving up: an embedded store is copied into a database, and the copy is compared with it.

use std::path::PathBuf;

use engine::verify::Report;
use serde_json::{Map, Value, json};
use store::{CopyError, POSTGRES_SCHEMA_VERSION, PostgresSettings, PostgresStore, Store};

use super::sum::Sum;
use crate::failure::Failure;
use crate::opening::Site;
use crate::output::{Out, Style};
use crate::secret::{self, Keys};
use crate::{merchants, verify};

/// A copy to be made.
pub(super) struct Move {
    /// The folder of the embedded store.
    pub(super) from: PathBuf,
    /// The database, which must be empty.
    pub(super) to: PostgresSettings,
    /// The file with the gateway's secret, which goes on being used.
    pub(super) secret: PathBuf,
}

/// What is known of one of the two stores afterwards.
struct Checked {
    report: Report,
    sum: Sum,
}

/// How many rows were written of each table, in the order in which that was done.
type Rows = Vec<(&'static str, u64)>;

impl Move {
    /// Copies, checks and compares, and says what came of it.
    ///
    /// # Errors
    /// When nothing was copied, or the copy is not what it should be.
    pub(super) async fn run(self, out: Out) -> Result<(), Failure> {
        let keys = self.look_at_source().await?;
        PostgresStore::migrate(&self.to).await.map_err(Failure::unavailable)?;
        self.claim(keys).await?;
        let rows = self.copy(out).await?;
        let source = checked(Site::Folder(self.from.clone())).await?;
        let copy = checked(Site::Database(Box::new(self.to.clone()))).await?;
        let told = self.tell(&rows, &source, &copy, out);
        if source.sum != copy.sum {
            return Err(Failure::no(format!(
                "the copy is not the same as what is in {}: was that used meanwhile? Do not use the copy; empty the database, and try again",
                self.from.display()
            )));
        }
        verify::verdict(&copy.report, told)
    }

    /// Whether the source has keys. It is taken for this process for a moment, so that a store that is in use, or is none, is refused before
    /// the database is touched.
    async fn look_at_source(&self) -> Result<Keys, Failure> {
        let opened = Site::Folder(self.from.clone()).open_existing().await?;
        let has_none = merchants::has_no_keys(opened.store.as_ref()).await;
        opened.store.close().await;
        Ok(if has_none? { Keys::None } else { Keys::Some })
    }

    /// Sees to it that the database is for gateways with the secret of the source alone, before there is anything in it.
    async fn claim(&self, keys: Keys) -> Result<(), Failure> {
        let store = PostgresStore::open(&self.to).await.map_err(Failure::unavailable)?;
        let claimed = self.claim_in(&store, keys).await;
        store.close().await;
        claimed
    }

    async fn claim_in(&self, store: &PostgresStore, keys: Keys) -> Result<(), Failure> {
        if !merchants::has_no_keys(store).await? {
            return Err(not_empty(CopyError::NotEmpty(self.to.url.to_string())));
        }
        if keys == Keys::None && !self.secret.exists() {
            // Nothing depends on it; the first gateway makes one.
            return Ok(());
        }
        let fingerprint = secret::existing(&self.secret)?.secret_fingerprint();
        if store.knows_secret(fingerprint).await.map_err(Failure::unavailable)? {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "the database {} is for gateways with another secret than that in {}; copy into a new one",
            self.to.url,
            self.secret.display()
        )))
    }

    async fn copy(&self, out: Out) -> Result<Rows, Failure> {
        let mut rows = Rows::new();
        let progress = |table, written| {
            match rows.last_mut() {
                Some((last, count)) if *last == table => *count = written,
                Some(_) | None => rows.push((table, written)),
            }
            if out.is_watched() {
                eprint!("\r{:<40}", format!("copying {table}: {written}"));
            }
        };
        let copied = store::copy(&self.from, &self.to, progress).await;
        if out.is_watched() {
            eprint!("\r{:<40}\r", "");
        }
        copied.map(|()| rows).map_err(not_empty)
    }

    fn tell(&self, rows: &Rows, source: &Checked, copy: &Checked, out: Out) -> Result<(), Failure> {
        let (from, to, secret) = (self.from.display(), &self.to.url, self.secret.display());
        out.line(format!("Copied {from} to {to}:"))?;
        for (table, count) in rows {
            out.line(format!("  {table:<12} {count:>12}"))?;
        }
        out.line("Checked the copy:")?;
        verify::show(&copy.report, out)?;
        if source.sum == copy.sum {
            let Sum { rows, sha256 } = &copy.sum;
            out.line(out.paint(Style::Green, format!("it says the same as the source, in all of {rows} rows")))?;
            out.line(format!("  SHA-256      {sha256}"))?;
            out.line("")?;
            out.line("Start any number of gateways on it, with the password in the address:")?;
            out.line("")?;
            out.line(format!("  MILEPOST_DATABASE_URL={to} milepost serve --secret-file {secret}"))?;
            out.line("")?;
            out.line(format!(
                "{from} is as it was. Start no gateway on it any more: what it did would be missing in the copy."
            ))?;
        }
        out.json(&self.as_json(rows, source, copy))
    }

    fn as_json(&self, rows: &Rows, source: &Checked, copy: &Checked) -> Value {
        let rows: Map<String, Value> = rows.iter().map(|(table, count)| ((*table).to_owned(), json!(count))).collect();
        json!({
            "store": "postgres",
            "database": self.to.url.to_string(),
            "schema_version": POSTGRES_SCHEMA_VERSION,
            "version": env!("CARGO_PKG_VERSION"),
            "from": self.from.display().to_string(),
            "secret_file": self.secret.display().to_string(),
            "rows": rows,
            "same": source.sum == copy.sum,
            "compared": copy.sum.rows,
            "sha256": copy.sum.sha256,
            "source": verify::as_json(&source.report),
            "copy": verify::as_json(&copy.report),
        })
    }
}

async fn checked(site: Site) -> Result<Checked, Failure> {
    let opened = site.open_read_only().await?;
    let look = async {
        let report = verify::checked(opened.store.as_ref()).await?;
        let sum = Sum::of(opened.store.as_ref()).await?;
        Ok(Checked { report, sum })
    };
    let checked: Result<Checked, store::StoreError> = look.await;
    opened.store.close().await;
    checked.map_err(Failure::unavailable)
}

/// A database with something in it was named by mistake; all else is about what the copy depends on.
fn not_empty(error: CopyError) -> Failure {
    match error {
        CopyError::NotEmpty(_) => Failure::usage(error),
        CopyError::Source(_) | CopyError::Database(_) => Failure::unavailable(error),
    }
}
