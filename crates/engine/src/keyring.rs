//! Keyed hashes: of API keys and payers' tokens, which are stored only so, and of requests, which idempotency compares.

use escrow::{EndpointId, Hash, KeyId, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use store::{ApiKey, KeyHolder, KeyKind, Scopes};

use crate::host::Host;
use crate::webhooks::Secret;

/// Characters of a secret; 32 of them carry 190 bits.
const SECRET_CHARS: usize = 32;

/// The fewest characters of a secret that somebody brings along.
pub const MIN_SECRET_CHARS: usize = 8;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The gateway's own secret, which keys every hash that it stores.
#[derive(Clone)]
pub struct Keyring {
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring")
    }
}

/// The text is not an API key: `sk_{test|live|hackathon|admin}_{secret}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an API key looks like sk_test_…, sk_hackathon_…, sk_live_… or sk_admin_…, with at least {MIN_SECRET_CHARS} letters, \
     digits, dashes or underscores after it"
)]
pub struct NotAKey;

impl Keyring {
    /// A keyring with this secret.
    #[must_use]
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    pub fn new(secret: &[u8; 32]) -> Keyring {
        Keyring { mac: Hmac::new_from_slice(secret).expect("HMAC takes keys of any length") }
    }

    /// The keyed hash under which an API key is stored.
    #[must_use]
    pub fn hash_key(&self, token: &str) -> [u8; 32] {
        self.hash("api key", &[token.as_bytes()])
    }

    /// The keyed hash under which a payer's token is stored.
    #[must_use]
    pub fn hash_payer_token(&self, token: &str) -> Hash {
        Hash::from_bytes(self.hash("payer token", &[token.as_bytes()]))
    }

    /// A new token, by which whoever paid by card acts later.
    #[must_use]
    pub fn mint_payer_token(&self, host: &dyn Host) -> String {
        format!("payer_{}", secret(host))
    }

    /// What tells one request from another under the same idempotency key: its method, path without the version, query and body.
    #[must_use]
    pub fn fingerprint(&self, parts: &[&[u8]]) -> Hash {
        Hash::from_bytes(self.hash("request", parts))
    }

    /// What tells this secret from others, and nothing more about it: gateways that share a store must have the same.
    #[must_use]
    pub fn secret_fingerprint(&self) -> [u8; 32] {
        self.hash("gateway secret", &[])
    }

    /// One of the secrets of a webhook endpoint, counted from 1. It follows from the gateway's own, so that it is stored nowhere.
    #[must_use]
    pub fn webhook_secret(&self, endpoint: EndpointId, number: u32) -> Secret {
        Secret::generate(self.hash("webhook secret", &[&endpoint.raw().to_bytes(), &number.to_be_bytes()]))
    }

    /// The key that seals the sessions of people who are signed in.
    #[must_use]
    pub fn session_key(&self) -> [u8; 32] {
        self.hash("session", &[])
    }

    /// What a form of a session carries, so that nothing but its own pages can have made it.
    #[must_use]
    pub fn form_token(&self, session: &str) -> [u8; 32] {
        self.hash("form", &[session.as_bytes()])
    }

    /// A text that nobody can guess, of letters and digits.
    #[must_use]
    pub fn mint_text(host: &dyn Host) -> String {
        secret(host)
    }

    /// A new API key and its text, which is nowhere else.
    #[must_use]
    pub fn mint(&self, host: &dyn Host, id: KeyId, kind: KeyKind, holder: KeyHolder) -> (ApiKey, String) {
        let token = format!("sk_{}_{}", kind.name(), secret(host));
        (describe(&token, id, kind, holder, host.now()), token)
    }

    /// A key record for a text that somebody brought along.
    ///
    /// # Errors
    /// When the text is no API key of this kind.
    pub fn adopt(&self, token: &str, id: KeyId, holder: KeyHolder, now: Timestamp) -> Result<ApiKey, NotAKey> {
        let kind = key_kind(token)?;
        Ok(describe(token, id, kind, holder, now))
    }

