//! The gateway's own secret, which keys every hash it stores: `secret.key` in the data folder.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use engine::{Host, Keyring};

use crate::failure::Failure;

/// The file's name within the data folder.
const FILE_NAME: &str = "secret.key";

/// Bytes of the secret.
const SECRET_BYTES: usize = 32;

/// Whether the store has keys already, which only the secret that they were stored with can find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// It has none: a missing secret is made.
    None,
    /// It has some: a missing secret is an error, since a new one would make all of them useless.
    Some,
}

/// The keyring of a data folder, its secret made on first use.
///
/// # Errors
/// When the secret cannot be read or written, has the wrong length, or is missing although keys depend on it.
pub(crate) fn keyring(folder: &Path, keys: Keys, host: &dyn Host) -> Result<Keyring, Failure> {
    let path = folder.join(FILE_NAME);
    let secret = match (read(&path), keys) {
        (Ok(secret), Keys::None | Keys::Some) => secret,
        (Err(error), Keys::None) if error.kind() == ErrorKind::NotFound => make(folder, &path, host)?,
        (Err(error), Keys::Some) if error.kind() == ErrorKind::NotFound => {
            let path = path.display();
            return Err(Failure::unavailable(format!(
                "{path} is missing, and no API key of this store works without it: restore it from your backup"
            )));
        }
        (Err(error), Keys::None | Keys::Some) => {
            return Err(Failure::unavailable(format!("cannot read {}: {error}", path.display())));
        }
    };
    Ok(Keyring::new(&secret))
}

/// Copies the secret of one folder into another, which has none.
///
/// # Errors
/// When it cannot be read or written.
pub(crate) fn copy(from: &Path, into: &Path) -> Result<(), Failure> {
    let (from, into) = (from.join(FILE_NAME), into.join(FILE_NAME));
    let cannot =
        |what: &str, path: &Path, error| Failure::unavailable(format!("cannot {what} {}: {error}", path.display()));
    let secret = read(&from).map_err(|error| cannot("read", &from, error))?;
    let write = || -> std::io::Result<()> {
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&into)?;
        file.write_all(&secret)?;
        file.sync_all()
    };
    write().map_err(|error| cannot("write", &into, error))
}

fn read(path: &Path) -> std::io::Result<[u8; SECRET_BYTES]> {
    // One byte more than there should be, so that a file that is too long is noticed without reading all of it.
    let mut bytes = Vec::with_capacity(SECRET_BYTES + 1);
    std::fs::File::open(path)?.take(SECRET_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let wrong = |_| std::io::Error::new(ErrorKind::InvalidData, format!("it must have exactly {SECRET_BYTES} bytes"));
    <[u8; SECRET_BYTES]>::try_from(bytes.as_slice()).map_err(wrong)
}

/// Writes a new secret under another name first, so that a crash never leaves half of one, then makes name and bytes durable
/// before anything is stored that depends on them. The caller has the store open, so nobody else makes one meanwhile.
fn make(folder: &Path, path: &Path, host: &dyn Host) -> Result<[u8; SECRET_BYTES], Failure> {
    let mut secret = [0; SECRET_BYTES];
    host.random(&mut secret);
    let draft = folder.join(format!("{FILE_NAME}.new"));
    let write = || -> std::io::Result<()> {
        match std::fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&draft)?;
        file.write_all(&secret)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)?;
        std::fs::File::open(folder)?.sync_all()
    };
    write().map_err(|error| Failure::unavailable(format!("cannot write {}: {error}", path.display())))?;
    Ok(secret)
}

/// Only the file's owner may read it.
#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(test)]
mod tests {
    use engine::System;

    use super::*;

    #[test]
    fn it_is_made_once_and_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let host = System::new();
        let first = keyring(folder.path(), Keys::None, &host).expect("a secret is made");
        let second = keyring(folder.path(), Keys::Some, &host).expect("it is read back");
        assert_eq!(first.hash_key("sk_test_abcdefgh"), second.hash_key("sk_test_abcdefgh"));
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        keyring(folder.path(), Keys::None, &System::new()).expect("a secret is made");
        let mode = std::fs::metadata(folder.path().join(FILE_NAME)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn it_is_never_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = keyring(folder.path(), Keys::Some, &System::new()).expect_err("keys depend on it");
        assert!(missing.to_string().contains("restore it from your backup"), "{missing}");
        for wrong in [&b""[..], &[7; 31], &[7; 33]] {
            std::fs::write(folder.path().join(FILE_NAME), wrong).expect("written");
            let error = keyring(folder.path(), Keys::None, &System::new()).expect_err("the wrong length");
            assert!(error.to_string().contains("exactly 32 bytes"), "{error}");
            assert_eq!(std::fs::read(folder.path().join(FILE_NAME)).expect("it is there"), wrong);
        }
    }
}
