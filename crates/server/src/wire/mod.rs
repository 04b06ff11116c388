//! What objects look like in JSON. These types are separate from the domain's, so that neither changes with the other unnoticed.

use escrow::{Amount, Hash, Metadata, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

mod api_key;
mod balance;
mod dispute;
mod escrow_order;
mod event;
mod intent;
mod ledger_entry;
mod merchant;
mod milestone;
mod operator;
mod payment;
mod proof;
mod refund;
mod request;
pub(crate) mod schema;
mod settlement;
pub(crate) mod signable;
mod site;
mod test_clock;
mod time;
mod webhook;

pub(crate) use api_key::{ALL_SCOPES, KeyWithSecret, Secret, WireKey, api_key, key_envelope, made_key};
pub(crate) use balance::{WireBalance, balance};
pub(crate) use dispute::{WireDispute, dispute, dispute_envelope};
pub(crate) use escrow_order::{OrderName, WireOrder, escrow_order, escrow_order_envelope, payers_order_envelope};
pub(crate) use event::{EventText, served_event};
pub use event::{WireEvents, WireWitness};
pub(crate) use intent::{Intent, PaidIntent, intent, intent_envelope, paid_intent_envelope};
pub(crate) use ledger_entry::{LedgerEntry, ledger_entry, settlement_of, transaction_type, transaction_types};
pub(crate) use merchant::{NewMerchant, WireMerchant, merchant, new_merchant_envelope};
pub(crate) use milestone::{Deed, WireMilestone, milestone, milestone_envelope};
pub(crate) use operator::{Owned, Verification, WireJob, job, owned, verification};
pub(crate) use proof::{WireProof, proof, proof_envelope};
pub(crate) use refund::{WireRefund, refund, refund_envelope};
pub(crate) use request::{WireRequest, request, request_envelope};
use schema::{AnyObject, HashText, Money, Seconds, Single, object_of, status_of};
pub(crate) use settlement::{WireSettlement, settlement, settlement_envelope};
pub(crate) use site::{Reader, Site};
pub(crate) use test_clock::{WireClock, test_clock_envelope};
use time::{rfc3339, seconds_text};
pub(crate) use time::{rfc3339_text, year_and_month};
pub(crate) use webhook::{
    DeliveryWithBody, EndpointWithSecret, WireDelivery, WireEndpoint, delivery, delivery_envelope, delivery_with_body,
    endpoint, endpoint_envelope, secret_endpoint,
};

/// A field that clients expect and that this version never knows: `null`.
type NotYet = ();

/// A single object: what clients read of it at the top, and the whole of it in `data`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Single{T}", bound = "T: JsonSchema + Single")]
pub(crate) struct Envelope<'a, T> {
    id: String,
    #[schemars(schema_with = "object_of::<T>")]
    object: &'static str,
    #[schemars(schema_with = "status_of::<T>")]
    status: &'static str,
    data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AnyObject")]
    metadata: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    milestone_index: Option<u32>,
    created: i64,
    updated: i64,
}

impl<'a, T> Envelope<'a, T> {
    /// The same with more in `data`.
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Envelope<'a, U> {
        let Envelope { id, object, status, data, metadata, payment_url, milestone_index, created, updated } = self;
        Envelope { id, object, status, data: change(data), metadata, payment_url, milestone_index, created, updated }
    }
}

/// A page of a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub(crate) struct List<T> {
    #[schemars(extend("const" = "list"))]
    object: &'static str,
    data: Vec<T>,
    has_more: bool,
    url: String,
}

impl<T> List<T> {
    /// A page of the list at `url`.
    pub(crate) const fn new(data: Vec<T>, has_more: bool, url: String) -> List<T> {
        List { object: "list", data, has_more, url }
    }
}

/// The JSON text of a wire object.
pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|error| {
        // Only maps with keys that are no text and failing `Serialize` impls get here, and no wire type has either.
        tracing::error!(%error, "a wire object has no JSON form");
        b"null".to_vec()
    })
}

/// Metadata as it was sent; an empty object where none was, since clients reach into it without looking.
fn metadata_json(metadata: Option<&Metadata>) -> &RawValue {
    serde_json::from_str(metadata.map_or("{}", Metadata::json)).unwrap_or(RawValue::NULL)
}

/// A hash as chains write it.
fn hash_text(hash: Hash) -> HashText {
    HashText(format!("0x{hash}"))
}

fn money(amount: Amount) -> Money {
    Money(amount.to_string())
}

/// Minor units of a currency, as money.
fn minor_money(minor: i64, currency: escrow::Currency) -> Money {
    Money(escrow::money::decimal(minor, currency))
}

fn optional_seconds(time: Option<Timestamp>) -> Option<Seconds> {
    time.map(seconds_text)
}
