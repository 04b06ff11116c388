//! How each type of event is made to happen. A new type does not compile before it has its line here.

use escrow::EventKind;
use store::{AccountEvent, EventType};

/// What an event happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A new intent, whose creation is what happens.
    New,
    /// Any intent.
    Intent,
    /// One with an order.
    Order,
    /// One with an order whose delivery can be proven.
    Delivery,
    /// One with an order of milestones.
    Milestones,
    /// One with an order of milestones that wait for somebody once they are completed.
    Approvals,
    /// One with an order that is released at a time.
    TimeLock,
    /// The merchant's API keys.
    Keys,
    /// The operator's merchants.
    Merchants,
    /// The merchant's webhook endpoints.
    Endpoints,
}

/// A part of what is done. The first ones are seen to: where it is so already, nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The intent is paid.
    Paid,
    /// A payment is under way.
    PaymentUnderWay,
    /// The intent is paid, and by whoever takes refunds.
    PaidByTaker,
    /// The intent is paid, by the card that takes no refunds.
    PaidByRefusingCard,
    /// There is a milestone that is not completed.
    PendingMilestone,
    /// There is a milestone that is completed and waits for somebody.
    CompletedMilestone,
    /// There is a settlement that has not started.
    SettlementAhead,
    /// There is a settlement that can fail, or come back.
    SettlementThatCanFail,
    /// There is a settlement that did not arrive.
    FailedSettlement,
    /// There is a dispute.
    OpenDispute,

    /// Somebody names the transaction that pays.
    AnnounceTransaction,
    /// The rail refuses the payment under way.
    RefusePayment,
    /// The simulated payer pays.
    Fund,
    /// The simulated payer pays what nobody waits for.
    PayUnasked,
    /// Whatever moves the intent to its next status.
    MoveOn,
    /// The clock is moved to when the settlements start.
    StartSettlements,
    /// All of the intent is released and paid out.
    SettleAll,
    /// A settlement is refused, or sent back.
    FailSettlement,
    /// A settlement that did not arrive is tried again.
    RetrySettlement,
    /// The merchant gives the intent up.
    Cancel,
    /// The merchant refunds what is held and free.
    Refund,
    /// The merchant refunds the money of a settlement.
    RefundSettlement,
    /// A part of the money of the settlement that did not arrive is refunded.
    ReduceSettlement,
    /// The goods go on their way.
    Ship,
    /// The delivery is proven.
    Prove,
    /// The merchant disputes the order.
    Dispute,
    /// The merchant says something about the dispute.
    SubmitEvidence,
    /// The dispute is resolved.
    Resolve,
    /// The clock is moved to when the time lock opens.
    OpenTimeLock,
    /// All that is held is released.
    ReleaseAll,
    /// A milestone is added.
    AddMilestone,
    /// A milestone is changed.
    UpdateMilestone,
    /// A milestone is completed.
    CompleteMilestone,
    /// A completed milestone is approved.
    ApproveMilestone,
    /// A completed milestone is rejected.
    RejectMilestone,
    /// A milestone is completed and released.
    ReleaseMilestone,
    /// A milestone is deleted.
    DeleteMilestone,
    /// An API key is made, which soon ends.
    MakeKey,
    /// That key is replaced.
    RollKey,
    /// That key is revoked.
    RevokeKey,
    /// A merchant is added.
    AddMerchant,
    /// A webhook endpoint is made, at an address that does not exist.
    MakeEndpoint,
    /// That endpoint is changed.
    UpdateEndpoint,
    /// It gets another secret.
    RotateSecret,
    /// It is disabled.
    DisableEndpoint,
    /// It is enabled.
    EnableEndpoint,
    /// It is tested.
    TestEndpoint,
    /// It is deleted.
    DeleteEndpoint,
}

impl Step {
    /// Whether it may move the clock of the sandbox: for money to be paid out, or for a time lock to open that holds it.
    const fn may_move_clock(self) -> bool {
        match self {
            Step::SettlementAhead
            | Step::SettlementThatCanFail
            | Step::FailedSettlement
            | Step::MoveOn
            | Step::StartSettlements
            | Step::SettleAll
            | Step::OpenTimeLock
            | Step::ReleaseAll => true,
            Step::Paid
            | Step::PaymentUnderWay
            | Step::PaidByTaker
            | Step::PaidByRefusingCard
            | Step::PendingMilestone
            | Step::CompletedMilestone
            | Step::OpenDispute
            | Step::AnnounceTransaction
            | Step::RefusePayment
            | Step::Fund
            | Step::PayUnasked
            | Step::FailSettlement
            | Step::RetrySettlement
            | Step::Cancel
            | Step::Refund
            | Step::RefundSettlement
            | Step::ReduceSettlement
            | Step::Ship
            | Step::Prove
            | Step::Dispute
            | Step::SubmitEvidence
            | Step::Resolve
            | Step::AddMilestone
            | Step::UpdateMilestone
            | Step::CompleteMilestone
            | Step::ApproveMilestone
            | Step::RejectMilestone
            | Step::ReleaseMilestone
            | Step::DeleteMilestone
            | Step::MakeKey
            | Step::RollKey
            | Step::RevokeKey
            | Step::AddMerchant
            | Step::MakeEndpoint
            | Step::UpdateEndpoint
            | Step::RotateSecret
            | Step::DisableEndpoint
            | Step::EnableEndpoint
            | Step::TestEndpoint
            | Step::DeleteEndpoint => false,
        }
    }
}

