//! The port through which webhook endpoints are called.

use async_trait::async_trait;
use bytes::Bytes;
use escrow::{Mode, Span};

/// Carries calls to webhook endpoints.
#[async_trait]
pub trait Post: Send + Sync + 'static {
    /// Makes one call and says what came of it. Ends by itself within the time that a call may take.
    async fn call(&self, call: Call) -> Reached;
}

/// A call to a webhook endpoint.
#[derive(Clone, Debug)]
pub struct Call {
    /// Where to.
    pub url: String,
    /// The sandbox's endpoints may be where live ones may not.
    pub mode: Mode,
    /// What is said about the body: whose event it is, and the signatures.
    pub headers: Vec<(&'static str, String)>,
    /// JSON; whoever carries the call says so, and who calls.
    pub body: Bytes,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// What it means for the delivery.
    pub verdict: Verdict,
    /// The HTTP status of the answer, where there was one; opaque to the engine.
    pub status: Option<u16>,
    /// The beginning of the answer's body, at most 1024 bytes, made text.
    pub body: Option<String>,
    /// Why there was no answer, or what is wrong with it, in words for the endpoint's owner.
    pub problem: Option<String>,
}

/// What a call means for the delivery that it was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The endpoint has taken it.
    Accepted,
    /// The endpoint wants no more calls.
    Gone,
    /// It is to be tried again, and not before this much time has passed, where the endpoint said so.
    Failed {
        /// How long the endpoint wants to be left alone.
        retry_after: Option<Span>,
    },
}
