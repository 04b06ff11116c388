//! A payment intent.

use std::borrow::Cow;

use escrow::state::OrderState;
use escrow::{Escrow, IntentId, IntentState, Means, MerchantId, Mode, PaymentState, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::payment::{Fiat, fiat};
use super::schema::{AddressText, AnyObject, HashText, Id, Money, Name, Named, Rfc3339, Seconds, Single, typed_data};
use super::{Envelope, Reader, Site, hash_text, metadata_json, money, optional_seconds, rfc3339, seconds_text};

/// What `object` says of an intent.
const OBJECT: &str = "payment_intent";

/// What `status` says of phases.
const IN_PROGRESS: &str = "IN_PROGRESS";
const COMPLETED: &str = "COMPLETED";
const FAILED: &str = "FAILED";

/// What `phase` says of phases.
const PHASES: [&str; 5] =
    ["SIGNATURE_VERIFICATION", "BLOCKCHAIN_CONFIRMATION", "ESCROW_LOCKED", "AWAITING_DELIVERY_PROOF", "SETTLEMENT"];

/// A payment intent.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PaymentIntent")]
pub(crate) struct Intent<'a> {
    #[schemars(with = "Id<IntentId>")]
    id: IntentId,
    #[schemars(extend("const" = OBJECT))]
    object: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id<MerchantId>>")]
    merchant_id: Option<MerchantId>,
    #[schemars(with = "Name<escrow::IntentStatus>")]
    status: &'static str,
    amount: Money,
    #[schemars(with = "Name<escrow::Currency>")]
    currency: &'static str,
    #[serde(rename = "type")]
    #[schemars(with = "Name<escrow::PaymentType>")]
    payment_type: &'static str,
    description: Option<&'a str>,
    #[schemars(with = "Name<escrow::SettlementMethod>")]
    settlement_method: &'static str,
    settlement_destination: String,
    #[schemars(with = "Option<Name<escrow::state::SettlementProgress>>")]
    settlement_status: Option<&'static str>,
    contract_address: Option<AddressText>,
    transaction_hash: Option<HashText>,
    chain_id: Option<u64>,
    #[serde(flatten)]
    typed_data: TypedData,
    signature: Option<&'a str>,
    signer_address: Option<&'a str>,
    phases: Vec<Phase>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AnyObject")]
    metadata: Option<&'a RawValue>,
    payment_url: Option<String>,
    return_url: Option<&'a str>,
    cancel_url: Option<&'a str>,
    estimated_fee: Money,
    estimated_delivery_time: Option<Rfc3339>,
    failure_reason: Option<&'a str>,
    livemode: bool,
    created: i64,
    updated: i64,
    #[serde(flatten)]
    fiat: Option<Fiat<'a>>,
}

/// What the payer signs, in its two forms: as ethers wants it, and with the type of the domain, as `eth_signTypedData_v4` does.
struct TypedData(Option<evm::Consent>);

impl JsonSchema for TypedData {
    fn schema_name() -> Cow<'static, str> {
        "PaymentTypedData".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let form = json_schema!({ "anyOf": [typed_data(generator), { "type": "null" }] });
        json_schema!({
            "type": "object",
            "properties": { "typedData": form, "typedDataV4": form },
            "required": ["typedData", "typedDataV4"],
        })
    }
}

impl Serialize for TypedData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let consent = self.0.as_ref();
        let mut forms = serializer.serialize_map(Some(2))?;
        forms.serialize_entry("typedData", &consent.map(evm::Consent::typed_data))?;
        forms.serialize_entry("typedDataV4", &consent.map(evm::Consent::typed_data_v4))?;
        forms.end()
    }
}

impl Single for Intent<'_> {
    fn objects() -> Vec<&'static str> {
        vec![OBJECT]
    }

    fn statuses() -> Vec<&'static str> {
        escrow::IntentStatus::names()
    }
}

impl<T: Single> Single for Paid<'_, T> {
    fn objects() -> Vec<&'static str> {
        T::objects()
    }

    fn statuses() -> Vec<&'static str> {
        T::statuses()
    }
}

