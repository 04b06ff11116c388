//! The engine and its store without HTTP, which takes the same commands and answers each with so many bytes.

use std::sync::Arc;

use engine::{Answer, Ask, Engine, Host, Idempotency, Reach, Render, Rendered, Request};
use escrow::{
    Actor, Amount, Command, CompleteMilestone, Currency, Decimal, Hash, IntentId, MilestoneId, NewIntent, NewMilestone,
    OrderId, Owner, PaymentType, ReleaseType, SettlementMethod, Span, Terms,
};
use tokio::sync::oneshot;

use super::measure::{Measured, Used};
use crate::failure::Failure;

/// About how long the API's answers are, in bytes.
const ANSWER_BYTES: usize = 1000;

/// The amounts of the main job's milestones.
const MILESTONES: [&str; 3] = ["300.00", "500.00", "200.00"];

/// How many intents a store is filled with at a time.
const FILLED_AT_ONCE: usize = 20_000;

/// How many commands wait at the same time while a store is filled: as many as go into a batch.
const FILLING_TASKS: usize = 256;

/// An intent, with its milestones in their order.
pub(super) type Opened = (IntentId, Vec<MilestoneId>);

/// What commands are sent with.
#[derive(Clone)]
pub(super) struct Inside {
    pub(super) engine: Arc<Engine>,
    pub(super) host: Arc<dyn Host>,
    pub(super) owner: Owner,
}

impl Inside {
    /// Fills the store with so many more intents.
    ///
    /// # Errors
    /// When one is refused.
    pub(super) async fn fill(&self, intents: usize, tell: impl Fn(usize)) -> Result<(), Failure> {
        let mut filled = 0;
        while filled < intents {
            let count = FILLED_AT_ONCE.min(intents - filled);
            self.open(FILLING_TASKS, count).await?;
            filled += count;
            tell(filled);
        }
        Ok(())
    }

    /// Opens so many intents, so many at the same time.
    ///
    /// # Errors
    /// When one is refused.
    pub(super) async fn open(&self, tasks: usize, count: usize) -> Result<Vec<Opened>, Failure> {
        let intents =
            (0..count).map(|_| main_job(self.owner, self.engine.ids())).collect::<Result<Vec<_>, Failure>>()?;
        let opened = |new: &NewIntent| (new.id, new.milestones.iter().map(|milestone| milestone.id).collect());
        let all: Vec<Opened> = intents.iter().map(opened).collect();
        let commands = intents.into_iter().map(|new| vec![Ask::Open(Box::new(new))]).collect();
        self.send(tasks, commands).await?;
        Ok(all)
    }

    /// Completes all milestones of these intents, so many at the same time.
    ///
    /// # Errors
    /// When one is refused.
    pub(super) async fn complete(&self, tasks: usize, opened: Vec<Opened>) -> Result<Measured, Failure> {
        let completion = |intent, milestone| {
            let (by, proof) = ("bench@example.com".to_owned(), Some("proof".to_owned()));
            Ask::Decide(intent, Command::CompleteMilestone(CompleteMilestone { milestone, by, proof, proof_uri: None }))
        };
        let of = |(intent, milestones): Opened| milestones.into_iter().map(|id| completion(intent, id)).collect();
        self.send(tasks, opened.into_iter().map(of).collect()).await
    }

    /// Sends commands, each after the one before it in its group.
    async fn send(&self, tasks: usize, groups: Vec<Vec<Ask>>) -> Result<Measured, Failure> {
        let mut shares: Vec<Vec<Ask>> = (0..tasks.max(1)).map(|_| Vec::new()).collect();
        for (number, group) in groups.into_iter().enumerate() {
            if let Some(share) = shares.get_mut(number % tasks.max(1)) {
                share.extend(group);
            }
        }
        let (begun_us, used_before) = (self.host.ticks_us(), Used::now());
        let mut running = Vec::new();
        for share in shares {
            let (inside, (done, result)) = (self.clone(), oneshot::channel());
            self.host.spawn(Box::pin(async move { drop(done.send(inside.one_by_one(share).await)) }));
            running.push(result);
        }
        let mut latencies_us = Vec::new();
        for result in running {
            latencies_us.extend(result.await.map_err(|_| Failure::no("a task gave up"))??);
        }
        Ok(Measured { latencies_us, took_us: self.host.ticks_us() - begun_us, used: Used::since(used_before) })
    }

    async fn one_by_one(self, asks: Vec<Ask>) -> Result<Vec<u64>, Failure> {
        let render: Render = Arc::new(|decided| {
            let status = if decided.is_ok() { 200 } else { 400 };
            Rendered { status, body: vec![b'a'; ANSWER_BYTES], kept: None }
        });
        let mut latencies_us = Vec::with_capacity(asks.len());
        for ask in asks {
            let begun_us = self.host.ticks_us();
            let key = self.engine.ids().next().to_string();
            let idempotency = Some(Idempotency { owner: self.owner, key, fingerprint: Hash::ZERO });
            let (reach, render) = (Reach::Owner(self.owner), render.clone());
            let request = Request { reach, by: Actor::Merchant, ask, idempotency, render };
            let answer = self.engine.submit(request).await.map_err(Failure::unavailable)?;
            if !matches!(answer, Answer::Decided(Rendered { status: 200, .. })) {
                return Err(Failure::no(format!("a command was answered {answer:?}")));
            }
            latencies_us.push(self.host.ticks_us().abs_diff(begun_us));
        }
        Ok(latencies_us)
    }
}

/// The main job's intent, as the API makes it of what is sent.
fn main_job(owner: Owner, ids: &dyn escrow::Ids) -> Result<NewIntent, Failure> {
    let milestone = |(index, amount): (u32, &str)| {
        let amount = Decimal::parse(amount).map_err(Failure::no)?;
        Ok(NewMilestone { id: MilestoneId::fresh(ids), index, amount, description: None, percentage: None })
    };
    let terms = Terms {
        amount: Amount::parse("1000.00", Currency::Usdc).map_err(Failure::no)?,
        payment_type: PaymentType::DeliveryVsPayment,
        release_type: ReleaseType::MilestoneLocked,
        auto_release: true,
        settlement_method: SettlementMethod::OffRampMock,
        settlement_destination: "bank_account_123".to_owned(),
        delivery_period: Span::from_seconds(30 * 24 * 3600),
        dispute_window: Span::from_seconds(7 * 24 * 3600),
        expected_delivery_hash: None,
        delivery_oracle: None,
        time_lock_until: None,
        require_delivery: false,
        require_approval: false,
        approval_period: Span::from_seconds(7 * 24 * 3600),
        fee_basis_points: 0,
        description: None,
        metadata: None,
        return_url: None,
        cancel_url: None,
    };
    let id = IntentId::fresh(ids);
    let milestones = (0..).zip(MILESTONES).map(milestone).collect::<Result<_, Failure>>()?;
    Ok(NewIntent { id, order_id: OrderId::fresh(ids), owner, terms, milestones })
}
