//! Webhook endpoints, and what is delivered to them.

use escrow::{DeliveryId, EndpointId, EventId, Owner, RawId, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{EventType, StoredEvent};

/// Where a merchant wants to be told of events of one mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is, and whose events it is told.
    pub owner: Owner,
    /// Where calls go.
    pub url: String,
    /// What its owner says about it.
    pub description: Option<String>,
    /// Which events, as its owner has written it: see [`EventType::is_chosen_by`].
    pub events: Vec<String>,
    /// Whether it is told anything.
    pub state: EndpointState,
    /// Which of its secrets signs, counted from 1. The secrets themselves follow from the gateway's own, and are stored nowhere.
    pub secret: u32,
    /// Until when the secret before signs as well, in real time.
    pub previous_until: Option<Timestamp>,
    /// When it was made, in real time.
    pub created: Timestamp,
    /// When its owner, or whoever disabled it, last changed it, in real time.
    pub updated: Timestamp,
    /// How far it was told.
    pub progress: Progress,
}

/// How far an endpoint was told. This alone changes without an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The place in its owner's stream up to which everything it is to be told has a delivery.
    pub cursor: u64,
    /// Since when, by its owner's clock, no call has succeeded, if the last one has not.
    pub failing_since: Option<Timestamp>,
}

/// Whether an endpoint is told anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointState {
    /// It is.
    Enabled,
    /// It is not, for this reason.
    Disabled(Disabled),
    /// It is no longer there, but for what was delivered to it.
    Deleted,
}

/// Why an endpoint is told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disabled {
    /// Its owner wants it so.
    Requested,
    /// It said that it is gone for good.
    Gone,
    /// It has failed for too long.
    Failing,
}

impl EndpointState {
    /// Every state.
    pub const ALL: [EndpointState; 5] = [
        EndpointState::Enabled,
        EndpointState::Disabled(Disabled::Requested),
        EndpointState::Disabled(Disabled::Gone),
        EndpointState::Disabled(Disabled::Failing),
        EndpointState::Deleted,
    ];

    /// The state in a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            EndpointState::Enabled => "enabled",
            EndpointState::Disabled(why) => why.name(),
            EndpointState::Deleted => "deleted",
        }
    }
}

impl Disabled {
    /// The reason in a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Disabled::Requested => "requested",
            Disabled::Gone => "gone",
            Disabled::Failing => "failing",
        }
    }
}

/// What becomes of an endpoint.
#[derive(Clone, Debug)]
pub enum EndpointChange {
    /// It is new, and told what happens behind the events of the same change. Its progress is not looked at.
    Added(Endpoint),
    /// It changes, but for its progress.
    Changed(Endpoint),
    /// It changes, and is told what happens behind the events of the same change, and what it has pending deliveries of. Its progress is
    /// not looked at.
    Resumed(Endpoint),
}

/// Somebody wants to be the only one who calls endpoints, for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointClaim {
    /// Who: an id that nobody else has, nor had before.
    pub by: RawId,
    /// Now, in real time.
    pub now: Timestamp,
    /// Until when, in real time: all that they hold is theirs alone until then.
    pub until: Timestamp,
    /// How many they take at most that are nobody's, or whose leases have ended by now.
    pub limit: usize,
}

/// An endpoint that somebody may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointLease {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Whose it is.
    pub owner: Owner,
    /// Which lease this is; every one that an endpoint is given has a higher one.
    pub token: u64,
}

/// An event that one endpoint is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The event.
    pub event: StoredEvent,
    /// How it stands.
    pub state: DeliveryState,
    /// How many calls were made because it was time for them.
    pub tries: u32,
    /// How often somebody asked for a call.
    pub asked: u32,
    /// How often somebody had asked when the last call was made.
    pub heard: u32,
    /// The last calls, oldest first.
    pub attempts: Vec<Attempt>,
    /// When it came into being, in real time.
    pub created: Timestamp,
    /// When it last changed, in real time.
    pub updated: Timestamp,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// There will be a call at this time, by its owner's clock.
    Pending(Timestamp),
    /// A call was taken.
    Succeeded,
    /// No call was taken, and there will be none any more.
    Failed,
}

