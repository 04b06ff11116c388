//! `POST /payment-intents`

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::Ask;
use escrow::limits::MAX_MILESTONES;
use escrow::{Currency, IntentId, MilestoneId, NewIntent, NewMilestone, OrderId};
use serde_json::json;

use super::terms;
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::fields::{Fields, Read};
use crate::http::idempotency::{self, submit};
use crate::http::milestones;
use crate::http::openapi::Operation;
use crate::wire::Intent;
use crate::wire::Reader;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("createPaymentIntent", "Create a payment intent")
        .about(
            "Agrees on what is paid, and on what releases it. Unless the type is `CONSENTED_PULL`, the escrow order exists as soon as the \
             intent does, so that milestones can be created in the same request or in the next one. What releases the money may stand at \
             the top or inside `metadata`, where numbers and booleans may be text; the top wins.",
        )
        .body(terms::documented())
        .shows::<Intent<'static>>()
        .refuses(&[Code::AmountTooLarge])
        .example(json!({
            "amount": "1000.00",
            "currency": "USDC",
            "type": "DELIVERY_VS_PAYMENT",
            "description": "Website in three steps",
            "settlementMethod": "OFF_RAMP_MOCK",
            "settlementDestination": "bank_account_123",
            "releaseType": "MILESTONE_LOCKED",
            "autoRelease": true,
            "metadata": { "orderId": "ORD-7" },
            "milestones": [
                { "milestoneIndex": 0, "amount": "300.00", "description": "Design", "percentage": 30 },
                { "milestoneIndex": 1, "amount": "500.00", "description": "Build", "percentage": 50 },
            ],
        }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    sent: Sent,
) -> Result<Response, ApiError> {
    let new = read(&gateway, &caller, &sent)?;
    if !caller.is_sandbox() {
        return Err(ApiError::NoLiveRail);
    }
    let command =
        idempotency::Command { ask: Ask::Open(Box::new(new)), idempotency: sent.idempotency, success: StatusCode::OK };
    submit(&gateway, &caller, command, super::shown(&gateway, Reader::Merchant)).await
}

/// The intent that a body asks for.
pub(in crate::http) fn read(gateway: &Gateway, caller: &Caller, sent: &Sent) -> Read<NewIntent> {
    let terms = terms::read(sent, gateway.settings.fee_basis_points)?;
    let ids = gateway.engine.ids();
    Ok(NewIntent {
        id: IntentId::fresh(ids),
        order_id: OrderId::fresh(ids),
        owner: caller.owner,
        milestones: first_milestones(&sent.fields(), gateway, terms.amount.currency())?,
        terms,
    })
}

/// The milestones that are created along. What can be wrong with one of them alone, or with its index beside the others', is said
/// here, where its place in the list is known.
fn first_milestones(fields: &Fields<'_>, gateway: &Gateway, currency: Currency) -> Read<Vec<NewMilestone>> {
    let mut indexes = BTreeSet::new();
    let mut read = Vec::new();
    for fields in fields.objects("milestones", MAX_MILESTONES)? {
        let milestone = milestones::create::read(&fields, MilestoneId::fresh(gateway.engine.ids()))?;
        if !indexes.insert(milestone.index) {
            return Err(fields.wrong("milestoneIndex", format!("{} stands twice in the list", milestone.index)));
        }
        if let Err(error) = milestone.amount.in_currency(currency) {
            return Err(fields.wrong("amount", error.to_string()));
        }
        read.push(milestone);
    }
    Ok(read)
}
