//! What the benchmarks decide.

use std::sync::atomic::{AtomicU64, Ordering};

use escrow::{
    Amount, Command, CompleteMilestone, Currency, Decimal, Escrow, Ids, IntentId, MerchantId, MilestoneId, Mode,
    NewIntent, NewMilestone, OrderId, Owner, PaymentType, RawId, ReleaseType, SettlementMethod, Span, Terms,
};

/// Ids one after the other.
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) const fn new() -> Counter {
        Counter(AtomicU64::new(1000))
    }
}

impl Ids for Counter {
    fn next(&self) -> RawId {
        raw(u128::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

fn raw(bits: u128) -> RawId {
    RawId::from_bits(bits)
}

/// The main job: 1,000 USDC in three milestones, each released when it is completed.
pub(crate) fn main_job() -> NewIntent {
    let milestone = |index: u32, amount: &str| NewMilestone {
        id: MilestoneId::new(raw(u128::from(index) + 100)),
        index,
        amount: Decimal::parse(amount).expect("an amount"),
        description: None,
        percentage: None,
    };
    let terms = Terms {
        amount: Amount::parse("1000.00", Currency::Usdc).expect("an amount"),
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
    };
    NewIntent {
        id: IntentId::new(raw(1)),
        order_id: OrderId::new(raw(2)),
        owner: Owner { merchant: MerchantId::new(raw(3)), mode: Mode::Sandbox },
        terms,
        milestones: vec![milestone(0, "300.00"), milestone(1, "500.00"), milestone(2, "200.00")],
    }
}

/// The completion of the milestone in this place.
pub(crate) fn completion(escrow: &Escrow, place: usize) -> Command {
    Command::CompleteMilestone(CompleteMilestone {
        milestone: escrow.milestones().get(place).expect("a milestone").id,
        by: "bench@example.com".to_owned(),
        proof: Some("proof".to_owned()),
        proof_uri: None,
    })
}
