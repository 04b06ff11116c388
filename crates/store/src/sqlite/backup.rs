//! Copying a store while it is in use.

use std::fs::File;
use std::path::Path;

use super::open::{self, OpenError};

/// Writes everything that was committed when it began into a database of its own, in a folder that has none. Reads alone: whoever has the
/// store open goes on, but what it commits meanwhile stays in its write-ahead log until this is done.
pub(super) fn back_up(dir: &Path, into: &Path) -> Result<(), OpenError> {
    let db = open::reader(dir)?;
    let copy = open::database(into);
    let failed = |error| open::explain(&copy, error);
    let name = copy.to_str().ok_or_else(|| OpenError::Inaccessible {
        path: copy.clone(),
        cause: "its name is not UTF-8, which SQLite needs".to_owned(),
    })?;
    db.execute("VACUUM INTO ?1", [name]).map_err(failed)?;
    let synced = File::open(&copy).and_then(|file| file.sync_all());
    synced.map_err(|error| open::inaccessible(&copy, &error))
}
