//! How calls leave the machine: a port, so that a simulation can own the other end.

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
    /// What the receiver knows the call by.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Bytes,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// What it means.
    pub verdict: Verdict,
    /// The HTTP status of the answer, where there was one; opaque here.
    pub status: Option<u16>,
    /// The beginning of the answer's body, at most 1024 bytes, made text.
    pub body: Option<String>,
    /// Why there was no answer, or what is wrong with it, in words for the endpoint's owner.
    pub problem: Option<String>,
}

/// What the end of a call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The event was taken.
    Accepted,
    /// The endpoint is gone, and wants no more calls.
    Gone,
    /// It was not taken, and is to be tried again, not before this is over.
    Failed {
        /// How long the endpoint asks to be left alone.
        retry_after: Option<Span>,
    },
}
