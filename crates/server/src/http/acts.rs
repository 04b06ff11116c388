//! Having something done about merchants, keys and webhooks, at most once per idempotency key.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use engine::{Act, ActRequest, By, Done, Refused, Rendered};

use super::auth::Admitted;
use super::error::ApiError;
use super::idempotency::{self, answered};
use crate::gateway::Gateway;
use crate::wire::{self, Secret};

/// What lists of deliveries to several endpoints name as their address.
const DELIVERIES_URL: &str = "/v1/webhook-deliveries";

/// Has something done about merchants, keys or webhooks. `show` writes the body of the answer, with the secret that is shown once or
/// without.
pub(super) async fn perform(
    gateway: &Gateway,
    asker: &Admitted,
    (act, idempotency): (Act, Option<idempotency::Key>),
    success: StatusCode,
    show: impl Fn(&Done, Secret) -> Vec<u8> + Send + Sync + 'static,
) -> Result<Response, ApiError> {
    let request = asker.request;
    let render = move |result: Result<&Done, &Refused>| match result {
        Ok(done) => Rendered {
            status: success.as_u16(),
            body: show(done, Secret::Shown),
            kept: Some(show(done, Secret::Withheld)),
        },
        Err(refused) => ApiError::Registry(*refused).rendered(request),
    };
    let by = By::Key(asker.key.clone());
    let idempotency = idempotency.map(|key| asker.idempotency(key));
    let answer = gateway.registry.perform(ActRequest { by, act, idempotency, render: Arc::new(render) }).await?;
    answered(answer, || {
        tracing::error!(request_id = %request, "merchants, keys and webhooks were looked for as if they were intents");
        ApiError::Internal
    })
}

/// Writes what was done, as it stands when it is answered.
pub(super) fn shown(gateway: &Gateway) -> impl Fn(&Done, Secret) -> Vec<u8> + Send + Sync + 'static {
    let host = gateway.engine.host().clone();
    move |done, secret| {
        let now = host.now();
        match done {
            Done::Key(made) => wire::json(&wire::key_envelope(&made.key, wire::made_key(made, None, secret, now), now)),
            Done::Rolled(made, old) => {
                wire::json(&wire::key_envelope(&made.key, wire::made_key(made, Some(old), secret, now), now))
            }
            Done::Revoked(key) => wire::json(&wire::key_envelope(key, wire::api_key(key, now), now)),
            Done::Endpoint(endpoint, Some(new)) => {
                wire::json(&wire::endpoint_envelope(endpoint, wire::secret_endpoint(endpoint, Some(new), secret)))
            }
            Done::Endpoint(endpoint, None) => wire::json(&wire::endpoint_envelope(endpoint, wire::endpoint(endpoint))),
            Done::Delivery(delivery) => wire::json(&wire::delivery_envelope(delivery, wire::delivery(delivery))),
            Done::Deliveries(deliveries) => {
                let items = deliveries.iter().map(wire::delivery).collect();
                wire::json(&wire::List::new(items, false, DELIVERIES_URL.to_owned()))
            }
            Done::Merchant(merchant, made) => {
                let key = made.as_ref().map(|made| wire::made_key(made, None, secret, now));
                wire::json(&wire::new_merchant_envelope(merchant, key))
            }
        }
    }
}
