//! A milestone.

use escrow::{Escrow, IntentId, Milestone, MilestoneId, OrderId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::schema::{Id, Money, Name, Named, Percentage, Rfc3339, Seconds, Single};
use super::signable::Signable;
use super::{Envelope, NotYet, money, optional_seconds, rfc3339};

/// What `object` says of a milestone.
const OBJECT: &str = "milestone";

/// A milestone.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Milestone")]
pub(crate) struct WireMilestone<'a> {
    #[schemars(with = "Id<MilestoneId>")]
    id: MilestoneId,
    #[schemars(extend("const" = OBJECT))]
    object: &'static str,
    #[schemars(with = "Option<Id<OrderId>>")]
    escrow_order_id: Option<OrderId>,
    #[schemars(with = "Option<Id<OrderId>>")]
    conditional_payment_id: Option<OrderId>,
    #[schemars(with = "Id<IntentId>")]
    payment_intent_id: IntentId,
    milestone_index: u32,
    description: Option<&'a str>,
    amount: Money,
    #[schemars(with = "Option<Percentage>")]
    percentage: Option<&'a RawValue>,
    #[schemars(with = "Name<escrow::state::MilestoneStatus>")]
    status: &'static str,
    completion_proof: Option<&'a str>,
    #[serde(rename = "completionProofURI")]
    completion_proof_uri: Option<&'a str>,
    completed_at: Option<Seconds>,
    completed_by: Option<&'a str>,
    released_at: Option<Seconds>,
    release_tx_hash: NotYet,
    released_by: Option<&'a str>,
    /// What a dispute gave back of its amount.
    refunded_amount: Option<Money>,
    /// How often it was completed: an approval is of one of these attempts.
    completion_attempt: u32,
    requires_approval: bool,
    approved_at: Option<Seconds>,
    approved_by: Option<&'a str>,
    rejected_at: Option<Seconds>,
    rejection_reason: Option<&'a str>,
    /// Whether it waits for the resolution of a dispute.
    disputed: bool,
    /// What its payer signs to approve it: where the order is shown to its payer, and it waits for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) approval: Option<Signable<'a>>,
    created_at: Rfc3339,
    updated_at: Rfc3339,
}

/// What has just been done with a milestone, which the answer says at its top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It was completed; its status may be further on already.
    Completed,
    /// It was released by hand.
    Released,
    /// It was approved; it may wait for those below it.
    Approved,
    /// It was rejected.
    Rejected,
    /// Anything else: the top repeats the milestone's status.
    Other,
}

impl Deed {
    /// Every deed.
    const ALL: [Deed; 5] = [Deed::Completed, Deed::Released, Deed::Approved, Deed::Rejected, Deed::Other];

    /// What the top says of it; `None` where it repeats the milestone's status.
    const fn word(self) -> Option<&'static str> {
        match self {
            Deed::Completed => Some("completed"),
            Deed::Released => Some("released"),
            Deed::Approved => Some("approved"),
            Deed::Rejected => Some("rejected"),
            Deed::Other => None,
        }
    }
}

impl Single for WireMilestone<'_> {
    fn objects() -> Vec<&'static str> {
        vec![OBJECT]
    }

    fn statuses() -> Vec<&'static str> {
        let mut statuses: Vec<_> = Deed::ALL.into_iter().filter_map(Deed::word).collect();
        statuses.extend(escrow::state::MilestoneStatus::names());
        statuses
    }
}

/// The wire form of a milestone of this escrow.
pub(crate) fn milestone<'a>(escrow: &Escrow, milestone: &'a Milestone) -> WireMilestone<'a> {
    let order_id = escrow.order.as_ref().map(|order| order.id);
    let (completion, release) = (milestone.completion(), milestone.release());
    let approval = completion.and_then(|completion| completion.approval.as_ref());
    WireMilestone {
        id: milestone.id,
        object: OBJECT,
        escrow_order_id: order_id,
        conditional_payment_id: order_id,
        payment_intent_id: escrow.id,
        milestone_index: milestone.index,
        description: milestone.description.as_deref(),
        amount: money(milestone.amount),
        percentage: milestone.percentage.as_deref().and_then(|literal| serde_json::from_str(literal).ok()),
        status: milestone.status().name(),
        completion_proof: completion.and_then(|completion| completion.proof.as_deref()),
        completion_proof_uri: completion.and_then(|completion| completion.proof_uri.as_deref()),
        completed_at: optional_seconds(completion.map(|completion| completion.at)),
        completed_by: completion.map(|completion| completion.by.as_str()),
        released_at: optional_seconds(release.map(|release| release.at)),
        release_tx_hash: (),
        released_by: release.and_then(|release| release.by.as_deref()),
        refunded_amount: release.and_then(|release| release.refunded).map(money),
        completion_attempt: milestone.attempts,
        requires_approval: escrow.needs_approval(milestone),
        approved_at: optional_seconds(approval.map(|approval| approval.at)),
        approved_by: approval.map(|approval| approval.by.as_str()),
        rejected_at: optional_seconds(milestone.rejected.as_ref().map(|rejected| rejected.at)),
        rejection_reason: milestone.rejected.as_ref().map(|rejected| rejected.reason.as_str()),
        disputed: escrow.is_frozen(milestone),
        approval: None,
        created_at: rfc3339(milestone.created),
        updated_at: rfc3339(milestone.updated),
    }
}

/// A milestone as a single object.
pub(crate) fn milestone_envelope<'a>(
    escrow: &Escrow,
    shown: &'a Milestone,
    deed: Deed,
) -> Envelope<'a, WireMilestone<'a>> {
    Envelope {
        id: shown.id.to_string(),
        object: OBJECT,
        status: deed.word().unwrap_or_else(|| shown.status().name()),
        data: milestone(escrow, shown),
        metadata: None,
        payment_url: None,
        milestone_index: Some(shown.index),
        created: shown.created.seconds(),
        updated: shown.updated.seconds(),
    }
}
