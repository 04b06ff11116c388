//! Does what a recipe says, through the API alone, and tells what was done.

use std::sync::Arc;

use engine::{CARD_WITHOUT_REFUNDS, Host};
use escrow::{IntentStatus, Resolution};
use serde_json::{Value, json};
use store::EventType;

use super::account::Switch;
use super::job::{Job, Order};
use super::recipe::{Stage, Step};
use super::stage::{AMOUNT, CURRENCY};
use crate::api::{Api, text};
use crate::failure::Failure;
use crate::output::Out;

/// Who acts, where the API wants to be told.
pub(super) const ACTOR: &str = "milepost trigger";

/// A test card that pays.
const CARD: &str = "4242424242424242";

/// The test card that pays and takes no refunds; [`CARD_WITHOUT_REFUNDS`] is its end.
const REFUSING_CARD: &str = "4000000000005126";

/// What nobody waits for, unless it is more than what an intent waits for. Then it is the excess that nobody waits for.
const UNASKED: &str = "0.01";

/// Whoever makes an event happen.
pub(super) struct Director {
    pub(super) api: Api,
    pub(super) host: Arc<dyn Host>,
    pub(super) out: Out,
    /// What is to happen.
    pub(super) kind: EventType,
    /// The intent that it is done to; empty where it is done to none.
    pub(super) intent: String,
    /// The other objects that it is about.
    pub(super) subjects: Vec<String>,
    /// What was done.
    pub(super) done: Vec<String>,
    /// How far the clock of the sandbox was moved.
    pub(super) advanced_s: i64,
}

impl Director {
    /// Makes an intent for a stage that is one.
    ///
    /// # Errors
    /// When the gateway cannot be reached, or refuses.
    pub(super) async fn set(&mut self, stage: Stage) -> Result<(), Failure> {
        let now_s = match stage {
            Stage::TimeLock => self.now_s().await?,
            Stage::New
            | Stage::Intent
            | Stage::Order
            | Stage::Delivery
            | Stage::Milestones
            | Stage::Approvals
            | Stage::Keys
            | Stage::Merchants
            | Stage::Endpoints => 0,
        };
        let Some(body) = stage.intent(now_s) else { return Ok(()) };
        let answer = self.api.post("/payment-intents", &body).await?;
        text(&answer, "/id")?.clone_into(&mut self.intent);
        self.tell(format!("created {} over {AMOUNT} {CURRENCY}", self.intent))
    }

