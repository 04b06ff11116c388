//! What there is to see of a payment, read before anything is drawn.

use escrow::state::OrderStatus;
use escrow::{DisputeStatus, PaymentType};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::desk::Desk;
use super::super::read::{Account, Entry, Event, Intent, List, Refund};
use crate::web::api::Refusal;
use crate::web::read::{Dispute, Order};

/// How many events and movements are read at most: as many as a list of the API has.
const MOST: usize = 100;

/// A payment, as it is now. What the key may not read is missing, and why.
pub(super) struct Sight {
    pub(super) intent: Intent,
    pub(super) order: Result<(Order, Account), Refusal>,
    pub(super) events: Result<List<Event>, Refusal>,
    pub(super) entries: Result<List<Entry>, Refusal>,
    /// What went back of a payment without an order; an order says it itself.
    pub(super) refunds: Vec<Refund>,
}

impl Sight {
    /// Looks at the payment that the address names.
    ///
    /// # Errors
    /// When there is none, or the key may not see it.
    pub(super) async fn look(desk: &Desk) -> Result<Sight, Refusal> {
        let id = desk.param("intent");
        let intent: Intent = desk.one(format!("/payment-intents/{id}")).await?;
        let order = match desk.one::<Value>(format!("/payment-intents/{id}/escrow")).await {
            Ok(order) => Ok((read(order.clone())?, read(order)?)),
            Err(refusal) => Err(refusal),
        };
        let events = desk.get(format!("/events?limit={MOST}&paymentIntentId={id}")).await;
        let entries = desk.get(format!("/account/ledger-entries?limit={MOST}&paymentIntentId={id}")).await;
        let mut sight = Sight { intent, order, events, entries, refunds: Vec::new() };
        if !sight.has_escrow() {
            let found: Result<List<Refund>, Refusal> =
                desk.get(format!("/refunds?limit={MOST}&paymentIntentId={id}")).await;
            sight.refunds = found.map_or_else(|_| Vec::new(), |list| list.data);
        }
        Ok(sight)
    }

    /// Whether the money is held until something releases it.
    pub(super) const fn has_escrow(&self) -> bool {
        match self.intent.payment_type {
            PaymentType::ConsentedPull => false,
            PaymentType::Conditional | PaymentType::DeliveryVsPayment => true,
        }
    }

    pub(super) fn open_disputes(&self) -> impl Iterator<Item = &Dispute> {
        let disputes = self.order.iter().flat_map(|(order, _)| &order.disputes);
        disputes.filter(|dispute| dispute.status == DisputeStatus::Raised)
    }

    pub(super) fn is_disputed(&self) -> bool {
        self.open_disputes().next().is_some()
    }

    /// Whether the order can still change.
    pub(super) fn is_open(&self) -> bool {
        self.order.as_ref().is_ok_and(|(order, _)| match order.order_status {
            OrderStatus::Pending | OrderStatus::Shipped | OrderStatus::Delivered | OrderStatus::Disputed => true,
            OrderStatus::Completed | OrderStatus::Cancelled => false,
        })
    }
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_json::from_value(value).map_err(|error| {
        tracing::error!(%error, "a page and the API do not understand each other");
        Refusal::internal()
    })
}

/// Whether decimal text is nothing.
pub(super) fn is_zero(amount: &str) -> bool {
    !amount.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}
