//! A merchant.

use escrow::MerchantId;
use serde::Serialize;
use store::Merchant;

use super::api_key::KeyWithSecret;
use super::{Envelope, rfc3339};

/// What `object` says of a merchant.
const OBJECT: &str = "merchant";

/// A merchant has no other state.
const STATUS: &str = "active";

/// A merchant.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireMerchant<'a> {
    id: MerchantId,
    object: &'static str,
    status: &'static str,
    name: &'a str,
    created_at: String,
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
#[derive(Serialize)]
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
