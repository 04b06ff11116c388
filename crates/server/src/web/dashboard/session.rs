//! Who is signed in: the API key itself, sealed in a cookie. Nothing is kept here, so that any gateway of the store knows the session, and a
//! key that is revoked ends it.

use axum::http::HeaderValue;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::{Host, Keyring, key_kind};
use escrow::{Span, Timestamp};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use store::KeyKind;

use crate::web::Pages;
use crate::web::cookie::{self, Cookie, SameSite};

/// How long somebody stays signed in.
pub(super) const LIFETIME: Span = Span::from_seconds(12 * 3600);

/// The cookie, and what it is called where browsers hold it to TLS, this host and every path (RFC 6265bis, "__Host-").
const NAMES: [&str; 2] = ["milepost_session", "__Host-milepost_session"];

/// What is sealed along: a text that was sealed for something else is no session.
const PURPOSE: &[u8] = b"milepost session 1";

/// Bytes of the time at which a session ends.
const TIME_LEN: usize = 8;

/// Somebody who is signed in.
#[derive(Clone)]
pub(super) struct Session {
    key: String,
    kind: KeyKind,
    /// The token that every form of the session carries, so that nobody else's form is taken for one of its.
    pub(super) form_token: String,
}

impl Session {
    /// The API key that somebody signed in with.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// As much of the key as may be shown.
    pub(super) fn shown_key(&self) -> String {
        let last_four = self.key.get(self.key.len().saturating_sub(4)..).unwrap_or_default();
        format!("sk_{}_…{last_four}", self.kind.name())
    }

    /// Whoever a cookie of a request says: the first that was sealed here and has not ended.
    pub(super) fn of(parts: &Parts, pages: &Pages) -> Option<Session> {
        let (keyring, now) = (&pages.gateway.keyring, pages.gateway.engine.host().now());
        cookie::sent(parts, name(pages)).find_map(|sealed| {
            let key = open(keyring, now, sealed)?;
            let kind = key_kind(&key).ok()?;
            Some(Session { key, kind, form_token: URL_SAFE_NO_PAD.encode(keyring.form_token(sealed)) })
        })
    }
}

/// The header that signs somebody in with a key; `None` where the key is too long to be one.
pub(super) fn begin(pages: &Pages, key: &str) -> Option<HeaderValue> {
    let host = pages.gateway.engine.host();
    let sealed = seal(&pages.gateway.keyring, host.as_ref(), key)?;
    cookie(pages).set_for(&sealed, LIFETIME.seconds())
}

/// The header that signs somebody out.
pub(super) fn end(pages: &Pages) -> Option<HeaderValue> {
    cookie(pages).set_for("", 0)
}

fn is_secure(pages: &Pages) -> bool {
    pages.gateway.settings.public_url.starts_with("https:")
}

fn name(pages: &Pages) -> &'static str {
    let [plain, host_only] = NAMES;
    if is_secure(pages) { host_only } else { plain }
}

fn cookie(pages: &Pages) -> Cookie<'static> {
    Cookie { name: name(pages), path: "/", is_secure: is_secure(pages), same_site: SameSite::Strict }
}

fn sealing_key(keyring: &Keyring) -> Option<LessSafeKey> {
    Some(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &keyring.session_key()).ok()?))
}

/// A nonce, then the end of the session and the key, sealed. The nonces are random: 96 bits, for as many sessions as somebody signs in.
fn seal(keyring: &Keyring, host: &dyn Host, key: &str) -> Option<String> {
    let mut nonce = [0; NONCE_LEN];
    host.random(&mut nonce);
    let mut text = host.now().after(LIFETIME).ms().to_be_bytes().to_vec();
    text.extend_from_slice(key.as_bytes());
    let sealing = sealing_key(keyring)?;
    sealing.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(PURPOSE), &mut text).ok()?;
    Some(URL_SAFE_NO_PAD.encode([&nonce[..], &text].concat()))
}

fn open(keyring: &Keyring, now: Timestamp, sealed: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>()?;
    let mut text = text.to_vec();
    let opened = sealing_key(keyring)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(PURPOSE), &mut text)
        .ok()?;
    let (end, key) = opened.split_first_chunk::<TIME_LEN>()?;
    let is_over = i64::from_be_bytes(*end) <= now.ms();
    String::from_utf8(key.to_vec()).ok().filter(|_| !is_over)
}

#[cfg(test)]
mod tests {
    use engine::testing::ManualHost;

    use super::*;

    const KEY: &str = "sk_test_abcdefgh";

    fn keyring() -> Keyring {
        Keyring::new(&[7; 32])
    }

    #[test]
    fn a_session_ends_after_its_time() {
        let host = ManualHost::at_ms(1_000_000);
        let sealed = seal(&keyring(), &host, KEY).expect("sealed");
        let end = host.now().after(LIFETIME);
        assert_eq!(open(&keyring(), host.now(), &sealed).as_deref(), Some(KEY));
        assert_eq!(open(&keyring(), Timestamp::from_ms(end.ms() - 1), &sealed).as_deref(), Some(KEY));
        assert_eq!(open(&keyring(), end, &sealed), None);
    }

    #[test]
    fn nothing_of_the_key_can_be_read_and_no_two_are_alike() {
        let host = ManualHost::at_ms(0);
        let (one, other) =
            (seal(&keyring(), &host, KEY).expect("sealed"), seal(&keyring(), &host, KEY).expect("sealed"));
        assert_ne!(one, other);
        let bytes = URL_SAFE_NO_PAD.decode(&one).expect("base64");
        assert!(!bytes.windows(4).any(|window| window == b"abcd"));
    }

    #[test]
    fn what_was_tampered_with_is_no_session() {
        let host = ManualHost::at_ms(0);
        let sealed = URL_SAFE_NO_PAD.decode(seal(&keyring(), &host, KEY).expect("sealed")).expect("base64");
        for place in 0..sealed.len() {
            let mut other = sealed.clone();
            other[place] ^= 1;
            assert_eq!(open(&keyring(), host.now(), &URL_SAFE_NO_PAD.encode(other)), None, "byte {place}");
        }
        for length in 0..sealed.len() {
            assert_eq!(
                open(&keyring(), host.now(), &URL_SAFE_NO_PAD.encode(&sealed[..length])),
                None,
                "{length} bytes"
            );
        }
        assert_eq!(open(&keyring(), host.now(), "not base64!"), None);
    }

    #[test]
    fn another_gateways_session_is_none_here() {
        let host = ManualHost::at_ms(0);
        let sealed = seal(&keyring(), &host, KEY).expect("sealed");
        assert_eq!(open(&Keyring::new(&[8; 32]), host.now(), &sealed), None);
    }
}
