//! The steps by which money leaves: milestones and proofs, releases, settlements, the clock.

use escrow::limits::MAX_MILESTONES;
use escrow::money::SumError;
use escrow::state::OrderStatus;
use escrow::{Amount, Hash, IntentStatus, MilestoneStatus, ReleaseType};
use serde_json::json;

use super::director::{ACTOR, Director};
use super::job::{Job, Milestone, Settlement};
use crate::failure::Failure;

/// The most releases that it takes to release all of an order: every milestone, and what belongs to none.
const MOST_RELEASES: usize = MAX_MILESTONES + 1;

/// What a milestone is called after a change.
const CHANGED: &str = "Changed by milepost trigger";

/// The same for a milestone that is called so already.
const CHANGED_AGAIN: &str = "Changed again by milepost trigger";

impl Director {
    /// Does something to a milestone. The body says who acts and why in the words of every action, of which each reads its own.
    async fn act_on(&mut self, milestone: &Milestone, action: &str, done: &str) -> Result<(), Failure> {
        let body = json!({"completedBy": ACTOR, "approvedBy": ACTOR, "releasedBy": ACTOR, "reason": ACTOR});
        let action = format!("escrow/milestones/{}/{action}", milestone.id);
        self.act(&action, body, &format!("{done} milestone {}", milestone.index)).await
    }

