//! What is tried with bytes that nobody has chosen: a target for each parser, which panics where a promise is broken.
//!
//! Targets are compiled for the tests of this crate, which play the seeds of `fuzz/seeds` and changes of them, and by the feature
//! `fuzzing` for `fuzz/`, where the bytes are found by what they reach. Nothing that ships has them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a promise that is broken is a panic, which the fuzzer takes down"
)]

mod amounts;
mod bodies;
mod keys;
mod queries;
mod requests;
mod signatures;
#[cfg(test)]
mod tests;
mod webhooks;

pub use amounts::target as amounts;
pub use bodies::target as bodies;
pub use keys::target as keys;
pub use queries::target as queries;
pub use requests::target as requests;
pub use signatures::target as signatures;
pub use webhooks::target as webhooks;

use axum::http::Request;
use axum::http::request::Parts;

/// What a target takes.
pub type Target = fn(&[u8]);

/// Every target, by the name of its program and of its seeds.
pub const TARGETS: [(&str, Target); 7] = [
    ("amounts", amounts),
    ("bodies", bodies),
    ("keys", keys),
    ("queries", queries),
    ("requests", requests),
    ("signatures", signatures),
    ("webhooks", webhooks),
];

/// The head of a request with nothing in it but these headers; `None` where one of them cannot be sent.
fn head(method: &str, uri: &str, headers: &[(&str, &[u8])]) -> Option<Parts> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Some(request.body(()).ok()?.into_parts().0)
}

/// A text as forms and queries write it.
fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The lines of some bytes: so many, the last with all that is left, and empty ones where there are fewer.
fn lines<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut lines = data.splitn(N, |byte| *byte == b'\n');
    std::array::from_fn(|_| lines.next().unwrap_or_default())
}
