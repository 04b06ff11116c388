//! `POST /test-helpers/payment-intents/{intent}/fund`: a simulated payer pays, the intent's amount where no other is named. What is
//! too little, too much, or comes when nobody waits for it, is sent back.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::{Command, Means, Rail, Receipt};

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::idempotency::{self, submit};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::IntentPath;
use crate::http::payment_intents::shown;
use crate::wire::Intent;
use crate::wire::Reader;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("fundPaymentIntent", "Have a simulated payer pay")
        .about("The intent's amount, where no other is named. What is too little, too much, or not waited for, is sent back.")
        .body(vec![Field::optional("amount", field::amount(), "What comes in.")])
        .shows::<Intent<'static>>()
        .refuses(&[Code::InvalidStateTransition, Code::AmountTooLarge])
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let (intent, amount) = gateway.for_intent(&caller, &path.intent, sent.fields().amount("amount")).await?;
    let receipt = Receipt { rail: Rail::Sandbox, means: Means::Deposit(None), amount, transaction: None };
    let command = idempotency::Command::about(intent, Command::ReceivePayment(receipt), sent.idempotency);
    submit(&gateway, &caller, command, shown(&gateway, Reader::Merchant)).await
}
