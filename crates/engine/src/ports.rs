//! Where money really goes out. Every port is asked under an id of ours, as often as it takes, and must pay once.

use async_trait::async_trait;
use escrow::{Amount, Mode, Rail, RefundId, SettlementId, SettlementMethod};

/// What a payout method is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Under which id; the same payout may be asked for again.
    pub id: SettlementId,
    /// Real or simulated money.
    pub mode: Mode,
    /// How much.
    pub amount: Amount,
    /// How.
    pub method: SettlementMethod,
    /// Where to.
    pub destination: String,
}

/// What a rail is asked to give back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repayment {
    /// Under which id; the same repayment may be asked for again.
    pub id: RefundId,
    /// How much.
    pub amount: Amount,
    /// The rail the money came in on.
    pub rail: Rail,
}

/// What is known of a payment after asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentAnswer {
    /// It arrived; this is what the other side calls it.
    Arrived(String),
    /// Nobody knows yet: ask again later, under the same id.
    Unknown,
}

/// Pays payees out and payers back.
#[async_trait]
pub trait Payments: Send + Sync + 'static {
    /// Pays a payee, unless that was done under this id before.
    async fn pay_out(&self, payout: Payout) -> PaymentAnswer;

    /// Pays a payer back, unless that was done under this id before.
    async fn pay_back(&self, repayment: Repayment) -> PaymentAnswer;
}

/// The sandbox's payments: everything arrives at once, under a name that follows from its id.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimulatedPayments;

#[async_trait]
impl Payments for SimulatedPayments {
    async fn pay_out(&self, payout: Payout) -> PaymentAnswer {
        match payout.mode {
            Mode::Sandbox => PaymentAnswer::Arrived(format!("simulated_{}", payout.id.raw())),
            Mode::Live => PaymentAnswer::Unknown,
        }
    }

    async fn pay_back(&self, repayment: Repayment) -> PaymentAnswer {
        match repayment.rail {
            Rail::Sandbox => PaymentAnswer::Arrived(format!("simulated_{}", repayment.id.raw())),
            Rail::Card | Rail::Evm => PaymentAnswer::Unknown,
        }
    }
}
