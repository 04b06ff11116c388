//! `POST /api-keys`

use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::{Act, NewKey};
use escrow::{MerchantId, Mode, Owner, Timestamp};
use serde_json::json;
use store::{Area, KeyHolder, KeyKind, Scope, Scopes};

use crate::gateway::Gateway;
use crate::http::acts::{perform, shown};
use crate::http::auth::Admitted;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, Limit, Read};
use crate::http::openapi::{Field, Operation, field};
use crate::wire::{self, ALL_SCOPES};

/// The longest name of a key, in characters.
const MAX_NAME_CHARS: usize = 200;

/// How long a key may live, in seconds: up to ten years.
const LIFETIME_S: RangeInclusive<i64> = 1..=10 * 365 * 24 * 3600;

/// For which kinds the operator makes keys.
const KINDS: [KeyKind; 3] = [KeyKind::Test, KeyKind::Live, KeyKind::Admin];

/// The most scopes that a key can name.
const MAX_SCOPES: usize = 2 * Area::ALL.len();

fn scopes_kind() -> field::Kind {
    let scopes: Vec<String> = Scope::all().map(|scope| scope.to_string()).collect();
    field::choices_or(ALL_SCOPES, MAX_SCOPES, &scopes)
}

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("createApiKey", "Make an API key")
        .about("For the holder of the key that asks, in its mode; the operator says for whom. Its text is shown this once.")
        .body(vec![
            Field::required("name", field::line(Limit::Chars(MAX_NAME_CHARS)), "What it is called, for people."),
            Field::optional("kind", field::choice(&KINDS.map(KeyKind::name)), "For the operator: what kind of key."),
            Field::optional("merchantId", field::id::<MerchantId>(), "For the operator: whose key; nobody's, for an admin key."),
            Field::optional("scopes", scopes_kind(), "What it may do; everything, where nothing is said or `*` stands alone."),
            Field::optional("expiresIn", field::span(&LIFETIME_S), "After how many seconds it ends, or such as `30d`."),
        ])
        .makes::<wire::KeyWithSecret<'static>>()
        .example(json!({ "name": "Nightly export", "scopes": ["account:read", "settlements:read"], "expiresIn": "90d" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    sent: Sent,
) -> Result<Response, ApiError> {
    let new = read(&sent.fields(), &asker, gateway.engine.host().now())?;
    let show = shown(&gateway);
    perform(&gateway, &asker, (Act::CreateKey(new), sent.idempotency), StatusCode::CREATED, show).await
}

fn read(fields: &Fields<'_>, asker: &Admitted, now: Timestamp) -> Read<NewKey> {
    let (holder, kind) = match asker.key.holder {
        KeyHolder::Owner(owner) => (KeyHolder::Owner(owner), own_kind(fields, owner)?),
        KeyHolder::Operator => for_whom(fields)?,
    };
    let scopes = scopes(fields)?;
    if holder == KeyHolder::Operator && scopes != Scopes::Full {
        return Err(fields.wrong("scopes", "must be left out: an admin key is not limited"));
    }
    let name = fields.line("name", Limit::Chars(MAX_NAME_CHARS))?;
    Ok(NewKey {
        holder,
        kind,
        name: Some(fields.required("name", name)?.to_owned()),
        scopes,
        expires: fields.span("expiresIn", &LIFETIME_S)?.map(|lifetime| now.after(lifetime)),
    })
}

const fn of_mode(mode: Mode) -> KeyKind {
    match mode {
        Mode::Sandbox => KeyKind::Test,
        Mode::Live => KeyKind::Live,
    }
}

/// What kind of key a merchant makes: one of its own mode, for itself. It need not say so, and may say nothing else.
fn own_kind(fields: &Fields<'_>, owner: Owner) -> Read<KeyKind> {
    let own = of_mode(owner.mode);
    let kind = fields.choice("kind", &KINDS, KeyKind::name)?;
    if kind.is_some_and(|kind| kind != own) {
        return Err(fields.wrong("kind", format!("must be {}: a key makes keys of its own mode", own.name())));
    }
    let merchant: Option<MerchantId> = fields.id("merchantId", "merchant")?;
    if merchant.is_some_and(|merchant| merchant != owner.merchant) {
        return Err(fields.wrong("merchantId", "must be your own, or be left out"));
    }
    Ok(own)
}

/// For whom the operator makes a key.
fn for_whom(fields: &Fields<'_>) -> Read<(KeyHolder, KeyKind)> {
    let kind = fields.required("kind", fields.choice("kind", &KINDS, KeyKind::name)?)?;
    let merchant: Option<MerchantId> = fields.id("merchantId", "merchant")?;
    let holder = match kind.mode() {
        Some(mode) => KeyHolder::Owner(Owner { merchant: fields.required("merchantId", merchant)?, mode }),
        None if merchant.is_some() => {
            return Err(fields.wrong("merchantId", "must be left out: an admin key acts for no merchant"));
        }
        None => KeyHolder::Operator,
    };
    Ok((holder, kind))
}

/// What the key may do: everything, where nothing else is said.
fn scopes(fields: &Fields<'_>) -> Read<Scopes> {
    const NAME: &str = "scopes";
    let Some(texts) = fields.texts(NAME, MAX_SCOPES)? else { return Ok(Scopes::Full) };
    if texts == [ALL_SCOPES] {
        return Ok(Scopes::Full);
    }
    if texts.is_empty() {
        return Err(fields.wrong(NAME, "must name one scope at least, or be left out for a key that may do everything"));
    }
    let parsed = texts
        .iter()
        .map(|text| text.parse::<Scope>().map_err(|error| fields.wrong(NAME, format!("must list scopes; {error}"))));
    Ok(Scopes::Only(parsed.collect::<Read<_>>()?))
}
