//! The disputes over an order.

use escrow::{Dispute, Escrow, MilestoneId, Rejection};

use super::fields::{Fields, Limit, Read};
use super::milestones::milestone_id;
use crate::wire;

pub(super) mod evidence;
pub(super) mod list;
pub(super) mod raise;
pub(super) mod resolve;

/// Who sends a body: the payer gives no name where it has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    /// The merchant.
    Merchant,
    /// The payer.
    Payer,
}

/// The milestone that a body names.
fn milestone(fields: &Fields<'_>) -> Read<Option<MilestoneId>> {
    let named = fields.full_text("milestoneId", Limit::Chars(escrow::limits::MAX_LABEL_CHARS))?;
    named.map(milestone_id).transpose()
}

/// The dispute that somebody means who names this milestone, or none: the open one. Where none is open, it is the latest, so that what
/// was asked about it before still is the same.
pub(super) fn meant(escrow: &Escrow, milestone: Option<MilestoneId>) -> Result<&Dispute, Rejection> {
    let order = escrow.order.as_ref().ok_or(Rejection::NoOrder)?;
    let is_about_it = |dispute: &&Dispute| milestone.is_none() || dispute.milestone == milestone;
    match order.open_dispute(milestone) {
        Err(Rejection::DisputeNotFound(_)) => {
            order.disputes.iter().rfind(is_about_it).ok_or(Rejection::DisputeNotFound(milestone))
        }
        found => found,
    }
}

/// Writes a dispute.
fn shown(escrow: &Escrow, dispute: &Dispute) -> Vec<u8> {
    wire::json(&wire::dispute_envelope(escrow, dispute))
}
