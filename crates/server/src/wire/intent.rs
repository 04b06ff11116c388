//! A payment intent.

use escrow::state::OrderState;
use escrow::{Escrow, IntentId, IntentState, MerchantId, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Envelope, NotYet, metadata_json, money, optional_seconds, rfc3339, seconds_text};

/// What `object` says of an intent.
const OBJECT: &str = "payment_intent";

/// A payment intent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Intent<'a> {
    id: IntentId,
    object: &'static str,
    merchant_id: MerchantId,
    status: &'static str,
    amount: String,
    currency: &'static str,
    #[serde(rename = "type")]
    payment_type: &'static str,
    description: Option<&'a str>,
    settlement_method: &'static str,
    settlement_destination: &'a str,
    settlement_status: Option<&'static str>,
    contract_address: NotYet,
    transaction_hash: NotYet,
    chain_id: NotYet,
    typed_data: NotYet,
    signature: NotYet,
    signer_address: NotYet,
    phases: Vec<Phase>,
    metadata: &'a RawValue,
    payment_url: Option<String>,
    return_url: Option<&'a str>,
    estimated_fee: String,
    estimated_delivery_time: Option<String>,
    livemode: bool,
    created: i64,
    updated: i64,
}

/// A stretch of an intent's way. It is derived from the state, which remembers when each began and ended.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Phase {
    phase: &'static str,
    status: &'static str,
    started_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<String>,
    timestamp: i64,
}

/// The wire form of an intent. Events show it without `public_url`: they are kept for ever, and the address may change.
pub(crate) fn intent<'a>(escrow: &'a Escrow, public_url: Option<&str>) -> Intent<'a> {
    let terms = &escrow.terms;
    Intent {
        id: escrow.id,
        object: OBJECT,
        merchant_id: escrow.owner.merchant,
        status: escrow.status().name(),
        amount: money(terms.amount),
        currency: terms.amount.currency().code(),
        payment_type: terms.payment_type.name(),
        description: terms.description.as_deref(),
        settlement_method: terms.settlement_method.name(),
        settlement_destination: &terms.settlement_destination,
        settlement_status: escrow.settlement_progress().map(|progress| progress.name()),
        contract_address: (),
        transaction_hash: (),
        chain_id: (),
        typed_data: (),
        signature: (),
        signer_address: (),
        phases: phases(escrow),
        metadata: metadata_json(terms.metadata.as_ref()),
        payment_url: public_url.map(|url| payment_url(url, escrow.id)),
        return_url: terms.return_url.as_deref(),
        estimated_fee: money(terms.amount.share(terms.fee_basis_points)),
        estimated_delivery_time: escrow.delivery_deadline().map(rfc3339),
        livemode: escrow.owner.mode == escrow::Mode::Live,
        created: escrow.created.seconds(),
        updated: escrow.updated.seconds(),
    }
}

/// An intent as a single object.
pub(crate) fn intent_envelope<'a>(escrow: &'a Escrow, public_url: &str) -> Envelope<'a, Intent<'a>> {
    Envelope {
        id: escrow.id.to_string(),
        object: OBJECT,
        status: escrow.status().name(),
        data: intent(escrow, Some(public_url)),
        metadata: Some(metadata_json(escrow.terms.metadata.as_ref())),
        payment_url: Some(payment_url(public_url, escrow.id)),
        milestone_index: None,
        created: escrow.created.seconds(),
        updated: escrow.updated.seconds(),
    }
}

fn payment_url(public_url: &str, id: IntentId) -> String {
    format!("{}/pay/{id}", public_url.trim_end_matches('/'))
}

/// The phases so far, the last of them possibly still under way. What a cancellation cut short is left out.
fn phases(escrow: &Escrow) -> Vec<Phase> {
    let is_canceled = matches!(escrow.state, IntentState::Canceled { .. });
    let funded_at = escrow.funding.map(|funding| funding.at);
    let mut phases = Vec::new();
    if let Some(order) = &escrow.order {
        phases.push(phase("ESCROW_LOCKED", escrow.created, funded_at));
        if let Some(funded_at) = funded_at {
            let delivered_at = match order.state {
                OrderState::Delivered { at } | OrderState::Completed { at } => Some(at),
                OrderState::Pending | OrderState::Cancelled { .. } => None,
            };
            phases.push(phase("AWAITING_DELIVERY_PROOF", funded_at, delivered_at));
        }
    }
    if let Some(first) = escrow.settlements.first() {
        let settled_at = match escrow.state {
            IntentState::Settled { at, .. } => Some(at),
            IntentState::Final { settled_at, .. } => Some(settled_at),
            IntentState::Initiated
            | IntentState::Processing { .. }
            | IntentState::Succeeded
            | IntentState::Canceled { .. } => None,
        };
        phases.push(phase("SETTLEMENT", first.created, settled_at));
    }
    phases.retain(|phase| !is_canceled || phase.completed_at.is_some());
    phases
}

fn phase(phase: &'static str, started: Timestamp, completed: Option<Timestamp>) -> Phase {
    Phase {
        phase,
        status: if completed.is_some() { "COMPLETED" } else { "IN_PROGRESS" },
        started_at: seconds_text(started),
        completed_at: optional_seconds(completed),
        timestamp: completed.unwrap_or(started).seconds(),
    }
}
