//! The client that calls webhook endpoints.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::{Method, Request};
use engine::{Call, Host, Post, Reached};
use escrow::{Mode, Span};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioTimer;
use tokio_rustls::TlsConnector;

use super::address::check_url;
use super::answer::{Beginning, Ending, unanswered, understand};
use super::dial::{Dialer, NoConnection, Resolve, SystemResolver, io_in_words, system_roots, tls};
use super::limits::Limits;
use super::targets::{Targets, WebhookTargets};
use crate::http::{in_words, within};

/// How long a connection is kept for the next call: shorter than common servers keep it, so that a call does not meet its end.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// How many connections to one endpoint are kept for the next calls: as many as may be in use at once, or every call beyond that would
/// leave a port behind that cannot be used again for a minute.
const MAX_IDLE_CONNECTIONS: usize = engine::webhooks::CALLS_AT_ONCE;

/// How large the headers of an answer may be, in bytes; no more than this is buffered of anything.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Who we say we are.
const AGENT: &str = concat!("Milepost/", env!("CARGO_PKG_VERSION"));

/// Calls webhook endpoints over HTTP/1.1: without proxies, redirects, cookies and compression, and only at addresses where they may
/// be. Live and sandbox calls share no connection.
pub struct Poster {
    host: Arc<dyn Host>,
    targets: WebhookTargets,
    limits: Limits,
    live: Client<Dialer, Full<Bytes>>,
    sandbox: Client<Dialer, Full<Bytes>>,
}

impl std::fmt::Debug for Poster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poster").field("targets", &self.targets).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What a poster works with.
pub(super) struct Means {
    pub(super) host: Arc<dyn Host>,
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) tls: TlsConnector,
    pub(super) limits: Limits,
}

impl Poster {
    /// A poster that looks up names as the system does, and trusts the certificates that it trusts at this moment. Must be used inside
    /// a tokio runtime. `targets` says where endpoints of the sandbox may be.
    #[must_use]
    pub fn new(host: Arc<dyn Host>, targets: WebhookTargets) -> Poster {
        let tls = tls(system_roots());
        Poster::with(Means { host, resolver: Arc::new(SystemResolver), tls, limits: Limits::STANDARD }, targets)
    }

    pub(super) fn with(means: Means, targets: WebhookTargets) -> Poster {
        let client = |mode| {
            let Means { host, resolver, tls, limits } = &means;
            let (host, resolver, tls) = (host.clone(), resolver.clone(), tls.clone());
            let tasks = Tasks(host.clone());
            let dialer = Dialer { targets: Targets::of(mode, targets), limits: *limits, host, resolver, tls };
            Client::builder(tasks)
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_TIMEOUT)
                .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
                .http1_max_buf_size(MAX_HEADER_BYTES)
                .build(dialer)
        };
        let (live, sandbox) = (client(Mode::Live), client(Mode::Sandbox));
        Poster { host: means.host, targets, limits: means.limits, live, sandbox }
    }

    const fn client(&self, mode: Mode) -> &Client<Dialer, Full<Bytes>> {
        match mode {
            Mode::Sandbox => &self.sandbox,
            Mode::Live => &self.live,
        }
    }

    /// The request of a call, to an address that was checked again: the operator may have changed their mind since it was set.
    fn request(&self, call: Call) -> Result<Request<Full<Bytes>>, String> {
        let Call { url, mode, headers, body } = call;
        let url = check_url(&url, mode, self.targets).map_err(|allowed| format!("the URL must be {allowed}"))?;
        let mut request = Request::builder().method(Method::POST).uri(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.header(CONTENT_TYPE, "application/json").header(USER_AGENT, AGENT);
        request.body(Full::new(body)).map_err(|_| "the call cannot be written as HTTP".to_owned())
    }

    /// The beginning of the body goes with what is known already, which it cannot change: a status that has arrived is an answer, however
    /// its body ends.
    async fn add_body(&self, mut reached: Reached, mut body: Incoming, patience: Span) -> Reached {
        let mut beginning = Beginning::default();
        let ending = within(self.host.as_ref(), patience, beginning.read(&mut body)).await;
        reached.body = beginning.text();
        let flaw = match ending {
            Some(Ending::Whole | Ending::Enough) => None,
            Some(Ending::BrokeOff) => Some("the body of the answer broke off"),
            None => Some("the body of the answer took too long"),
        };
        reached.problem = reached.problem.or_else(|| flaw.map(str::to_owned));
        reached
    }
}

#[async_trait]
impl Post for Poster {
    async fn call(&self, call: Call) -> Reached {
        let client = self.client(call.mode);
        let request = match self.request(call) {
            Ok(request) => request,
            Err(problem) => return unanswered(problem),
        };
        let started_ms = self.host.ticks_ms();
        match within(self.host.as_ref(), self.limits.call, client.request(request)).await {
            Some(Ok(answer)) => {
                let (head, body) = answer.into_parts();
                let reached = understand(head.status, &head.headers, self.host.now());
                let spent = Span::from_ms(self.host.ticks_ms().saturating_sub(started_ms));
                self.add_body(reached, body, self.limits.left_for_body(spent)).await
            }
            Some(Err(error)) => unanswered(in_owners_words(&error)),
            None => unanswered(format!("no answer within {}", in_words(self.limits.call))),
        }
    }
}

/// Why there was no answer, for those who can change it.
fn in_owners_words(error: &Error) -> String {
    let mut causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let words = causes.find_map(|cause| {
        if let Some(NoConnection(problem)) = cause.downcast_ref() {
            return Some(problem.clone());
        }
        if let Some(error) = cause.downcast_ref::<std::io::Error>() {
            return Some(io_in_words(error));
        }
        cause.downcast_ref().and_then(http_in_words)
    });
    words.unwrap_or_else(|| {
        tracing::debug!(%error, "a webhook call failed");
        "the connection ended without an answer to this call".to_owned()
    })
}

/// What HTTP has to say; nothing where the cause lies deeper.
fn http_in_words(error: &hyper::Error) -> Option<String> {
    let words = if error.is_parse_too_large() {
        format!("the headers of the answer are more than {} KiB, or too many", MAX_HEADER_BYTES / 1024)
    } else if error.is_parse() {
        "the answer is not HTTP/1.1".to_owned()
    } else if error.is_incomplete_message() {
        "the connection was closed without an answer".to_owned()
    } else if error.is_canceled() || error.is_closed() {
        "the connection was closed before the call was sent".to_owned()
    } else {
        return None;
    };
    Some(words)
}

/// Has the host run what connections need done beside the calls.
#[derive(Clone)]
struct Tasks(Arc<dyn Host>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.0.spawn(Box::pin(task));
    }
}
