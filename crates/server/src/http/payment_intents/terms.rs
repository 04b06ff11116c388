//! Reading what is agreed at an intent's creation.

use std::ops::RangeInclusive;

use escrow::limits::{
    DEFAULT_APPROVAL_PERIOD_S, DEFAULT_DELIVERY_PERIOD_S, DEFAULT_DISPUTE_WINDOW_S, MAX_APPROVAL_PERIOD_S,
    MAX_DELIVERY_PERIOD_S, MAX_DISPUTE_WINDOW_S, MAX_MILESTONES, MAX_TEXT_BYTES,
};
use escrow::{Address, Amount, Currency, Metadata, PaymentType, ReleaseType, SettlementMethod, Span, Terms, Timestamp};

use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, LATEST_S, Limit, Read};
use crate::http::metadata;
use crate::http::milestones;
use crate::http::openapi::{Field, field};

/// The longest free text.
const TEXT: Limit = Limit::Bytes(MAX_TEXT_BYTES);

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// The terms that a body asks for.
pub(in crate::http) fn read(sent: &Sent, fee_basis_points: u16) -> Read<Terms> {
    let fields = sent.fields();
    let required = Required::read(&fields)?;
    let description = fields.text("description", TEXT)?.map(str::to_owned);
    let (metadata, inner) = metadata::read(sent)?.unzip();
    let conditions = Conditions::read(&Both { top: &fields, inner: inner.as_ref() })?;
    let return_url = match fields.web_url("returnUrl", TEXT)? {
        Some(url) => Some(url),
        None => fields.web_url("successUrl", TEXT)?,
    };
    let cancel_url = fields.web_url("cancelUrl", TEXT)?.map(str::to_owned);
    Ok(terms(
        required,
        conditions,
        Extras { description, metadata, return_url: return_url.map(str::to_owned), cancel_url, fee_basis_points },
    ))
}

/// The fields of the body.
pub(super) fn documented() -> Vec<Field> {
    let inner = field::metadata(&documented_conditions(field::lenient_flag));
    let fields = vec![
        Field::required("amount", field::amount(), "How much, with no more decimals than the currency has."),
        Field::required("currency", field::one_of::<Currency>(), "In what."),
        Field::required("type", field::one_of::<PaymentType>(), "What kind of payment it is."),
        Field::required("settlementMethod", field::one_of::<SettlementMethod>(), "How the payee is paid out."),
        Field::required("settlementDestination", field::full_text(TEXT), "Where the payee is paid out."),
        Field::optional("description", field::text(TEXT), "What it is for."),
        Field::optional("metadata", inner, "Your own; kept and returned as sent. Up to 50 keys and 16 KiB."),
        Field::optional("returnUrl", field::web_url(TEXT), "Where the payer goes after paying."),
        Field::optional("successUrl", field::web_url(TEXT), "The same under its other name; `returnUrl` wins."),
        Field::optional("cancelUrl", field::web_url(TEXT), "Where the payer goes who does not pay."),
        Field::optional(
            "milestones",
            field::objects(MAX_MILESTONES, &milestones::create::documented()),
            "Milestones to be created in the same transaction.",
        ),
    ];
    fields.into_iter().chain(documented_conditions(field::flag)).collect()
}

/// What releases the money, at the top or inside metadata.
fn documented_conditions(flag: fn() -> field::Kind) -> Vec<Field> {
    vec![
        Field::optional(
            "releaseType",
            field::one_of::<ReleaseType>(),
            "What releases the money; a delivery proof by default.",
        ),
        Field::optional("timeLockUntil", field::seconds(&(0..=LATEST_S)), "With `TIME_LOCKED`: when, in Unix seconds."),
        Field::optional("autoRelease", flag(), "Whether completing or proving releases by itself; no by default."),
        Field::optional(
            "requireDelivery",
            flag(),
            "Whether a delivery proof is needed beside what `releaseType` says; no by default.",
        ),
        Field::optional("requireApproval", flag(), "Whether the payer has to approve; no by default."),
        Field::optional(
            "approvalPeriod",
            field::span(&(1..=MAX_APPROVAL_PERIOD_S)),
            "How long the payer's silence has to last to count as approval; 7 days by default.",
        ),
        Field::optional(
            "deliveryPeriod",
            field::span(&(1..=MAX_DELIVERY_PERIOD_S)),
            "How long there is to deliver, in seconds or such as `24h`; 30 days by default.",
        ),
        Field::optional("expectedDeliveryHash", field::bytes32(), "The only proof that will be accepted."),
        Field::optional("deliveryOracle", field::address(), "Who alone may submit the proof."),
        Field::optional(
            "disputeWindow",
            field::span(&(0..=MAX_DISPUTE_WINDOW_S)),
            "How long a dispute may stay open; 7 days by default.",
        ),
    ]
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
        let amount = decimal.in_currency(currency).map_err(|error| fields.wrong("amount", error.to_string()))?;
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

    /// Yes or no; no, where it is not said.
    fn flag(&self, name: &str) -> Read<bool> {
        Ok(self.of(name).flag(name)?.unwrap_or(false))
    }

    /// A length of time.
    fn span_or(&self, name: &str, seconds: RangeInclusive<i64>, default_s: i64) -> Read<Span> {
        Ok(self.of(name).span(name, &seconds)?.unwrap_or(Span::from_seconds(default_s)))
    }
}

