//! An intent as the gateway shows it, as far as it says what can be done next.

use escrow::settlement::SettlementStatus;
use escrow::state::OrderStatus;
use escrow::{Amount, Currency, IntentStatus, MilestoneStatus, PaymentType, ReleaseType};
use serde_json::Value;

use crate::api::{Api, amount, list, text};
use crate::failure::Failure;

/// The most settlements of a merchant that are looked through for those of an intent without an order: a page.
const MOST_SETTLEMENTS: usize = 100;

/// An intent.
pub(super) struct Job {
    pub(super) id: String,
    pub(super) status: IntentStatus,
    pub(super) amount: Amount,
    /// The last four digits of the card that paid, or pays.
    pub(super) card: Option<String>,
    /// Its order, where it has one.
    pub(super) order: Option<Order>,
    /// The oldest first.
    pub(super) settlements: Vec<Settlement>,
}

/// Its order.
pub(super) struct Order {
    pub(super) status: OrderStatus,
    pub(super) release_type: ReleaseType,
    /// Whether what is completed or proven is released by itself.
    pub(super) releases_by_itself: bool,
    pub(super) requires_delivery: bool,
    /// In Unix seconds.
    pub(super) time_lock_s: Option<i64>,
    pub(super) expected_proof: Option<String>,
    pub(super) oracle: Option<String>,
    pub(super) is_proven: bool,
    pub(super) funded: Amount,
    pub(super) held: Amount,
    /// What is held and belongs to no milestone that is open.
    pub(super) unallocated: Amount,
    /// By their index.
    pub(super) milestones: Vec<Milestone>,
    /// What the open disputes are about: a milestone, or the whole order.
    pub(super) disputes: Vec<Option<String>>,
}

/// One of its milestones.
pub(super) struct Milestone {
    pub(super) id: String,
    pub(super) index: i64,
    pub(super) amount: Amount,
    pub(super) status: MilestoneStatus,
    pub(super) description: Option<String>,
    pub(super) requires_approval: bool,
    pub(super) is_approved: bool,
    pub(super) is_disputed: bool,
}

/// One of its settlements.
pub(super) struct Settlement {
    pub(super) id: String,
    pub(super) amount: Amount,
    pub(super) status: SettlementStatus,
    /// When it starts, in Unix seconds by the clock of the sandbox.
    pub(super) due_s: Option<i64>,
}

impl Job {
    /// Reads it.
    ///
    /// # Errors
    /// When the gateway does not show it, or shows what is not understood.
    pub(super) async fn read(api: &Api, id: &str) -> Result<Job, Failure> {
        let answer = api.get(&format!("/payment-intents/{id}")).await?;
        let currency = named(&answer, "/data/currency", Currency::from_code)?;
        let mut job = Job {
            id: id.to_owned(),
            status: named(&answer, "/data/status", IntentStatus::from_name)?,
            amount: money(&answer, "/data/amount", currency)?,
            card: optional(&answer, "/data/card/last4"),
            order: None,
            settlements: Vec::new(),
        };
        if named(&answer, "/data/type", PaymentType::from_name)?.has_escrow() {
            let answer = api.get(&format!("/payment-intents/{id}/escrow")).await?;
            job.order = Some(Order::of(&answer, currency)?);
            job.settlements = all(&answer, "/data/settlements", |value| Settlement::of(value, currency))?;
        } else {
            let answer = api.get(&format!("/settlements?limit={MOST_SETTLEMENTS}")).await?;
            let own = list(&answer, "/data")?.iter().filter(|value| value["paymentIntentId"] == id).rev();
            job.settlements = own.map(|value| Settlement::of(value, currency)).collect::<Result<_, _>>()?;
        }
        Ok(job)
    }

    /// Whether its money came in.
    pub(super) fn is_paid(&self) -> bool {
        match &self.order {
            Some(order) => !order.funded.is_zero(),
            None => !self.settlements.is_empty(),
        }
    }

    /// What no milestone has a claim on: of what is held or, before the payment, of all of it.
    pub(super) fn room(&self, order: &Order) -> Result<Amount, Failure> {
        if self.is_paid() {
            return Ok(order.unallocated);
        }
        let open = order.milestones.iter().filter(|milestone| milestone.status != MilestoneStatus::Cancelled);
        open.map(|milestone| milestone.amount)
            .try_fold(self.amount, Amount::minus)
            .map_err(|error| Failure::no(format!("the milestones of {} do not fit into it: {error}", self.id)))
    }
}

