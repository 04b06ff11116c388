//! How events look to the world: told by the server, stored and hashed by the engine.

use escrow::chain::Numbered;
use escrow::{Escrow, EventId, KeyId, Timestamp};
use store::{AccountEvent, ApiKey, Endpoint, KeyHolder, Merchant, StoredEvent};

/// Writes the bodies of events.
pub trait Present: Send + Sync + 'static {
    /// The body of an event, as it is stored, hashed and served: JSON without the hashes. `escrow` is the state after the
    /// decision that the event belongs to.
    fn event(&self, escrow: &Escrow, numbered: Numbered<'_>, created: Timestamp) -> Vec<u8>;

    /// The body of an event of a journal, in the same form.
    fn journal_event(&self, event: JournalEvent<'_>) -> Vec<u8>;

    /// An event as it is served, to the byte: its body with the hash before it and its own.
    fn served(&self, stored: &StoredEvent) -> Vec<u8>;
}

/// What happened to a merchant, a key or a webhook endpoint, in its place in a journal.
#[derive(Clone, Copy, Debug)]
pub struct JournalEvent<'a> {
    /// The event's id.
    pub id: EventId,
    /// Its place among the events of the journal, from 1.
    pub sequence: u64,
    /// When it happened, in real time.
    pub created: Timestamp,
    /// Whose journal it is.
    pub holder: KeyHolder,
    /// What happened.
    pub news: News<'a>,
}

/// What happened to a merchant, a key or a webhook endpoint; everything is shown as it is afterwards.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// A merchant was added.
    MerchantCreated(&'a Merchant),
    /// A key was made.
    KeyCreated(&'a ApiKey),
    /// A key was replaced by another one, and works a while longer.
    KeyRolled(&'a ApiKey, KeyId),
    /// A key was made useless.
    KeyRevoked(&'a ApiKey),
    /// A webhook endpoint was made.
    EndpointCreated(&'a Endpoint),
    /// A webhook endpoint was changed.
    EndpointUpdated(&'a Endpoint),
    /// A webhook endpoint has another secret.
    SecretRotated(&'a Endpoint),
    /// A webhook endpoint is told events again.
    EndpointEnabled(&'a Endpoint),
    /// A webhook endpoint is told no more events.
    EndpointDisabled(&'a Endpoint),
    /// A webhook endpoint was deleted.
    EndpointDeleted(&'a Endpoint),
    /// Somebody wants to see whether a webhook endpoint works.
    EndpointTested(&'a Endpoint),
}

impl News<'_> {
    /// The type of such events.
    #[must_use]
    pub const fn event(self) -> AccountEvent {
        match self {
            News::MerchantCreated(_) => AccountEvent::MerchantCreated,
            News::KeyCreated(_) => AccountEvent::KeyCreated,
            News::KeyRolled(..) => AccountEvent::KeyRolled,
            News::KeyRevoked(_) => AccountEvent::KeyRevoked,
            News::EndpointCreated(_) => AccountEvent::EndpointCreated,
            News::EndpointUpdated(_) => AccountEvent::EndpointUpdated,
            News::SecretRotated(_) => AccountEvent::SecretRotated,
            News::EndpointEnabled(_) => AccountEvent::EndpointEnabled,
            News::EndpointDisabled(_) => AccountEvent::EndpointDisabled,
            News::EndpointDeleted(_) => AccountEvent::EndpointDeleted,
            News::EndpointTested(_) => AccountEvent::EndpointTested,
        }
    }
}
