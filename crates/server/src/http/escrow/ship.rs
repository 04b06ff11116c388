//! `POST /payment-intents/{intent}/escrow/ship`: the goods are on their way.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::limits::MAX_LABEL_CHARS;
use escrow::{Command, Shipping};

use super::shown;
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, Limit, Read};
use crate::http::idempotency::{self, submit};
use crate::http::path::IntentPath;
use crate::wire::OrderName;

fn read(fields: &Fields<'_>) -> Read<Shipping> {
    let label = |name| fields.text(name, Limit::Chars(MAX_LABEL_CHARS));
    let (carrier, tracking_number) = (label("carrier")?, label("trackingNumber")?);
    Ok(Shipping { carrier: carrier.map(str::to_owned), tracking_number: tracking_number.map(str::to_owned) })
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    sent: Sent,
    name: OrderName,
) -> Result<Response, ApiError> {
    let (intent, shipping) = gateway.for_intent(&caller, &path.intent, read(&sent.fields())).await?;
    let command = idempotency::Command::about(intent, Command::Ship(shipping), sent.idempotency);
    submit(&gateway, &caller, command, shown(name)).await
}
