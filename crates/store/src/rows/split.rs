//! An escrow in pieces: a small head that every commit rewrites, and parts that are written only when they change.

use std::collections::HashMap;

use escrow::state::{Funding, OrderState, Shipment};
use escrow::{
    Chain, DeliveryProof, Dispute, Escrow, Funds, Hash, IntentId, IntentState, Milestone, Order, OrderId, Payment,
    RawId, Refund, Settlement, Span, Terms, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::Damaged;
use super::codec::{self, IdBytes, OwnerBytes};
use crate::Versioned;

/// How many parts of one kind a commit may add before their places run into those of the next commit.
const PLACES_PER_VERSION: i64 = 1 << 16;

/// What every commit rewrites. Its JSON is what is stored: a change of it is a migration.
#[derive(Serialize, Deserialize)]
struct Head {
    /// Schema 1 had none: no payer could consent yet, so that nobody counted.
    #[serde(default)]
    revision: u32,
    state: IntentState,
    funding: Option<Funding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hint: Option<Hash>,
    order: Option<OrderHead>,
    funds: Funds,
    chain: Chain,
    updated: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct OrderHead {
    id: OrderId,
    state: OrderState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shipment: Option<Shipment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    longer_window: Option<Span>,
}

/// The kinds of parts, as the column `kind` counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Terms = 0,
    Milestone = 1,
    Settlement = 2,
    Refund = 3,
    Payment = 4,
    Proof = 5,
    Dispute = 6,
}

impl Kind {
    /// Whether parts of this kind are found by their ids alone and listed by their owners.
    pub(crate) const fn is_listed(self) -> bool {
        match self {
            Kind::Settlement | Kind::Refund | Kind::Dispute => true,
            Kind::Terms | Kind::Milestone | Kind::Payment | Kind::Proof => false,
        }
    }
}

/// What becomes of one part.
pub(crate) struct Part {
    pub(crate) kind: Kind,
    pub(crate) id: IdBytes,
    pub(crate) change: PartChange,
}

pub(crate) enum PartChange {
    Added { place: i64, body: String, waits: bool },
    Changed { body: String, waits: bool },
    Removed,
}

/// The JSON of an escrow's head.
pub(crate) fn head(escrow: &Escrow) -> Result<String, Damaged> {
    codec::json(&Head {
        revision: escrow.revision,
        state: escrow.state,
        funding: escrow.funding,
        hint: escrow.hint,
        order: escrow.order.as_ref().map(|order| OrderHead {
            id: order.id,
            state: order.state,
            shipment: order.shipment.clone(),
            longer_window: order.longer_window,
        }),
        funds: escrow.funds,
        chain: escrow.chain,
        updated: escrow.updated,
    })
}

/// The parts in which `next`, of this version, differs from what is stored.
pub(crate) fn changed_parts(base: Option<&Escrow>, next: &Escrow, version: i64) -> Result<Vec<Part>, Damaged> {
    let mut parts = Vec::new();
    let terms = (base.map_or(&[][..], |base| std::slice::from_ref(&base.terms)), std::slice::from_ref(&next.terms));
    compare(&mut parts, Kind::Terms, version, terms, |_| next.id.raw())?;
    let milestones = (base.map_or(&[][..], Escrow::milestones), next.milestones());
    compare(&mut parts, Kind::Milestone, version, milestones, |milestone: &Milestone| milestone.id.raw())?;
    let settlements = (base.map_or(&[][..], |base| &base.settlements), next.settlements.as_slice());
    compare(&mut parts, Kind::Settlement, version, settlements, |settlement: &Settlement| settlement.id.raw())?;
    let refunds = (base.map_or(&[][..], |base| &base.refunds), next.refunds.as_slice());
    compare(&mut parts, Kind::Refund, version, refunds, |refund: &Refund| refund.id.raw())?;
    let payments = (base.map_or(&[][..], |base| &base.payments), next.payments.as_slice());
    compare(&mut parts, Kind::Payment, version, payments, |payment: &Payment| payment.id.raw())?;
    let proofs = (base.map_or(&[][..], proof_of), proof_of(next));
    compare(&mut parts, Kind::Proof, version, proofs, |proof: &DeliveryProof| proof.id.raw())?;
    let disputes = (base.map_or(&[][..], Escrow::disputes), next.disputes());
    compare(&mut parts, Kind::Dispute, version, disputes, |dispute: &Dispute| dispute.id.raw())?;
    Ok(parts)
}

/// The proof of an escrow's delivery, as the one part that it is.
fn proof_of(escrow: &Escrow) -> &[DeliveryProof] {
    escrow.order.as_ref().and_then(|order| order.proof.as_ref()).map_or(&[], std::slice::from_ref)
}

/// Whether a part waits for somebody to act.
trait Waits {
    fn waits(&self) -> bool {
        false
    }
}

impl Waits for Terms {}
impl Waits for Milestone {}
impl Waits for Refund {}
impl Waits for Payment {}
impl Waits for DeliveryProof {}

impl Waits for Settlement {
    fn waits(&self) -> bool {
        self.needs_retry()
    }
}

impl Waits for Dispute {
    fn waits(&self) -> bool {
        self.is_open()
    }
}

fn compare<T: PartialEq + Serialize + Waits>(
    parts: &mut Vec<Part>,
    kind: Kind,
    version: i64,
    (before, after): (&[T], &[T]),
    id: impl Fn(&T) -> RawId,
) -> Result<(), Damaged> {
    let mut gone: HashMap<RawId, &T> = before.iter().map(|part| (id(part), part)).collect();
    // What is added later comes after what is there, and within one commit in the order of the list.
    let first_place = version.saturating_mul(PLACES_PER_VERSION);
    for (part, place) in after.iter().zip(0..PLACES_PER_VERSION) {
        let place = first_place.saturating_add(place);
        let change = match gone.remove(&id(part)) {
            Some(same) if same == part => continue,
            Some(_) => PartChange::Changed { body: codec::json(part)?, waits: part.waits() },
            None => PartChange::Added { place, body: codec::json(part)?, waits: part.waits() },
        };
        parts.push(Part { kind, id: id(part).to_bytes(), change });
    }
    let removed = before.iter().map(&id).filter(|id| gone.contains_key(id));
    parts.extend(removed.map(|id| Part { kind, id: id.to_bytes(), change: PartChange::Removed }));
    Ok(())
}

/// An escrow as its rows say, not yet understood.
pub(crate) struct Pieces {
    pub(crate) id: IdBytes,
    pub(crate) owner: OwnerBytes,
    pub(crate) version: i64,
    pub(crate) created: i64,
    pub(crate) head: String,
    /// In the order of their places.
    pub(crate) parts: Vec<(i64, String)>,
}

impl Pieces {
    /// Puts the escrow together again.
    pub(crate) fn assemble(self) -> Result<Versioned, Damaged> {
        let head: Head = codec::from_json("its head", &self.head)?;
        let mut parts = Parts::default();
        self.parts.iter().try_for_each(|(kind, body)| parts.add(*kind, body))?;
        // The sort is stable: of one index, the milestones stay in the order of their places.
        parts.milestones.sort_by_key(|milestone| milestone.index);
        let order = match head.order {
            Some(order) => Some(Order {
                id: order.id,
                state: order.state,
                milestones: parts.milestones,
                shipment: order.shipment,
                proof: parts.proof,
                disputes: parts.disputes,
                longer_window: order.longer_window,
            }),
            None if parts.milestones.is_empty() && parts.proof.is_none() && parts.disputes.is_empty() => None,
            None => return Err(Damaged("it has parts of an order and no order".to_owned())),
        };
        let escrow = Escrow {
            id: IntentId::new(RawId::from_bytes(self.id)),
            owner: codec::owner(self.owner)?,
            terms: parts.terms.ok_or_else(|| Damaged("its terms are missing".to_owned()))?,
            revision: head.revision,
            state: head.state,
            payments: parts.payments,
            funding: head.funding,
            hint: head.hint,
            order,
            funds: head.funds,
            settlements: parts.settlements,
            refunds: parts.refunds,
            chain: head.chain,
            created: Timestamp::from_ms(self.created),
            updated: head.updated,
        };
        Ok(Versioned { version: codec::count(self.version)?, escrow })
    }
}

/// What lists find an escrow by.
pub(crate) struct Listed {
    pub(crate) status: String,
    pub(crate) payment_type: String,
    pub(crate) currency: String,
}

impl Listed {
    /// Where it is not what the escrow is.
    pub(crate) fn wrong(&self, escrow: &Escrow) -> Option<String> {
        let terms = &escrow.terms;
        let listed = [self.status.as_str(), &self.payment_type, &self.currency];
        let is = [escrow.status().name(), terms.payment_type.name(), terms.amount.currency().code()];
        (listed != is).then(|| format!("{} is listed as {}, it is {}", escrow.id, listed.join(" "), is.join(" ")))
    }
}

#[derive(Default)]
struct Parts {
    terms: Option<Terms>,
    milestones: Vec<Milestone>,
    settlements: Vec<Settlement>,
    refunds: Vec<Refund>,
    payments: Vec<Payment>,
    proof: Option<DeliveryProof>,
    disputes: Vec<Dispute>,
}

impl Parts {
    fn add(&mut self, kind: i64, body: &str) -> Result<(), Damaged> {
        const KINDS: [Kind; 7] =
            [Kind::Terms, Kind::Milestone, Kind::Settlement, Kind::Refund, Kind::Payment, Kind::Proof, Kind::Dispute];
        let known = KINDS.into_iter().find(|known| *known as i64 == kind);
        match known.ok_or_else(|| Damaged(format!("it has a part of unknown kind {kind}")))? {
            Kind::Terms => self.terms = Some(codec::from_json("its terms", body)?),
            Kind::Milestone => self.milestones.push(codec::from_json("a milestone", body)?),
            Kind::Settlement => self.settlements.push(codec::from_json("a settlement", body)?),
            Kind::Refund => self.refunds.push(codec::from_json("a refund", body)?),
            Kind::Payment => self.payments.push(codec::from_json("a payment", body)?),
            Kind::Dispute => self.disputes.push(codec::from_json("a dispute", body)?),
            Kind::Proof => self.proof = Some(codec::from_json("a delivery proof", body)?),
        }
        Ok(())
    }
}
