//! Units made ready for the writer. It is the busiest thread there is, so that comparing and encoding is done before its queue.

use std::collections::BTreeMap;

use escrow::{Effect, Hash, IntentId};

use super::codec::{self, OwnerBytes};
use super::error::Fault;
use super::split::{self, Part};
use crate::metadata::found_by;
use crate::{Change, ClockMove, DeliveryAsk, EventRow, JournalChange, Lease, Reply, TransferRow, Unit};

/// A [`Unit`] in the form of its rows.
pub(super) struct PreparedUnit {
    pub(super) change: Option<PreparedChange>,
    pub(super) replies: Vec<Reply>,
    pub(super) leases: Vec<Lease>,
    pub(super) clock: Option<ClockMove>,
    pub(super) journals: Vec<JournalChange>,
    pub(super) deliveries: Vec<DeliveryAsk>,
}

/// A [`Change`] in the form of its rows.
pub(super) struct PreparedChange {
    pub(super) id: IntentId,
    pub(super) owner: OwnerBytes,
    /// The version that must be stored; `None`: no escrow of this id.
    pub(super) base: Option<i64>,
    pub(super) version: i64,
    pub(super) status: &'static str,
    /// Whether what is stored has another status, or there is nothing yet. One that stays is not written: its index would be, too.
    pub(super) has_new_status: bool,
    pub(super) payment_type: &'static str,
    pub(super) currency: &'static str,
    pub(super) created: i64,
    pub(super) head: String,
    pub(super) parts: Vec<Part>,
    pub(super) transfers: Vec<TransferRow>,
    pub(super) events: Vec<EventRow>,
    pub(super) effects: Vec<Effect>,
    /// The transactions that it is the first version to name.
    pub(super) claims: Vec<Hash>,
    /// What it is found by from now on; nothing for one that was stored before, since metadata never changes.
    pub(super) metadata: BTreeMap<String, String>,
}

pub(super) fn prepare(mut unit: Unit) -> Result<PreparedUnit, Fault> {
    let change = unit.change.take().map(prepare_change).transpose()?;
    let Unit { change: _, replies, leases, clock, journals, deliveries } = unit;
    Ok(PreparedUnit { change, replies, leases, clock, journals, deliveries })
}

fn prepare_change(change: Change) -> Result<PreparedChange, Fault> {
    let claims = change.claims();
    let next = &change.next;
    let base = change.base.as_ref().map(|base| codec::integer(base.version)).transpose()?;
    let new_metadata = next.terms.metadata.as_ref().filter(|_| base.is_none());
    let metadata = new_metadata.map(found_by).unwrap_or_default();
    let version = base.unwrap_or(0).saturating_add(1);
    Ok(PreparedChange {
        id: next.id,
        owner: codec::owner_bytes(next.owner),
        base,
        version,
        status: next.status().name(),
        has_new_status: change.base.as_ref().is_none_or(|base| base.escrow.status() != next.status()),
        payment_type: next.terms.payment_type.name(),
        currency: next.terms.amount.currency().code(),
        created: next.created.ms(),
        head: split::head(next)?,
        parts: split::changed_parts(change.base.as_ref().map(|base| &base.escrow), next, version)?,
        transfers: change.transfers,
        events: change.events,
        effects: change.effects,
        claims,
        metadata,
    })
}
