//! The gateway's own secret, which keys every hash it stores: 32 bytes in a file, `secret.key` in the data folder unless it is set.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use engine::{Host, Keyring};

use crate::failure::Failure;
use crate::opening::Site;

/// The name of the file in a data folder.
pub(crate) const SECRET_NAME: &str = "secret.key";

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

/// The keyring with the secret in a file that must be there.
///
/// # Errors
/// When it cannot be read, or has the wrong length.
pub(crate) fn existing(file: &Path) -> Result<Keyring, Failure> {
    match read(file) {
        Ok(secret) => Ok(Keyring::new(&secret)),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(missing(file)),
        Err(error) => Err(cannot("read", file, &error)),
    }
}

/// The keyring with the secret in a file, which is made on first use.
///
/// # Errors
/// When it cannot be read or written, has the wrong length, or is missing although keys depend on it.
pub(crate) fn keyring(file: &Path, keys: Keys, host: &dyn Host) -> Result<Keyring, Failure> {
    if keys == Keys::None && !file.exists() {
        let secret = make(file, host).map_err(|error| cannot("write", file, &error))?;
        return Ok(Keyring::new(&secret));
    }
    existing(file)
}

fn missing(file: &Path) -> Failure {
    let file = file.display();
    Failure::unavailable(format!(
        "{file} is missing, and no API key of this store works without it: restore it from your backup; where other gateways share the \
         store, copy that of one of them, and name it with --secret-file FILE"
    ))
}

/// The complaint that a store is for gateways with another secret than that in this file.
pub(crate) fn another(file: &Path, site: &Site) -> Failure {
    let file = file.display();
    let what = match site {
        Site::Folder(_) => "restore it from your backup, or name the right one",
        Site::Database(_) => "copy that of one of them, and name it",
    };
    Failure::unavailable(format!(
        "the secret in {file} is not the one that the gateways of {site} have: {what} with --secret-file FILE"
    ))
}

/// Copies a secret into a file that is not there yet.
///
/// # Errors
/// When it cannot be read or written.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let secret = read(from).map_err(|error| cannot("read", from, &error))?;
    let write = || -> io::Result<()> {
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(to)?;
        file.write_all(&secret)?;
        file.sync_all()
    };
    write().map_err(|error| cannot("write", to, &error))
}

fn cannot(what: &str, file: &Path, error: &io::Error) -> Failure {
    Failure::unavailable(format!("cannot {what} {}: {error}", file.display()))
}

fn read(file: &Path) -> io::Result<[u8; SECRET_BYTES]> {
    let opened = File::open(file)?;
    refuse_strangers(&opened)?;
    // One byte more than there should be, so that a file that is too long is noticed without reading all of it.
    let mut bytes = Vec::with_capacity(SECRET_BYTES + 1);
    opened.take(SECRET_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let wrong = |_| io::Error::new(ErrorKind::InvalidData, format!("it must have exactly {SECRET_BYTES} bytes"));
    <[u8; SECRET_BYTES]>::try_from(bytes.as_slice()).map_err(wrong)
}

/// What every user of the machine may do with a file, in its mode.
#[cfg(unix)]
const EVERYBODYS: u32 = 0o007;

/// Refuses a file that every user of the machine may read or change, as ssh does with keys. Its group may: that is how secrets are
/// mounted into containers. The open file is asked, not its name, which may have become another's.
#[cfg(unix)]
fn refuse_strangers(file: &File) -> io::Result<()> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions());
    if mode & EVERYBODYS == 0 {
        return Ok(());
    }
    let told = format!(
        "its permissions ({:04o}) let every user of this machine at it: let its owner alone read it, with chmod 600",
        mode & 0o7777
    );
    Err(io::Error::new(ErrorKind::PermissionDenied, told))
}

/// Who may read a file cannot be said here.
#[cfg(not(unix))]
fn refuse_strangers(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Writes a new secret under another name first, so that nobody ever sees half of one, and makes name and bytes durable before anything
/// is stored that depends on them. Of several that do so at once all have that of the first.
fn make(file: &Path, host: &dyn Host) -> io::Result<[u8; SECRET_BYTES]> {
    let mut secret = [0; SECRET_BYTES];
    host.random(&mut secret);
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(folder)?;
    // Only its owner may read it.
    let mut draft = tempfile::Builder::new().prefix(".secret-").tempfile_in(folder)?;
    draft.write_all(&secret)?;
    draft.as_file().sync_all()?;
    match draft.persist_noclobber(file) {
        Ok(_) => {
            sync(folder)?;
            Ok(secret)
        }
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => read(file),
        Err(error) => Err(error.error),
    }
}

/// A folder that only its owner may look into, where there is none.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes the names in a folder durable, where folders can be synced.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
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

    fn found(file: &Path, keys: Keys) -> [u8; 32] {
        keyring(file, keys, &System::new()).expect("a secret").secret_fingerprint()
    }

    #[test]
    fn it_is_made_once_and_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("new/secret.key");
        assert_eq!(found(&file, Keys::None), found(&file, Keys::Some));
        let names = std::fs::read_dir(folder.path().join("new")).expect("a folder");
        assert_eq!(names.count(), 1, "nothing else is left behind");
    }

    #[test]
    fn those_who_make_it_at_the_same_time_have_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret.key");
        let made: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| found(&file, Keys::None))).collect();
            threads.into_iter().map(|thread| thread.join().expect("it ends")).collect()
        });
        assert!(made.iter().all(|other| *other == made[0]), "{made:?}");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret.key");
        found(&file, Keys::None);
        let mode = std::fs::metadata(file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn what_everybody_may_read_or_change_is_no_secret() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret.key");
        let made = found(&file, Keys::None);
        // A mounted secret is a link to a file.
        let link = folder.path().join("mounted.key");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        for (mode, is_taken) in
            [(0o600, true), (0o400, true), (0o640, true), (0o440, true), (0o660, true), (0o644, false), (0o604, false)]
                .into_iter()
                .chain([(0o602, false), (0o601, false), (0o666, false), (0o444, false)])
        {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("set");
            for name in [&file, &link] {
                match existing(name) {
                    Ok(keyring) => assert!(is_taken && keyring.secret_fingerprint() == made, "{mode:o}"),
                    Err(error) => {
                        let said = format!("({mode:04o}) let every user of this machine at it");
                        assert!(!is_taken && error.to_string().contains(&said), "{mode:o}: {error}");
                    }
                }
            }
            let copied = copy(&file, &folder.path().join(format!("copy-{mode:o}")));
            assert_eq!(copied.is_ok(), is_taken, "{mode:o}");
        }
    }

    #[test]
    fn it_is_never_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret.key");
        let missing = keyring(&file, Keys::Some, &System::new()).expect_err("keys depend on it");
        assert!(missing.to_string().contains("restore it from your backup"), "{missing}");
        private(OpenOptions::new().write(true).create_new(true)).open(&file).expect("made");
        for wrong in [&b""[..], &[7; 31], &[7; 33]] {
            std::fs::write(&file, wrong).expect("written");
            let error = keyring(&file, Keys::None, &System::new()).expect_err("the wrong length");
            assert!(error.to_string().contains("exactly 32 bytes"), "{error}");
            assert_eq!(std::fs::read(&file).expect("it is there"), wrong);
        }
    }
}