impl Order {
    fn of(answer: &Value, currency: Currency) -> Result<Order, Failure> {
        let is = |name: &str| answer["data"][name].as_bool().unwrap_or_default();
        let sum = |name: &str| money(answer, &format!("/data/{name}"), currency);
        let open = list(answer, "/data/disputes")?.iter().filter(|dispute| dispute["resolution"].is_null());
        Ok(Order {
            status: named(answer, "/data/orderStatus", OrderStatus::from_name)?,
            release_type: named(answer, "/data/releaseType", ReleaseType::from_name)?,
            releases_by_itself: is("autoReleaseOnProof"),
            requires_delivery: is("requireDelivery"),
            time_lock_s: seconds(answer, "/data/timeLockUntil"),
            expected_proof: optional(answer, "/data/expectedDeliveryHash"),
            oracle: optional(answer, "/data/deliveryOracle"),
            is_proven: !list(answer, "/data/deliveryProofs")?.is_empty(),
            funded: sum("fundedAmount")?,
            held: sum("heldAmount")?,
            unallocated: sum("unallocatedAmount")?,
            milestones: all(answer, "/data/milestones", |value| Milestone::of(value, currency))?,
            disputes: open.map(|dispute| optional(dispute, "/milestoneId")).collect(),
        })
    }

    /// Whether it has ended.
    pub(super) const fn is_over(&self) -> bool {
        match self.status {
            OrderStatus::Completed | OrderStatus::Cancelled => true,
            OrderStatus::Pending | OrderStatus::Shipped | OrderStatus::Delivered | OrderStatus::Disputed => false,
        }
    }

    /// The lowest milestone of this status that no dispute holds.
    pub(super) fn milestone(&self, status: MilestoneStatus) -> Option<&Milestone> {
        self.milestones.iter().find(|milestone| milestone.status == status && !milestone.is_disputed)
    }

    /// The lowest milestone that is completed and was not approved.
    pub(super) fn waiting(&self) -> Option<&Milestone> {
        let is_waiting = |milestone: &&Milestone| milestone.status == MilestoneStatus::Completed;
        self.milestones.iter().filter(is_waiting).find(|milestone| !milestone.is_approved && !milestone.is_disputed)
    }
}

impl Milestone {
    fn of(value: &Value, currency: Currency) -> Result<Milestone, Failure> {
        let is = |name: &str| value[name].as_bool().unwrap_or_default();
        Ok(Milestone {
            id: text(value, "/id")?.to_owned(),
            index: value["milestoneIndex"].as_i64().unwrap_or_default(),
            amount: money(value, "/amount", currency)?,
            status: named(value, "/status", MilestoneStatus::from_name)?,
            description: optional(value, "/description"),
            requires_approval: is("requiresApproval"),
            is_approved: !value["approvedAt"].is_null(),
            is_disputed: is("disputed"),
        })
    }
}

impl Settlement {
    fn of(value: &Value, currency: Currency) -> Result<Settlement, Failure> {
        Ok(Settlement {
            id: text(value, "/id")?.to_owned(),
            amount: money(value, "/amount", currency)?,
            status: named(value, "/status", SettlementStatus::from_name)?,
            due_s: seconds(value, "/settlementScheduledAt"),
        })
    }

    /// Whether it did not arrive.
    pub(super) const fn has_failed(&self) -> bool {
        matches!(self.status, SettlementStatus::Failed | SettlementStatus::Returned)
    }

    /// Whether its time has not come.
    pub(super) const fn is_scheduled(&self) -> bool {
        matches!(self.status, SettlementStatus::Scheduled)
    }

    /// Whether it is still to arrive.
    pub(super) const fn is_ahead(&self) -> bool {
        matches!(self.status, SettlementStatus::Scheduled | SettlementStatus::Executed)
    }

    /// Whether it can still fail, or come back.
    pub(super) const fn can_fail(&self) -> bool {
        self.is_ahead() || matches!(self.status, SettlementStatus::Confirmed)
    }
}

/// A name of a closed set.
fn named<T>(value: &Value, pointer: &str, from_name: fn(&str) -> Option<T>) -> Result<T, Failure> {
    let name = text(value, pointer)?;
    from_name(name)
        .ok_or_else(|| Failure::no(format!("the gateway's answer has {name:?} at {pointer}, which is unknown")))
}

fn money(value: &Value, pointer: &str, currency: Currency) -> Result<Amount, Failure> {
    amount(text(value, pointer)?, currency)
}

fn optional(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

/// A point in time, which is shown as a text of digits.
fn seconds(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer).and_then(Value::as_str).and_then(|text| text.parse().ok())
}

fn all<T>(value: &Value, pointer: &str, of: impl Fn(&Value) -> Result<T, Failure>) -> Result<Vec<T>, Failure> {
    list(value, pointer)?.iter().map(of).collect()
}
