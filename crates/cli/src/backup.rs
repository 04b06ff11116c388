//! `milepost backup`: copies a store that may be in use, and checks the copy.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use engine::verify::Report;
use serde_json::json;
use store::{DatabaseUrl, SqliteStore, Store};

use crate::config::Sources;
use crate::failure::Failure;
use crate::opening::{self, SecretArgs, Site, StoreArgs};
use crate::output::Out;
use crate::secret::{self, SECRET_NAME};
use crate::verify;

/// Copy the embedded store, in use or not, and check the copy
///
/// Copies everything that was answered before it began, and the secret that API keys are recognised by, into a new folder, then
/// runs `milepost verify` on the copy. The folder appears only when all of it is on the disk. To restore it, put it in the place of
/// the data folder and start the gateway. A store in a database is backed up with the tools of PostgreSQL.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  milepost backup --data ./milepost-data --to /backups/milepost-2027-01-15")]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    secret: SecretArgs,
    /// The folder to make; there must be nothing of this name
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When the store cannot be read or the copy not be written, or the copy breaks an invariant.
pub(crate) async fn run(args: BackupArgs, sources: &Sources, out: Out) -> Result<(), Failure> {
    let folder = match args.store.site(sources)? {
        Site::Folder(folder) => folder,
        Site::Database(settings) => return Err(not_here(&settings.url)),
    };
    let secret = args.secret.file(sources, &folder)?;
    // Without a slash at its end, which would put the draft inside.
    let to: PathBuf = args.to.components().collect();
    if fs::symlink_metadata(&to).is_ok() {
        return Err(Failure::usage(format!("--to: {} is there already; name a new folder", to.display())));
    }
    if lies_inside(&to, &folder) {
        return Err(Failure::usage(format!("--to: {} lies in the folder of the store itself", to.display())));
    }
    let draft = Draft::make(&to)?;
    SqliteStore::back_up(&folder, draft.path()).map_err(Failure::unavailable)?;
    secret::copy(&secret, &draft.path().join(SECRET_NAME))?;
    let report = check(draft.path()).await?;
    // A copy of what is broken is still worth having to whoever has nothing else.
    draft.finish(&to)?;
    let told = tell(&to, &report, out);
    verify::verdict(&report, told)
}

/// The complaint about a store that this cannot copy.
fn not_here(url: &DatabaseUrl) -> Failure {
    Failure::usage(format!(
        "the store is the database {url}: back it up with PostgreSQL's own tools, pg_dump or continuous archiving (PITR), and the file \
         with the gateway's secret beside it; docs/scaling.md says how"
    ))
}

/// Whether a folder to be made would lie inside another one. What cannot be looked at is told when it is used.
fn lies_inside(new: &Path, folder: &Path) -> bool {
    let parent = new.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (parent.canonicalize(), folder.canonicalize()) {
        (Ok(parent), Ok(folder)) => parent.starts_with(folder),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

async fn check(folder: &Path) -> Result<Report, Failure> {
    let store = opening::open_read_only(folder)?;
    let report = verify::checked(store.as_ref()).await.map_err(Failure::unavailable);
    store.close().await;
    report
}

fn tell(to: &Path, report: &Report, out: Out) -> Result<(), Failure> {
    out.line(format!("Copied to {}, and checked:", to.display()))?;
    verify::show(report, out)?;
    let mut value = verify::as_json(report);
    value["to"] = json!(to.display().to_string());
    out.json(&value)
}

/// A folder under another name than it will have. It is removed unless it is finished.
struct Draft(Option<PathBuf>);

impl Draft {
    fn make(to: &Path) -> Result<Draft, Failure> {
        let mut name = OsString::from(to.as_os_str());
        name.push(".part");
        let path = PathBuf::from(name);
        make_folder(&path).map_err(|error| {
            let is_there = error.kind() == io::ErrorKind::AlreadyExists;
            let advice =
                if is_there { "; it is of a backup that is under way, or was cut off: remove it then" } else { "" };
            cannot_write(&path, &error, advice)
        })?;
        Ok(Draft(Some(path)))
    }

    fn path(&self) -> &Path {
        self.0.as_deref().unwrap_or(Path::new(""))
    }

    /// Gives the folder its name, once everything in it is on the disk.
    fn finish(mut self, to: &Path) -> Result<(), Failure> {
        let finish = || {
            sync(self.path())?;
            fs::rename(self.path(), to)?;
            sync(&to.canonicalize()?.join(".."))
        };
        finish().map_err(|error| cannot_write(to, &error, ""))?;
        self.0 = None;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            drop(fs::remove_dir_all(path));
        }
    }
}

fn cannot_write(path: &Path, error: &io::Error, advice: &str) -> Failure {
    Failure::unavailable(format!("cannot write {}: {error}{advice}", path.display()))
}

/// A folder that only its owner may look into.
fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes the names in a folder durable, where folders can be synced.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
