//! A dispute.

use escrow::state::MilestoneState;
use escrow::{Dispute, DisputeId, DisputeState, Escrow, Evidence, IntentId, MilestoneId, OrderId, Timestamp};
use serde::Serialize;

use super::{Envelope, hash_text, money, optional_seconds, rfc3339, seconds_text};

/// What `object` says of a dispute.
const OBJECT: &str = "dispute";

/// A dispute.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireDispute<'a> {
    id: DisputeId,
    object: &'static str,
    escrow_order_id: Option<OrderId>,
    conditional_payment_id: Option<OrderId>,
    payment_intent_id: IntentId,
    milestone_id: Option<MilestoneId>,
    status: &'static str,
    reason: &'a str,
    raised_by: &'a str,
    raised_by_role: &'static str,
    dispute_raised_at: String,
    /// When it decides itself, while nobody has decided.
    resolves_at: Option<String>,
    resolution: Option<&'static str>,
    dispute_resolved_at: Option<String>,
    resolved_by: Option<&'a str>,
    note: Option<&'a str>,
    /// What waits for the resolution.
    frozen_amount: String,
    refunded_amount: Option<String>,
    released_amount: Option<String>,
    currency: &'static str,
    evidence: Vec<WireEvidence<'a>>,
    created_at: String,
    updated_at: String,
}

/// What a party submitted about a dispute.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireEvidence<'a> {
    submitted_by: &'a str,
    submitted_by_role: &'static str,
    text: Option<&'a str>,
    uri: Option<&'a str>,
    hash: Option<String>,
    submitted_at: String,
}

/// The wire form of a dispute over this escrow.
pub(crate) fn dispute<'a>(escrow: &Escrow, dispute: &'a Dispute) -> WireDispute<'a> {
    let order_id = escrow.order.as_ref().map(|order| order.id);
    let resolved = dispute.resolved();
    let due = match dispute.state {
        DisputeState::Open { due } => Some(due),
        DisputeState::Resolved(_) => None,
    };
    WireDispute {
        id: dispute.id,
        object: OBJECT,
        escrow_order_id: order_id,
        conditional_payment_id: order_id,
        payment_intent_id: escrow.id,
        milestone_id: dispute.milestone,
        status: dispute.status().name(),
        reason: &dispute.reason,
        raised_by: &dispute.raised_by,
        raised_by_role: dispute.by.name(),
        dispute_raised_at: seconds_text(dispute.raised),
        resolves_at: optional_seconds(due),
        resolution: resolved.map(|resolved| resolved.resolution.name()),
        dispute_resolved_at: optional_seconds(resolved.map(|resolved| resolved.at)),
        resolved_by: resolved.and_then(|resolved| resolved.by.as_deref()),
        note: resolved.and_then(|resolved| resolved.note.as_deref()),
        frozen_amount: escrow::money::decimal(frozen_minor(escrow, dispute), escrow.terms.amount.currency()),
        refunded_amount: resolved.map(|resolved| money(resolved.refunded)),
        released_amount: resolved.map(|resolved| money(resolved.released)),
        currency: escrow.terms.amount.currency().code(),
        evidence: dispute.evidence.iter().map(evidence).collect(),
        created_at: rfc3339(dispute.raised),
        updated_at: rfc3339(changed(dispute)),
    }
}

fn evidence(evidence: &Evidence) -> WireEvidence<'_> {
    WireEvidence {
        submitted_by: &evidence.submitted_by,
        submitted_by_role: evidence.by.name(),
        text: evidence.text.as_deref(),
        uri: evidence.uri.as_deref(),
        hash: evidence.hash.map(hash_text),
        submitted_at: seconds_text(evidence.at),
    }
}

/// What a dispute freezes, in minor units: nothing once it is decided.
fn frozen_minor(escrow: &Escrow, dispute: &Dispute) -> i64 {
    if !dispute.is_open() {
        return 0;
    }
    let Some(id) = dispute.milestone else { return escrow.funds.held.minor() };
    escrow.milestone(id).map_or(0, |milestone| match milestone.state {
        MilestoneState::Pending | MilestoneState::Completed(_) => milestone.amount.minor(),
        MilestoneState::Released(..) | MilestoneState::Cancelled { .. } => 0,
    })
}

/// When a dispute last changed.
fn changed(dispute: &Dispute) -> Timestamp {
    let submitted = dispute.evidence.last().map(|evidence| evidence.at);
    dispute.resolved().map(|resolved| resolved.at).or(submitted).unwrap_or(dispute.raised)
}

/// A dispute as a single object.
pub(crate) fn dispute_envelope<'a>(escrow: &Escrow, shown: &'a Dispute) -> Envelope<'a, WireDispute<'a>> {
    Envelope {
        id: shown.id.to_string(),
        object: OBJECT,
        status: shown.status().name(),
        data: dispute(escrow, shown),
        metadata: None,
        payment_url: None,
        milestone_index: None,
        created: shown.raised.seconds(),
        updated: changed(shown).seconds(),
    }
}
