//! Why a command did not do what it was asked, and what the process exits with.

use std::fmt::Display;
use std::io::ErrorKind;
use std::process::ExitCode;

/// Why a command failed. Each kind has its exit code; `0` is for commands that did what they were asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command worked, and the answer is no: a check failed, or what was named is not there.
    #[error("{0}")]
    No(String),
    /// The command was used wrongly: nothing was done.
    #[error("{0}")]
    Usage(String),
    /// Something the command depends on cannot be used: the store, a port, a gateway.
    #[error("{0}")]
    Unavailable(String),
    /// Nobody takes what the command has to say.
    #[error("cannot write to standard output: {0}")]
    Output(std::io::Error),
}

impl Failure {
    /// [`Failure::No`] with this message.
    pub(crate) fn no(message: impl Display) -> Failure {
        Failure::No(message.to_string())
    }

    /// [`Failure::Usage`] with this message.
    pub(crate) fn usage(message: impl Display) -> Failure {
        Failure::Usage(message.to_string())
    }

    /// [`Failure::Unavailable`] with this message.
    pub(crate) fn unavailable(message: impl Display) -> Failure {
        Failure::Unavailable(message.to_string())
    }

    /// What the process exits with. A reader that has left, as `head` does, has seen what it wanted: that is no failure.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::No(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Output(error) if error.kind() == ErrorKind::BrokenPipe => 0,
            Failure::Unavailable(_) | Failure::Output(_) => 3,
        }
    }

    /// Says on standard error what went wrong, if anything did: a line of text, or with `--json` an object.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        let code = self.code();
        if code == 0 {
            return ExitCode::SUCCESS;
        }
        if json {
            eprintln!("{}", serde_json::json!({"error": {"message": self.to_string(), "exit_code": code}}));
        } else {
            eprintln!("milepost: {self}");
        }
        ExitCode::from(code)
    }
}
