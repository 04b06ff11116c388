//! `GET /requests/{request}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use store::KeyHolder;

use crate::gateway::Gateway;
use crate::http::access::{may_see, ok};
use crate::http::auth::Admitted;
use crate::http::error::{ApiError, Resource};
use crate::http::openapi::Operation;
use crate::http::path::RequestPath;
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("getRequest", "Show a request")
        .about("Of the last seven days; secrets, cards and tokens in its bodies are masked.")
        .shows::<wire::WireRequest<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: RequestPath,
) -> Result<Response, ApiError> {
    let missing = || ApiError::Missing(Resource::Request, path.request.clone());
    let id = path.request.parse().map_err(|_| missing())?;
    gateway.scribe.catch_up().await;
    let logged = gateway.engine.store().request(id).await?.ok_or_else(missing)?;
    match (asker.key.holder, logged.holder) {
        (KeyHolder::Operator, _) => {}
        (KeyHolder::Owner(_), KeyHolder::Operator) => return Err(ApiError::NotYours(Resource::Request)),
        (KeyHolder::Owner(caller), KeyHolder::Owner(owner)) => {
            may_see(caller, owner, Resource::Request, &path.request)?;
        }
    }
    Ok(ok(&wire::request_envelope(&logged)))
}
