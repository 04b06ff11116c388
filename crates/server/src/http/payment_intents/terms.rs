//! Reading what is agreed at an intent's creation.

use escrow::limits::{
    DEFAULT_APPROVAL_PERIOD_S, DEFAULT_DELIVERY_PERIOD_S, DEFAULT_DISPUTE_WINDOW_S, MAX_DELIVERY_PERIOD_S,
    MAX_DISPUTE_WINDOW_S, MAX_TEXT_BYTES,
};
use escrow::{Address, Amount, Currency, Metadata, PaymentType, ReleaseType, SettlementMethod, Span, Terms, Timestamp};

use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, LATEST_S, Limit, Read};
use crate::http::metadata;

/// The longest free text.
const TEXT: Limit = Limit::Bytes(MAX_TEXT_BYTES);

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// The terms that a body asks for.
pub(super) fn read(sent: &Sent, fee_basis_points: u16) -> Read<Terms> {
    let fields = sent.fields();
    let required = Required::read(&fields)?;
    let description = fields.text("description", TEXT)?.map(str::to_owned);
    let (metadata, inner) = metadata::read(sent)?.unzip();
    let conditions = Conditions::read(&Both { top: &fields, inner: inner.as_ref() }, required.payment_type)?;
    let return_url = match fields.web_url("returnUrl", TEXT)? {
        Some(url) => Some(url),
        None => fields.web_url("successUrl", TEXT)?,
    };
    let cancel_url = fields.web_url("cancelUrl", TEXT)?.map(str::to_owned);
    refuse_approval(&fields)?;
    Ok(terms(
        required,
        conditions,
        Extras { description, metadata, return_url: return_url.map(str::to_owned), cancel_url, fee_basis_points },
    ))
}

/// What must be there, in the order in which it is checked.
struct Required<'a> {
    amount: Amount,
    payment_type: PaymentType,
    settlement_method: SettlementMethod,
    settlement_destination: &'a str,
}

