//! The ids in a request's path, still as text: what is no id is answered like an id that nobody has.

use axum::extract::{FromRequestParts, OriginalUri, RawPathParams};
use axum::http::request::Parts;
use escrow::{DeliveryId, EndpointId, EventId, IntentId, KeyId, MilestoneId, RefundId, RequestId, SettlementId};

use super::error::ApiError;
use crate::wire::schema::id_pattern;

/// A parameter of a path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Param {
    /// Its name in the route table.
    pub(super) name: &'static str,
    /// What it is the id of.
    pub(super) noun: &'static str,
    prefix: &'static str,
}

impl Param {
    /// What the id looks like.
    pub(super) fn pattern(self) -> String {
        id_pattern(self.prefix)
    }
}

/// Every parameter that a path can have.
const PARAMS: [Param; 9] = [
    Param { name: "intent", noun: "payment intent", prefix: IntentId::PREFIX },
    Param { name: "milestone", noun: "milestone", prefix: MilestoneId::PREFIX },
    Param { name: "settlement", noun: "settlement", prefix: SettlementId::PREFIX },
    Param { name: "refund", noun: "refund", prefix: RefundId::PREFIX },
    Param { name: "api_key", noun: "API key", prefix: KeyId::PREFIX },
    Param { name: "endpoint", noun: "webhook endpoint", prefix: EndpointId::PREFIX },
    Param { name: "delivery", noun: "webhook delivery", prefix: DeliveryId::PREFIX },
    Param { name: "event", noun: "event", prefix: EventId::PREFIX },
    Param { name: "request", noun: "request", prefix: RequestId::PREFIX },
];

/// The parameters of a path of the route table.
pub(super) fn params(path: &str) -> impl Iterator<Item = Param> {
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names.filter_map(|name| PARAMS.into_iter().find(|param| param.name == name))
}

/// `/payment-intents/{intent}`
#[derive(Debug)]
pub(super) struct IntentPath {
    pub(super) intent: String,
}

/// `/payment-intents/{intent}/…/milestones/{milestone}`
#[derive(Debug)]
pub(super) struct MilestonePath {
    pub(super) intent: String,
    pub(super) milestone: String,
}

/// `/settlements/{settlement}`
#[derive(Debug)]
pub(super) struct SettlementPath {
    pub(super) settlement: String,
}

/// `/refunds/{refund}`
#[derive(Debug)]
pub(super) struct RefundPath {
    pub(super) refund: String,
}

/// `/api-keys/{api_key}`
#[derive(Debug)]
pub(super) struct KeyPath {
    pub(super) api_key: String,
}

/// `/webhook-endpoints/{endpoint}`
#[derive(Debug)]
pub(super) struct EndpointPath {
    pub(super) endpoint: String,
}

/// `/webhook-deliveries/{delivery}`
#[derive(Debug)]
pub(super) struct DeliveryPath {
    pub(super) delivery: String,
}

/// `/events/{event}`
#[derive(Debug)]
pub(super) struct EventPath {
    pub(super) event: String,
}

/// `/requests/{request}`
#[derive(Debug)]
pub(super) struct RequestPath {
    pub(super) request: String,
}

impl<S: Send + Sync> FromRequestParts<S> for KeyPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<KeyPath, ApiError> {
        Ok(KeyPath { api_key: param(parts, state, "api_key").await? })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for EndpointPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<EndpointPath, ApiError> {
        Ok(EndpointPath { endpoint: param(parts, state, "endpoint").await? })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for DeliveryPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<DeliveryPath, ApiError> {
        Ok(DeliveryPath { delivery: param(parts, state, "delivery").await? })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for EventPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<EventPath, ApiError> {
        Ok(EventPath { event: param(parts, state, "event").await? })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<RequestPath, ApiError> {
        Ok(RequestPath { request: param(parts, state, "request").await? })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IntentPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<IntentPath, ApiError> {
        Ok(IntentPath { intent: param(parts, state, "intent").await? })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MilestonePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<MilestonePath, ApiError> {
        let intent = param(parts, state, "intent").await?;
        Ok(MilestonePath { intent, milestone: param(parts, state, "milestone").await? })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SettlementPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<SettlementPath, ApiError> {
        Ok(SettlementPath { settlement: param(parts, state, "settlement").await? })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RefundPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<RefundPath, ApiError> {
        Ok(RefundPath { refund: param(parts, state, "refund").await? })
    }
}

/// A segment of the path. One that is not UTF-8 makes the whole address unknown.
async fn param<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Result<String, ApiError> {
    let found = match RawPathParams::from_request_parts(parts, state).await {
        Ok(params) => params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned()),
        Err(_) => None,
    };
    found.ok_or_else(|| {
        let original = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
        ApiError::UnknownUrl(parts.method.clone(), original.path().to_owned())
    })
}
