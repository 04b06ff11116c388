//! A disk that forgets what was not synced, that can fill up, and that can become read-only: `volatile_disk.c`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::dice::Dice;
use crate::harness::{Environment, folder};

/// What a disk writes whole or not at all, in bytes.
const SECTOR_BYTES: usize = 512;

/// The disk below a store's folder.
pub(crate) struct VolatileDisk {
    data: PathBuf,
    own: TempDir,
    /// The end of the names of files whose sync is forgotten.
    deaf: &'static str,
}

/// What becomes of writes that were not synced when the power fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsynced {
    /// All are gone.
    Lost,
    /// Some sectors made it and some did not, in any order.
    Scattered,
}

impl VolatileDisk {
    /// The disk below this folder, which need not exist yet.
    pub(crate) fn below(data: &Path) -> VolatileDisk {
        let own = folder();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/crash/volatile_disk.c");
        let library = own.path().join("volatile_disk.so");
        let mut cc = Command::new("cc");
        cc.args(["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread", "-o"]).arg(library).arg(source);
        let output = cc.arg("-ldl").output().expect("a C compiler named cc");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        VolatileDisk { data: data.to_owned(), own, deaf: "" }
    }

    /// From the next start on, syncs of files whose name ends so are forgotten.
    pub(crate) const fn be_deaf(&mut self, name_end: &'static str) {
        self.deaf = name_end;
    }

    /// Puts the disk below the next gateway. All that is there now is durable.
    pub(crate) fn mount(&self) -> Environment {
        self.take_as_durable();
        Environment::from([
            ("LD_PRELOAD", self.own.path().join("volatile_disk.so")),
            ("VOLATILE_DISK_DIR", self.data.clone()),
            ("VOLATILE_DISK_SHADOW", self.shadow()),
            ("VOLATILE_DISK_DEAF", PathBuf::from(self.deaf)),
            ("VOLATILE_DISK_FULL", self.switch("full")),
            ("VOLATILE_DISK_FROZEN", self.switch("frozen")),
        ])
    }

    fn shadow(&self) -> PathBuf {
        self.own.path().join("shadow")
    }

    fn switch(&self, name: &str) -> PathBuf {
        self.own.path().join(name)
    }

    fn take_as_durable(&self) {
        drop(fs::remove_dir_all(self.shadow()));
        let inodes = self.shadow().join(".inodes");
        fs::create_dir_all(&inodes).expect("a folder");
        for name in names(&self.data).into_iter().filter(|name| has_shadow(name)) {
            let file = self.data.join(&name);
            let inode = inodes.join(fs::metadata(&file).expect("a file").ino().to_string());
            fs::copy(file, &inode).expect("a copy");
            fs::hard_link(inode, self.shadow().join(name)).expect("a link");
        }
    }

    /// The power fails: what was not synced is no longer what was written. The gateway must be dead already.
    pub(crate) fn lose_power(&self, unsynced: Unsynced, dice: &mut Dice) {
        for name in names(&self.data).into_iter().filter(|name| has_shadow(name)) {
            let file = self.data.join(&name);
            if unsynced == Unsynced::Scattered && self.is_still(&name) {
                let (durable, written) = (self.shadow().join(&name), fs::read(&file).expect("a file"));
                let scattered = scatter(fs::read(&durable).expect("a shadow"), &written, dice);
                fs::write(durable, scattered).expect("written");
            }
            fs::remove_file(file).expect("removed");
        }
        for name in names(&self.shadow()).into_iter().filter(|name| has_shadow(name)) {
            fs::copy(self.shadow().join(&name), self.data.join(name)).expect("a copy");
        }
    }

    /// Whether this name durably is that of the file that now has it.
    fn is_still(&self, name: &str) -> bool {
        let inode = |path: PathBuf| fs::metadata(path).map(|found| found.ino()).ok();
        let now = inode(self.data.join(name)).expect("a file");
        let durable = inode(self.shadow().join(name));
        durable.is_some() && durable == inode(self.shadow().join(".inodes").join(now.to_string()))
    }

    /// From now on there is no space left.
    pub(crate) fn fill(&self) {
        fs::write(self.switch("full"), "").expect("written");
    }

    /// There is space again.
    pub(crate) fn make_room(&self) {
        fs::remove_file(self.switch("full")).expect("removed");
    }

    /// From now on it is read-only.
    pub(crate) fn freeze(&self) {
        fs::write(self.switch("frozen"), "").expect("written");
    }
}

/// The shared memory and the lock are no content: no disk has to bring them back.
fn has_shadow(name: &str) -> bool {
    !name.ends_with("-shm") && !name.ends_with(".lock") && !name.starts_with('.')
}

/// The names in a folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name().into_string().expect("text");
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

/// Each sector as it is durable, or as it was written; and either length.
fn scatter(mut durable: Vec<u8>, written: &[u8], dice: &mut Dice) -> Vec<u8> {
    let length = if dice.flip() { durable.len() } else { written.len() };
    durable.resize(durable.len().max(written.len()), 0);
    for (old, new) in durable.chunks_mut(SECTOR_BYTES).zip(written.chunks(SECTOR_BYTES)) {
        if dice.flip() {
            old[..new.len()].copy_from_slice(new);
        }
    }
    durable.truncate(length);
    durable
}