impl DeliveryState {
    /// The names of all states.
    pub const NAMES: [&str; 3] = ["pending", "succeeded", "failed"];

    /// The state in a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            DeliveryState::Pending(_) => "pending",
            DeliveryState::Succeeded => "succeeded",
            DeliveryState::Failed => "failed",
        }
    }

    /// When there will be a call.
    #[must_use]
    pub const fn due(self) -> Option<Timestamp> {
        match self {
            DeliveryState::Pending(due) => Some(due),
            DeliveryState::Succeeded | DeliveryState::Failed => None,
        }
    }
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began, in real time.
    pub at: Timestamp,
    /// Where it went.
    pub url: String,
    /// The HTTP status of the answer; opaque here.
    pub status: Option<u16>,
    /// The beginning of the answer.
    pub body: Option<String>,
    /// What went wrong.
    pub problem: Option<String>,
    /// How long it took, in milliseconds.
    pub latency_ms: i64,
    /// Whether somebody asked for it.
    pub is_manual: bool,
}

/// Somebody asks for a call: an event is told an endpoint, once more or for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryAsk {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Whose it is.
    pub owner: Owner,
    /// The event, which may be one of the same unit.
    pub event: EventId,
    /// The delivery that there is; the unit is [`crate::Outcome::Lost`] when it is another one, or none.
    pub base: Option<DeliveryId>,
    /// The id of a new one, where there is none.
    pub id: DeliveryId,
    /// When the call is to be made, by the owner's clock.
    pub due: Timestamp,
    /// Now, in real time.
    pub now: Timestamp,
}

/// Which deliveries; everything given must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// That stand so: one of [`DeliveryState::NAMES`].
    pub state: Option<&'static str>,
    /// Of this event.
    pub event: Option<EventId>,
}

/// What an endpoint is to be told.
#[derive(Clone, Debug)]
pub struct Outbox {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// How far its owner's clock is ahead of real time.
    pub ahead: Span,
    /// Events without a delivery, in the order of their places.
    pub fresh: Vec<StoredEvent>,
    /// The place up to which nothing was left out.
    pub position: u64,
    /// Whether there may be more behind that place.
    pub has_more: bool,
    /// Deliveries whose time has come, the earliest first.
    pub due: Vec<Delivery>,
    /// When the next one's comes, by the owner's clock.
    pub next_due: Option<Timestamp>,
}

/// What was done for an endpoint.
#[derive(Clone, Debug)]
pub struct Told {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Under which lease; 0 where it was never leased. Nothing of this counts once the endpoint has another.
    pub token: u64,
    /// How far it was told. A cursor never goes back.
    pub progress: Progress,
    /// Deliveries as they are now; of their events only the places are looked at. Where somebody has asked for a call meanwhile, there
    /// will be one all the same. Of two of the same event, the first counts.
    pub deliveries: Vec<Delivery>,
}

impl EventType {
    /// What it is about: what stands before the dot of its name.
    #[must_use]
    pub fn family(self) -> &'static str {
        self.name().split('.').next().unwrap_or_default()
    }

    /// Whether a text chooses it: its name, its family with `.*` behind it, or `*`.
    #[must_use]
    pub fn is_chosen_by(self, text: &str) -> bool {
        text == "*" || text == self.name() || text.strip_suffix(".*").is_some_and(|family| family == self.family())
    }

    /// The types that at least one of the texts chooses, in their order; `None` for all there are.
    #[must_use]
    pub fn chosen<T: AsRef<str>>(texts: &[T]) -> Option<Vec<EventType>> {
        let is_chosen = |kind: &EventType| texts.iter().any(|text| kind.is_chosen_by(text.as_ref()));
        let chosen: Vec<EventType> = EventType::all().filter(is_chosen).collect();
        (chosen.len() < EventType::all().count()).then_some(chosen)
    }
}
