//! `POST /events/{event}/resend`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::Act;
use escrow::EndpointId;
use serde_json::json;

use crate::gateway::Gateway;
use crate::http::acts::{perform, shown};
use crate::http::auth::Admitted;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::EventPath;
use crate::wire;

const ENDPOINT: &str = "webhookEndpointId";

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("resendEvent", "Send an event to webhook endpoints once more")
        .about("To one endpoint, whatever it has chosen; or to all that are enabled and have chosen it. It answers with the deliveries.")
        .body(vec![Field::optional(ENDPOINT, field::id::<EndpointId>(), "To this endpoint alone.")])
        .answers::<wire::List<wire::WireDelivery<'static>>>()
        .refuses(&[Code::InvalidStatus])
        .example(json!({ "webhookEndpointId": "{endpoint}" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: EventPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let event = gateway.event(&asker, &path.event).await?.event.id;
    let fields = sent.fields();
    let to: Option<EndpointId> = fields.id(ENDPOINT, "webhook endpoint")?;
    if let Some(id) = to {
        // One that is somebody else's, or nobody's, is wrong in the body and not in the path.
        let is_own = gateway.endpoint(&asker, &id.to_string()).await.is_ok();
        if !is_own {
            return Err(fields.wrong(ENDPOINT, "must be the id of a webhook endpoint of yours"));
        }
    }
    perform(&gateway, &asker, (Act::Resend { event, to }, sent.idempotency), StatusCode::OK, shown(&gateway)).await
}