    /// Does one step.
    ///
    /// # Errors
    /// When the gateway cannot be reached, or refuses, or the intent cannot be brought there.
    #[rustfmt::skip] // one line a step
    pub(super) async fn perform(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::Paid => self.see_that_it_is_paid().await,
            Step::PaymentUnderWay => self.see_that_a_payment_is_under_way().await,
            Step::PaidByTaker => self.see_that_one_paid_who_takes_refunds().await,
            Step::PaidByRefusingCard => self.see_that_a_refusing_card_paid().await,
            Step::PendingMilestone => self.see_that_a_milestone_is_pending().await,
            Step::CompletedMilestone => self.see_that_a_milestone_is_completed().await,
            Step::SettlementAhead => self.see_that_a_settlement_is_ahead().await,
            Step::SettlementThatCanFail => self.see_that_a_settlement_can_fail().await,
            Step::FailedSettlement => self.see_that_a_settlement_has_failed().await,
            Step::OpenDispute => self.see_that_a_dispute_is_open().await,
            Step::AnnounceTransaction => self.announce().await,
            Step::RefusePayment => self.helper("fail", json!({"reason": ACTOR}), "had the payment refused").await,
            Step::Fund => self.fund().await,
            Step::PayUnasked => self.pay_unasked().await,
            Step::MoveOn => self.move_on().await,
            Step::StartSettlements => self.start_settlements().await,
            Step::SettleAll => self.settle_all().await,
            Step::FailSettlement => self.fail_settlement().await,
            Step::RetrySettlement => self.retry_settlement().await,
            Step::Cancel => self.act("cancel", json!({}), "canceled the intent").await,
            Step::Refund => self.act("refund", json!({"reason": ACTOR}), "refunded what is held and free").await,
            Step::RefundSettlement => self.refund_settlement().await,
            Step::ReduceSettlement => self.reduce_settlement().await,
            Step::Ship => self.act("escrow/ship", json!({"carrier": ACTOR}), "shipped the order").await,
            Step::Prove => self.prove().await,
            Step::Dispute => self.dispute().await,
            Step::SubmitEvidence => self.submit_evidence().await,
            Step::Resolve => self.resolve().await,
            Step::OpenTimeLock => self.open_time_lock().await,
            Step::ReleaseAll => self.release_all().await,
            Step::AddMilestone => self.add_milestone().await,
            Step::UpdateMilestone => self.update_milestone().await,
            Step::CompleteMilestone => self.complete_milestone().await,
            Step::ApproveMilestone => self.approve_milestone().await,
            Step::RejectMilestone => self.reject_milestone().await,
            Step::ReleaseMilestone => self.release_milestone().await,
            Step::DeleteMilestone => self.delete_milestone().await,
            Step::MakeKey => self.make_key().await,
            Step::RollKey => self.roll_key().await,
            Step::RevokeKey => self.revoke_key().await,
            Step::AddMerchant => self.add_merchant().await,
            Step::MakeEndpoint => self.make_endpoint().await,
            Step::UpdateEndpoint => self.update_endpoint().await,
            Step::RotateSecret => self.rotate_secret().await,
            Step::DisableEndpoint => self.switch_endpoint(Switch::Off).await,
            Step::EnableEndpoint => self.switch_endpoint(Switch::On).await,
            Step::TestEndpoint => self.test_endpoint().await,
            Step::DeleteEndpoint => self.delete_endpoint().await,
        }
    }

    /// The intent as it is now.
    pub(super) async fn job(&self) -> Result<Job, Failure> {
        Job::read(&self.api, &self.intent).await
    }

    /// What is to happen cannot happen to the intent.
    pub(super) fn cannot(&self, job: &Job, why: &str) -> Failure {
        Failure::no(format!("{} cannot happen to {}, which is {}: {why}", self.kind, job.id, job.status))
    }

    /// The order of the intent.
    pub(super) fn order<'j>(&self, job: &'j Job) -> Result<&'j Order, Failure> {
        job.order.as_ref().ok_or_else(|| self.cannot(job, "it has no escrow order"))
    }

    /// Does something to the intent.
    pub(super) async fn act(&mut self, action: &str, body: Value, done: &str) -> Result<(), Failure> {
        self.api.post(&format!("/payment-intents/{}/{action}", self.intent), &body).await?;
        self.tell(done.to_owned())
    }

    async fn helper(&mut self, action: &str, body: Value, done: &str) -> Result<(), Failure> {
        self.api.post(&format!("/test-helpers/payment-intents/{}/{action}", self.intent), &body).await?;
        self.tell(done.to_owned())
    }

    /// Says that something was done.
    pub(super) fn tell(&mut self, what: String) -> Result<(), Failure> {
        self.out.line(format!("  {what}"))?;
        self.done.push(what);
        Ok(())
    }

    /// Something that nobody has said yet.
    pub(super) fn word(&self) -> String {
        let mut random = [0; 4];
        self.host.random(&mut random);
        format!("{:08x}", u32::from_be_bytes(random))
    }

    pub(super) async fn fund(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        if job.is_paid() {
            return Err(self.cannot(&job, "it is paid already"));
        }
        if job.status == IntentStatus::Canceled {
            return Err(self.cannot(&job, "it was given up, and what comes now goes back"));
        }
        self.helper("fund", json!({}), "had the simulated payer pay").await
    }

    pub(super) async fn see_that_it_is_paid(&mut self) -> Result<(), Failure> {
        if self.job().await?.is_paid() { Ok(()) } else { self.fund().await }
    }

    async fn see_that_a_payment_is_under_way(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        match job.status {
            IntentStatus::Processing => Ok(()),
            IntentStatus::Initiated | IntentStatus::RequiresSignature | IntentStatus::RequiresAction
                if !job.is_paid() =>
            {
                self.pay_by_card(CARD).await
            }
            IntentStatus::Initiated
            | IntentStatus::RequiresSignature
            | IntentStatus::RequiresAction
            | IntentStatus::Succeeded
            | IntentStatus::Settled
            | IntentStatus::Final
            | IntentStatus::Canceled => Err(self.cannot(&job, "no payment of it is under way, and none can be")),
        }
    }

    async fn see_that_one_paid_who_takes_refunds(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        if is_by_refusing_card(&job) {
            return Err(self.cannot(&job, "it is paid by the test card that takes no refunds"));
        }
        self.see_that_it_is_paid().await
    }

    async fn see_that_a_refusing_card_paid(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        let is_refusing = is_by_refusing_card(&job);
        let is_under_way = job.status == IntentStatus::Processing;
        if (job.is_paid() || is_under_way) && !is_refusing {
            let why =
                format!("it was paid, and not by the test card {REFUSING_CARD}, the only one that takes no refunds");
            return Err(self.cannot(&job, &why));
        }
        if job.is_paid() {
            return Ok(());
        }
        if !is_under_way {
            self.pay_by_card(REFUSING_CARD).await?;
        }
        self.helper("fund", json!({}), "had that payment arrive").await
    }

    async fn pay_by_card(&mut self, number: &str) -> Result<(), Failure> {
        let card = json!({"cardNumber": number, "expiry": "12/49", "cvv": "123", "name": ACTOR});
        let path = format!("/payment-intents/public/{}/payment", self.intent);
        self.api.post(&path, &json!({"card": card})).await?;
        self.tell(format!("paid by the test card {number}"))
    }

    async fn announce(&mut self) -> Result<(), Failure> {
        let mut random = [0; 32];
        self.host.random(&mut random);
        let transaction = format!("0x{}", escrow::Hash::from_bytes(random));
        let path = format!("/payment-intents/public/{}/transaction-hash", self.intent);
        self.api.post(&path, &json!({"transactionHash": transaction})).await?;
        self.tell("named a transaction that pays".to_owned())
    }

    async fn pay_unasked(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        let is_excess = !job.is_paid() && job.amount.to_string() == UNASKED;
        let amount =
            if is_excess { job.amount.plus(job.amount).map_err(Failure::no)?.to_string() } else { UNASKED.to_owned() };
        let done = format!("had the simulated payer pay {amount} that nobody waits for");
        self.helper("fund", json!({"amount": amount}), &done).await
    }

    async fn move_on(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        match job.status {
            IntentStatus::Initiated | IntentStatus::RequiresSignature | IntentStatus::Processing => self.fund().await,
            IntentStatus::RequiresAction if !job.is_paid() => self.fund().await,
            IntentStatus::RequiresAction | IntentStatus::Succeeded => self.settle_all().await,
            IntentStatus::Settled => self.fail_settlement().await,
            IntentStatus::Final | IntentStatus::Canceled => Err(self.cannot(&job, "it stays so for ever")),
        }
    }

    async fn dispute(&mut self) -> Result<(), Failure> {
        self.act("escrow/dispute", json!({"reason": ACTOR, "raisedBy": ACTOR}), "disputed the order").await
    }

    async fn see_that_a_dispute_is_open(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        if self.order(&job)?.disputes.is_empty() { self.dispute().await } else { Ok(()) }
    }

    /// What the oldest open dispute is about, as requests say it.
    async fn disputed(&self) -> Result<Value, Failure> {
        let job = self.job().await?;
        let milestone = self.order(&job)?.disputes.first().cloned().flatten();
        Ok(milestone.map_or_else(|| json!({}), |id| json!({"milestoneId": id})))
    }

    async fn submit_evidence(&mut self) -> Result<(), Failure> {
        let mut body = self.disputed().await?;
        body["submittedBy"] = json!(ACTOR);
        // The same again would change nothing.
        body["text"] = json!(format!("Evidence {}", self.word()));
        self.act("escrow/dispute/evidence", body, "submitted evidence").await
    }

    async fn resolve(&mut self) -> Result<(), Failure> {
        let mut body = self.disputed().await?;
        body["resolvedBy"] = json!(ACTOR);
        body["resolution"] = json!(Resolution::MerchantWon.name());
        self.act("escrow/dispute/resolve", body, "resolved the dispute for the merchant").await
    }
}

/// Whether the card that pays, or has paid, takes no refunds.
fn is_by_refusing_card(job: &Job) -> bool {
    job.card.as_deref() == Some(CARD_WITHOUT_REFUNDS)
}
