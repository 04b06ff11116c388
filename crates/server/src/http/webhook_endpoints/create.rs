//! `POST /webhook-endpoints`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::{Act, NewEndpoint};
use escrow::Owner;
use serde_json::json;

use super::{DESCRIPTION, EVENTS, URL, description, description_kind, events, events_kind, owner, url_kind};
use crate::gateway::Gateway;
use crate::http::acts::{perform, shown};
use crate::http::auth::Admitted;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::events::types::EVERY;
use crate::http::fields::{Fields, Read};
use crate::http::openapi::{Field, Operation};
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("createWebhookEndpoint", "Have events sent")
        .about("What is committed from then on is sent. The secret that signs it is shown this once.")
        .body(vec![
            Field::required(URL, url_kind(), "Where to. In live mode https, and at a public address."),
            Field::optional(EVENTS, events_kind(), "Which events; all of them by default.").or(json!([EVERY])),
            Field::optional(DESCRIPTION, description_kind(), "What it is for, for people."),
        ])
        .makes::<wire::EndpointWithSecret<'static>>()
        .example(
            json!({ "url": "https://shop.example/hooks", "enabledEvents": ["milestone.*", "payment_intent.settled"] }),
        )
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    sent: Sent,
) -> Result<Response, ApiError> {
    let new = read(&gateway, &sent.fields(), owner(&asker)?)?;
    let show = shown(&gateway);
    perform(&gateway, &asker, (Act::CreateEndpoint(new), sent.idempotency), StatusCode::CREATED, show).await
}

fn read(gateway: &Gateway, fields: &Fields<'_>, owner: Owner) -> Read<NewEndpoint> {
    Ok(NewEndpoint {
        owner,
        url: fields.required(URL, gateway.webhook_url(fields, owner)?)?,
        events: events(fields)?.unwrap_or_else(|| vec![EVERY.to_owned()]),
        description: description(fields)?,
    })
}
