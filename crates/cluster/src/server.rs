//! A server program in a folder of its own.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::Missing;
use crate::account::{Account, run};
use crate::keeper::Keeper;

/// How often it is looked whether a server has come up, or gone down.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How often that is done before it is given up: for half a minute.
const LOOKS: u32 = 6000;

/// How many lines of a server's log an error tells.
const TOLD_LINES: usize = 8;

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Transactions are rolled back, connections are closed, and what is in memory is written.
    Fast,
    /// At once, as in a crash: what was committed is recovered at the next start.
    Immediate,
}

/// What makes a server what it is.
pub(crate) struct Kind {
    /// What it is called, to people.
    pub(crate) name: &'static str,
    /// The file in its folder that has its process id in the first line.
    pub(crate) pid_file: &'static str,
    /// The signal at which it ends at once, and what `kill` calls it.
    pub(crate) abort: (Signal, &'static str),
    /// The variable of the environment that does without.
    pub(crate) variable: &'static str,
}

/// A server, which runs or not, and its folder. Both are gone with it, and with this process.
pub(crate) struct Server {
    kind: Kind,
    account: Account,
    process: Mutex<Option<Child>>,
    folder: TempDir,
    _keeper: Keeper,
}

impl Server {
    /// Makes the folder in another one.
    pub(crate) fn new(kind: Kind, within: &Path) -> Result<Server, Missing> {
        let account = Account::find()?;
        let failed =
            |error| Missing::failed(format!("making a folder for {} in {}", kind.name, within.display()), error);
        let folder = tempfile::Builder::new().prefix("milepost-test-").tempdir_in(within).map_err(failed)?;
        account.take(folder.path()).map_err(failed)?;
        let keeper = Keeper::of(account, folder.path(), &folder.path().join(kind.pid_file), kind.abort.1);
        let keeper = keeper.map_err(|error| Missing::failed("starting `sh`", error))?;
        Ok(Server { kind, account, process: Mutex::new(None), folder, _keeper: keeper })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command that is run as this server would be, in its folder.
    pub(crate) fn command(&self, program: &Path) -> Command {
        self.account.command(program, self.folder())
    }

    /// Runs such a command to its end.
    pub(crate) fn run(&self, command: &mut Command) -> Result<String, Missing> {
        run(command).map_err(|why| Missing::failed(command.get_program().to_string_lossy(), why))
    }

    /// Writes a file that the server, and nobody else, may read.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), Missing> {
        let path = self.folder().join(name);
        let written = std::fs::write(&path, text).and_then(|()| self.account.take(&path));
        written.map_err(|error| Missing::failed(format!("writing {}", path.display()), error))
    }

    /// Starts the server by a command, and waits until it is ready, which is asked with its process id.
    ///
    /// # Panics
    /// When it runs already.
    pub(crate) fn start(&self, command: &mut Command, is_ready: impl Fn(u32) -> bool) -> Result<(), Missing> {
        let mut process = self.process();
        assert!(process.is_none(), "{} runs already", self.kind.name);
        let log = self.log().map_err(|error| self.did_not_start(error))?;
        let errors = log.try_clone().map_err(|error| self.did_not_start(error))?;
        let mut child = command.stdout(log).stderr(errors).spawn().map_err(|error| self.did_not_start(error))?;
        for _ in 0..LOOKS {
            if is_ready(child.id()) {
                *process = Some(child);
                return Ok(());
            }
            if !matches!(child.try_wait(), Ok(None)) {
                return Err(self.did_not_start(self.last_words()));
            }
            sleep(LOOK_EVERY);
        }
        end(child, self.kind.abort.0);
        Err(self.did_not_start(format!("it was not ready in time\n{}", self.last_words())))
    }

    /// Stops the server by a signal, and waits until it is gone. Nothing happens when it does not run.
    pub(crate) fn stop(&self, signal: Signal) {
        if let Some(child) = self.process().take() {
            end(child, signal);
        }
    }

    /// The process id.
    ///
    /// # Panics
    /// When it does not run.
    pub(crate) fn pid(&self) -> u32 {
        match &*self.process() {
            Some(child) => child.id(),
            None => panic!("{} does not run", self.kind.name),
        }
    }

    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> std::io::Result<File> {
        OpenOptions::new().create(true).append(true).open(self.folder().join("log"))
    }

    /// The end of the log, which says why the server ended.
    fn last_words(&self) -> String {
        let log = std::fs::read(self.folder().join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TOLD_LINES)..].join("\n")
    }

    fn did_not_start(&self, why: impl fmt::Display) -> Missing {
        Missing::failed(format!("starting {} (to do without, set {}=none)", self.kind.name, self.kind.variable), why)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop(self.kind.abort.0);
    }
}

/// Ends a process by a signal, even when it is halted, or by force when it does not heed the signal.
fn end(mut child: Child, signal: Signal) {
    let id = Pid::from_child(&child);
    // Whoever is gone already gets no signal.
    let _ = kill_process(id, signal);
    let _ = kill_process(id, Signal::CONT);
    for _ in 0..LOOKS {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        sleep(LOOK_EVERY);
    }
    drop(child.kill());
    drop(child.wait());
}