/// How an event is made to happen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipe {
    /// What it happens to.
    pub(super) stage: Stage,
    /// What is done, in this order.
    pub(super) steps: &'static [Step],
    /// The same for people, in a few words.
    pub(super) does: &'static str,
}

impl Recipe {
    /// How events of this type are made to happen.
    pub(super) const fn of(kind: EventType) -> Recipe {
        match kind {
            EventType::Intent(kind) => Recipe::of_intent(kind),
            EventType::Account(kind) => Recipe::of_account(kind),
        }
    }

    /// Whether it may move the clock of the sandbox.
    pub(super) fn may_move_clock(&self) -> bool {
        self.steps.iter().any(|step| step.may_move_clock())
    }

    const fn new(stage: Stage, steps: &'static [Step], does: &'static str) -> Recipe {
        Recipe { stage, steps, does }
    }

    #[rustfmt::skip] // a table: a line or two for each type
    const fn of_intent(kind: EventKind) -> Recipe {
        match kind {
            EventKind::IntentCreated => Recipe::new(Stage::New, &[], "creates an intent"),
            EventKind::IntentStatusChanged => Recipe::new(Stage::Intent, &[Step::MoveOn],
                "pays an intent, or moves one that is paid on to its next status"),
            EventKind::IntentSucceeded => Recipe::new(Stage::Intent, &[Step::Fund], "has the simulated payer pay"),
            EventKind::TransactionSubmitted => Recipe::new(Stage::Intent, &[Step::AnnounceTransaction],
                "names a transaction that pays, as anybody may"),
            EventKind::TransactionConfirmed => Recipe::new(Stage::Intent, &[Step::Fund], "has the simulated payer pay"),
            EventKind::PaymentFailed => Recipe::new(Stage::Intent, &[Step::PaymentUnderWay, Step::RefusePayment],
                "pays by card, and has the payment refused"),
            EventKind::PaymentUnapplied => Recipe::new(Stage::Intent, &[Step::PayUnasked],
                "has the simulated payer pay too little, or once more"),
            EventKind::PaymentReturned => Recipe::new(Stage::Intent, &[Step::PayUnasked],
                "has the simulated payer pay too little, or once more; it goes back by itself"),
            EventKind::SettlementInitiated | EventKind::SettlementCompleted =>
                Recipe::new(Stage::Intent, &[Step::SettlementAhead, Step::StartSettlements], "releases something, and has it paid out"),
            EventKind::IntentSettled => Recipe::new(Stage::Intent, &[Step::SettleAll], "releases everything, and has it paid out"),
            EventKind::IntentCanceled => Recipe::new(Stage::Intent, &[Step::Cancel], "cancels an intent"),
            EventKind::IntentRefunded => Recipe::new(Stage::Intent, &[Step::PaidByTaker, Step::Refund],
                "refunds what is held and free; it arrives by itself"),
            EventKind::OrderCreated => Recipe::new(Stage::New, &[], "creates an intent with an order"),
            EventKind::OrderFunded => Recipe::new(Stage::Order, &[Step::Fund], "has the simulated payer pay an order"),
            EventKind::OrderShipped => Recipe::new(Stage::Order, &[Step::Ship], "ships an order"),
            EventKind::ProofSubmitted => Recipe::new(Stage::Delivery, &[Step::Prove], "proves a delivery"),
            EventKind::MilestoneApproved => Recipe::new(Stage::Approvals, &[Step::CompletedMilestone, Step::ApproveMilestone],
                "completes a milestone, and approves it for the payer"),
            EventKind::MilestoneRejected => Recipe::new(Stage::Approvals, &[Step::CompletedMilestone, Step::RejectMilestone],
                "completes a milestone, and rejects it for the payer"),
            EventKind::DisputeRaised => Recipe::new(Stage::Order, &[Step::Dispute], "disputes an order"),
            EventKind::EvidenceSubmitted => Recipe::new(Stage::Order, &[Step::OpenDispute, Step::SubmitEvidence],
                "disputes an order, and says something about it"),
            EventKind::DisputeResolved => Recipe::new(Stage::Order, &[Step::OpenDispute, Step::Resolve],
                "disputes an order, and resolves it for the merchant"),
            EventKind::RefundCreated => Recipe::new(Stage::Intent, &[Step::Paid, Step::Refund], "refunds what is held and free"),
            EventKind::RefundFailed => Recipe::new(Stage::Intent, &[Step::PaidByRefusingCard, Step::Refund],
                "pays by the test card that takes no refunds, and refunds"),
            EventKind::SettlementFailed => Recipe::new(Stage::Intent, &[Step::SettlementThatCanFail, Step::FailSettlement],
                "releases something, and has its settlement refused"),
            EventKind::SettlementRetried => Recipe::new(Stage::Intent, &[Step::FailedSettlement, Step::RetrySettlement],
                "has a settlement refused, and tries it again"),
            EventKind::SettlementReduced => Recipe::new(Stage::Intent, &[Step::FailedSettlement, Step::ReduceSettlement],
                "has a settlement refused, and refunds a part of its money"),
            EventKind::SettlementCanceled => Recipe::new(Stage::Intent, &[Step::FailedSettlement, Step::RefundSettlement],
                "has a settlement refused, and refunds its money"),
            EventKind::TimeLockReleased => Recipe::new(Stage::TimeLock, &[Step::Paid, Step::OpenTimeLock],
                "pays an order whose time lock has passed, or moves the clock to when it opens"),
            EventKind::OrderReleased => Recipe::new(Stage::Order, &[Step::ReleaseAll], "releases all of an order"),
            EventKind::MilestoneCreated => Recipe::new(Stage::Milestones, &[Step::AddMilestone], "adds a milestone"),
            EventKind::MilestoneUpdated => Recipe::new(Stage::Milestones, &[Step::PendingMilestone, Step::UpdateMilestone],
                "changes the description of a milestone"),
            EventKind::MilestoneCompleted => Recipe::new(Stage::Milestones, &[Step::PendingMilestone, Step::CompleteMilestone],
                "completes a milestone"),
            EventKind::MilestoneReleased => Recipe::new(Stage::Milestones, &[Step::ReleaseMilestone],
                "completes a milestone, and releases it where that does not happen by itself"),
            EventKind::MilestoneCanceled => Recipe::new(Stage::Milestones, &[Step::PendingMilestone, Step::DeleteMilestone],
                "deletes a milestone"),
        }
    }

