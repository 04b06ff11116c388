//! `POST /payment-intents/{intent}/escrow/dispute/resolve`: the operator, or in the sandbox the merchant, decides an open dispute.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::limits::{MAX_LABEL_CHARS, MAX_TEXT_BYTES};
use escrow::{Command, Escrow, Resolution, Resolving, Ruling};

use super::{meant, shown};
use crate::gateway::Gateway;
use crate::http::auth::Asker;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::fields::{Fields, Limit, Read};
use crate::http::idempotency::{self, Sender, submit_as};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::IntentPath;
use crate::wire::WireDispute;
use escrow::MilestoneId;
use serde_json::json;

fn read(fields: &Fields<'_>) -> Read<Resolving> {
    let ruling = ruling(fields)?;
    let by = fields.full_text("resolvedBy", Limit::Chars(MAX_LABEL_CHARS))?;
    let by = fields.required("resolvedBy", by)?.to_owned();
    let note = fields.text("note", Limit::Bytes(MAX_TEXT_BYTES))?.map(str::to_owned);
    Ok(Resolving { milestone: super::milestone(fields)?, dispute: None, ruling, by, note })
}

fn ruling(fields: &Fields<'_>) -> Read<Ruling> {
    const AMOUNT: &str = "refundAmount";
    let resolution = resolution(fields)?;
    let amount = fields.amount(AMOUNT)?;
    let without_amount = |ruling| match amount {
        None => Ok(ruling),
        Some(_) => Err(fields.wrong(AMOUNT, format!("goes with resolution {} only", Resolution::PartialRefund))),
    };
    match resolution {
        Resolution::MerchantWon => without_amount(Ruling::MerchantWon),
        Resolution::BuyerWon => without_amount(Ruling::BuyerWon),
        Resolution::PartialRefund => {
            let rule = format!("is required with resolution {}", Resolution::PartialRefund);
            amount.map(Ruling::PartialRefund).ok_or_else(|| fields.wrong(AMOUNT, rule))
        }
    }
}

fn resolution(fields: &Fields<'_>) -> Read<Resolution> {
    const NAME: &str = "resolution";
    fields.required(NAME, fields.choice(NAME, Resolution::ALL, Resolution::name)?)
}

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("resolveDispute", "Decide a dispute")
        .about("In the sandbox the merchant may do so; with real money only the operator.")
        .body(vec![
            Field::required("resolution", field::one_of::<Resolution>(), "Who is right."),
            Field::optional(
                "refundAmount",
                field::amount(),
                "What the payer gets back; with `PARTIAL_REFUND`, and only there.",
            ),
            Field::required("resolvedBy", field::label(), "Who decides: a label, which gives no rights."),
            Field::optional("note", field::text(Limit::Bytes(MAX_TEXT_BYTES)), "What there is to say about it."),
            Field::optional("milestoneId", field::id::<MilestoneId>(), "The milestone whose dispute is meant."),
        ])
        .shows::<WireDispute<'static>>()
        .refuses(&[Code::InvalidStatus, Code::ResourceMissing, Code::AmountTooLarge])
        .example(
            json!({ "resolution": "PARTIAL_REFUND", "refundAmount": "50.00", "resolvedBy": "arbiter@example.com" }),
        )
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Asker,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let escrow = gateway.escrow_for(&asker, &path.intent).await?;
    let resolving = read(&sent.fields())?;
    // Where none is meant, the domain says so, and its refusal is remembered under the key.
    let dispute = meant(&escrow, resolving.milestone).ok().map(|dispute| dispute.id);
    let milestone = resolving.milestone;
    let resolving = Resolving { dispute, ..resolving };
    let command = idempotency::Command::about(escrow.id, Command::ResolveDispute(resolving), sent.idempotency);
    let show = move |escrow: &Escrow| {
        let resolved = dispute.map_or_else(|| meant(escrow, milestone).ok(), |id| escrow.dispute(id))?;
        Some(shown(escrow, resolved))
    };
    submit_as(&gateway, Sender::asker(&asker, &escrow), command, show).await
}
