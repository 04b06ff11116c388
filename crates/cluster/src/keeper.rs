//! A server ends with the process that started it, however that ends.

use std::io;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::account::Account;

/// Waits until its input ends, which happens with the process that has the other end, ends the server whose id is in
/// the first line of the file `$2` by the signal `$3`, and removes the folder `$1`.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
read -r _
if pid=$(head -n 1 "$2") && [ -n "$pid" ]; then
    kill -s "$3" "$pid"
    kill -s CONT "$pid"
    for _ in $(seq 200); do
        [ -e "$2" ] && kill -0 "$pid" || break
        sleep 0.05
    done
    [ ! -e "$2" ] || kill -s KILL "$pid"
fi
cd /
rm -rf "$1"
"#;

/// A process of its own that ends a server and removes its folder when this process is gone, be it by SIGKILL. It needs
/// nothing but a shell, and unlike a parent-death signal it neither depends on the thread that started the server nor
/// leaves the folder behind.
#[derive(Debug)]
pub(crate) struct Keeper(Child);

impl Keeper {
    /// Watches over a server that keeps its process id in a file, and that ends at a signal.
    pub(crate) fn of(account: Account, folder: &Path, pid_file: &Path, signal: &str) -> io::Result<Keeper> {
        let mut command = account.command("sh", folder);
        command.args(["-c", SCRIPT, "keeper"]).args([folder, pid_file]).arg(signal);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Keeper)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // The input is closed first, so that the keeper does not wait for this process while this one waits for it.
        drop(self.0.stdin.take());
        drop(self.0.wait());
    }
}