    /// Each part is hashed behind its length, so that no two lists of parts look alike.
    fn hash(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// The kind of key that a text is.
///
/// # Errors
/// When it is none.
pub fn key_kind(token: &str) -> Result<KeyKind, NotAKey> {
    let (kind, secret) = token.strip_prefix("sk_").and_then(|rest| rest.split_once('_')).ok_or(NotAKey)?;
    let is_plain = secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if secret.len() < MIN_SECRET_CHARS || !is_plain {
        return Err(NotAKey);
    }
    KeyKind::from_name(kind).ok_or(NotAKey)
}

fn describe(token: &str, id: KeyId, kind: KeyKind, holder: KeyHolder, now: Timestamp) -> ApiKey {
    let last_four = token.get(token.len().saturating_sub(4)..).unwrap_or_default().to_owned();
    let (name, scopes) = (None, Scopes::Full);
    ApiKey { id, kind, holder, name, scopes, last_four, created: now, expires: None, revoked: None, last_used: None }
}

/// Base62 characters from random bytes; those that would favour some characters are drawn again.
fn secret(host: &dyn Host) -> String {
    let mut secret = String::with_capacity(SECRET_CHARS);
    while secret.len() < SECRET_CHARS {
        let mut bytes = [0; SECRET_CHARS];
        host.random(&mut bytes);
        let fair = bytes.into_iter().filter_map(|byte| BASE62.get(usize::from(byte >> 2)).copied());
        secret.extend(fair.map(char::from).take(SECRET_CHARS - secret.len()));
    }
    secret
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ManualHost;

    #[test]
    fn what_is_a_key() {
        assert_eq!(key_kind("sk_test_abcdefgh"), Ok(KeyKind::Test));
        assert_eq!(key_kind("sk_hackathon_abc_def-1"), Ok(KeyKind::Hackathon));
        for text in
            ["", "sk_", "sk_test_", "sk_test_short", "sk_other_abcdefgh", "pk_test_abcdefgh", "sk_test_abc defgh"]
        {
            assert_eq!(key_kind(text), Err(NotAKey), "{text}");
        }
    }

    #[test]
    fn a_payer_token_is_told_from_everything_else() {
        let (keyring, host) = (Keyring::new(&[7; 32]), ManualHost::at_ms(0));
        let tokens = [keyring.mint_payer_token(&host), keyring.mint_payer_token(&host)];
        assert_ne!(tokens[0], tokens[1]);
        for token in tokens {
            let secret = token.strip_prefix("payer_").expect("the prefix");
            assert!(secret.len() >= SECRET_CHARS && secret.bytes().all(|byte| BASE62.contains(&byte)), "{token}");
            let hash = keyring.hash_payer_token(&token);
            assert_eq!(hash, keyring.hash_payer_token(&token));
            assert_ne!(hash, Hash::from_bytes(keyring.hash_key(&token)));
            assert_ne!(hash, keyring.fingerprint(&[token.as_bytes()]));
            assert_ne!(hash, Keyring::new(&[8; 32]).hash_payer_token(&token));
        }
    }

    #[test]
    fn a_secret_is_told_from_others_by_what_is_used_for_nothing_else() {
        let keyring = Keyring::new(&[7; 32]);
        let fingerprint = keyring.secret_fingerprint();
        assert_eq!(fingerprint, Keyring::new(&[7; 32]).secret_fingerprint());
        assert_ne!(fingerprint, Keyring::new(&[8; 32]).secret_fingerprint());
        assert_ne!(fingerprint, [7; 32]);
        for text in ["", "gateway secret"] {
            assert_ne!(fingerprint, keyring.hash_key(text));
            assert_ne!(Hash::from_bytes(fingerprint), keyring.hash_payer_token(text));
            assert_ne!(Hash::from_bytes(fingerprint), keyring.fingerprint(&[text.as_bytes()]));
        }
        assert_ne!(Hash::from_bytes(fingerprint), keyring.fingerprint(&[]));
    }

    #[test]
    fn parts_are_told_apart() {
        let keyring = Keyring::new(&[7; 32]);
        assert_ne!(keyring.fingerprint(&[b"ab", b"c"]), keyring.fingerprint(&[b"a", b"bc"]));
        assert_ne!(keyring.fingerprint(&[b"a"]), Keyring::new(&[8; 32]).fingerprint(&[b"a"]));
    }
}
