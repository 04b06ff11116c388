//! An escrow order, which one edition of the API calls a conditional payment.

use escrow::refund::RefundStatus;
use escrow::settlement::SettlementState;
use escrow::state::OrderState;
use escrow::{Address, Dispute, Escrow, IntentId, MerchantId, Order, OrderId, Payer, Refund, ReleaseType, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::dispute::WireDispute;
use super::intent::contract_address;
use super::milestone::WireMilestone;
use super::proof::WireProof;
use super::refund::WireRefund;
use super::schema::{AddressText, HashText, Id, Money, Name, Named, Rfc3339, Seconds, Single, one_of};
use super::settlement::WireSettlement;
use super::signable::{self, Signable};
use super::{
    Envelope, Reader, Site, dispute, hash_text, milestone, minor_money, money, optional_seconds, proof, refund,
    rfc3339, settlement,
};

/// The two names of the same resource; the address that was asked decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderName {
    /// `…/escrow`
    EscrowOrder,
    /// `…/conditional-payment`
    ConditionalPayment,
}

impl OrderName {
    /// Both of them.
    const ALL: [OrderName; 2] = [OrderName::EscrowOrder, OrderName::ConditionalPayment];

    const fn object(self) -> &'static str {
        match self {
            OrderName::EscrowOrder => "escrow_order",
            OrderName::ConditionalPayment => "conditional_payment",
        }
    }
}

/// An escrow order.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "EscrowOrder")]
pub(crate) struct WireOrder<'a> {
    #[schemars(with = "Id<OrderId>")]
    id: OrderId,
    #[schemars(schema_with = "either_name")]
    object: &'static str,
    #[schemars(with = "Id<IntentId>")]
    payment_intent_id: IntentId,
    order_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id<MerchantId>>")]
    merchant_id: Option<MerchantId>,
    contract_address: Option<AddressText>,
    buyer_address: Option<AddressText>,
    token_address: Option<AddressText>,
    amount: Money,
    delivery_period: i64,
    delivery_deadline: Option<Seconds>,
    expected_delivery_hash: Option<&'a str>,
    actual_delivery_hash: Option<HashText>,
    auto_release_on_proof: bool,
    require_delivery: bool,
    require_approval: bool,
    approval_period: Seconds,
    delivery_oracle: Option<&'a str>,
    #[schemars(with = "Name<ReleaseType>")]
    release_type: &'static str,
    time_lock_until: Option<Seconds>,
    #[schemars(with = "Name<escrow::state::OrderStatus>")]
    order_status: &'static str,
    #[schemars(with = "Name<escrow::state::OrderStatus>")]
    status: &'static str,
    #[schemars(with = "Name<escrow::state::OrderSettlement>")]
    settlement_status: &'static str,
    dispute_window: Seconds,
    dispute_raised_at: Option<Seconds>,
    dispute_reason: Option<&'a str>,
    dispute_raised_by: Option<&'a str>,
    dispute_resolved_at: Option<Seconds>,
    #[schemars(with = "Option<Name<escrow::Resolution>>")]
    dispute_resolution: Option<&'static str>,
    create_tx_hash: Option<HashText>,
    released_at: Option<Seconds>,
    settlement_scheduled_at: Option<Seconds>,
    shipped_at: Option<Seconds>,
    carrier: Option<&'a str>,
    tracking_number: Option<&'a str>,
    delivery_proofs: Vec<WireProof<'a>>,
    milestones: Vec<WireMilestone<'a>>,
    disputes: Vec<WireDispute<'a>>,
    settlements: Vec<WireSettlement<'a>>,
    refunds: Vec<WireRefund<'a>>,
    /// From when on the payer may take back what was not delivered.
    reclaimable_from: Option<Seconds>,
    created_at: Rfc3339,
    updated_at: Rfc3339,
    funded_amount: Money,
    held_amount: Money,
    released_amount: Money,
    refunded_amount: Money,
    unallocated_amount: Money,
    /// What its payer signs to release all of it by hand: where the order is shown to its payer, and this is possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<Signable<'a>>,
    /// What its payer signs to take back what was not delivered: in the same way.
    #[serde(skip_serializing_if = "Option::is_none")]
    reclaim: Option<Signable<'a>>,
}

