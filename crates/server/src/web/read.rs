//! What pages know of the API's answers. Fields that no page shows are left out.

use escrow::refund::RefundStatus;
use escrow::settlement::SettlementStatus;
use escrow::state::{MilestoneStatus, OrderStatus, SettlementProgress};
use escrow::{DisputeStatus, IntentStatus, PaymentType, ReleaseType};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Unix seconds, or a length of time in seconds, which the API writes as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Seconds(pub(super) i64);

impl TryFrom<String> for Seconds {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Seconds, Self::Error> {
        text.parse().map(Seconds)
    }
}

/// A payment intent, as anybody sees it who knows its id.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) status: IntentStatus,
    pub(super) amount: String,
    pub(super) currency: String,
    #[serde(rename = "type")]
    pub(super) payment_type: PaymentType,
    pub(super) description: Option<String>,
    pub(super) settlement_status: Option<SettlementProgress>,
    pub(super) typed_data_v4: Option<Box<RawValue>>,
    pub(super) signer_address: Option<String>,
    pub(super) phases: Vec<Phase>,
    pub(super) return_url: Option<String>,
    pub(super) cancel_url: Option<String>,
    pub(super) failure_reason: Option<String>,
    pub(super) livemode: bool,
    pub(super) card: Option<Card>,
}

/// A stretch of an intent's way.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Phase {
    pub(super) phase: PhaseName,
    pub(super) status: PhaseStatus,
    /// When it ended, or began where it has not ended, in Unix seconds.
    pub(super) timestamp: i64,
}

/// What a stretch is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum PhaseName {
    SignatureVerification,
    BlockchainConfirmation,
    EscrowLocked,
    AwaitingDeliveryProof,
    Settlement,
}

/// How far a stretch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum PhaseStatus {
    InProgress,
    Completed,
    Failed,
}

/// As much of a card as is kept.
#[derive(Debug, Deserialize)]
pub(super) struct Card {
    pub(super) brand: String,
    pub(super) last4: String,
}

/// What a payment by card is answered with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Paid {
    pub(super) payer_token: Option<String>,
}

/// An escrow order, as its payer sees it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    pub(super) buyer_address: Option<String>,
    /// Seconds after the payment.
    pub(super) delivery_period: i64,
    pub(super) delivery_deadline: Option<Seconds>,
    pub(super) auto_release_on_proof: bool,
    pub(super) require_delivery: bool,
    pub(super) require_approval: bool,
    pub(super) approval_period: Seconds,
    pub(super) release_type: ReleaseType,
    pub(super) time_lock_until: Option<Seconds>,
    pub(super) order_status: OrderStatus,
    pub(super) dispute_window: Seconds,
    pub(super) shipped_at: Option<Seconds>,
    pub(super) carrier: Option<String>,
    pub(super) tracking_number: Option<String>,
    pub(super) delivery_proofs: Vec<Proof>,
    pub(super) milestones: Vec<Milestone>,
    pub(super) disputes: Vec<Dispute>,
    pub(super) settlements: Vec<Settlement>,
    pub(super) refunds: Vec<Refund>,
    pub(super) reclaimable_from: Option<Seconds>,
    pub(super) held_amount: String,
    pub(super) released_amount: String,
    pub(super) refunded_amount: String,
    pub(super) release: Option<Signable>,
    pub(super) reclaim: Option<Signable>,
}

/// What a payer signs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Signable {
    pub(super) typed_data_v4: Box<RawValue>,
}

/// A proof of the delivery.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Proof {
    pub(super) proof_hash: String,
    #[serde(rename = "proofURI")]
    pub(super) proof_uri: Option<String>,
    pub(super) submitted_by: String,
    pub(super) submitted_at: Seconds,
}

/// A milestone.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Milestone {
    pub(super) id: String,
    pub(super) milestone_index: u32,
    pub(super) description: Option<String>,
    pub(super) amount: String,
    pub(super) status: MilestoneStatus,
    pub(super) completion_proof: Option<String>,
    #[serde(rename = "completionProofURI")]
    pub(super) completion_proof_uri: Option<String>,
    pub(super) completed_at: Option<Seconds>,
    pub(super) completed_by: Option<String>,
    pub(super) released_at: Option<Seconds>,
    pub(super) refunded_amount: Option<String>,
    pub(super) completion_attempt: u32,
    pub(super) requires_approval: bool,
    pub(super) approved_at: Option<Seconds>,
    pub(super) approved_by: Option<String>,
    pub(super) rejected_at: Option<Seconds>,
    pub(super) rejection_reason: Option<String>,
    pub(super) disputed: bool,
    pub(super) approval: Option<Signable>,
}

impl Milestone {
    /// What it is called.
    pub(super) fn name(&self) -> String {
        self.description.clone().unwrap_or_else(|| format!("Milestone {}", u64::from(self.milestone_index) + 1))
    }
}

/// A dispute.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) milestone_id: Option<String>,
    pub(super) status: DisputeStatus,
    pub(super) reason: String,
    pub(super) raised_by: String,
    pub(super) dispute_raised_at: Seconds,
    pub(super) resolves_at: Option<Seconds>,
    pub(super) dispute_resolved_at: Option<Seconds>,
    pub(super) resolved_by: Option<String>,
    pub(super) note: Option<String>,
    pub(super) frozen_amount: String,
    pub(super) refunded_amount: Option<String>,
    pub(super) released_amount: Option<String>,
    pub(super) evidence: Vec<Evidence>,
}

/// What a party submitted about a dispute.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Evidence {
    pub(super) submitted_by: String,
    pub(super) text: Option<String>,
    pub(super) uri: Option<String>,
    pub(super) hash: Option<String>,
    pub(super) submitted_at: Seconds,
}

/// Money on its way to the payee.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settlement {
    pub(super) amount: String,
    pub(super) status: SettlementStatus,
}

/// Money on its way back to the payer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refund {
    pub(super) amount: String,
    pub(super) status: RefundStatus,
    pub(super) reason: Option<String>,
    pub(super) created_at: String,
}
