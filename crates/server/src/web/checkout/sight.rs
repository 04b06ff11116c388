//! What a visitor sees of an intent, read before anything is drawn.

use escrow::state::SettlementProgress;
use escrow::{IntentStatus, PaymentType};

use super::{Visit, nothing_here};
use crate::web::Pages;
use crate::web::api::{Ask, Refusal, Single};
use crate::web::read::{Intent, Order};

/// Where an intent is, as far as its payer is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It waits for a payment.
    Unpaid,
    /// A payment is under way.
    Confirming,
    /// It is paid, and not everything has come to its end.
    Paid,
    /// Everything has come to its end.
    Over,
    /// It was given up.
    Canceled,
}

impl Stage {
    /// Its name, for scripts and styles.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Stage::Unpaid => "unpaid",
            Stage::Confirming => "confirming",
            Stage::Paid => "paid",
            Stage::Over => "over",
            Stage::Canceled => "canceled",
        }
    }
}

/// By what the visitor can act as the payer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Payer {
    /// By the token that is in this browser.
    Token,
    /// By signatures of the wallet that paid.
    Wallet(String),
    /// Not here: somebody paid by card in another browser.
    Elsewhere,
    /// Not at all: the sandbox's simulated payer paid, for whom the merchant speaks.
    Simulated,
}

/// An intent, as it is now.
pub(super) struct Sight {
    pub(super) intent: Intent,
    /// None where the money goes straight through.
    pub(super) order: Option<Order>,
    /// What the payee is called.
    pub(super) payee: String,
    /// Whether the browser has a payer's token.
    has_token: bool,
}

impl Visit {
    /// Looks at the intent.
    ///
    /// # Errors
    /// When there is none, or the API does not answer.
    pub(super) async fn look(&self, pages: &Pages) -> Result<Sight, Refusal> {
        let read: Result<Single<Intent>, Refusal> = pages.api.ask(&self.client, Ask::get(self.public(""))).await;
        let Single { data: intent } = read.map_err(|refusal| match refusal.code.as_str() {
            "resource_missing" => nothing_here(),
            _ => refusal,
        })?;
        let order = match intent.payment_type {
            PaymentType::ConsentedPull => None,
            PaymentType::Conditional | PaymentType::DeliveryVsPayment => {
                let Single { data } = pages.api.ask(&self.client, Ask::get(self.public("/escrow"))).await?;
                Some(data)
            }
        };
        let payee = self.payee(pages).await.unwrap_or_else(|| "the payee".to_owned());
        Ok(Sight { intent, order, payee, has_token: self.token.is_some() })
    }

    /// The name of the merchant, which the API shows to nobody but its own keys.
    async fn payee(&self, pages: &Pages) -> Option<String> {
        let store = pages.gateway.engine.store();
        let escrow = store.escrow(self.intent).await.ok()??;
        let merchant = store.merchant(escrow.owner.merchant).await.ok()??;
        Some(merchant.name)
    }
}

impl Sight {
    pub(super) fn stage(&self) -> Stage {
        match self.intent.status {
            IntentStatus::Initiated | IntentStatus::RequiresSignature => Stage::Unpaid,
            // Either the payment failed, and another can be made, or a payout did, which is no matter of the payer's.
            IntentStatus::RequiresAction => match self.intent.settlement_status {
                Some(SettlementProgress::Failed) => Stage::Paid,
                Some(SettlementProgress::Pending | SettlementProgress::InProgress | SettlementProgress::Completed)
                | None => Stage::Unpaid,
            },
            IntentStatus::Processing => Stage::Confirming,
            IntentStatus::Succeeded => Stage::Paid,
            IntentStatus::Settled | IntentStatus::Final => Stage::Over,
            IntentStatus::Canceled => Stage::Canceled,
        }
    }

    pub(super) fn payer(&self) -> Payer {
        let signer = self.order.as_ref().and_then(|order| order.buyer_address.as_ref());
        match (&self.intent.card, signer.or(self.intent.signer_address.as_ref())) {
            (Some(_), _) if self.has_token => Payer::Token,
            (Some(_), _) => Payer::Elsewhere,
            (None, Some(address)) => Payer::Wallet(address.clone()),
            (None, None) => Payer::Simulated,
        }
    }

    /// Whether the visitor can act as the payer.
    pub(super) fn can_act(&self) -> bool {
        match self.payer() {
            Payer::Token | Payer::Wallet(_) => true,
            Payer::Elsewhere | Payer::Simulated => false,
        }
    }

    /// How long the page waits before it looks again, in milliseconds; `None` when nothing will change by itself any more.
    pub(super) fn look_again_ms(&self) -> Option<u32> {
        const SOON_MS: u32 = 1_000;
        const LATER_MS: u32 = 4_000;
        let is_refunding = || {
            let refunds = self.order.iter().flat_map(|order| &order.refunds);
            refunds.into_iter().any(|refund| refund.status == escrow::refund::RefundStatus::Pending)
        };
        match self.stage() {
            Stage::Confirming => Some(SOON_MS),
            Stage::Unpaid | Stage::Paid => Some(LATER_MS),
            Stage::Canceled if is_refunding() => Some(LATER_MS),
            Stage::Over | Stage::Canceled => None,
        }
    }
}
