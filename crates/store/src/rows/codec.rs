//! How values of the domain stand in columns.

use std::fmt::Display;
use std::str::FromStr;

use escrow::{
    Currency, DisputeId, Duty, MerchantId, MilestoneId, Mode, Owner, PaymentId, Purpose, PurposeKind, Rail, RawId,
    RefundId, SettlementId, SettlementMethod, Timestamp,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Damaged;
use crate::{DeliveryState, EndpointState, KeyKind, Scopes};

/// The bytes of an id.
pub(crate) type IdBytes = [u8; 16];
/// The bytes of an owner: the merchant's id, and a byte for the mode. They sort like the owner.
pub(crate) type OwnerBytes = [u8; 17];

const MILLISECONDS_IN_A_DAY: i64 = 24 * 3600 * 1000;

pub(crate) fn owner_bytes(owner: Owner) -> OwnerBytes {
    let merchant = owner.merchant.raw().to_bytes();
    let mode = match owner.mode {
        Mode::Sandbox => 0,
        Mode::Live => 1,
    };
    std::array::from_fn(|place| merchant.get(place).copied().unwrap_or(mode))
}

pub(crate) fn owner(bytes: OwnerBytes) -> Result<Owner, Damaged> {
    let [merchant @ .., mode] = bytes;
    let mode = match mode {
        0 => Mode::Sandbox,
        1 => Mode::Live,
        other => return Err(Damaged(format!("there is no mode {other}"))),
    };
    Ok(Owner { merchant: MerchantId::new(RawId::from_bytes(merchant)), mode })
}

/// The UTC day of a time, counted from the Unix epoch.
pub(crate) const fn day(time: Timestamp) -> i64 {
    time.ms().div_euclid(MILLISECONDS_IN_A_DAY)
}

/// A count as SQLite keeps it.
pub(crate) fn integer(count: u64) -> Result<i64, Damaged> {
    i64::try_from(count).map_err(|_| Damaged(format!("{count} is more than can be counted")))
}

/// A count as it was kept.
pub(crate) fn count(integer: i64) -> Result<u64, Damaged> {
    u64::try_from(integer).map_err(|_| Damaged(format!("{integer} is no count")))
}

/// What a name in a column stands for.
pub(crate) fn named<T>(what: &str, name: &str, from_name: impl FnOnce(&str) -> Option<T>) -> Result<T, Damaged> {
    from_name(name).ok_or_else(|| Damaged(format!("there is no {what} {name:?}")))
}

/// What a text in a column stands for.
pub(crate) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, Damaged> {
    text.parse().map_err(|error: T::Err| Damaged(error.to_string()))
}

pub(crate) fn currency(code: &str) -> Result<Currency, Damaged> {
    named("currency", code, Currency::from_code)
}

pub(crate) fn json<T: Serialize>(value: &T) -> Result<String, Damaged> {
    serde_json::to_string(value).map_err(|error| Damaged(format!("a value cannot be written: {error}")))
}

pub(crate) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Damaged> {
    serde_json::from_str(text).map_err(|error| Damaged(format!("{what} cannot be read: {error}")))
}

/// A duty as a number and the bytes of what it is about. They sort like the duty.
pub(crate) fn duty_columns(duty: Duty) -> (i64, Vec<u8>) {
    match duty {
        Duty::StartSettlement(id) => (1, id.raw().to_bytes().to_vec()),
        Duty::PayOut(id) => (2, id.raw().to_bytes().to_vec()),
        Duty::PayBack(id) => (3, id.raw().to_bytes().to_vec()),
        Duty::Finalize => (4, Vec::new()),
        Duty::AwaitPayment(id) => (5, id.raw().to_bytes().to_vec()),
        Duty::OpenTimeLock => (6, Vec::new()),
        Duty::EndSilence(milestone) => (7, milestone.map(|id| id.raw().to_bytes().to_vec()).unwrap_or_default()),
        Duty::EndDispute(id) => (8, id.raw().to_bytes().to_vec()),
        Duty::DisputeRejection(id) => (9, id.raw().to_bytes().to_vec()),
    }
}

pub(crate) fn duty(kind: i64, subject: &[u8]) -> Result<Duty, Damaged> {
    let unknown = || Damaged(format!("there is no duty {kind} about {} bytes", subject.len()));
    let id = || IdBytes::try_from(subject).map(RawId::from_bytes).map_err(|_| unknown());
    match kind {
        1 => Ok(Duty::StartSettlement(SettlementId::new(id()?))),
        2 => Ok(Duty::PayOut(SettlementId::new(id()?))),
        3 => Ok(Duty::PayBack(RefundId::new(id()?))),
        4 if subject.is_empty() => Ok(Duty::Finalize),
        5 => Ok(Duty::AwaitPayment(PaymentId::new(id()?))),
        6 if subject.is_empty() => Ok(Duty::OpenTimeLock),
        7 if subject.is_empty() => Ok(Duty::EndSilence(None)),
        7 => Ok(Duty::EndSilence(Some(MilestoneId::new(id()?)))),
        8 => Ok(Duty::EndDispute(DisputeId::new(id()?))),
        9 => Ok(Duty::DisputeRejection(MilestoneId::new(id()?))),
        _ => Err(unknown()),
    }
}

/// A purpose as columns: what it was made for, and the rail or payout method.
pub(crate) fn purpose_columns(purpose: Purpose) -> (Option<IdBytes>, Option<&'static str>) {
    match purpose {
        Purpose::Fund(rail) => (None, Some(rail.name())),
        Purpose::Release(milestone) | Purpose::Fee(milestone) => (milestone.map(|id| id.raw().to_bytes()), None),
        Purpose::Reserve(id) | Purpose::Unreserve(id) => (Some(id.raw().to_bytes()), None),
        Purpose::Settle(id, method) | Purpose::Unsettle(id, method) => (Some(id.raw().to_bytes()), Some(method.name())),
        Purpose::Refund(id) | Purpose::RefundPayable(id) | Purpose::Restore(id) | Purpose::RestorePayable(id) => {
            (Some(id.raw().to_bytes()), None)
        }
        Purpose::Return(id, rail) | Purpose::Receive(id, rail) | Purpose::SendBack(id, rail) => {
            (Some(id.raw().to_bytes()), Some(rail.name()))
        }
    }
}

/// The purpose in columns, which say nothing else.
pub(crate) fn purpose(kind: &str, subject: Option<IdBytes>, method: Option<&str>) -> Result<Purpose, Damaged> {
    let purpose = stated_purpose(kind, subject, method)?;
    if purpose_columns(purpose) == (subject, method) {
        Ok(purpose)
    } else {
        Err(Damaged(format!("a transfer of kind {kind:?} has a part that it cannot have")))
    }
}

fn stated_purpose(kind: &str, subject: Option<IdBytes>, method: Option<&str>) -> Result<Purpose, Damaged> {
    let subject = subject.map(RawId::from_bytes);
    let incomplete = || Damaged(format!("a transfer of kind {kind:?} lacks a part"));
    let id = || subject.ok_or_else(incomplete);
    let rail = || named("rail", method.unwrap_or_default(), Rail::from_name);
    let payout = || named("payout method", method.unwrap_or_default(), SettlementMethod::from_name);
    match named("kind of transfer", kind, PurposeKind::from_name)? {
        PurposeKind::Fund => Ok(Purpose::Fund(rail()?)),
        PurposeKind::Release => Ok(Purpose::Release(subject.map(MilestoneId::new))),
        PurposeKind::Fee => Ok(Purpose::Fee(subject.map(MilestoneId::new))),
        PurposeKind::Reserve => Ok(Purpose::Reserve(SettlementId::new(id()?))),
        PurposeKind::Settle => Ok(Purpose::Settle(SettlementId::new(id()?), payout()?)),
        PurposeKind::Unreserve => Ok(Purpose::Unreserve(SettlementId::new(id()?))),
        PurposeKind::Unsettle => Ok(Purpose::Unsettle(SettlementId::new(id()?), payout()?)),
        PurposeKind::RefundPayable => Ok(Purpose::RefundPayable(RefundId::new(id()?))),
        PurposeKind::Restore => Ok(Purpose::Restore(RefundId::new(id()?))),
        PurposeKind::RestorePayable => Ok(Purpose::RestorePayable(RefundId::new(id()?))),
        PurposeKind::Refund => Ok(Purpose::Refund(RefundId::new(id()?))),
        PurposeKind::Return => Ok(Purpose::Return(RefundId::new(id()?), rail()?)),
        PurposeKind::Receive => Ok(Purpose::Receive(RefundId::new(id()?), rail()?)),
        PurposeKind::SendBack => Ok(Purpose::SendBack(RefundId::new(id()?), rail()?)),
    }
}

/// Scopes as a text, each behind a blank but the first; `None` for all.
pub(crate) fn scopes_text(scopes: &Scopes) -> Option<String> {
    match scopes {
        Scopes::Full => None,
        Scopes::Only(scopes) => Some(scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
    }
}

pub(crate) fn scopes(text: Option<String>) -> Result<Scopes, Damaged> {
    let Some(text) = text else { return Ok(Scopes::Full) };
    let parsed = text.split_ascii_whitespace().map(parsed).collect::<Result<_, Damaged>>()?;
    Ok(Scopes::Only(parsed))
}

pub(crate) fn key_kind(name: &str) -> Result<KeyKind, Damaged> {
    named("kind of key", name, KeyKind::from_name)
}

pub(crate) fn endpoint_state(name: &str) -> Result<EndpointState, Damaged> {
    named("state of an endpoint", name, |name| EndpointState::ALL.into_iter().find(|state| state.name() == name))
}

/// The state of a delivery to an endpoint in this state, with when the next call is due.
pub(crate) fn delivery_state(name: &str, due: Option<i64>, of_endpoint: &str) -> Result<DeliveryState, Damaged> {
    if due.is_some() && of_endpoint == EndpointState::Deleted.name() {
        // Nobody calls an endpoint that was deleted.
        return Ok(DeliveryState::Failed);
    }
    named("state of a delivery", name, |name| {
        let pending = due.map(|due| DeliveryState::Pending(Timestamp::from_ms(due)));
        let states = pending.into_iter().chain([DeliveryState::Succeeded, DeliveryState::Failed]);
        states.into_iter().find(|state| state.name() == name)
    })
}