impl<'a> Required<'a> {
    fn read(fields: &Fields<'a>) -> Read<Required<'a>> {
        let decimal = fields.required("amount", fields.amount("amount")?)?;
        let currency = currency(fields)?;
        let amount = decimal.in_currency(currency).map_err(|error| ApiError::field("amount", error.to_string()))?;
        let payment_type = payment_type(fields)?;
        let settlement_method = settlement_method(fields)?;
        let destination = fields.full_text("settlementDestination", TEXT)?;
        let settlement_destination = fields.required("settlementDestination", destination)?;
        Ok(Required { amount, payment_type, settlement_method, settlement_destination })
    }
}

fn currency(fields: &Fields<'_>) -> Read<Currency> {
    let code = fields.required("currency", fields.text("currency", TEXT)?)?;
    Currency::from_code(code).ok_or_else(|| {
        let codes: Vec<_> = Currency::ALL.into_iter().map(Currency::code).collect();
        fields.wrong("currency", format!("must be one of {}", codes.join(", ")))
    })
}

fn payment_type(fields: &Fields<'_>) -> Read<PaymentType> {
    let name = fields.required("type", fields.text("type", TEXT)?)?;
    PaymentType::from_name(name).ok_or_else(|| {
        ApiError::field("type", "Invalid payment type. Must be CONSENTED_PULL, CONDITIONAL or DELIVERY_VS_PAYMENT")
    })
}

fn settlement_method(fields: &Fields<'_>) -> Read<SettlementMethod> {
    let name = fields.required("settlementMethod", fields.text("settlementMethod", TEXT)?)?;
    SettlementMethod::from_name(name).ok_or_else(|| {
        let names: Vec<_> = SettlementMethod::ALL.iter().map(|method| method.name()).collect();
        fields.wrong("settlementMethod", format!("must be one of {}", names.join(", ")))
    })
}

/// Fields that may stand at the top or inside metadata, where numbers and booleans may be text. The top wins.
struct Both<'f, 'a> {
    top: &'f Fields<'a>,
    inner: Option<&'f Fields<'a>>,
}

impl<'f, 'a> Both<'f, 'a> {
    /// Where a field stands.
    fn of(&self, name: &str) -> &'f Fields<'a> {
        match self.inner {
            Some(inner) if !self.top.has(name) => inner,
            Some(_) | None => self.top,
        }
    }
}

/// What releases the money, and when.
struct Conditions {
    release_type: ReleaseType,
    time_lock_until: Option<Timestamp>,
    auto_release: bool,
    delivery_period: Span,
    expected_delivery_hash: Option<String>,
    delivery_oracle: Option<Address>,
    dispute_window: Span,
}

impl Conditions {
    fn read(both: &Both<'_, '_>, payment_type: PaymentType) -> Read<Conditions> {
        let (oracle, hash, lock) = ("deliveryOracle", "expectedDeliveryHash", "timeLockUntil");
        let (period, window) = ("deliveryPeriod", "disputeWindow");
        let lock_s = both.of(lock).seconds(lock, &(0..=LATEST_S))?;
        let delivery_period = both.of(period).span(period, &(1..=MAX_DELIVERY_PERIOD_S))?;
        let dispute_window = both.of(window).span(window, &(0..=MAX_DISPUTE_WINDOW_S))?;
        Ok(Conditions {
            release_type: release_type(both, payment_type)?,
            time_lock_until: lock_s.map(|seconds| Timestamp::from_ms(seconds * 1000)),
            auto_release: both.of("autoRelease").flag("autoRelease")?.unwrap_or(false),
            delivery_period: delivery_period.unwrap_or(Span::from_seconds(DEFAULT_DELIVERY_PERIOD_S)),
            expected_delivery_hash: both
                .of(hash)
                .hex(hash, HASH_BYTES, "a valid bytes32 hex string")?
                .map(str::to_owned),
            delivery_oracle: both.of(oracle).address(oracle)?,
            dispute_window: dispute_window.unwrap_or(Span::from_seconds(DEFAULT_DISPUTE_WINDOW_S)),
        })
    }
}

/// What releases the money. This version serves milestones only; a payment without escrow has nothing to release.
fn release_type(both: &Both<'_, '_>, payment_type: PaymentType) -> Read<ReleaseType> {
    const FIELD: &str = "releaseType";
    let fields = both.of(FIELD);
    let named = fields.text(FIELD, TEXT)?.map(|name| {
        ReleaseType::from_name(name).ok_or_else(|| {
            let names: Vec<_> = ReleaseType::ALL.iter().map(|kind| kind.name()).collect();
            fields.wrong(FIELD, format!("must be one of {}", names.join(", ")))
        })
    });
    let release_type = named.transpose()?.unwrap_or(ReleaseType::DeliveryProof);
    match release_type {
        ReleaseType::MilestoneLocked => Ok(release_type),
        ReleaseType::DeliveryProof | ReleaseType::TimeLocked | ReleaseType::AutoRelease => {
            if payment_type.has_escrow() {
                let only = format!("{release_type} is not available in this version, only MILESTONE_LOCKED is");
                return Err(ApiError::field(FIELD, format!("{FIELD} {only}")));
            }
            Ok(release_type)
        }
    }
}

fn refuse_approval(fields: &Fields<'_>) -> Read<()> {
    match fields.flag("requireApproval")? {
        Some(true) => Err(fields.wrong("requireApproval", "is not available in this version")),
        Some(false) | None => Ok(()),
    }
}

/// What is agreed besides.
struct Extras {
    description: Option<String>,
    metadata: Option<Metadata>,
    return_url: Option<String>,
    cancel_url: Option<String>,
    fee_basis_points: u16,
}

fn terms(required: Required<'_>, conditions: Conditions, extras: Extras) -> Terms {
    Terms {
        amount: required.amount,
        payment_type: required.payment_type,
        release_type: conditions.release_type,
        auto_release: conditions.auto_release,
        settlement_method: required.settlement_method,
        settlement_destination: required.settlement_destination.to_owned(),
        delivery_period: conditions.delivery_period,
        dispute_window: conditions.dispute_window,
        expected_delivery_hash: conditions.expected_delivery_hash,
        delivery_oracle: conditions.delivery_oracle,
        time_lock_until: conditions.time_lock_until,
        require_delivery: false,
        require_approval: false,
        approval_period: Span::from_seconds(DEFAULT_APPROVAL_PERIOD_S),
        fee_basis_points: extras.fee_basis_points,
        description: extras.description,
        metadata: extras.metadata,
        return_url: extras.return_url,
        cancel_url: extras.cancel_url,
    }
}
