//! `GET /events/{event}`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use store::{KeyHolder, StoredEvent};

use crate::gateway::Gateway;
use crate::http::access::{json_response, may_see};
use crate::http::auth::Admitted;
use crate::http::error::{ApiError, Resource};
use crate::http::openapi::Operation;
use crate::http::path::EventPath;
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("getEvent", "Show an event")
        .about("Byte for byte what webhooks are sent. Its hash can be computed anew from it: see the documentation of webhooks.")
        .answers::<wire::EventText>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: EventPath,
) -> Result<Response, ApiError> {
    let found = gateway.event(&asker, &path.event).await?;
    Ok(json_response(StatusCode::OK, wire::served_event(&found).into_bytes()))
}

impl Gateway {
    /// An event that whoever asks may see: the operator every one, a merchant its own of one mode.
    pub(in crate::http) async fn event(&self, asker: &Admitted, text: &str) -> Result<StoredEvent, ApiError> {
        let missing = || ApiError::Missing(Resource::Event, text.to_owned());
        let id = text.parse().map_err(|_| missing())?;
        let found = self.engine.store().event(id).await?.ok_or_else(missing)?;
        match (asker.key.holder, KeyHolder::of_stream(found.owner)) {
            (KeyHolder::Operator, _) => {}
            (KeyHolder::Owner(_), KeyHolder::Operator) => return Err(ApiError::NotYours(Resource::Event)),
            (KeyHolder::Owner(caller), KeyHolder::Owner(owner)) => may_see(caller, owner, Resource::Event, text)?,
        }
        Ok(found)
    }
}
