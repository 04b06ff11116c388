//! What the dashboard knows of the API's answers, besides what all pages know (`web/read.rs`). States are names here: they are shown in
//! words, and nothing is decided by them but what is offered to be done.

use escrow::refund::RefundStatus;
use escrow::settlement::SettlementStatus;
use escrow::{DisputeStatus, IntentStatus, PaymentType};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::web::read::{Dispute, Seconds};

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
    pub(super) has_more: bool,
}

/// A payment intent, as its merchant sees it.
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
    pub(super) settlement_method: String,
    pub(super) settlement_destination: String,
    pub(super) transaction_hash: Option<String>,
    pub(super) signer_address: Option<String>,
    pub(super) metadata: Option<serde_json::Map<String, Value>>,
    pub(super) payment_url: String,
    pub(super) estimated_fee: String,
    pub(super) failure_reason: Option<String>,
    /// Unix seconds.
    pub(super) created: i64,
    pub(super) card: Option<crate::web::read::Card>,
}

/// What of an order its payer's page does not show.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Account {
    pub(super) funded_amount: String,
    pub(super) unallocated_amount: String,
    pub(super) settlements: Vec<Settlement>,
    pub(super) refunds: Vec<Refund>,
}

/// Money on its way to the payee, or there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settlement {
    pub(super) id: String,
    pub(super) merchant_id: Option<String>,
    pub(super) payment_intent_id: String,
    pub(super) milestone_id: Option<String>,
    pub(super) amount: String,
    pub(super) currency: String,
    pub(super) status: SettlementStatus,
    pub(super) settlement_method: String,
    pub(super) settlement_destination: String,
    pub(super) settlement_tx_id: Option<String>,
    pub(super) settlement_scheduled_at: Option<Seconds>,
    pub(super) confirmed_at: Option<Seconds>,
    pub(super) failed_at: Option<Seconds>,
    pub(super) failure_reason: Option<String>,
    pub(super) retries: u32,
    pub(super) livemode: bool,
    pub(super) created_at: String,
}

/// Money on its way back to the payer, or there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) payment_intent_id: String,
    pub(super) amount: String,
    pub(super) currency: String,
    pub(super) status: RefundStatus,
    pub(super) reason: Option<String>,
    pub(super) released_amount: Option<String>,
    pub(super) failure_reason: Option<String>,
    pub(super) created_at: String,
}

/// Something that happened.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) data: EventData,
    /// Unix seconds.
    pub(super) created: i64,
    pub(super) sequence: u64,
    pub(super) payment_intent_id: Option<String>,
    pub(super) previous_hash: String,
    pub(super) hash: String,
}

/// What an event is about.
#[derive(Debug, Deserialize)]
pub(super) struct EventData {
    pub(super) object: Value,
    #[serde(default)]
    pub(super) simulated: bool,
}

/// A movement of money.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) transaction_type: String,
    pub(super) amount: String,
    pub(super) currency: String,
    pub(super) balance_after: String,
    pub(super) payment_intent_id: String,
    pub(super) description: String,
    pub(super) created_at: String,
}

/// What a merchant has, in every currency.
#[derive(Debug, Deserialize)]
pub(super) struct Balance {
    pub(super) balances: Vec<InCurrency>,
}

/// What a merchant has in one currency.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InCurrency {
    pub(super) available_balance: String,
    pub(super) pending_balance: String,
    pub(super) reserved_balance: String,
    pub(super) total_balance: String,
    pub(super) currency: String,
}

/// Where events are sent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Endpoint {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) url: String,
    pub(super) enabled_events: Vec<String>,
    pub(super) description: Option<String>,
    pub(super) disabled_reason: Option<String>,
    pub(super) failing_since: Option<String>,
    pub(super) previous_secret_expires_at: Option<String>,
    pub(super) created_at: String,
    #[serde(default)]
    pub(super) secret: Option<String>,
}

/// An event on its way to an endpoint, or there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delivery {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) webhook_endpoint_id: String,
    pub(super) event_id: String,
    pub(super) event_type: String,
    pub(super) payment_intent_id: Option<String>,
    pub(super) attempts: Vec<Call>,
    pub(super) attempt_count: u32,
    pub(super) next_attempt_at: Option<String>,
    pub(super) created_at: String,
    #[serde(default)]
    pub(super) request_body: Option<Box<RawValue>>,
}

/// A call to an endpoint.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Call {
    pub(super) attempted_at: String,
    pub(super) response_status: Option<u16>,
    pub(super) response_body: Option<String>,
    pub(super) error: Option<String>,
    pub(super) latency_ms: i64,
    pub(super) is_manual: bool,
}

/// An API key.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) kind: String,
    pub(super) name: Option<String>,
    pub(super) merchant_id: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) last_four: String,
    pub(super) created_at: String,
    pub(super) expires_at: Option<String>,
    pub(super) last_used_at: Option<String>,
    #[serde(default)]
    pub(super) secret: Option<String>,
}

/// What was asked of the API.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) response_status: u16,
    pub(super) latency_ms: i64,
    pub(super) merchant_id: Option<String>,
    pub(super) api_key_id: String,
    pub(super) idempotency_key: Option<String>,
    pub(super) request_body: Option<Value>,
    pub(super) response_body: Option<Value>,
    pub(super) created_at: String,
}

/// The clock of a merchant's sandbox.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Clock {
    pub(super) now_at: String,
    pub(super) advanced_by_seconds: i64,
}

/// A merchant.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Merchant {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) created_at: String,
    /// The first key, where the merchant was just added.
    #[serde(default)]
    pub(super) api_key: Option<Key>,
}

/// Somebody's dispute, as the operator sees it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenDispute {
    #[serde(flatten)]
    pub(super) dispute: Dispute,
    pub(super) payment_intent_id: String,
    pub(super) merchant_id: String,
    pub(super) currency: String,
    pub(super) livemode: bool,
}

impl OpenDispute {
    pub(super) fn is_open(&self) -> bool {
        self.dispute.status == DisputeStatus::Raised
    }
}

/// Something that is still to be done.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Job {
    pub(super) status: String,
    pub(super) payment_intent_id: String,
    pub(super) merchant_id: String,
    pub(super) duty: String,
    pub(super) due_at: String,
    pub(super) attempts: u32,
}

/// What came of checking everything.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verification {
    pub(super) ok: bool,
    pub(super) counts: serde_json::Map<String, Value>,
    pub(super) broken_total: u64,
    pub(super) broken: Vec<Broken>,
}

/// Something that does not hold.
#[derive(Debug, Deserialize)]
pub(super) struct Broken {
    pub(super) invariant: String,
    pub(super) what: String,
}
