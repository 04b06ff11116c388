//! Where money really moves. Every port is asked under an id of ours, as often as it takes, and must pay once.

use async_trait::async_trait;
use escrow::{Amount, Card, Hash, Mode, PaymentId, Rail, RefundId, SettlementId, SettlementMethod};

/// What a payout method is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Under which id, together with `retry`; the same payout may be asked for again.
    pub id: SettlementId,
    /// How often it was tried again after it had definitely failed or had come back: each time is a payment of its own.
    pub retry: u32,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repayment {
    /// Under which id; the same repayment may be asked for again.
    pub id: RefundId,
    /// Real or simulated money.
    pub mode: Mode,
    /// How much.
    pub amount: Amount,
    /// The rail the money came in on.
    pub rail: Rail,
    /// The card that paid, where one did. Money that came in without a purpose names none.
    pub card: Option<Card>,
    /// Whether it is money that came in without a purpose, which is sent until it arrives. Of all other money a refusal is the last
    /// word about an id: it belongs to somebody else again.
    pub must_arrive: bool,
}

/// What a rail is asked about: a payment that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Under which id.
    pub id: PaymentId,
    /// Real or simulated money.
    pub mode: Mode,
    /// How much is expected.
    pub amount: Amount,
    /// The rail that it comes on.
    pub rail: Rail,
    /// The transaction that is said to carry it.
    pub transaction: Option<Hash>,
}

/// What is known of money on its way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncomingAnswer {
    /// All of it is there, for good.
    Final,
    /// It will not come, for this reason.
    Refused(String),
    /// Nobody knows yet: ask again later.
    Unknown,
}

/// What is known of a payment after asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentAnswer {
    /// It arrived; this is what the other side calls it.
    Arrived(String),
    /// It was refused, for this reason, and nothing was paid, nor ever will be under the same id and retry: whoever stood still
    /// meanwhile may ask for it once more, and must hear the same. Only what must arrive is tried again under the same id.
    Refused(String),
    /// Nobody knows yet: ask again later, under the same id and retry.
    Unknown,
}

/// Takes payments in, and pays payees out and payers back.
#[async_trait]
pub trait Payments: Send + Sync + 'static {
    /// Whether a payment is final.
    async fn look_for(&self, incoming: Incoming) -> IncomingAnswer;

    /// Pays a payee, unless that was done under this id and retry before.
    async fn pay_out(&self, payout: Payout) -> PaymentAnswer;

    /// Pays a payer back, unless that was done under this id before.
    async fn pay_back(&self, repayment: Repayment) -> PaymentAnswer;
}

/// The test card that pays and takes nothing back, by its last four digits, which are all that is kept of it.
pub const CARD_WITHOUT_REFUNDS: &str = "5126";

/// The sandbox's payments: everything arrives at once, under a name that follows from its id, but for what goes back to
/// [`CARD_WITHOUT_REFUNDS`]. What takes its time is not asked about before.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimulatedPayments;

#[async_trait]
impl Payments for SimulatedPayments {
    async fn look_for(&self, incoming: Incoming) -> IncomingAnswer {
        match incoming.mode {
            Mode::Sandbox => IncomingAnswer::Final,
            Mode::Live => IncomingAnswer::Unknown,
        }
    }

    async fn pay_out(&self, payout: Payout) -> PaymentAnswer {
        match payout.mode {
            Mode::Sandbox if payout.retry == 0 => PaymentAnswer::Arrived(format!("simulated_{}", payout.id.raw())),
            Mode::Sandbox => PaymentAnswer::Arrived(format!("simulated_{}_{}", payout.id.raw(), payout.retry)),
            Mode::Live => PaymentAnswer::Unknown,
        }
    }

    async fn pay_back(&self, repayment: Repayment) -> PaymentAnswer {
        let is_refused = repayment.card.is_some_and(|card| card.last_four == CARD_WITHOUT_REFUNDS);
        match repayment.mode {
            Mode::Sandbox if is_refused => PaymentAnswer::Refused("The card takes no refunds".to_owned()),
            Mode::Sandbox => PaymentAnswer::Arrived(format!("simulated_{}", repayment.id.raw())),
            Mode::Live => PaymentAnswer::Unknown,
        }
    }
}