fn either_name(_: &mut SchemaGenerator) -> Schema {
    one_of(&WireOrder::objects())
}

impl Single for WireOrder<'_> {
    fn objects() -> Vec<&'static str> {
        OrderName::ALL.map(OrderName::object).to_vec()
    }

    fn statuses() -> Vec<&'static str> {
        escrow::state::OrderStatus::names()
    }
}

/// The wire form of an escrow's order.
pub(crate) fn escrow_order<'a>(escrow: &'a Escrow, order: &'a Order, name: OrderName, reader: Reader) -> WireOrder<'a> {
    // The latest one: the original API knows no more than one.
    let latest = order.disputes.last();
    let resolved = latest.and_then(Dispute::resolved);
    let (terms, funds, status) = (&escrow.terms, &escrow.funds, order.state.status().name());
    WireOrder {
        id: order.id,
        object: name.object(),
        payment_intent_id: escrow.id,
        order_id: order.id.raw().bits().to_string(),
        merchant_id: (reader == Reader::Merchant).then_some(escrow.owner.merchant),
        contract_address: contract_address(escrow),
        buyer_address: buyer_address(escrow),
        token_address: contract_address(escrow)
            .map(|_| AddressText(evm::token_address(terms.amount.currency()).to_string())),
        amount: money(terms.amount),
        delivery_period: terms.delivery_period.seconds(),
        delivery_deadline: optional_seconds(escrow.delivery_deadline()),
        expected_delivery_hash: terms.expected_delivery_hash.as_deref(),
        actual_delivery_hash: order.proof.as_ref().map(|proof| hash_text(proof.hash)),
        auto_release_on_proof: !terms.require_approval
            && (terms.auto_release || terms.release_type == ReleaseType::AutoRelease),
        require_delivery: terms.require_delivery,
        require_approval: terms.require_approval,
        approval_period: Seconds(terms.approval_period.seconds().to_string()),
        delivery_oracle: terms.delivery_oracle.as_ref().map(Address::as_str),
        release_type: terms.release_type.name(),
        time_lock_until: optional_seconds(terms.time_lock_until),
        order_status: status,
        status,
        settlement_status: escrow.order_settlement().name(),
        dispute_window: Seconds(escrow.dispute_window().seconds().to_string()),
        dispute_raised_at: optional_seconds(latest.map(|dispute| dispute.raised)),
        dispute_reason: latest.map(|dispute| dispute.reason.as_str()),
        dispute_raised_by: latest.map(|dispute| dispute.raised_by.as_str()),
        dispute_resolved_at: optional_seconds(resolved.map(|resolved| resolved.at)),
        dispute_resolution: resolved.map(|resolved| resolved.resolution.name()),
        create_tx_hash: escrow.funding.and(escrow.transaction()).map(hash_text),
        released_at: optional_seconds(released_at(escrow, order)),
        settlement_scheduled_at: optional_seconds(next_settlement(escrow)),
        shipped_at: optional_seconds(order.shipment.as_ref().map(|shipment| shipment.at)),
        carrier: order.shipment.as_ref().and_then(|shipment| shipment.carrier.as_deref()),
        tracking_number: order.shipment.as_ref().and_then(|shipment| shipment.tracking_number.as_deref()),
        delivery_proofs: order.proof.iter().map(|shown| proof(escrow, shown)).collect(),
        milestones: order.milestones.iter().map(|shown| milestone(escrow, shown)).collect(),
        disputes: order.disputes.iter().map(|shown| dispute(escrow, shown)).collect(),
        refunds: escrow.refunds.iter().map(|shown| refund(escrow.id, shown)).collect(),
        reclaimable_from: optional_seconds(escrow.reclaimable_from()),
        settlements: escrow
            .settlements
            .iter()
            .map(|shown| settlement(escrow.owner, escrow.id, shown, reader))
            .collect(),
        created_at: rfc3339(escrow.created),
        updated_at: rfc3339(escrow.updated),
        funded_amount: money(funds.funded),
        held_amount: money(funds.held),
        released_amount: money(funds.released),
        refunded_amount: refunded_amount(escrow),
        unallocated_amount: money(escrow.unallocated()),
        release: None,
        reclaim: None,
    }
}