    fn pending<'j>(&self, job: &'j Job) -> Result<&'j Milestone, Failure> {
        let found = self.order(job)?.milestone(MilestoneStatus::Pending);
        found.ok_or_else(|| self.cannot(job, "it has no milestone that is still to be completed"))
    }

    fn waiting<'j>(&self, job: &'j Job) -> Result<&'j Milestone, Failure> {
        let found = self.order(job)?.waiting();
        found.ok_or_else(|| self.cannot(job, "it has no completed milestone that waits for somebody"))
    }

    pub(super) async fn see_that_a_milestone_is_pending(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        if self.order(&job)?.milestone(MilestoneStatus::Pending).is_some() {
            return Ok(());
        }
        self.add_milestone().await
    }

    pub(super) async fn see_that_a_milestone_is_completed(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        if self.order(&job)?.waiting().is_some() {
            return Ok(());
        }
        self.see_that_a_milestone_is_pending().await?;
        self.complete_milestone().await
    }

    pub(super) async fn add_milestone(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        let order = self.order(&job)?;
        let room = job.room(order)?;
        if room.is_zero() {
            return Err(self.cannot(&job, "there is no room in it for another milestone"));
        }
        let index = order.milestones.iter().map(|milestone| milestone.index + 1).max().unwrap_or_default();
        let body =
            json!({"milestoneIndex": index, "amount": room.to_string(), "description": "Added by milepost trigger"});
        self.act("escrow/milestones", body, &format!("added milestone {index} over {room}")).await
    }

    pub(super) async fn update_milestone(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        let milestone = self.pending(&job)?;
        let is_changed = milestone.description.as_deref() == Some(CHANGED);
        let description = if is_changed { CHANGED_AGAIN } else { CHANGED };
        let path = format!("/payment-intents/{}/escrow/milestones/{}", job.id, milestone.id);
        self.api.patch(&path, &json!({"description": description})).await?;
        self.tell(format!("changed the description of milestone {}", milestone.index))
    }

    pub(super) async fn delete_milestone(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        let milestone = self.pending(&job)?;
        self.api.delete(&format!("/payment-intents/{}/escrow/milestones/{}", job.id, milestone.id)).await?;
        self.tell(format!("deleted milestone {}", milestone.index))
    }

    pub(super) async fn complete_milestone(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        self.act_on(self.pending(&job)?, "complete", "completed").await
    }

    pub(super) async fn approve_milestone(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        self.act_on(self.waiting(&job)?, "approve", "approved").await
    }

    pub(super) async fn reject_milestone(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        self.act_on(self.waiting(&job)?, "reject", "rejected").await
    }

    /// Releases the lowest milestone that is open, or what belongs to none.
    pub(super) async fn release_milestone(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        let is_completed = |milestone: &Milestone| milestone.status == MilestoneStatus::Completed;
        let is_open = |milestone: &&Milestone| is_completed(milestone) || milestone.status == MilestoneStatus::Pending;
        let lowest = self.order(&job)?.milestones.iter().find(is_open);
        if !lowest.is_some_and(is_completed) {
            self.see_that_a_milestone_is_pending().await?;
            self.complete_milestone().await?;
        }
        let job = self.job().await?;
        let lowest = self.order(&job)?.milestones.iter().find(is_open).filter(|milestone| is_completed(milestone));
        match lowest {
            Some(milestone) if milestone.requires_approval && !milestone.is_approved => {
                self.act_on(milestone, "approve", "approved").await
            }
            Some(milestone) if !milestone.is_approved => self.act_on(milestone, "release", "released").await,
            Some(_) | None => Ok(()),
        }
    }

    /// Proves the delivery, as whoever was agreed to prove it, with the hash that was agreed.
    pub(super) async fn prove(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        let order = self.order(&job)?;
        let nothing = format!("0x{}", Hash::ZERO);
        let mut random = [0; 32];
        self.host.random(&mut random);
        let expected = order.expected_proof.as_ref().filter(|expected| !expected.eq_ignore_ascii_case(&nothing));
        let hash = expected.cloned().unwrap_or_else(|| format!("0x{}", Hash::from_bytes(random)));
        let by = order.oracle.as_deref().unwrap_or(ACTOR);
        let body = json!({"proofHash": hash, "submittedBy": by});
        self.act("escrow/delivery-proof", body, "proved the delivery").await
    }

    /// Releases something that is held.
    async fn release(&mut self, job: &Job) -> Result<(), Failure> {
        let is_held = job.order.as_ref().is_some_and(|order| !order.held.is_zero());
        if job.is_paid() && !is_held {
            return Err(self.cannot(job, "nothing of it is held any more"));
        }
        // What is not held in escrow is released by its payment.
        let Some(order) = &job.order else { return self.fund().await };
        if order.status == OrderStatus::Disputed {
            return Err(
                self.cannot(job, "it is disputed, and what it holds moves by the resolution: trigger dispute.resolved")
            );
        }
        match order.release_type {
            ReleaseType::MilestoneLocked => self.release_milestone().await,
            ReleaseType::TimeLocked => {
                self.see_that_it_is_paid().await?;
                self.open_time_lock().await
            }
            ReleaseType::DeliveryProof | ReleaseType::AutoRelease => {
                if !order.is_proven {
                    self.prove().await?;
                }
                if order.releases_by_itself {
                    return Ok(());
                }
                self.act("escrow/release", json!({}), "released the order").await
            }
        }
    }

    pub(super) async fn open_time_lock(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        let order = self.order(&job)?;
        if order.held.is_zero() {
            // The lock was open when the payment came.
            return if order.is_over() { Ok(()) } else { Err(self.cannot(&job, "nothing of it is held")) };
        }
        if order.requires_delivery && order.status == OrderStatus::Pending {
            self.act("escrow/ship", json!({"carrier": ACTOR}), "shipped the order").await?;
        }
        let now_s = self.now_s().await?;
        match order.time_lock_s {
            Some(until_s) if until_s > now_s => self.advance(until_s - now_s).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Releases all that is held, which must be something.
    pub(super) async fn release_all(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        if self.order(&job)?.is_over() {
            return Err(self.cannot(&job, "nothing of it is held any more"));
        }
        self.release_the_rest().await
    }

    async fn release_the_rest(&mut self) -> Result<(), Failure> {
        for _ in 0..MOST_RELEASES {
            let job = self.job().await?;
            let is_released = job.is_paid() && job.order.as_ref().is_none_or(|order| order.held.is_zero());
            if is_released {
                return Ok(());
            }
            self.release(&job).await?;
        }
        Ok(())
    }

    /// Releases and pays out all of the intent, which must not have been done.
    pub(super) async fn settle_all(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        match job.status {
            IntentStatus::Initiated
            | IntentStatus::RequiresSignature
            | IntentStatus::Processing
            | IntentStatus::RequiresAction
            | IntentStatus::Succeeded => {}
            IntentStatus::Settled | IntentStatus::Final | IntentStatus::Canceled => {
                return Err(self.cannot(&job, "there is nothing left to pay out"));
            }
        }
        self.release_the_rest().await?;
        let job = self.job().await?;
        for settlement in job.settlements.iter().filter(|settlement| settlement.has_failed()) {
            self.retry(settlement).await?;
        }
        self.start_settlements().await
    }

    pub(super) async fn see_that_a_settlement_is_ahead(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        if job.settlements.iter().any(Settlement::is_scheduled) {
            return Ok(());
        }
        match job.settlements.iter().find(|settlement| settlement.has_failed()) {
            Some(settlement) => self.retry(settlement).await,
            None => self.release(&job).await,
        }
    }

    pub(super) async fn see_that_a_settlement_can_fail(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        if job.settlements.iter().any(Settlement::can_fail) { Ok(()) } else { self.release(&job).await }
    }

    pub(super) async fn see_that_a_settlement_has_failed(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        if job.settlements.iter().any(Settlement::has_failed) {
            return Ok(());
        }
        self.see_that_a_settlement_can_fail().await?;
        self.fail_settlement().await
    }

    /// Has the latest settlement refused or, where it has arrived, sent back.
    pub(super) async fn fail_settlement(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        let latest = job.settlements.iter().rfind(|settlement| settlement.can_fail());
        let settlement = latest.ok_or_else(|| self.cannot(&job, "it has no settlement that can fail"))?;
        let path = format!("/test-helpers/settlements/{}/fail", settlement.id);
        self.api.post(&path, &json!({"reason": ACTOR})).await?;
        let what = if settlement.is_ahead() { "refused" } else { "sent back" };
        self.tell(format!("had {} {what}", settlement.id))
    }

    fn failed<'j>(&self, job: &'j Job) -> Result<&'j Settlement, Failure> {
        let latest = job.settlements.iter().rfind(|settlement| settlement.has_failed());
        latest.ok_or_else(|| self.cannot(job, "every settlement of it has arrived, or is about to"))
    }

    pub(super) async fn retry_settlement(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        self.retry(self.failed(&job)?).await
    }

    async fn retry(&mut self, settlement: &Settlement) -> Result<(), Failure> {
        self.api.post(&format!("/settlements/{}/retry", settlement.id), &json!({})).await?;
        self.tell(format!("tried {} again", settlement.id))
    }

    /// Refunds the money of a settlement that did not arrive.
    pub(super) async fn refund_settlement(&mut self) -> Result<(), Failure> {
        self.refund_from_settlement(|settlement| Ok(settlement.amount), "the money").await
    }

    /// Refunds the least part of the money of a settlement that did not arrive.
    pub(super) async fn reduce_settlement(&mut self) -> Result<(), Failure> {
        self.refund_from_settlement(|settlement| Amount::from_minor(1, settlement.amount.currency()), "a part").await
    }

    /// Refunds some of the money of a settlement that did not arrive, and whatever is free and would be refunded before it.
    async fn refund_from_settlement(
        &mut self,
        part: impl Fn(&Settlement) -> Result<Amount, SumError>,
        what: &str,
    ) -> Result<(), Failure> {
        let job = self.job().await?;
        let settlement = self.failed(&job)?;
        let part = part(settlement).map_err(Failure::no)?;
        let free = job.order.as_ref().map(|order| order.unallocated);
        let amount = free.map_or(Ok(part), |free| free.plus(part)).map_err(Failure::no)?;
        let body = json!({"amount": amount.to_string(), "reason": ACTOR});
        self.act("refund", body, &format!("refunded {amount}, {what} of {} among it", settlement.id)).await
    }

    /// Moves the clock to when the last settlement starts that is scheduled.
    pub(super) async fn start_settlements(&mut self) -> Result<(), Failure> {
        let job = self.job().await?;
        let scheduled = job.settlements.iter().filter(|settlement| settlement.is_scheduled());
        let Some(due_s) = scheduled.filter_map(|settlement| settlement.due_s).max() else {
            return Ok(());
        };
        // What is shown in whole seconds may be up to one later.
        let now_s = self.now_s().await?;
        self.advance((due_s - now_s).max(0) + 1).await
    }

    /// The time of the sandbox, in Unix seconds.
    pub(super) async fn now_s(&self) -> Result<i64, Failure> {
        let clock = self.api.get("/test-helpers/clock").await?;
        let now_s = clock.pointer("/data/now").and_then(serde_json::Value::as_i64);
        now_s.ok_or_else(|| Failure::no("the gateway's answer has no time at /data/now"))
    }

    /// Moves the clock of the sandbox. Everything that falls due on the way is done when this is.
    async fn advance(&mut self, seconds: i64) -> Result<(), Failure> {
        self.api.post("/test-helpers/clock", &json!({"advance": seconds})).await?;
        self.advanced_s += seconds;
        self.tell(format!(
            "moved the sandbox's clock forward by {seconds} s, with everything timed that was due on the way"
        ))
    }
}
