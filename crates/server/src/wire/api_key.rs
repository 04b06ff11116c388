//! An API key, without its text.

use engine::{KeyState, Made};
use escrow::{KeyId, MerchantId, Mode, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use store::{ApiKey, KeyHolder, KeyKind, Scopes};

use super::schema::{Id, Name, Named, Rfc3339, Single};
use super::{Envelope, rfc3339};

/// What `object` says of an API key.
const OBJECT: &str = "api_key";

/// What `scopes` says of a key that may do everything its holder may.
pub(crate) const ALL_SCOPES: &str = "*";

/// An API key.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ApiKey")]
pub(crate) struct WireKey<'a> {
    #[schemars(with = "Id<KeyId>")]
    id: KeyId,
    #[schemars(extend("const" = OBJECT))]
    object: &'static str,
    #[schemars(with = "Name<KeyState>")]
    status: &'static str,
    #[schemars(with = "Name<KeyKind>")]
    kind: &'static str,
    name: Option<&'a str>,
    #[schemars(with = "Option<Id<MerchantId>>")]
    merchant_id: Option<MerchantId>,
    /// `null` for the operator's, who sees both modes.
    livemode: Option<bool>,
    scopes: Vec<String>,
    last_four: &'a str,
    created_at: Rfc3339,
    expires_at: Option<Rfc3339>,
    revoked_at: Option<Rfc3339>,
    last_used_at: Option<Rfc3339>,
}

impl Single for WireKey<'_> {
    fn objects() -> Vec<&'static str> {
        vec![OBJECT]
    }

    fn statuses() -> Vec<&'static str> {
        KeyState::names()
    }
}

impl Single for KeyWithSecret<'_> {
    fn objects() -> Vec<&'static str> {
        vec![OBJECT]
    }

    fn statuses() -> Vec<&'static str> {
        KeyState::names()
    }
}

/// The wire form of a key as it is at this time.
pub(crate) fn api_key(key: &ApiKey, now: Timestamp) -> WireKey<'_> {
    let owner = match key.holder {
        KeyHolder::Owner(owner) => Some(owner),
        KeyHolder::Operator => None,
    };
    WireKey {
        id: key.id,
        object: OBJECT,
        status: KeyState::of(key, now).name(),
        kind: key.kind.name(),
        name: key.name.as_deref(),
        merchant_id: owner.map(|owner| owner.merchant),
        livemode: owner.map(|owner| owner.mode == Mode::Live),
        scopes: scopes(&key.scopes),
        last_four: &key.last_four,
        created_at: rfc3339(key.created),
        expires_at: key.expires.map(rfc3339),
        revoked_at: key.revoked.map(rfc3339),
        last_used_at: key.last_used.map(rfc3339),
    }
}

fn scopes(scopes: &Scopes) -> Vec<String> {
    match scopes {
        Scopes::Full => vec![ALL_SCOPES.to_owned()],
        Scopes::Only(scopes) => scopes.iter().map(ToString::to_string).collect(),
    }
}

/// A key with its text, which is shown this once.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyWithSecret<'a> {
    #[serde(flatten)]
    key: WireKey<'a>,
    /// `null` when the answer is given again.
    secret: Option<&'a str>,
    /// The key that this one is in the place of.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<WireKey<'a>>,
}

/// Whether a key's text is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secret {
    /// Now, and never again.
    Shown,
    /// It was shown before.
    Withheld,
}

/// The wire form of a key that was just made.
pub(crate) fn made_key<'a>(
    made: &'a Made,
    replaced: Option<&'a ApiKey>,
    secret: Secret,
    now: Timestamp,
) -> KeyWithSecret<'a> {
    KeyWithSecret {
        key: api_key(&made.key, now),
        secret: (secret == Secret::Shown).then_some(made.token.as_str()),
        replaced: replaced.map(|key| api_key(key, now)),
    }
}

/// A key as a single object.
pub(crate) fn key_envelope<T>(key: &ApiKey, data: T, now: Timestamp) -> Envelope<'static, T> {
    let changed = key.revoked.unwrap_or(key.created);
    Envelope {
        id: key.id.to_string(),
        object: OBJECT,
        status: KeyState::of(key, now).name(),
        data,
        metadata: None,
        payment_url: None,
        milestone_index: None,
        created: key.created.seconds(),
        updated: changed.seconds(),
    }
}
