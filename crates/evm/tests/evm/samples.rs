//! Escrows that consents are made of, and a name for each.

use std::sync::atomic::{AtomicU64, Ordering};

use escrow::{
    Amount, Command, Ctx, Currency, Decimal, Escrow, Ids, IntentId, MerchantId, MilestoneId, Mode, NewIntent,
    NewMilestone, OrderId, Owner, PaymentType, RawId, ReleaseType, Settings, SettlementMethod, Span, Terms, Timestamp,
};
use evm::{Consent, Domain};

/// The chain's id of every sample.
pub(crate) const CHAIN_ID: u64 = 31_337;

/// The nonce of every sample.
pub(crate) const NONCE: u64 = 7;

/// Until when the consent of every sample can be given.
pub(crate) const DEADLINE: Timestamp = Timestamp::from_ms(1_893_456_000_000);

struct Counter(AtomicU64);

impl Ids for Counter {
    fn next(&self) -> RawId {
        raw(u128::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

fn raw(bits: u128) -> RawId {
    RawId::from_bits(bits)
}

fn milestone(index: u32, amount: &str, description: Option<&str>) -> NewMilestone {
    NewMilestone {
        id: MilestoneId::new(raw(u128::from(index) + 100)),
        index,
        amount: Decimal::parse(amount).expect("a sample amount"),
        description: description.map(str::to_owned),
        percentage: None,
    }
}

fn terms(amount: Amount) -> Terms {
    Terms {
        amount,
        payment_type: PaymentType::DeliveryVsPayment,
        release_type: ReleaseType::MilestoneLocked,
        auto_release: true,
        settlement_method: SettlementMethod::OffRampMock,
        settlement_destination: "bank_account_123".to_owned(),
        delivery_period: Span::from_seconds(2_592_000),
        dispute_window: Span::from_seconds(604_800),
        expected_delivery_hash: None,
        delivery_oracle: None,
        time_lock_until: None,
        require_delivery: false,
        require_approval: false,
        approval_period: Span::from_seconds(604_800),
        fee_basis_points: 0,
        description: None,
        metadata: None,
        return_url: None,
        cancel_url: None,
    }
}

fn open(terms: Terms, milestones: Vec<NewMilestone>) -> Escrow {
    let owner = Owner { merchant: MerchantId::new(raw(u128::MAX / 3)), mode: Mode::Sandbox };
    let new = NewIntent { id: IntentId::new(raw(1)), order_id: OrderId::new(raw(2)), owner, terms, milestones };
    escrow::open(new, &ctx(&Counter(AtomicU64::new(1000)), &Settings::default())).expect("a sample").next
}

fn ctx<'a>(ids: &'a dyn Ids, settings: &'a Settings) -> Ctx<'a> {
    Ctx { now: Timestamp::from_ms(1_767_225_600_123), by: &escrow::Actor::Merchant, ids, settings }
}

fn amount(text: &str, currency: Currency) -> Amount {
    Amount::parse(text, currency).expect("a sample amount")
}

/// What follows from a command.
pub(crate) fn after(escrow: &Escrow, command: Command) -> Escrow {
    escrow::decide(escrow, command, &ctx(&Counter(AtomicU64::new(5000)), &Settings::default())).expect("a step").next
}

/// Every term is there, and milestones with and without descriptions.
pub(crate) fn full() -> Escrow {
    let terms = Terms {
        expected_delivery_hash: Some(format!("0x{}", "aB".repeat(32))),
        // As in the published documentation: its checksum is wrong.
        delivery_oracle: Some("0x742d35Cc6634C0532925a3b844Bc9e7595f42318".parse().expect("an address")),
        time_lock_until: Some(Timestamp::from_ms(1_800_000_000_000)),
        require_delivery: true,
        require_approval: true,
        fee_basis_points: 250,
        ..terms(amount("1000.000001", Currency::Dai))
    };
    open(
        terms,
        vec![milestone(0, "300", Some("Entwürfe – 設計 🚀\n\"quoted\" \\ \0")), milestone(7, "700.000001", None)],
    )
}

/// A plain order of milestones in USDC.
pub(crate) fn plain() -> Escrow {
    open(terms(amount("1000.00", Currency::Usdc)), vec![milestone(0, "300", Some("Design")), milestone(1, "700", None)])
}

/// Nothing is split, and nothing is held in escrow.
pub(crate) fn direct() -> Escrow {
    let terms = Terms { payment_type: PaymentType::ConsentedPull, ..terms(amount("0.01", Currency::Eur)) };
    open(Terms { release_type: ReleaseType::DeliveryProof, auto_release: false, ..terms }, Vec::new())
}

/// The largest amount of a token with the most decimals.
pub(crate) fn largest() -> Escrow {
    open(terms(amount("1000000000", Currency::Dai)), vec![milestone(2_147_483_647, "1000000000", Some(""))])
}

/// Every sample by its name.
pub(crate) fn all() -> [(&'static str, Escrow); 4] {
    [("full", full()), ("plain", plain()), ("direct", direct()), ("largest", largest())]
}

/// The consent to a sample.
pub(crate) fn consent(escrow: &Escrow) -> Consent {
    Consent::new(Domain::sandbox(CHAIN_ID), escrow, NONCE, DEADLINE)
}