    #[rustfmt::skip] // a table: a line or two for each type
    const fn of_account(kind: AccountEvent) -> Recipe {
        match kind {
            AccountEvent::MerchantCreated => Recipe::new(Stage::Merchants, &[Step::AddMerchant], "adds a merchant"),
            AccountEvent::KeyCreated => Recipe::new(Stage::Keys, &[Step::MakeKey], "makes an API key, which soon ends"),
            AccountEvent::KeyRolled => Recipe::new(Stage::Keys, &[Step::MakeKey, Step::RollKey], "makes an API key, and replaces it"),
            AccountEvent::KeyRevoked => Recipe::new(Stage::Keys, &[Step::MakeKey, Step::RevokeKey], "makes an API key, and revokes it"),
            // No endpoint is left behind: how many a merchant has is limited.
            AccountEvent::EndpointCreated | AccountEvent::EndpointDeleted =>
                Recipe::new(Stage::Endpoints, &[Step::MakeEndpoint, Step::DeleteEndpoint], "makes a webhook endpoint, and deletes it"),
            AccountEvent::EndpointUpdated =>
                Recipe::new(Stage::Endpoints, &[Step::MakeEndpoint, Step::UpdateEndpoint, Step::DeleteEndpoint],
                    "makes a webhook endpoint, changes and deletes it"),
            AccountEvent::SecretRotated =>
                Recipe::new(Stage::Endpoints, &[Step::MakeEndpoint, Step::RotateSecret, Step::DeleteEndpoint],
                    "makes a webhook endpoint, gives it another secret and deletes it"),
            AccountEvent::EndpointDisabled =>
                Recipe::new(Stage::Endpoints, &[Step::MakeEndpoint, Step::DisableEndpoint, Step::DeleteEndpoint],
                    "makes a webhook endpoint, disables and deletes it"),
            AccountEvent::EndpointEnabled =>
                Recipe::new(Stage::Endpoints, &[Step::MakeEndpoint, Step::DisableEndpoint, Step::EnableEndpoint, Step::DeleteEndpoint],
                    "makes a webhook endpoint, disables, enables and deletes it"),
            AccountEvent::EndpointTested =>
                Recipe::new(Stage::Endpoints, &[Step::MakeEndpoint, Step::TestEndpoint, Step::DeleteEndpoint],
                    "makes a webhook endpoint, tests and deletes it"),
        }
    }
}
