//! `POST /payment-intents/public/{intent}/transaction-hash`: somebody names the transaction that pays. It is a hint and moves no
//! money.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use escrow::{Actor, Command, RequestId};
use serde_json::json;

use crate::gateway::Gateway;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::fields::TRANSACTION_HASH;
use crate::http::idempotency::{self, Sender, submit_as};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::IntentPath;
use crate::http::payment_intents::shown;
use crate::wire::Intent;
use crate::wire::Reader;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("announceTransaction", "Name the transaction that pays")
        .about("A hint for whoever watches the chain. It moves no money.")
        .body(vec![Field::required(TRANSACTION_HASH, field::bytes32(), "The hash of the transaction.")])
        .shows::<Intent<'static>>()
        .refuses(&[Code::InvalidTransactionHash, Code::TransactionHashExists, Code::InvalidStateTransition])
        .example(json!({ "transactionHash": "0xabababababababababababababababababababababababababababababababab" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    Extension(request): Extension<RequestId>,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let escrow = gateway.public_escrow(&path.intent).await?;
    let fields = sent.fields();
    let transaction = fields.required(TRANSACTION_HASH, fields.transaction_hash()?)?;
    let command = idempotency::Command::about(escrow.id, Command::AnnounceTransaction(transaction), sent.idempotency);
    let sender = Sender::public(&escrow, Actor::Anyone, request);
    submit_as(&gateway, sender, command, shown(&gateway, Reader::Public)).await
}