/// What releases the money, and when.
struct Conditions {
    release_type: ReleaseType,
    time_lock_until: Option<Timestamp>,
    auto_release: bool,
    require_delivery: bool,
    require_approval: bool,
    approval_period: Span,
    delivery_period: Span,
    expected_delivery_hash: Option<String>,
    delivery_oracle: Option<Address>,
    dispute_window: Span,
}

impl Conditions {
    fn read(both: &Both<'_, '_>) -> Read<Conditions> {
        const LOCK: &str = "timeLockUntil";
        let (oracle, hash) = ("deliveryOracle", "expectedDeliveryHash");
        let lock_s = both.of(LOCK).seconds(LOCK, &(0..=LATEST_S))?;
        let (delivery, window) = (1..=MAX_DELIVERY_PERIOD_S, 0..=MAX_DISPUTE_WINDOW_S);
        let delivery_period = both.span_or("deliveryPeriod", delivery, DEFAULT_DELIVERY_PERIOD_S)?;
        let dispute_window = both.span_or("disputeWindow", window, DEFAULT_DISPUTE_WINDOW_S)?;
        let release_type = release_type(both)?;
        if release_type == ReleaseType::TimeLocked && lock_s.is_none() {
            return Err(both.top.wrong(LOCK, format!("is required for releaseType {release_type}")));
        }
        Ok(Conditions {
            release_type,
            time_lock_until: lock_s.map(|seconds| Timestamp::from_ms(seconds * 1000)),
            auto_release: both.flag("autoRelease")?,
            require_delivery: both.flag("requireDelivery")?,
            require_approval: require_approval(both, release_type)?,
            approval_period: both.span_or("approvalPeriod", 1..=MAX_APPROVAL_PERIOD_S, DEFAULT_APPROVAL_PERIOD_S)?,
            delivery_period,
            expected_delivery_hash: both
                .of(hash)
                .hex(hash, HASH_BYTES, "a valid bytes32 hex string")?
                .map(str::to_owned),
            delivery_oracle: both.of(oracle).address(oracle)?.filter(|address| !is_nobody(address)),
            dispute_window,
        })
    }
}

/// What releases the money: a delivery proof, where nothing else is named.
fn release_type(both: &Both<'_, '_>) -> Read<ReleaseType> {
    const FIELD: &str = "releaseType";
    let fields = both.of(FIELD);
    let named = fields.text(FIELD, TEXT)?.map(|name| {
        ReleaseType::from_name(name).ok_or_else(|| {
            let names: Vec<_> = ReleaseType::ALL.iter().map(|kind| kind.name()).collect();
            fields.wrong(FIELD, format!("must be one of {}", names.join(", ")))
        })
    });
    Ok(named.transpose()?.unwrap_or(ReleaseType::DeliveryProof))
}

/// Whether this is the address of zeros, by which clients and signatures say that there is none.
fn is_nobody(address: &Address) -> bool {
    address.as_str().bytes().skip("0x".len()).all(|digit| digit == b'0')
}

/// Whether only the payer's approval releases anything. A time lock opens by itself: there is nothing to approve.
fn require_approval(both: &Both<'_, '_>, release_type: ReleaseType) -> Read<bool> {
    const FIELD: &str = "requireApproval";
    let is_required = both.flag(FIELD)?;
    if is_required && release_type == ReleaseType::TimeLocked {
        let why = "cannot be combined with releaseType TIME_LOCKED, which releases at timeLockUntil whoever approves";
        return Err(both.of(FIELD).wrong(FIELD, why));
    }
    Ok(is_required)
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
        require_delivery: conditions.require_delivery,
        require_approval: conditions.require_approval,
        approval_period: conditions.approval_period,
        fee_basis_points: extras.fee_basis_points,
        description: extras.description,
        metadata: extras.metadata,
        return_url: extras.return_url,
        cancel_url: extras.cancel_url,
    }
}
