//! Limits on how often somebody may ask: which route counts as what, whose request it is, and the headers that say what is left.

use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, HeaderValue, Method};
use store::ApiKey;

use super::error::ApiError;
use super::peer;
use super::routes::Route;
use crate::gateway::Gateway;
use crate::meter::{self, CountedBy};
use crate::rate_limit::{Pace, Standing, Verdict};

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The headers of a response that say where its client stands.
pub(super) const HEADERS: [HeaderName; 3] = [LIMIT, REMAINING, RESET];

/// Where a request's client stands, for the response to say, whatever becomes of the request: an extension of the request.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<OnceLock<Standing>>);

impl Told {
    /// Adds the headers, where anything was counted.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        let Some(Standing { limit, remaining, reset_s }) = self.0.get().copied() else { return };
        headers.insert(LIMIT, HeaderValue::from(limit));
        headers.insert(REMAINING, HeaderValue::from(remaining));
        headers.insert(RESET, HeaderValue::from(reset_s));
    }
}

/// How closely a route is limited. Whoever watches over the gateway is not.
pub(super) fn pace(route: &Route) -> Pace {
    match (&route.method, route.path.as_str()) {
        (_, "/health/live" | "/health/ready" | "/metrics") => Pace::Free,
        (&Method::POST, "/payment-intents") => Pace::Creation,
        (&Method::POST, "/payment-intents/{intent}/confirm") => Pace::Confirmation,
        (_, _) => Pace::Plain,
    }
}

/// Counts a request with a valid key.
pub(super) fn key(gateway: &Gateway, request: &Request, key: &ApiKey, pace: Pace) -> Result<(), ApiError> {
    let now = gateway.engine.host().now();
    let verdict = gateway.rate_limiter.key(key.id, key.holder, pace, now);
    if verdict != Verdict::Unlimited {
        gateway.teller.note();
    }
    judge(request, CountedBy::Key, verdict)
}

/// Counts a request for a route that takes no key.
pub(super) fn public(gateway: &Gateway, request: &Request, pace: Pace) -> Result<(), ApiError> {
    let address = peer::client(request, &gateway.settings.trusted_proxies);
    judge(request, CountedBy::Address, gateway.rate_limiter.public(address, pace, gateway.engine.host().now()))
}

/// Counts a request that had to have a valid key and has none, and says what it is answered instead of `error`, if its address sent
/// too many. A valid key works from there all the same: it may be another's who shares the address, and keys are too long to be
/// guessed at any rate.
pub(super) fn keyless(gateway: &Gateway, request: &Request, error: ApiError) -> ApiError {
    if !matches!(error, ApiError::NoKey | ApiError::InvalidKey) {
        return error;
    }
    let address = peer::client(request, &gateway.settings.trusted_proxies);
    let verdict = gateway.rate_limiter.keyless(address, gateway.engine.host().now());
    judge(request, CountedBy::Address, verdict).err().unwrap_or(error)
}

fn judge(request: &Request, by: CountedBy, verdict: Verdict) -> Result<(), ApiError> {
    let (standing, judged) = match verdict {
        Verdict::Unlimited => return Ok(()),
        Verdict::Passed(standing) => (standing, Ok(())),
        Verdict::Refused(standing, wait_s) => {
            meter::rate_limited(by);
            (standing, Err(ApiError::RateLimited(wait_s)))
        }
    };
    if let Some(Told(told)) = request.extensions().get() {
        told.get_or_init(|| standing);
    }
    judged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_routes_are_limited_otherwise_than_most() {
        let of = |pace_of: Pace| {
            let routes = crate::routes().into_iter().filter(move |route| pace(route) == pace_of);
            routes.map(|route| format!("{} {}", route.method, route.path)).collect::<Vec<_>>()
        };
        assert_eq!(of(Pace::Free), ["GET /health/live", "GET /health/ready", "GET /metrics"]);
        assert_eq!(of(Pace::Creation), ["POST /payment-intents"]);
        assert_eq!(of(Pace::Confirmation), ["POST /payment-intents/{intent}/confirm"]);
    }
}
