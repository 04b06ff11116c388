//! What happened, as it is kept and read: events of intents and of holders of keys, in one stream per owner.

use std::fmt;

use escrow::{EventKind, Hash, IntentId, Owner, Span};

use crate::EventRow;

/// What happened to a holder of keys and not to one of its intents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountEvent {
    /// A merchant was added.
    MerchantCreated,
    /// A key was made.
    KeyCreated,
    /// A key was replaced by another one, and works a while longer.
    KeyRolled,
    /// A key was made useless.
    KeyRevoked,
    /// A webhook endpoint was made.
    EndpointCreated,
    /// A webhook endpoint was changed.
    EndpointUpdated,
    /// A webhook endpoint has another secret.
    SecretRotated,
    /// A webhook endpoint is told events again.
    EndpointEnabled,
    /// A webhook endpoint is told no more events.
    EndpointDisabled,
    /// A webhook endpoint was deleted.
    EndpointDeleted,
    /// Somebody wants to see whether a webhook endpoint works. It alone is told.
    EndpointTested,
}

impl AccountEvent {
    /// Every one.
    pub const ALL: [AccountEvent; 11] = [
        AccountEvent::MerchantCreated,
        AccountEvent::KeyCreated,
        AccountEvent::KeyRolled,
        AccountEvent::KeyRevoked,
        AccountEvent::EndpointCreated,
        AccountEvent::EndpointUpdated,
        AccountEvent::SecretRotated,
        AccountEvent::EndpointEnabled,
        AccountEvent::EndpointDisabled,
        AccountEvent::EndpointDeleted,
        AccountEvent::EndpointTested,
    ];

    /// The name as clients read it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            AccountEvent::MerchantCreated => "merchant.created",
            AccountEvent::KeyCreated => "api_key.created",
            AccountEvent::KeyRolled => "api_key.rolled",
            AccountEvent::KeyRevoked => "api_key.revoked",
            AccountEvent::EndpointCreated => "webhook_endpoint.created",
            AccountEvent::EndpointUpdated => "webhook_endpoint.updated",
            AccountEvent::SecretRotated => "webhook_endpoint.secret_rotated",
            AccountEvent::EndpointEnabled => "webhook_endpoint.enabled",
            AccountEvent::EndpointDisabled => "webhook_endpoint.disabled",
            AccountEvent::EndpointDeleted => "webhook_endpoint.deleted",
            AccountEvent::EndpointTested => "webhook_endpoint.test",
        }
    }
}

/// The type of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// Something happened to an intent.
    Intent(EventKind),
    /// Something happened to a holder of keys.
    Account(AccountEvent),
}

impl EventType {
    /// Every type.
    pub fn all() -> impl Iterator<Item = EventType> {
        let of_intents = EventKind::ALL.iter().copied().map(EventType::Intent);
        of_intents.chain(AccountEvent::ALL.into_iter().map(EventType::Account))
    }

    /// The name as clients send and read it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            EventType::Intent(kind) => kind.name(),
            EventType::Account(kind) => kind.name(),
        }
    }

    /// The type with this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<EventType> {
        EventType::all().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which events; everything given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of one of these types, each of which is named once.
    pub types: Option<Vec<EventType>>,
    /// About this intent.
    pub intent: Option<IntentId>,
}

/// An event in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Whose stream it is in.
    pub owner: Owner,
    /// Its place there: 1, 2, 3… in the order of the commits.
    pub position: u64,
    /// The intent that it is about; `None` where it is about a holder of keys.
    pub intent: Option<IntentId>,
    /// The hash of the event before it in its chain, of zeros where it is the first.
    pub previous: Hash,
    /// The event.
    pub event: EventRow,
}

/// What came behind a place in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The events, in the order of their places.
    pub events: Vec<StoredEvent>,
    /// The place up to which nothing was left out: that of the last of these events where there may be more, else the last there is.
    pub position: u64,
}

/// How far an owner's stream has come, and their clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The place of the last event; 0 where there is none.
    pub last: u64,
    /// How far the clock is ahead of real time.
    pub ahead: Span,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn types_are_read_as_they_are_written_and_no_two_share_a_name() {
        let names: BTreeSet<&str> = EventType::all().map(EventType::name).collect();
        assert_eq!(names.len(), EventType::all().count());
        for kind in EventType::all() {
            assert_eq!(EventType::from_name(kind.name()), Some(kind));
        }
        assert_eq!(EventType::from_name("payment_intent"), None);
    }
}
