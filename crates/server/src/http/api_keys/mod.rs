//! API keys.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use engine::{Act, ActRequest, By, Done, Refused, Rendered};
use store::{ApiKey, KeyHolder};

use super::access::may_see;
use super::auth::Admitted;
use super::error::{ApiError, Resource};
use super::idempotency::{self, answered};
use crate::gateway::Gateway;
use crate::wire::{self, Secret};

pub(super) mod create;
pub(super) mod get;
pub(super) mod list;
pub(super) mod revoke;
pub(super) mod roll;

impl Gateway {
    /// A key that whoever asks may see: the operator every one, a merchant its own of one mode.
    async fn api_key(&self, asker: &Admitted, text: &str) -> Result<ApiKey, ApiError> {
        let missing = || ApiError::Missing(Resource::ApiKey, text.to_owned());
        let id = text.parse().map_err(|_| missing())?;
        let key = self.engine.store().key(id).await?.ok_or_else(missing)?;
        match (asker.key.holder, key.holder) {
            (KeyHolder::Operator, _) => Ok(key),
            (KeyHolder::Owner(_), KeyHolder::Operator) => Err(ApiError::NotYours(Resource::ApiKey)),
            (KeyHolder::Owner(caller), KeyHolder::Owner(owner)) => {
                may_see(caller, owner, Resource::ApiKey, text)?;
                Ok(key)
            }
        }
    }
}

/// Has something done about merchants or keys. `show` writes the body of the answer, with the secret that is shown once or without.
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
        tracing::error!(request_id = %request, "merchants and keys were looked for as if they were intents");
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
            Done::Merchant(merchant, made) => {
                let key = made.as_ref().map(|made| wire::made_key(made, None, secret, now));
                wire::json(&wire::new_merchant_envelope(merchant, key))
            }
        }
    }
}