/// An order as a single object.
pub(crate) fn escrow_order_envelope<'a>(
    escrow: &'a Escrow,
    order: &'a Order,
    name: OrderName,
    reader: Reader,
) -> Envelope<'a, WireOrder<'a>> {
    Envelope {
        id: order.id.to_string(),
        object: name.object(),
        status: order.state.status().name(),
        data: escrow_order(escrow, order, name, reader),
        metadata: None,
        payment_url: None,
        milestone_index: None,
        created: escrow.created.seconds(),
        updated: escrow.updated.seconds(),
    }
}

/// An order as a single object for its payer, with what there is to be signed now.
pub(crate) fn payers_order_envelope<'a>(
    escrow: &'a Escrow,
    order: &'a Order,
    site: &Site,
    now: Timestamp,
) -> Envelope<'a, WireOrder<'a>> {
    let signable = |act| Signable::new(act, site.chain);
    escrow_order_envelope(escrow, order, OrderName::EscrowOrder, Reader::Public).map(|mut shown| {
        for (wire, milestone) in shown.milestones.iter_mut().zip(&order.milestones) {
            let is_waiting = escrow.awaits_approval(milestone);
            wire.approval = is_waiting.then(|| signable(signable::approval(escrow, milestone)));
        }
        shown.release = escrow.releasable_proof().map(|_| signable(signable::release(escrow)));
        shown.reclaim = escrow.is_reclaimable(now).then(|| signable(signable::reclaim(escrow)));
        shown
    })
}

/// What went back to the payer or is on its way, wherever it was.
fn refunded_amount(escrow: &Escrow) -> Money {
    let counts = |refund: &&Refund| refund.source.is_escrow() && refund.status() != RefundStatus::Failed;
    let minor =
        escrow.refunds.iter().filter(counts).fold(0_i64, |sum, refund| sum.saturating_add(refund.amount.minor()));
    minor_money(minor, escrow.terms.amount.currency())
}

/// The address that paid.
fn buyer_address(escrow: &Escrow) -> Option<AddressText> {
    match escrow.payer()? {
        Payer::Wallet(address) => Some(AddressText(address.to_string())),
        Payer::Bearer(_) => None,
    }
}

/// When the last of it was released, once nothing is held any more and something was.
fn released_at(escrow: &Escrow, order: &Order) -> Option<Timestamp> {
    let completed = match order.state {
        OrderState::Completed { at } => Some(at),
        OrderState::Pending
        | OrderState::Shipped { .. }
        | OrderState::Delivered { .. }
        | OrderState::Disputed { .. }
        | OrderState::Cancelled { .. } => None,
    };
    let shares = order.milestones.iter().filter_map(|milestone| Some(milestone.release()?.at));
    completed.filter(|_| !escrow.funds.released.is_zero()).map(|at| shares.max().unwrap_or(at))
}

/// When the next settlement starts that has not.
fn next_settlement(escrow: &Escrow) -> Option<Timestamp> {
    let due = escrow.settlements.iter().filter_map(|settlement| match settlement.state {
        SettlementState::Scheduled { due } => Some(due),
        SettlementState::Executed { .. }
        | SettlementState::Confirmed { .. }
        | SettlementState::Failed { .. }
        | SettlementState::Returned { .. }
        | SettlementState::Cancelled { .. } => None,
    });
    due.min()
}
