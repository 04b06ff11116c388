//! An escrow order, which one edition of the API calls a conditional payment.

use escrow::state::{OrderState, SettlementState};
use escrow::{Address, Escrow, IntentId, MerchantId, Order, OrderId, Payer, Timestamp};
use serde::Serialize;

use super::intent::contract_address;
use super::milestone::WireMilestone;
use super::settlement::WireSettlement;
use super::{Envelope, NotYet, Reader, hash_text, milestone, money, optional_seconds, rfc3339, settlement};

/// The two names of the same resource; the address that was asked decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderName {
    /// `…/escrow`
    EscrowOrder,
    /// `…/conditional-payment`
    ConditionalPayment,
}

impl OrderName {
    const fn object(self) -> &'static str {
        match self {
            OrderName::EscrowOrder => "escrow_order",
            OrderName::ConditionalPayment => "conditional_payment",
        }
    }
}

/// An escrow order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireOrder<'a> {
    id: OrderId,
    object: &'static str,
    payment_intent_id: IntentId,
    order_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_id: Option<MerchantId>,
    contract_address: Option<String>,
    buyer_address: Option<String>,
    token_address: Option<String>,
    amount: String,
    delivery_period: i64,
    delivery_deadline: Option<String>,
    expected_delivery_hash: Option<&'a str>,
    actual_delivery_hash: NotYet,
    auto_release_on_proof: bool,
    delivery_oracle: Option<&'a str>,
    release_type: &'static str,
    time_lock_until: Option<String>,
    order_status: &'static str,
    status: &'static str,
    settlement_status: &'static str,
    dispute_window: String,
    dispute_raised_at: NotYet,
    dispute_reason: NotYet,
    dispute_raised_by: NotYet,
    dispute_resolved_at: NotYet,
    dispute_resolution: NotYet,
    create_tx_hash: Option<String>,
    released_at: Option<String>,
    settlement_scheduled_at: Option<String>,
    delivery_proofs: [NotYet; 0],
    milestones: Vec<WireMilestone<'a>>,
    settlements: Vec<WireSettlement<'a>>,
    created_at: String,
    updated_at: String,
    funded_amount: String,
    held_amount: String,
    released_amount: String,
    refunded_amount: String,
    unallocated_amount: String,
}

/// The wire form of an escrow's order.
pub(crate) fn escrow_order<'a>(escrow: &'a Escrow, order: &'a Order, name: OrderName, reader: Reader) -> WireOrder<'a> {
    let (terms, funds, status) = (&escrow.terms, &escrow.funds, order.state.status().name());
    WireOrder {
        id: order.id,
        object: name.object(),
        payment_intent_id: escrow.id,
        order_id: order.id.raw().bits().to_string(),
        merchant_id: (reader == Reader::Merchant).then_some(escrow.owner.merchant),
        contract_address: contract_address(escrow),
        buyer_address: buyer_address(escrow),
        token_address: contract_address(escrow).map(|_| evm::token_address(terms.amount.currency()).to_string()),
        amount: money(terms.amount),
        delivery_period: terms.delivery_period.seconds(),
        delivery_deadline: optional_seconds(escrow.delivery_deadline()),
        expected_delivery_hash: terms.expected_delivery_hash.as_deref(),
        actual_delivery_hash: (),
        auto_release_on_proof: terms.auto_release,
        delivery_oracle: terms.delivery_oracle.as_ref().map(Address::as_str),
        release_type: terms.release_type.name(),
        time_lock_until: optional_seconds(terms.time_lock_until),
        order_status: status,
        status,
        settlement_status: escrow.order_settlement().name(),
        dispute_window: terms.dispute_window.seconds().to_string(),
        dispute_raised_at: (),
        dispute_reason: (),
        dispute_raised_by: (),
        dispute_resolved_at: (),
        dispute_resolution: (),
        create_tx_hash: escrow.funding.and(escrow.transaction()).map(hash_text),
        released_at: optional_seconds(released_at(order)),
        settlement_scheduled_at: optional_seconds(next_settlement(escrow)),
        delivery_proofs: [],
        milestones: order.milestones.iter().map(|shown| milestone(escrow, shown)).collect(),
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
        refunded_amount: money(funds.refunded),
        unallocated_amount: money(escrow.unallocated()),
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

/// The address that paid.
fn buyer_address(escrow: &Escrow) -> Option<String> {
    match escrow.payer()? {
        Payer::Wallet(address) => Some(address.to_string()),
        Payer::Bearer(_) => None,
    }
}

/// When the last share was released.
const fn released_at(order: &Order) -> Option<Timestamp> {
    match order.state {
        OrderState::Completed { at } => Some(at),
        OrderState::Pending | OrderState::Delivered { .. } | OrderState::Cancelled { .. } => None,
    }
}

/// When the next settlement starts that has not.
fn next_settlement(escrow: &Escrow) -> Option<Timestamp> {
    let due = escrow.settlements.iter().filter_map(|settlement| match settlement.state {
        SettlementState::Scheduled { due } => Some(due),
        SettlementState::Executed { .. } | SettlementState::Confirmed { .. } => None,
    });
    due.min()
}
