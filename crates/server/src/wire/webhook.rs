//! Webhook endpoints, and what is delivered to them.

use engine::Secret as WebhookSecret;
use escrow::{DeliveryId, EndpointId, EventId, IntentId, Mode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{Attempt, Delivery, DeliveryState, Disabled, Endpoint, EndpointState, EventType};

use super::event::EventText;
use super::schema::{Id, Name, Named, Rfc3339, Single};
use super::{Envelope, Secret, rfc3339, served_event};

/// What `object` says of a webhook endpoint.
const ENDPOINT: &str = "webhook_endpoint";

/// What `object` says of a delivery.
const DELIVERY: &str = "webhook_delivery";

/// What `status` says of an endpoint.
const ENABLED: &str = "enabled";
/// See [`ENABLED`].
const DISABLED: &str = "disabled";
/// See [`ENABLED`]. Shown by the answer and the event that tell it.
const DELETED: &str = "deleted";

/// A webhook endpoint.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "WebhookEndpoint")]
pub(crate) struct WireEndpoint<'a> {
    #[schemars(with = "Id<EndpointId>")]
    id: EndpointId,
    #[schemars(extend("const" = ENDPOINT))]
    object: &'static str,
    #[schemars(extend("enum" = [ENABLED, DISABLED, DELETED]))]
    status: &'static str,
    url: &'a str,
    enabled_events: &'a [String],
    description: Option<&'a str>,
    /// Why it is told nothing: its owner wants it so, it said that it is gone, or it has failed for too long.
    #[schemars(with = "Option<Name<Disabled>>")]
    disabled_reason: Option<&'static str>,
    livemode: bool,
    /// Until when the secret before this one signs as well.
    previous_secret_expires_at: Option<Rfc3339>,
    /// Since when no call has succeeded, if the last one has not.
    failing_since: Option<Rfc3339>,
    created_at: Rfc3339,
    updated_at: Rfc3339,
}

/// A webhook endpoint with its secret, which is shown this once.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "WebhookEndpointWithSecret")]
pub(crate) struct EndpointWithSecret<'a> {
    #[serde(flatten)]
    endpoint: WireEndpoint<'a>,
    /// `null` when the answer is given again.
    secret: Option<&'a str>,
}

/// An event that an endpoint is told.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "WebhookDelivery")]
pub(crate) struct WireDelivery<'a> {
    #[schemars(with = "Id<DeliveryId>")]
    id: DeliveryId,
    #[schemars(extend("const" = DELIVERY))]
    object: &'static str,
    #[schemars(extend("enum" = DeliveryState::NAMES))]
    status: &'static str,
    #[schemars(with = "Id<EndpointId>")]
    webhook_endpoint_id: EndpointId,
    #[schemars(with = "Id<EventId>")]
    event_id: EventId,
    #[schemars(with = "Name<EventType>")]
    event_type: &'static str,
    #[schemars(with = "Option<Id<IntentId>>")]
    payment_intent_id: Option<IntentId>,
    livemode: bool,
    /// The last calls, oldest first.
    attempts: Vec<WireAttempt<'a>>,
    /// How many calls were made because it was time for them; those that somebody asked for are not among them.
    attempt_count: u32,
    /// When there will be a call, by the clock of the sandbox where it is one.
    next_attempt_at: Option<Rfc3339>,
    created_at: Rfc3339,
    updated_at: Rfc3339,
}

/// A delivery with what is sent.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "WebhookDeliveryWithBody")]
pub(crate) struct DeliveryWithBody<'a> {
    #[serde(flatten)]
    delivery: WireDelivery<'a>,
    /// The event, byte for byte as every call sends it.
    #[schemars(with = "EventText")]
    request_body: Box<RawValue>,
}

/// A call to an endpoint.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "WebhookAttempt")]
struct WireAttempt<'a> {
    attempted_at: Rfc3339,
    url: &'a str,
    /// What `webhook-timestamp` said: Unix seconds.
    webhook_timestamp: i64,
    response_status: Option<u16>,
    /// The first kilobyte of the answer.
    response_body: Option<&'a str>,
    /// What went wrong.
    error: Option<&'a str>,
    latency_ms: i64,
    /// Whether somebody asked for it.
    is_manual: bool,
}

impl Named for Disabled {
    fn names() -> Vec<&'static str> {
        [Disabled::Requested, Disabled::Gone, Disabled::Failing].map(Disabled::name).to_vec()
    }
}

