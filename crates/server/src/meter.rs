//! What the API measures about itself. Whoever installs a recorder of the `metrics` crate sees it. No label holds anything that a
//! client can choose freely.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// How many requests were answered, by method, route and status.
pub const REQUESTS: &str = "milepost_requests_total";

/// How long requests took, in seconds, by route.
pub const REQUEST_SECONDS: &str = "milepost_request_seconds";

/// How many requests are under way.
pub const IN_FLIGHT: &str = "milepost_requests_in_flight";

/// How many requests came too soon, by what they were counted by.
pub const RATE_LIMITED: &str = "milepost_rate_limited_total";

/// Whether the store answered when it was last surveyed.
pub const STORE_UP: &str = "milepost_store_up";

/// The methods that are told apart; a client may make up others.
static METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::PUT, Method::DELETE, Method::OPTIONS];

/// Says what the measures mean, to a recorder that was just installed.
pub fn describe() {
    describe_counter!(REQUESTS, "requests answered");
    describe_histogram!(REQUEST_SECONDS, Unit::Seconds, "how long requests take");
    describe_gauge!(IN_FLIGHT, "requests under way");
    describe_counter!(RATE_LIMITED, "requests that came too soon");
    describe_gauge!(STORE_UP, "1 when the store answered the last survey, 0 when it did not");
    for by in [CountedBy::Key, CountedBy::Address] {
        counter!(RATE_LIMITED, "by" => by.name()).absolute(0);
    }
}

/// A request that is under way, until this is dropped.
pub(crate) struct UnderWay;

impl UnderWay {
    pub(crate) fn begin() -> UnderWay {
        gauge!(IN_FLIGHT).increment(1);
        UnderWay
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT).decrement(1);
    }
}

/// The name of a method, as far as it is one that is told apart.
pub(crate) fn method(method: &Method) -> &'static str {
    METHODS.iter().find(|known| *known == method).map_or("other", Method::as_str)
}

/// Notes an answer. The route is its template, without the version.
pub(crate) fn answered(method: &'static str, route: &str, status: StatusCode, took_us: i64) {
    let route = route.to_owned();
    let took = Duration::from_micros(took_us.max(0).unsigned_abs());
    histogram!(REQUEST_SECONDS, "route" => route.clone()).record(took);
    counter!(REQUESTS, "method" => method, "route" => route, "status" => status.as_str().to_owned()).increment(1);
}

/// What a request was counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CountedBy {
    Key,
    Address,
}

impl CountedBy {
    const fn name(self) -> &'static str {
        match self {
            CountedBy::Key => "key",
            CountedBy::Address => "address",
        }
    }
}

/// Notes that a request came too soon.
pub(crate) fn rate_limited(by: CountedBy) {
    counter!(RATE_LIMITED, "by" => by.name()).increment(1);
}

/// Notes whether the store answered.
pub(crate) fn store_is_up(is_up: bool) {
    gauge!(STORE_UP).set(if is_up { 1 } else { 0 });
}
