//! A dispute.

use escrow::state::MilestoneState;
use escrow::{Dispute, DisputeId, DisputeState, Escrow, Evidence, IntentId, MilestoneId, OrderId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::schema::{HashText, Id, Money, Name, Named, Rfc3339, Seconds, Single};
use super::{Envelope, hash_text, minor_money, money, optional_seconds, rfc3339, seconds_text};

/// What `object` says of a dispute.
const OBJECT: &str = "dispute";

/// A dispute.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Dispute")]
pub(crate) struct WireDispute<'a> {
    #[schemars(with = "Id<DisputeId>")]
    id: DisputeId,
    #[schemars(extend("const" = OBJECT))]
    object: &'static str,
    #[schemars(with = "Option<Id<OrderId>>")]
    escrow_order_id: Option<OrderId>,
    #[schemars(with = "Option<Id<OrderId>>")]
    conditional_payment_id: Option<OrderId>,
    #[schemars(with = "Id<IntentId>")]
    payment_intent_id: IntentId,
    #[schemars(with = "Option<Id<MilestoneId>>")]
    milestone_id: Option<MilestoneId>,
    #[schemars(with = "Name<escrow::DisputeStatus>")]
    status: &'static str,
    reason: &'a str,
    raised_by: &'a str,
    #[schemars(with = "Name<escrow::Role>")]
    raised_by_role: &'static str,
    dispute_raised_at: Seconds,
    /// When it decides itself, while nobody has decided.
    resolves_at: Option<Seconds>,
    #[schemars(with = "Option<Name<escrow::Resolution>>")]
    resolution: Option<&'static str>,
    dispute_resolved_at: Option<Seconds>,
    resolved_by: Option<&'a str>,
    note: Option<&'a str>,
    /// What waits for the resolution.
    frozen_amount: Money,
    refunded_amount: Option<Money>,
    released_amount: Option<Money>,
    #[schemars(with = "Name<escrow::Currency>")]
    currency: &'static str,
    evidence: Vec<WireEvidence<'a>>,
    created_at: Rfc3339,
    updated_at: Rfc3339,
}

/// What a party submitted about a dispute.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Evidence")]
struct WireEvidence<'a> {
    submitted_by: &'a str,
    #[schemars(with = "Name<escrow::Role>")]
    submitted_by_role: &'static str,
    text: Option<&'a str>,
    uri: Option<&'a str>,
    hash: Option<HashText>,
    submitted_at: Seconds,
}

impl Single for WireDispute<'_> {
    fn objects() -> Vec<&'static str> {
        vec![OBJECT]
    }

    fn statuses() -> Vec<&'static str> {
        escrow::DisputeStatus::names()
    }
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
        frozen_amount: minor_money(frozen_minor(escrow, dispute), escrow.terms.amount.currency()),
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
