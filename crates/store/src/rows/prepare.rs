//! Units made ready for the writer. It is the busiest thread there is, so that comparing and encoding is done before its queue.

use std::collections::BTreeMap;

use escrow::{Effect, Hash, IntentId};

use super::Damaged;
use super::codec::{self, OwnerBytes};
use super::split::{self, Part};
use crate::metadata::found_by;
use crate::{Change, ClockMove, DeliveryAsk, EventRow, JournalChange, Lease, Reply, TransferRow, Unit};

/// A [`Unit`] in the form of its rows.
pub(crate) struct PreparedUnit {
    pub(crate) change: Option<PreparedChange>,
    pub(crate) replies: Vec<Reply>,
    pub(crate) leases: Vec<Lease>,
    pub(crate) clock: Option<ClockMove>,
    pub(crate) journals: Vec<JournalChange>,
    pub(crate) deliveries: Vec<DeliveryAsk>,
}

/// A [`Change`] in the form of its rows.
pub(crate) struct PreparedChange {
    pub(crate) id: IntentId,
    pub(crate) owner: OwnerBytes,
    /// The version that must be stored; `None`: no escrow of this id.
    pub(crate) base: Option<i64>,
    pub(crate) version: i64,
    pub(crate) status: &'static str,
    /// Whether what is stored has another status, or there is nothing yet. One that stays is not written: its index would be, too.
    pub(crate) has_new_status: bool,
    pub(crate) payment_type: &'static str,
    pub(crate) currency: &'static str,
    pub(crate) created: i64,
    pub(crate) head: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) transfers: Vec<TransferRow>,
    pub(crate) events: Vec<EventRow>,
    pub(crate) effects: Vec<Effect>,
    /// The transactions that it is the first version to name.
    pub(crate) claims: Vec<Hash>,
    /// What it is found by from now on; nothing for one that was stored before, since metadata never changes.
    pub(crate) metadata: BTreeMap<String, String>,
}

pub(crate) fn prepare(mut unit: Unit) -> Result<PreparedUnit, Damaged> {
    let change = unit.change.take().map(prepare_change).transpose()?;
    let Unit { change: _, replies, leases, clock, journals, deliveries } = unit;
    Ok(PreparedUnit { change, replies, leases, clock, journals, deliveries })
}

fn prepare_change(change: Change) -> Result<PreparedChange, Damaged> {
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
