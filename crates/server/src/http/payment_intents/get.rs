//! `GET /payment-intents/{intent}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::path::IntentPath;
use crate::wire::{self, Reader};

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
) -> Result<Response, ApiError> {
    let escrow = gateway.escrow(&caller, &path.intent).await?;
    Ok(ok(&wire::intent_envelope(&escrow, &gateway.site, Reader::Merchant)))
}