/// A stretch of an intent's way. It is derived from the state, which remembers when each began and ended.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Phase {
    #[schemars(extend("enum" = PHASES))]
    phase: &'static str,
    #[schemars(extend("enum" = [IN_PROGRESS, COMPLETED, FAILED]))]
    status: &'static str,
    started_at: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<Seconds>,
    timestamp: i64,
}

/// The wire form of an intent. Events show it without what follows from the settings of a site: they are kept for ever, and
/// settings change.
pub(crate) fn intent<'a>(escrow: &'a Escrow, site: Option<&Site>, reader: Reader) -> Intent<'a> {
    let terms = &escrow.terms;
    let is_merchant = reader == Reader::Merchant;
    let payment = escrow.current_payment();
    let consent = payment.filter(|payment| !payment.has_failed()).and_then(|payment| match &payment.means {
        Means::Wallet(consent) => Some(consent),
        Means::Deposit(_) | Means::Card(_) => None,
    });
    Intent {
        id: escrow.id,
        object: OBJECT,
        merchant_id: is_merchant.then_some(escrow.owner.merchant),
        status: escrow.status().name(),
        amount: money(terms.amount),
        currency: terms.amount.currency().code(),
        payment_type: terms.payment_type.name(),
        description: terms.description.as_deref(),
        settlement_method: terms.settlement_method.name(),
        settlement_destination: reader.destination(&terms.settlement_destination),
        settlement_status: escrow.settlement_progress().map(|progress| progress.name()),
        contract_address: contract_address(escrow),
        transaction_hash: escrow.transaction().map(hash_text),
        chain_id: site.map(|site| site.chain.chain_id),
        typed_data: TypedData(site.map(|site| site.consent(escrow))),
        signature: consent.map(|consent| consent.signature.as_str()),
        signer_address: consent.map(|consent| consent.signer.as_str()),
        phases: phases(escrow),
        metadata: is_merchant.then(|| metadata_json(terms.metadata.as_ref())),
        payment_url: site.map(|site| site.payment_url(escrow.id)),
        return_url: terms.return_url.as_deref(),
        cancel_url: terms.cancel_url.as_deref(),
        estimated_fee: money(terms.amount.share(terms.fee_basis_points)),
        estimated_delivery_time: escrow.delivery_deadline().map(rfc3339),
        failure_reason: failure_reason(escrow),
        livemode: escrow.owner.mode == Mode::Live,
        created: escrow.created.seconds(),
        updated: escrow.updated.seconds(),
        fiat: payment.and_then(|payment| fiat(payment, terms.amount)),
    }
}

/// An intent as a single object.
pub(crate) fn intent_envelope<'a>(escrow: &'a Escrow, site: &Site, reader: Reader) -> Envelope<'a, Intent<'a>> {
    let metadata = (reader == Reader::Merchant).then(|| metadata_json(escrow.terms.metadata.as_ref()));
    Envelope {
        id: escrow.id.to_string(),
        object: OBJECT,
        status: escrow.status().name(),
        data: intent(escrow, Some(site), reader),
        metadata,
        payment_url: Some(site.payment_url(escrow.id)),
        milestone_index: None,
        created: escrow.created.seconds(),
        updated: escrow.updated.seconds(),
    }
}

/// An object with the token by which whoever paid acts later; `null` where it was shown before.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "{T}Paid")]
pub(crate) struct Paid<'t, T> {
    #[serde(flatten)]
    object: T,
    payer_token: Option<&'t str>,
}

/// An intent to whoever just paid it by card, as it is described.
pub(crate) type PaidIntent = Paid<'static, Envelope<'static, Paid<'static, Intent<'static>>>>;

/// An intent as a single object, to whoever just paid it by card.
pub(crate) fn paid_intent_envelope<'a, 't>(
    escrow: &'a Escrow,
    site: &Site,
    reader: Reader,
    payer_token: Option<&'t str>,
) -> Paid<'t, Envelope<'a, Paid<'t, Intent<'a>>>> {
    let envelope = intent_envelope(escrow, site, reader).map(|object| Paid { object, payer_token });
    Paid { object: envelope, payer_token }
}

