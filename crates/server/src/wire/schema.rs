//! What the texts in wire objects look like, for the description of the API: each is a type of its own, so that the description
//! follows from the very types that are written.

use std::borrow::Cow;
use std::marker::PhantomData;

use engine::KeyState;
use escrow::{
    CardBrand, Currency, DeliveryId, DisputeId, DisputeStatus, EndpointId, EventId, IntentId, KeyId, MerchantId,
    MilestoneId, OrderId, PaymentType, ProofId, RefundId, ReleaseType, RequestId, Resolution, Role, SettlementId,
    SettlementMethod, TransferId,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use store::{EventType, KeyKind};

/// Defines texts of one form.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $schema:tt;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize)]
        #[serde(transparent)]
        pub(crate) struct $name(pub(super) String);

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

texts! {
    /// An amount of money.
    Money = { "type": "string", "pattern": r"^\d+\.\d{2,6}$" };
    /// Seconds, or a point in time as Unix seconds, in decimal.
    Seconds = { "type": "string", "pattern": r"^\d+$" };
    /// A point in time in UTC with milliseconds.
    Rfc3339 = { "type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$" };
    /// 32 bytes in hexadecimal.
    HashText = { "type": "string", "pattern": "^0x[0-9a-f]{64}$" };
    /// An address on an EVM chain.
    AddressText = { "type": "string", "pattern": "^0x[0-9a-fA-F]{40}$" };
}

/// What every id of a kind starts with.
pub(crate) trait Prefixed {
    /// The start.
    const PREFIX: &'static str;
}

macro_rules! prefixed {
    ($($id:ident),*) => {$(
        impl Prefixed for $id {
            const PREFIX: &'static str = $id::PREFIX;
        }
    )*};
}

prefixed!(
    DeliveryId,
    DisputeId,
    EndpointId,
    EventId,
    IntentId,
    KeyId,
    MerchantId,
    MilestoneId,
    OrderId,
    ProofId,
    RefundId,
    RequestId,
    SettlementId,
    TransferId
);

/// Stands for an id in the description.
pub(crate) struct Id<T>(PhantomData<T>);

/// What the text of an id with this prefix looks like: 22 base62 digits hold more than the 128 bits of an id, so that the first two
/// are bounded.
pub(crate) fn id_pattern(prefix: &str) -> String {
    format!("^{prefix}([0-6][0-9A-Za-z]|7[0-9A-Za-m])[0-9A-Za-z]{{20}}$")
}

impl<T: Prefixed> JsonSchema for Id<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Id_{}", T::PREFIX).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": id_pattern(T::PREFIX) })
    }
}

/// A closed set of names.
pub(crate) trait Named {
    /// All of them.
    fn names() -> Vec<&'static str>;
}

macro_rules! named {
    ($($kind:ty),*) => {$(
        impl Named for $kind {
            fn names() -> Vec<&'static str> {
                <$kind>::ALL.iter().map(|value| value.name()).collect()
            }
        }
    )*};
}

named!(
    CardBrand,
    DisputeStatus,
    PaymentType,
    ReleaseType,
    Resolution,
    Role,
    SettlementMethod,
    escrow::IntentStatus,
    escrow::refund::RefundStatus,
    escrow::refund::Unapplied,
    escrow::settlement::SettlementStatus,
    escrow::state::MilestoneStatus,
    escrow::state::OrderSettlement,
    escrow::state::OrderStatus,
    escrow::state::SettlementProgress
);

impl Named for KeyState {
    fn names() -> Vec<&'static str> {
        [KeyState::Active, KeyState::Expired, KeyState::Revoked].map(KeyState::name).to_vec()
    }
}

impl Named for EventType {
    fn names() -> Vec<&'static str> {
        EventType::all().map(EventType::name).collect()
    }
}

impl Named for KeyKind {
    fn names() -> Vec<&'static str> {
        KeyKind::ALL.map(KeyKind::name).to_vec()
    }
}

impl Named for Currency {
    fn names() -> Vec<&'static str> {
        Currency::ALL.map(Currency::code).to_vec()
    }
}

/// Stands for one of the names of a set in the description.
pub(crate) struct Name<T>(PhantomData<T>);

impl<T: Named> JsonSchema for Name<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Name_{}", T::names().join("_")).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        one_of(&T::names())
    }
}

/// One of these texts.
pub(crate) fn one_of(names: &[&str]) -> Schema {
    match names {
        [only] => json_schema!({ "const": only }),
        _ => json_schema!({ "type": "string", "enum": names }),
    }
}

/// Stands for JSON that is the client's own.
pub(crate) struct AnyObject;

impl JsonSchema for AnyObject {
    fn schema_name() -> Cow<'static, str> {
        "AnyObject".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": true })
    }
}

/// Stands for a number that is written as it was sent.
pub(crate) struct Percentage;

impl JsonSchema for Percentage {
    fn schema_name() -> Cow<'static, str> {
        "Percentage".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 100 })
    }
}

/// Typed data of EIP-712, in one of its two forms.
pub(crate) fn typed_data(_: &mut SchemaGenerator) -> Schema {
    let fields = json_schema!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": { "name": { "type": "string" }, "type": { "type": "string" } },
            "required": ["name", "type"],
        },
    });
    json_schema!({
        "type": "object",
        "description": "EIP-712 typed data, as wallets sign it.",
        "properties": {
            "domain": {
                "type": "object",
                "properties": {
                    "name": { "type": "string" },
                    "version": { "type": "string" },
                    "chainId": { "type": "integer", "minimum": 0 },
                    "verifyingContract": { "type": "string", "pattern": "^0x[0-9a-fA-F]{40}$" },
                },
                "required": ["name", "version", "chainId", "verifyingContract"],
            },
            "types": { "type": "object", "additionalProperties": fields },
            "primaryType": { "type": "string" },
            "message": { "type": "object", "additionalProperties": true },
        },
        "required": ["domain", "types", "primaryType", "message"],
    })
}

/// What stands at the top of a single object.
pub(crate) trait Single {
    /// What `object` can say.
    fn objects() -> Vec<&'static str>;
    /// What `status` can say.
    fn statuses() -> Vec<&'static str>;
}

/// The schema of `object` at the top of a single object.
pub(super) fn object_of<T: Single>(_: &mut SchemaGenerator) -> Schema {
    one_of(&T::objects())
}

/// The schema of `status` at the top of a single object.
pub(super) fn status_of<T: Single>(_: &mut SchemaGenerator) -> Schema {
    one_of(&T::statuses())
}
