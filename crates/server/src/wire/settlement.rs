//! A settlement.

use escrow::settlement::SettlementState;
use escrow::{IntentId, MerchantId, MilestoneId, Owner, Settlement, SettlementId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::schema::{Id, Money, Name, Named, Rfc3339, Seconds, Single};
use super::{Envelope, Reader, money, optional_seconds, rfc3339};

/// What `object` says of a settlement.
const OBJECT: &str = "settlement";

/// One payout to the payee.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Settlement")]
pub(crate) struct WireSettlement<'a> {
    #[schemars(with = "Id<SettlementId>")]
    id: SettlementId,
    #[schemars(extend("const" = OBJECT))]
    object: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id<MerchantId>>")]
    merchant_id: Option<MerchantId>,
    #[schemars(with = "Id<IntentId>")]
    payment_intent_id: IntentId,
    #[schemars(with = "Option<Id<MilestoneId>>")]
    milestone_id: Option<MilestoneId>,
    amount: Money,
    #[schemars(with = "Name<escrow::Currency>")]
    currency: &'static str,
    #[schemars(with = "Name<escrow::settlement::SettlementStatus>")]
    status: &'static str,
    #[schemars(with = "Name<escrow::SettlementMethod>")]
    settlement_method: &'static str,
    settlement_destination: String,
    settlement_tx_id: Option<&'a str>,
    settlement_scheduled_at: Option<Seconds>,
    executed_at: Option<Seconds>,
    confirmed_at: Option<Seconds>,
    failed_at: Option<Seconds>,
    failure_reason: Option<&'a str>,
    /// How often it was tried again.
    retries: u32,
    livemode: bool,
    created_at: Rfc3339,
    updated_at: Rfc3339,
}

impl Single for WireSettlement<'_> {
    fn objects() -> Vec<&'static str> {
        vec![OBJECT]
    }

    fn statuses() -> Vec<&'static str> {
        escrow::settlement::SettlementStatus::names()
    }
}

/// The wire form of a settlement of this intent.
pub(crate) fn settlement<'a>(
    owner: Owner,
    intent: IntentId,
    settlement: &'a Settlement,
    reader: Reader,
) -> WireSettlement<'a> {
    // The payout method's own words may name the account that is masked.
    let is_merchants = reader == Reader::Merchant;
    let times = Times::of(&settlement.state);
    WireSettlement {
        id: settlement.id,
        object: OBJECT,
        merchant_id: is_merchants.then_some(owner.merchant),
        payment_intent_id: intent,
        milestone_id: settlement.milestone,
        amount: money(settlement.amount),
        currency: settlement.amount.currency().code(),
        status: settlement.status().name(),
        settlement_method: settlement.method.name(),
        settlement_destination: reader.destination(&settlement.destination),
        settlement_tx_id: reference(settlement).filter(|_| is_merchants),
        settlement_scheduled_at: optional_seconds(times.due),
        executed_at: optional_seconds(times.executed),
        confirmed_at: optional_seconds(times.confirmed),
        failed_at: optional_seconds(times.failed),
        failure_reason: failure_reason(settlement).filter(|_| is_merchants),
        retries: settlement.retries,
        livemode: owner.mode == escrow::Mode::Live,
        created_at: rfc3339(settlement.created),
        updated_at: rfc3339(settlement.updated),
    }
}

/// A settlement as a single object.
pub(crate) fn settlement_envelope(
    owner: Owner,
    intent: IntentId,
    shown: &Settlement,
) -> Envelope<'_, WireSettlement<'_>> {
    Envelope {
        id: shown.id.to_string(),
        object: OBJECT,
        status: shown.status().name(),
        data: settlement(owner, intent, shown, Reader::Merchant),
        metadata: None,
        payment_url: None,
        milestone_index: None,
        created: shown.created.seconds(),
        updated: shown.updated.seconds(),
    }
}

/// The payout method's own name for the payment, once it arrived.
pub(super) fn reference(settlement: &Settlement) -> Option<&str> {
    match &settlement.state {
        SettlementState::Confirmed { reference, .. } | SettlementState::Returned { reference, .. } => Some(reference),
        SettlementState::Scheduled { .. }
        | SettlementState::Executed { .. }
        | SettlementState::Failed { .. }
        | SettlementState::Cancelled { .. } => None,
    }
}

/// Why it did not arrive, or came back.
fn failure_reason(settlement: &Settlement) -> Option<&str> {
    match &settlement.state {
        SettlementState::Failed { reason, .. } | SettlementState::Returned { reason, .. } => Some(reason),
        SettlementState::Scheduled { .. }
        | SettlementState::Executed { .. }
        | SettlementState::Confirmed { .. }
        | SettlementState::Cancelled { .. } => None,
    }
}

/// What a settlement's state remembers of its way.
#[derive(Default)]
struct Times {
    due: Option<Timestamp>,
    executed: Option<Timestamp>,
    confirmed: Option<Timestamp>,
    failed: Option<Timestamp>,
}

impl Times {
    fn of(state: &SettlementState) -> Times {
        match state {
            SettlementState::Scheduled { due } => Times { due: Some(*due), ..Times::default() },
            SettlementState::Executed { at } => Times { executed: Some(*at), ..Times::default() },
            SettlementState::Confirmed { executed_at, at, reference: _ } => {
                Times { executed: Some(*executed_at), confirmed: Some(*at), ..Times::default() }
            }
            SettlementState::Failed { executed_at, at, reason: _ } => {
                Times { executed: Some(*executed_at), failed: Some(*at), ..Times::default() }
            }
            SettlementState::Returned { executed_at, confirmed_at, at, reference: _, reason: _ } => {
                Times { due: None, executed: Some(*executed_at), confirmed: Some(*confirmed_at), failed: Some(*at) }
            }
            SettlementState::Cancelled { at: _ } => Times::default(),
        }
    }
}
