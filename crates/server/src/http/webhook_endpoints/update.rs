//! `PATCH /webhook-endpoints/{endpoint}`, and the same as `POST`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::{Act, EndpointEdit};
use escrow::Owner;
use serde_json::json;

use super::{DESCRIPTION, EVENTS, URL, description, description_kind, events, events_kind, url_kind};
use crate::gateway::Gateway;
use crate::http::acts::{perform, shown};
use crate::http::auth::Admitted;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, Read};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::EndpointPath;
use crate::wire;

const STATUS: &str = "status";

/// What the owner of an endpoint can make it, each with whether it is told anything then.
#[derive(Clone, Copy)]
struct Switch(&'static str, bool);

const SWITCHES: [Switch; 2] = [Switch("enabled", true), Switch("disabled", false)];

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("updateWebhookEndpoint", "Change a webhook endpoint")
        .about(
            "At least one field must be there. A `null` takes the description away. What is enabled again is sent what is committed from \
             then on, and what was still to be tried again.",
        )
        .body(vec![
            Field::optional(URL, url_kind(), "Where to."),
            Field::optional(EVENTS, events_kind(), "Which events."),
            Field::optional(DESCRIPTION, description_kind(), "What it is for, for people."),
            Field::optional(STATUS, field::choice(&SWITCHES.map(|it| it.0)), "Whether anything is sent."),
        ])
        .shows::<wire::WireEndpoint<'static>>()
        .example(json!({ "enabledEvents": ["*"], "status": "enabled" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: EndpointPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let endpoint = gateway.endpoint(&asker, &path.endpoint).await?;
    let edit = read(&gateway, &sent.fields(), endpoint.owner)?;
    let act = Act::ChangeEndpoint { id: endpoint.id, edit };
    perform(&gateway, &asker, (act, sent.idempotency), StatusCode::OK, shown(&gateway)).await
}

fn read(gateway: &Gateway, fields: &Fields<'_>, owner: Owner) -> Read<EndpointEdit> {
    let description = description(fields)?.map(Some);
    let edit = EndpointEdit {
        url: gateway.webhook_url(fields, owner)?,
        events: events(fields)?,
        description: description.or_else(|| fields.is_null(DESCRIPTION).then_some(None)),
        is_enabled: fields.choice(STATUS, &SWITCHES, |switch| switch.0)?.map(|switch| switch.1),
    };
    let EndpointEdit { url, events, description, is_enabled } = &edit;
    if url.is_none() && events.is_none() && description.is_none() && is_enabled.is_none() {
        return Err(ApiError::Body("Nothing to change: send url, enabledEvents, description or status".to_owned()));
    }
    Ok(edit)
}
