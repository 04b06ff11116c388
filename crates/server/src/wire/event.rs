//! The bodies of events.

use engine::{JournalEvent, News, Present};
use escrow::chain::Numbered;
use escrow::{Escrow, EventId, IntentId, KeyId, Subject, Timestamp};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use store::{EventType, KeyHolder, StoredEvent};

mod witness;

pub use witness::WireWitness;

use super::schema::{AnyObject, HashText, Id, Name};
use super::{
    OrderName, Reader, api_key, dispute, endpoint, escrow_order, intent, json, merchant, milestone, proof, refund,
    settlement,
};

/// Writes events as they are served: the wire form of the object they are about, as it stands after the whole decision.
#[derive(Clone, Copy, Debug, Default)]
pub struct WireEvents;

#[derive(Serialize)]
struct WireEvent<'a> {
    id: EventId,
    object: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    data: Data<'a>,
    created: i64,
    /// `null` in the operator's journal, which is of neither mode.
    livemode: Option<bool>,
    sequence: u64,
    /// `null` in a journal.
    #[serde(rename = "paymentIntentId")]
    payment_intent_id: Option<IntentId>,
}

#[derive(Serialize)]
struct Data<'a> {
    object: Shown<'a>,
    #[serde(skip_serializing_if = "Previous::is_empty")]
    previous_attributes: Previous<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
}