/// The contract that the payer's signature is for. Real money has none until a chain is connected.
pub(super) fn contract_address(escrow: &Escrow) -> Option<AddressText> {
    (escrow.owner.mode == Mode::Sandbox).then(|| AddressText(evm::sandbox_contract().to_string()))
}

/// Why the last payment failed, while no other is under way.
fn failure_reason(escrow: &Escrow) -> Option<&str> {
    match &escrow.current_payment()?.state {
        PaymentState::Failed { reason, .. } => Some(reason),
        PaymentState::Confirming { .. } | PaymentState::Final { .. } | PaymentState::Unapplied { .. } => None,
    }
}

/// The phases so far, the last of them possibly still under way. What a cancellation cut short is left out.
fn phases(escrow: &Escrow) -> Vec<Phase> {
    let mut phases = payment_phases(escrow);
    if let (Some(order), Some(funding)) = (&escrow.order, escrow.funding) {
        let completed_at = match order.state {
            OrderState::Delivered { at } | OrderState::Completed { at } => Some(at),
            OrderState::Pending
            | OrderState::Shipped { .. }
            | OrderState::Disputed { .. }
            | OrderState::Cancelled { .. } => None,
        };
        let delivered_at = order.proof.as_ref().map(|proof| proof.created).or(completed_at);
        phases.push(phase("AWAITING_DELIVERY_PROOF", funding.at, delivered_at));
    }
    if let Some(first) = escrow.settlements.first() {
        let settled_at = match escrow.state {
            IntentState::Settled { at, .. } => Some(at),
            IntentState::Final { settled_at, .. } => Some(settled_at),
            IntentState::Initiated
            | IntentState::RequiresSignature { .. }
            | IntentState::Processing { .. }
            | IntentState::PaymentFailed { .. }
            | IntentState::Succeeded
            | IntentState::PayoutFailed { .. }
            | IntentState::Canceled { .. } => None,
        };
        phases.push(phase("SETTLEMENT", first.created, settled_at));
    }
    let is_canceled = matches!(escrow.state, IntentState::Canceled { .. });
    phases.retain(|phase| !is_canceled || phase.completed_at.is_some());
    phases
}

/// The phases of the money's way in: the consent, where a wallet gave one, the chain's confirmations, and the lock.
fn payment_phases(escrow: &Escrow) -> Vec<Phase> {
    let mut phases = Vec::new();
    let payment = escrow.current_payment();
    // An intent that was paid before attempts to pay were kept has none.
    let is_unsigned = match payment {
        Some(payment) => matches!(payment.means, Means::Card(_) | Means::Deposit(_)),
        None => escrow.funding.is_some(),
    };
    if !is_unsigned {
        let consented_at = payment.map(|payment| payment.created);
        phases.push(phase("SIGNATURE_VERIFICATION", escrow.created, consented_at));
    }
    if let Some(payment) = payment {
        let (status, ended) = match payment.state {
            PaymentState::Confirming { .. } => (IN_PROGRESS, None),
            PaymentState::Final { at } | PaymentState::Unapplied { at, .. } => (COMPLETED, Some(at)),
            PaymentState::Failed { at, .. } => (FAILED, Some(at)),
        };
        phases.push(Phase { status, ..phase("BLOCKCHAIN_CONFIRMATION", payment.created, ended) });
    }
    if let (Some(_), Some(funding)) = (&escrow.order, escrow.funding) {
        phases.push(phase("ESCROW_LOCKED", funding.at, Some(funding.at)));
    }
    phases
}

fn phase(phase: &'static str, started: Timestamp, completed: Option<Timestamp>) -> Phase {
    Phase {
        phase,
        status: if completed.is_some() { COMPLETED } else { IN_PROGRESS },
        started_at: seconds_text(started),
        completed_at: optional_seconds(completed),
        timestamp: completed.unwrap_or(started).seconds(),
    }
}
