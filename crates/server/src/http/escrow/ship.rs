//! `POST /payment-intents/{intent}/escrow/ship`: the goods are on their way.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::limits::MAX_LABEL_CHARS;
use escrow::{Command, Shipping};
use serde_json::json;

use super::shown;
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::fields::{Fields, Limit, Read};
use crate::http::idempotency::{self, submit};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::IntentPath;
use crate::wire::OrderName;
use crate::wire::WireOrder;

fn read(fields: &Fields<'_>) -> Read<Shipping> {
    let label = |name| fields.text(name, Limit::Chars(MAX_LABEL_CHARS));
    let (carrier, tracking_number) = (label("carrier")?, label("trackingNumber")?);
    Ok(Shipping { carrier: carrier.map(str::to_owned), tracking_number: tracking_number.map(str::to_owned) })
}

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("shipEscrow", "Say that the goods are on their way")
        .body(vec![
            Field::optional("carrier", field::text(Limit::Chars(MAX_LABEL_CHARS)), "Who carries them."),
            Field::optional("trackingNumber", field::text(Limit::Chars(MAX_LABEL_CHARS)), "How to follow them."),
        ])
        .shows::<WireOrder<'static>>()
        .refuses(&[Code::InvalidStatus, Code::EscrowDisputed])
        .example(json!({ "carrier": "DHL", "trackingNumber": "JD0146" }))
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
