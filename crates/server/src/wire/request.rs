//! A request of the log.

use escrow::{KeyId, MerchantId, Mode, RequestId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{KeyHolder, LoggedRequest};

use super::schema::{Id, Rfc3339, Single};
use super::{Envelope, rfc3339};

/// What `object` says of a request.
const OBJECT: &str = "request";

/// Whether a request was answered as it wished.
const SUCCEEDED: &str = "succeeded";
/// See [`SUCCEEDED`].
const FAILED: &str = "failed";

/// A request that was answered.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Request")]
pub(crate) struct WireRequest<'a> {
    #[schemars(with = "Id<RequestId>")]
    id: RequestId,
    #[schemars(extend("const" = OBJECT))]
    object: &'static str,
    #[schemars(extend("enum" = [SUCCEEDED, FAILED]))]
    status: &'static str,
    method: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    response_status: u16,
    latency_ms: i64,
    #[schemars(with = "Option<Id<MerchantId>>")]
    merchant_id: Option<MerchantId>,
    livemode: Option<bool>,
    #[schemars(with = "Id<KeyId>")]
    api_key_id: KeyId,
    idempotency_key: Option<&'a str>,
    /// `null` where there was none, or it is not kept.
    #[schemars(with = "serde_json::Value")]
    request_body: Option<&'a RawValue>,
    /// `null` where there was none, or it is not kept.
    #[schemars(with = "serde_json::Value")]
    response_body: Option<&'a RawValue>,
    created_at: Rfc3339,
}

impl Single for WireRequest<'_> {
    fn objects() -> Vec<&'static str> {
        vec![OBJECT]
    }

    fn statuses() -> Vec<&'static str> {
        vec![SUCCEEDED, FAILED]
    }
}

/// The wire form of a logged request.
pub(crate) fn request(logged: &LoggedRequest) -> WireRequest<'_> {
    let owner = match logged.holder {
        KeyHolder::Owner(owner) => Some(owner),
        KeyHolder::Operator => None,
    };
    WireRequest {
        id: logged.id,
        object: OBJECT,
        status: status(logged),
        method: &logged.method,
        path: &logged.path,
        query: logged.query.as_deref(),
        response_status: logged.status,
        latency_ms: logged.latency_ms,
        merchant_id: owner.map(|owner| owner.merchant),
        livemode: owner.map(|owner| owner.mode == Mode::Live),
        api_key_id: logged.key,
        idempotency_key: logged.idempotency_key.as_deref(),
        request_body: body(logged.sent.as_deref()),
        response_body: body(logged.answered.as_deref()),
        created_at: rfc3339(logged.created),
    }
}

fn body(json: Option<&str>) -> Option<&RawValue> {
    json.and_then(|json| serde_json::from_str(json).ok())
}

fn status(logged: &LoggedRequest) -> &'static str {
    if logged.status < 400 { SUCCEEDED } else { FAILED }
}

/// A logged request as a single object.
pub(crate) fn request_envelope(logged: &LoggedRequest) -> Envelope<'static, WireRequest<'_>> {
    Envelope {
        id: logged.id.to_string(),
        object: OBJECT,
        status: status(logged),
        data: request(logged),
        metadata: None,
        payment_url: None,
        milestone_index: None,
        created: logged.created.seconds(),
        updated: logged.created.seconds(),
    }
}