macro_rules! single {
    ($($name:ident: $object:expr, $statuses:expr;)*) => {$(
        impl Single for $name<'_> {
            fn objects() -> Vec<&'static str> {
                vec![$object]
            }

            fn statuses() -> Vec<&'static str> {
                $statuses.to_vec()
            }
        }
    )*};
}

single! {
    WireEndpoint: ENDPOINT, [ENABLED, DISABLED, DELETED];
    EndpointWithSecret: ENDPOINT, [ENABLED, DISABLED, DELETED];
    WireDelivery: DELIVERY, DeliveryState::NAMES;
    DeliveryWithBody: DELIVERY, DeliveryState::NAMES;
}

/// The wire form of an endpoint.
pub(crate) fn endpoint(endpoint: &Endpoint) -> WireEndpoint<'_> {
    WireEndpoint {
        id: endpoint.id,
        object: ENDPOINT,
        status: endpoint_status(endpoint),
        url: &endpoint.url,
        enabled_events: &endpoint.events,
        description: endpoint.description.as_deref(),
        disabled_reason: match endpoint.state {
            EndpointState::Disabled(why) => Some(why.name()),
            EndpointState::Enabled | EndpointState::Deleted => None,
        },
        livemode: endpoint.owner.mode == Mode::Live,
        previous_secret_expires_at: endpoint.previous_until.map(rfc3339),
        failing_since: endpoint.progress.failing_since.map(rfc3339),
        created_at: rfc3339(endpoint.created),
        updated_at: rfc3339(endpoint.updated),
    }
}

const fn endpoint_status(endpoint: &Endpoint) -> &'static str {
    match endpoint.state {
        EndpointState::Enabled => ENABLED,
        EndpointState::Disabled(_) => DISABLED,
        EndpointState::Deleted => DELETED,
    }
}

/// The wire form of an endpoint that has a new secret.
pub(crate) fn secret_endpoint<'a>(
    of: &'a Endpoint,
    secret: Option<&'a WebhookSecret>,
    shown: Secret,
) -> EndpointWithSecret<'a> {
    let secret = secret.filter(|_| shown == Secret::Shown).map(WebhookSecret::reveal);
    EndpointWithSecret { endpoint: endpoint(of), secret }
}

/// An endpoint as a single object.
pub(crate) fn endpoint_envelope<T>(endpoint: &Endpoint, data: T) -> Envelope<'static, T> {
    Envelope {
        id: endpoint.id.to_string(),
        object: ENDPOINT,
        status: endpoint_status(endpoint),
        data,
        metadata: None,
        payment_url: None,
        milestone_index: None,
        created: endpoint.created.seconds(),
        updated: endpoint.updated.seconds(),
    }
}

/// The wire form of a delivery.
pub(crate) fn delivery(delivery: &Delivery) -> WireDelivery<'_> {
    let event = &delivery.event;
    WireDelivery {
        id: delivery.id,
        object: DELIVERY,
        status: delivery.state.name(),
        webhook_endpoint_id: delivery.endpoint,
        event_id: event.event.id,
        event_type: event.event.kind.name(),
        payment_intent_id: event.intent,
        livemode: event.owner.mode == Mode::Live,
        attempts: delivery.attempts.iter().map(attempt).collect(),
        attempt_count: delivery.tries,
        next_attempt_at: delivery.state.due().map(rfc3339),
        created_at: rfc3339(delivery.created),
        updated_at: rfc3339(delivery.updated),
    }
}

fn attempt(attempt: &Attempt) -> WireAttempt<'_> {
    WireAttempt {
        attempted_at: rfc3339(attempt.at),
        url: &attempt.url,
        webhook_timestamp: attempt.at.seconds(),
        response_status: attempt.status,
        response_body: attempt.body.as_deref(),
        error: attempt.problem.as_deref(),
        latency_ms: attempt.latency_ms,
        is_manual: attempt.is_manual,
    }
}

/// The wire form of a delivery with what is sent.
pub(crate) fn delivery_with_body(of: &Delivery) -> DeliveryWithBody<'_> {
    let request_body = RawValue::from_string(served_event(&of.event)).unwrap_or_else(|_| RawValue::NULL.to_owned());
    DeliveryWithBody { delivery: delivery(of), request_body }
}

/// A delivery as a single object.
pub(crate) fn delivery_envelope<T>(delivery: &Delivery, data: T) -> Envelope<'static, T> {
    Envelope {
        id: delivery.id.to_string(),
        object: DELIVERY,
        status: delivery.state.name(),
        data,
        metadata: None,
        payment_url: None,
        milestone_index: None,
        created: delivery.created.seconds(),
        updated: delivery.updated.seconds(),
    }
}
