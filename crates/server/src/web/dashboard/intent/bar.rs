//! The money of a payment as one bar: where each part of it is now.

use escrow::refund::RefundStatus;
use escrow::settlement::SettlementStatus;
use maud::Markup;

use super::super::read::{Account, Settlement};
use super::super::sum::Sum;
use super::sight::Sight;
use crate::web::parts::{Segment, bar};
use crate::web::read::Order;

/// The bar; nothing, where the key may not see the order or there is none.
pub(super) fn draw(sight: &Sight) -> Markup {
    let Ok((order, account)) = &sight.order else { return Markup::default() };
    bar(&shares(&sight.intent.amount, &sight.intent.currency, order, account), &sight.intent.currency)
}

fn shares(amount: &str, currency: &str, order: &Order, account: &Account) -> Vec<Segment> {
    let total = |counts: fn(SettlementStatus) -> bool| {
        let counted = account.settlements.iter().filter(|settlement| counts(settlement.status));
        counted.fold(Sum::zero(currency), |sum, Settlement { amount, .. }| sum.plus(amount))
    };
    let settled = total(|status| status == SettlementStatus::Confirmed).text();
    let settling = total(|status| matches!(status, SettlementStatus::Scheduled | SettlementStatus::Executed)).text();
    // What went back to the payer after it was released was released all the same.
    let kept = account.refunds.iter().filter(|refund| refund.status != RefundStatus::Failed);
    let taken_back = kept.filter_map(|refund| refund.released_amount.as_deref());
    let released = Sum::zero(currency).plus(&order.released_amount).minus(&settled).minus(&settling);
    let released = taken_back.fold(released, Sum::minus);
    let unpaid = if is_canceled(order) { Sum::zero(currency) } else { Sum::zero(currency).plus(amount) };
    let segment = |name, class, amount: String| Segment { name, class, amount };
    vec![
        segment("Settled", "settled", settled),
        segment("Settling", "settling", settling),
        segment("Released", "released", released.text()),
        segment("Held", "held", order.held_amount.clone()),
        segment("Refunded", "refunded", order.refunded_amount.clone()),
        segment("Not paid yet", "unpaid", unpaid.minus(&account.funded_amount).text()),
    ]
}

fn is_canceled(order: &Order) -> bool {
    order.order_status == escrow::state::OrderStatus::Cancelled
}