/// The object of an event.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Intent(Box<super::intent::Intent<'a>>),
    Order(Box<super::escrow_order::WireOrder<'a>>),
    Milestone(Box<super::milestone::WireMilestone<'a>>),
    Proof(Box<super::proof::WireProof<'a>>),
    Dispute(Box<super::dispute::WireDispute<'a>>),
    Settlement(Box<super::settlement::WireSettlement<'a>>),
    Refund(Box<super::refund::WireRefund<'a>>),
    Merchant(super::merchant::WireMerchant<'a>),
    Key(Box<super::api_key::WireKey<'a>>),
    RolledKey(Box<RolledKey<'a>>),
    Endpoint(Box<super::webhook::WireEndpoint<'a>>),
    /// The state does not have what the event is about: a defect, which must not keep the money from moving.
    Nothing,
}

/// A key that another one takes the place of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RolledKey<'a> {
    #[serde(flatten)]
    key: super::api_key::WireKey<'a>,
    replaced_by: KeyId,
}

/// What changed about the object, in the order of the change.
struct Previous<'a>(&'a [(&'static str, String)]);

impl Previous<'_> {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Previous<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Present for WireEvents {
    fn event(&self, escrow: &Escrow, numbered: Numbered<'_>, created: Timestamp) -> Vec<u8> {
        let event = numbered.event;
        json(&WireEvent {
            id: numbered.id,
            object: "event",
            kind: event.kind.name(),
            data: Data {
                object: shown(escrow, event.subject),
                previous_attributes: Previous(&event.previous),
                simulated: event.simulated,
            },
            created: created.seconds(),
            livemode: Some(escrow.owner.mode == escrow::Mode::Live),
            sequence: numbered.sequence,
            payment_intent_id: Some(escrow.id),
        })
    }

    fn journal_event(&self, event: JournalEvent<'_>) -> Vec<u8> {
        let object = match event.news {
            News::MerchantCreated(created) => Shown::Merchant(merchant(created)),
            News::KeyCreated(key) | News::KeyRevoked(key) => Shown::Key(Box::new(api_key(key, event.created))),
            News::KeyRolled(key, replaced_by) => {
                Shown::RolledKey(Box::new(RolledKey { key: api_key(key, event.created), replaced_by }))
            }
            News::EndpointCreated(changed)
            | News::EndpointUpdated(changed)
            | News::SecretRotated(changed)
            | News::EndpointEnabled(changed)
            | News::EndpointDisabled(changed)
            | News::EndpointDeleted(changed)
            | News::EndpointTested(changed) => Shown::Endpoint(Box::new(endpoint(changed))),
        };
        let livemode = match event.holder {
            KeyHolder::Owner(owner) => Some(owner.mode == escrow::Mode::Live),
            KeyHolder::Operator => None,
        };
        json(&WireEvent {
            id: event.id,
            object: "event",
            kind: event.news.event().name(),
            data: Data { object, previous_attributes: Previous(&[]), simulated: false },
            created: event.created.seconds(),
            livemode,
            sequence: event.sequence,
            payment_intent_id: None,
        })
    }

    fn served(&self, stored: &StoredEvent) -> Vec<u8> {
        served_event(stored).into_bytes()
    }
}

/// An event as it is served: what was stored when it happened, with its place in its chain behind that.
pub(crate) fn served_event(stored: &StoredEvent) -> String {
    let body = String::from_utf8_lossy(&stored.event.body);
    let (previous, hash) = (stored.previous, stored.event.hash);
    // Every body is an object with members.
    let open = body.strip_suffix('}').unwrap_or(&body);
    format!(r#"{open},"previousHash":"0x{previous}","hash":"0x{hash}"}}"#)
}

/// What a served event looks like, for the description of the API.
#[derive(JsonSchema)]
#[schemars(rename = "Event")]
#[expect(dead_code, reason = "events are served as the texts that were stored")]
pub(crate) struct EventText {
    #[schemars(with = "Id<EventId>")]
    id: (),
    #[schemars(extend("const" = "event"))]
    object: &'static str,
    #[serde(rename = "type")]
    #[schemars(with = "Name<EventType>")]
    kind: (),
    data: EventData,
    created: i64,
    /// `null` in the operator's journal, which is of neither mode.
    livemode: Option<bool>,
    /// Counts 1, 2, 3… per payment intent, or per holder of keys where there is none.
    sequence: u64,
    /// `null` where it is about a holder of keys.
    #[serde(rename = "paymentIntentId")]
    #[schemars(with = "Option<Id<IntentId>>")]
    payment_intent_id: (),
    /// The hash of the event before it, of zeros for the first.
    #[serde(rename = "previousHash")]
    previous_hash: HashText,
    /// SHA-256 over the previous hash and this event without these two members.
    hash: HashText,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "as above")]
struct EventData {
    /// What it is about, as it stood afterwards.
    #[schemars(with = "AnyObject")]
    object: (),
    /// What changed about it, as it was before.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(with = "AnyObject")]
    previous_attributes: (),
    /// Whether the sandbox made it up.
    #[serde(skip_serializing_if = "absent")]
    simulated: bool,
}

fn shown(escrow: &Escrow, subject: Subject) -> Shown<'_> {
    let found = match subject {
        Subject::Intent => Some(Shown::Intent(Box::new(intent(escrow, None, Reader::Merchant)))),
        Subject::Order => escrow
            .order
            .as_ref()
            .map(|order| Shown::Order(Box::new(escrow_order(escrow, order, OrderName::EscrowOrder, Reader::Merchant)))),
        Subject::Milestone(id) => {
            escrow.milestone(id).map(|found| Shown::Milestone(Box::new(milestone(escrow, found))))
        }
        Subject::Proof(id) => {
            let accepted = escrow.order.as_ref().and_then(|order| order.proof.as_ref());
            accepted.filter(|found| found.id == id).map(|found| Shown::Proof(Box::new(proof(escrow, found))))
        }
        Subject::Dispute(id) => escrow.dispute(id).map(|found| Shown::Dispute(Box::new(dispute(escrow, found)))),
        Subject::Settlement(id) => escrow
            .settlement(id)
            .map(|found| Shown::Settlement(Box::new(settlement(escrow.owner, escrow.id, found, Reader::Merchant)))),
        Subject::Refund(id) => escrow.refund(id).map(|found| Shown::Refund(Box::new(refund(escrow.id, found)))),
    };
    found.unwrap_or_else(|| {
        tracing::error!(intent = %escrow.id, ?subject, "an event is about something that its escrow does not have");
        Shown::Nothing
    })
}
