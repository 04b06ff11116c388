//! API keys in headers, and idempotency keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{Keyring, key_kind};
use escrow::{KeyId, MerchantId, Mode, Owner, RawId, Timestamp};
use store::{KeyHolder, KeyKind};

use super::{head, lines};
use crate::http::auth::token;
use crate::http::idempotency::{self, MAX_KEY_CHARS};

/// A key is what the documentation calls one, and the same in every header that can carry it. An idempotency key is 1 to 255 visible
/// characters, sent once, with POST alone.
pub fn target(data: &[u8]) {
    let [own, authorization, idempotency] = lines(data);
    for headers in [
        vec![("x-api-key", own)],
        vec![("authorization", authorization)],
        vec![("x-api-key", own), ("authorization", authorization)],
    ] {
        let Some(parts) = head("GET", "/", &headers) else { continue };
        let Ok(token) = token(&parts.headers) else { continue };
        if !own.trim_ascii().is_empty() && headers.len() == 2 {
            assert_eq!(token.as_bytes(), own.trim_ascii(), "X-API-Key wins");
        }
        check_token(&token);
    }
    check_idempotency(idempotency);
}

fn check_token(text: &str) {
    let kind = key_kind(text).ok();
    assert_eq!(kind, documented(text), "{text:?}");
    let adopted = adopt(text);
    let Some(kind) = kind else { return assert!(adopted.is_none()) };
    let key = adopted.expect("a key");
    assert_eq!(key.kind, kind);
    assert!(key.last_four.len() == 4 && text.ends_with(&key.last_four), "{text}");
    let basic = |scheme: &str, pair: String| format!("{scheme} {}", STANDARD.encode(pair));
    for (name, value) in [
        ("x-api-key", text.to_owned()),
        ("X-Api-Key", format!(" {text} ")),
        ("authorization", format!("Bearer {text}")),
        ("authorization", format!("bEARER   {text}")),
        ("authorization", basic("Basic", format!("{text}:"))),
        ("authorization", basic("basic", text.to_owned())),
        ("authorization", basic("BASIC", format!("{text}:a:b"))),
    ] {
        let parts = head("GET", "/", &[(name, value.as_bytes())]).expect("a key can be sent");
        assert_eq!(token(&parts.headers).ok().as_deref(), Some(text), "{name}: {value}");
    }
}

fn adopt(text: &str) -> Option<store::ApiKey> {
    let raw = RawId::from_bits(1);
    let holder = KeyHolder::Owner(Owner { merchant: MerchantId::new(raw), mode: Mode::Sandbox });
    Keyring::new(&[7; 32]).adopt(text, KeyId::new(raw), holder, Timestamp::from_ms(0)).ok()
}

/// The kind of a key by its documented form.
fn documented(text: &str) -> Option<KeyKind> {
    let kinds = [
        ("sk_test_", KeyKind::Test),
        ("sk_hackathon_", KeyKind::Hackathon),
        ("sk_live_", KeyKind::Live),
        ("sk_admin_", KeyKind::Admin),
    ];
    let (secret, kind) = kinds.into_iter().find_map(|(prefix, kind)| Some((text.strip_prefix(prefix)?, kind)))?;
    let is_plain = secret.chars().all(|c| matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-'));
    (is_plain && secret.len() >= engine::MIN_SECRET_CHARS).then_some(kind)
}

fn check_idempotency(value: &[u8]) {
    let Some(parts) = head("POST", "/", &[("idempotency-key", value)]) else { return };
    let is_visible = value.iter().all(|byte| (0x21..=0x7e).contains(byte));
    let expected = (is_visible && (1..=MAX_KEY_CHARS).contains(&value.len())).then_some(value);
    let read = idempotency::key(&parts);
    match expected {
        Some(value) => assert_eq!(read.ok().flatten().as_deref().map(str::as_bytes), Some(value)),
        None => assert!(read.is_err(), "{value:?}"),
    }
    let get = head("GET", "/", &[("idempotency-key", value)]).expect("it could be sent");
    assert!(matches!(idempotency::key(&get), Ok(None)));
    let twice = head("POST", "/", &[("idempotency-key", value), ("idempotency-key", value)]);
    assert!(idempotency::key(&twice.expect("it could be sent")).is_err());
}
