//! A card payment, as its intent shows it.

use escrow::{Currency, Means, Payment, PaymentState};
use schemars::JsonSchema;
use serde::Serialize;

use super::schema::{HashText, Money, Name};
use super::{hash_text, money};

/// Who takes the money of cards.
const PROCESSOR: &str = "SIMULATED";

/// What an intent that was paid by card shows of it: the processor's part, and that of the on-ramp, which turns the card's money
/// into the stablecoin of the intent.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CardPayment")]
pub(crate) struct Fiat<'a> {
    card: WireCard<'a>,
    #[schemars(extend("enum" = ["SUCCEEDED", "REFUNDED", "FAILED"]))]
    fiat_payment_status: &'static str,
    #[schemars(extend("const" = PROCESSOR))]
    payment_processor_type: &'static str,
    payment_processor_tx_id: &'a str,
    #[schemars(extend("enum" = ["PROCESSING", "COMPLETED", "CANCELLED", null]))]
    on_ramp_status: Option<&'static str>,
    on_ramp_tx_id: Option<HashText>,
    stablecoin_amount: Option<Money>,
    #[schemars(with = "Option<Name<Currency>>")]
    stablecoin_currency: Option<&'static str>,
}

/// A card, as much of it as is ever kept.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Card")]
struct WireCard<'a> {
    #[schemars(with = "Name<escrow::CardBrand>")]
    brand: &'static str,
    last4: &'a str,
}

/// The fields of a card payment; `None` for others.
pub(super) fn fiat<'a>(payment: &'a Payment, amount: escrow::Amount) -> Option<Fiat<'a>> {
    let Means::Card(card) = &payment.means else { return None };
    let (processor, on_ramp) = match payment.state {
        PaymentState::Confirming { .. } => ("SUCCEEDED", "PROCESSING"),
        PaymentState::Final { .. } => ("SUCCEEDED", "COMPLETED"),
        // What came when nobody waited for it goes back to the card.
        PaymentState::Unapplied { .. } => ("REFUNDED", "CANCELLED"),
        PaymentState::Failed { .. } => ("FAILED", "CANCELLED"),
    };
    let currency = amount.currency();
    let has_on_ramp = match currency {
        Currency::Usdc | Currency::Usdt | Currency::Dai => true,
        Currency::Usd | Currency::Eur | Currency::Gbp | Currency::Inr => false,
    };
    Some(Fiat {
        card: WireCard { brand: card.brand.name(), last4: &card.last_four },
        fiat_payment_status: processor,
        payment_processor_type: PROCESSOR,
        payment_processor_tx_id: &card.reference,
        on_ramp_status: has_on_ramp.then_some(on_ramp),
        on_ramp_tx_id: payment.transaction_hash().filter(|_| has_on_ramp && !payment.has_failed()).map(hash_text),
        stablecoin_amount: has_on_ramp.then(|| money(amount)),
        stablecoin_currency: has_on_ramp.then(|| currency.code()),
    })
}
