//! What is asked of the engine, and what it answers.

use std::sync::Arc;

use escrow::{Actor, Command, Escrow, Hash, IntentId, NewIntent, Owner, Rejection, Timestamp, planted};
use store::{Reply, StoreError};

/// Turns what the domain decided into the answer that the caller gets and an idempotency key remembers: the state after the
/// command, or why it was refused. It may be called more than once, and the last result counts.
pub type Render = Arc<dyn Fn(Result<&Escrow, &Rejection>) -> Rendered + Send + Sync>;

/// A command and who sends it.
#[derive(Clone)]
pub struct Request {
    /// Whose intents the sender may speak of.
    pub reach: Reach,
    /// Who sends it.
    pub by: Actor,
    /// What is asked.
    pub ask: Ask,
    /// The idempotency key, where one was sent.
    pub idempotency: Option<Idempotency>,
    /// How to answer.
    pub render: Render,
}

/// Whose intents somebody may speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This owner's. Another merchant's intent is forbidden to them, the other mode's does not exist for them.
    Owner(Owner),
    /// Everybody's whose id they know. They show no key, so what changes nothing is not remembered for them either.
    Everybody,
    /// Everybody's too, for the operator, who shows a key: their answers are remembered like a merchant's.
    Operator,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Ask {
    /// A new intent.
    Open(Box<NewIntent>),
    /// Something of an existing one.
    Decide(IntentId, Command),
}

/// An idempotency key and what came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Among whose keys it counts.
    pub owner: Owner,
    /// The key, as sent.
    pub key: String,
    /// What tells this request from others under the same key.
    pub fingerprint: Hash,
}

impl Idempotency {
    /// What is remembered under the key: this answer, given at this time.
    pub(crate) fn reply(&self, answer: &Rendered, created: Timestamp) -> Reply {
        Reply {
            owner: self.owner,
            key: self.key.clone(),
            fingerprint: self.fingerprint,
            status: answer.status,
            body: answer.kept.clone().unwrap_or_else(|| answer.body.clone()),
            created,
        }
    }
}

/// An answer: opaque to the engine, which only keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Its HTTP status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
    /// What an idempotency key remembers in its place, where the body has a secret that is shown once.
    pub kept: Option<Vec<u8>>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The domain decided, for or against it; whatever it changed is durable.
    Decided(Rendered),
    /// The key was used for the same request before; this is what was answered then, and nothing happened now.
    Replayed(Rendered),
    /// The key was used for another request before; nothing happened.
    KeyReused,
    /// The intent is another merchant's; nothing happened.
    Forbidden,
    /// There is no such intent; nothing happened.
    NotFound,
}

/// Why a request got no answer. Nothing happened and nothing will, but for [`Unavailable::Interrupted`], for
/// [`Unavailable::TimedOut`] and, where its own turn came at the last moment, [`Unavailable::KeyInUse`]: of the last two the
/// idempotency key tells.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Too many requests wait already.
    #[error("the gateway is overloaded; nothing was done")]
    Overloaded,
    /// The gateway is shutting down.
    #[error("the gateway is shutting down; nothing was done")]
    Closing,
    /// The store did not take it; nothing was done.
    #[error("{0}")]
    Store(String),
    /// Another request with the same idempotency key took longer than this one could wait. Of one in another lane or at another gateway
    /// nobody knows here: then it is [`Unavailable::TimedOut`].
    #[error("a request with this idempotency key is still under way")]
    KeyInUse,
    /// A clock that was on its way may have stopped there. No idempotency key remembers that; at most that it has arrived.
    #[error("the clock may have stopped on its way; look where it stands before moving it on")]
    Interrupted,
    /// It took too long, or the store did not say what became of it. Whether it happened is not known yet; its idempotency key tells.
    #[error(
        "the gateway did not answer in time; send the request again with the same idempotency key to learn its outcome"
    )]
    TimedOut,
}

impl Unavailable {
    /// What whoever asked for something is told when its commit did not end well.
    pub(crate) fn uncommitted(error: &StoreError) -> Unavailable {
        match error {
            StoreError::InDoubt if !planted!(DoubtDenied) => Unavailable::TimedOut,
            StoreError::InDoubt | StoreError::Unavailable(_) | StoreError::Damaged(_) | StoreError::UnknownCursor => {
                Unavailable::Store(error.to_string())
            }
        }
    }
}
