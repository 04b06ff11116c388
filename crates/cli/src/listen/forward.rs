//! Posts events to a local address, by what calls webhook endpoints and in the same way.

use std::fmt;
use std::sync::Arc;

use engine::{Call, Host, Post, Reached, Secret, Verdict, signed_headers};
use escrow::Mode;
use serde_json::{Value, json};
use server::{Poster, WebhookTargets, check_url};

use crate::event::ServedEvent;
use crate::output::plain;

/// How the address is called: as an endpoint of the sandbox, whatever the mode of the key.
const MODE: Mode = Mode::Sandbox;

/// Where the address may be: as near as an operator can let endpoints be, since whoever gives it sits at this machine.
const TARGETS: WebhookTargets = WebhookTargets::Private;

/// How many characters of an answer that is no success are shown.
const SHOWN_CHARS: usize = 80;

/// Reads the address that events are forwarded to.
///
/// # Errors
/// What it must be.
pub(super) fn parse_target(text: &str) -> Result<String, String> {
    check_url(text, MODE, TARGETS).map_err(|allowed| format!("it must be {allowed}"))
}

/// Forwards events to one address.
pub(super) struct Forwarder {
    poster: Poster,
    target: String,
    secret: Secret,
    host: Arc<dyn Host>,
}

impl Forwarder {
    /// Forwards to `target`, signed with `secret`.
    pub(super) fn new(target: String, secret: Secret, host: Arc<dyn Host>) -> Forwarder {
        Forwarder { poster: Poster::new(host.clone(), TARGETS), target, secret, host }
    }

    /// Where it forwards to.
    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// What it signs with.
    pub(super) fn secret(&self) -> &str {
        self.secret.reveal()
    }

    /// Posts an event, once.
    pub(super) async fn forward(&self, event: &ServedEvent) -> Outcome {
        let headers = signed_headers(&event.id.to_string(), self.host.now(), event.text.as_bytes(), &self.secret, None);
        let (url, body) = (self.target.clone(), event.text.clone().into());
        Outcome(self.poster.call(Call { url, mode: MODE, headers: headers.into(), body }).await)
    }
}

/// What came of forwarding an event.
#[derive(Debug)]
pub(super) struct Outcome(Reached);

impl Outcome {
    /// Whether a webhook would count as delivered.
    pub(super) const fn is_accepted(&self) -> bool {
        match self.0.verdict {
            Verdict::Accepted => true,
            Verdict::Gone | Verdict::Failed { .. } => false,
        }
    }

    /// Why it does not count as delivered, and how the answer begins.
    fn problem(&self) -> Option<String> {
        let why = self.0.problem.as_deref().filter(|_| !self.is_accepted())?;
        let lines = self.0.body.as_deref().unwrap_or_default().lines();
        let Some(line) = lines.map(str::trim).find(|line| !line.is_empty()) else { return Some(why.to_owned()) };
        Some(format!("{why}: {}", plain(&line.chars().take(SHOWN_CHARS).collect::<String>())))
    }

    /// The outcome for machines.
    pub(super) fn json(&self) -> Value {
        json!({"accepted": self.is_accepted(), "status": self.0.status, "problem": self.problem()})
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.problem(), self.0.status) {
            (Some(problem), _) => f.write_str(&problem),
            (None, Some(status)) => write!(f, "{status}"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_it_is_told_in_a_few_words() {
        let failed = Verdict::Failed { retry_after: None };
        for (verdict, status, body, problem, expected) in [
            (Verdict::Accepted, Some(200), Some("thank you"), None, "200"),
            (Verdict::Accepted, Some(204), None, Some("the body of the answer broke off"), "204"),
            (failed, Some(503), Some("\n not \u{9b} now \nat all"), Some("it was 503"), "it was 503: not \u{fffd} now"),
            (failed, Some(500), Some(" \n"), Some("it was 500"), "it was 500"),
            (Verdict::Gone, Some(410), None, Some("it was 410"), "it was 410"),
            (failed, None, None, Some("connection refused"), "connection refused"),
        ] {
            let (body, problem) = (body.map(str::to_owned), problem.map(str::to_owned));
            assert_eq!(Outcome(Reached { verdict, status, body, problem }).to_string(), expected);
        }
    }

    #[test]
    fn addresses_on_this_machine_and_near_it_are_forwarded_to() {
        for text in
            ["http://localhost:8080/webhooks", "http://[::1]:1/?a=b", "http://192.168.0.7/", "https://127.0.0.1/"]
        {
            assert_eq!(parse_target(text).as_deref(), Ok(text));
        }
        for text in ["", "8080", "localhost:8080", "ftp://localhost", "http://", "http://169.254.169.254/"] {
            assert!(parse_target(text).is_err(), "{text:?}");
        }
    }
}
