//! A merchant.

use escrow::MerchantId;
use schemars::JsonSchema;
use serde::Serialize;
use store::Merchant;

use super::api_key::KeyWithSecret;
use super::schema::{Id, Rfc3339, Single};
use super::{Envelope, rfc3339};

/// What `object` says of a merchant.
const OBJECT: &str = "merchant";

/// A merchant has no other state.
const STATUS: &str = "active";

/// A merchant.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Merchant")]
pub(crate) struct WireMerchant<'a> {
    #[schemars(with = "Id<MerchantId>")]
    id: MerchantId,
    #[schemars(extend("const" = OBJECT))]
    object: &'static str,
    #[schemars(extend("const" = STATUS))]
    status: &'static str,
    name: &'a str,
    created_at: Rfc3339,
}

impl Single for WireMerchant<'_> {
    fn objects() -> Vec<&'static str> {
        vec![OBJECT]
    }

    fn statuses() -> Vec<&'static str> {
        vec![STATUS]
    }
}

impl Single for NewMerchant<'_> {
    fn objects() -> Vec<&'static str> {
        vec![OBJECT]
    }

    fn statuses() -> Vec<&'static str> {
        vec![STATUS]
    }
}

/// The wire form of a merchant.
pub(crate) fn merchant(merchant: &Merchant) -> WireMerchant<'_> {
    WireMerchant {
        id: merchant.id,
        object: OBJECT,
        status: STATUS,
        name: &merchant.name,
        created_at: rfc3339(merchant.created),
    }
}

/// A merchant who was just added, with the first key of its sandbox.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewMerchant<'a> {
    #[serde(flatten)]
    merchant: WireMerchant<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<KeyWithSecret<'a>>,
}

/// A new merchant as a single object.
pub(crate) fn new_merchant_envelope<'a>(
    added: &'a Merchant,
    key: Option<KeyWithSecret<'a>>,
) -> Envelope<'a, NewMerchant<'a>> {
    Envelope {
        id: added.id.to_string(),
        object: OBJECT,
        status: STATUS,
        data: NewMerchant { merchant: merchant(added), api_key: key },
        metadata: None,
        payment_url: None,
        milestone_index: None,
        created: added.created.seconds(),
        updated: added.created.seconds(),
    }
}
