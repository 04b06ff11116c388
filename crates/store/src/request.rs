//! The log of requests.

use escrow::{KeyId, RequestId, Timestamp};

use crate::KeyHolder;

/// A request that was answered. What nobody should read again was taken out of it before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// Its id.
    pub id: RequestId,
    /// Who sent it.
    pub holder: KeyHolder,
    /// The key that was used.
    pub key: KeyId,
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Its query, where it had one.
    pub query: Option<String>,
    /// The HTTP status of the answer; opaque here.
    pub status: u16,
    /// When it came.
    pub created: Timestamp,
    /// How long the answer took, in milliseconds.
    pub latency_ms: i64,
    /// The idempotency key, where one was sent.
    pub idempotency_key: Option<String>,
    /// The body of the request as JSON, where there was one and it was kept.
    pub sent: Option<String>,
    /// The body of the answer as JSON, where there was one and it was kept.
    pub answered: Option<String>,
}
