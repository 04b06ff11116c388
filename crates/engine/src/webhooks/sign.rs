//! Signatures, by which whoever is called knows who calls, and that nothing was changed on the way.
//!
//! Two kinds: that of Standard Webhooks 1.0 (<https://www.standardwebhooks.com>) over id, time and body, and the one documented for
//! this API over the body alone.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use escrow::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What every secret begins with.
const PREFIX: &str = "whsec_";

/// Which version of Standard Webhooks' symmetric signatures this is.
const VERSION: &str = "v1";

/// Bytes of a secret of our own.
const OWN_BYTES: usize = 32;

/// The fewest and the most bytes of a secret, as Standard Webhooks has them.
const MIN_BYTES: usize = 24;
const MAX_BYTES: usize = 64;

/// The secret of a webhook endpoint, `whsec_` and base64. It cannot be logged.
#[derive(Clone)]
pub struct Secret {
    text: String,
    /// What the base64 stands for.
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// The text is not the secret of a webhook endpoint. What it is stays unsaid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret of webhooks is whsec_ and, in base64, {MIN_BYTES} to {MAX_BYTES} bytes")]
pub struct NotASecret;

impl FromStr for Secret {
    type Err = NotASecret;

    fn from_str(text: &str) -> Result<Secret, NotASecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(NotASecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NotASecret)?;
        if !(MIN_BYTES..=MAX_BYTES).contains(&bytes.len()) {
            return Err(NotASecret);
        }
        Ok(Secret { text: text.to_owned(), bytes })
    }
}

impl Secret {
    /// The secret that is made of these bytes, which nobody must be able to guess.
    #[must_use]
    pub fn generate(random: [u8; OWN_BYTES]) -> Secret {
        Secret { text: format!("{PREFIX}{}", STANDARD.encode(random)), bytes: random.to_vec() }
    }

    /// The whole secret, to be stored, or shown to the endpoint's owner.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// `v1,` and the signature of Standard Webhooks in base64: HMAC-SHA256 over `id.timestamp.body`, with the bytes of the secret as
    /// the key. `timestamp` is when the call is made; seconds are what is signed.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: Timestamp, body: &[u8]) -> String {
        let head = format!("{id}.{}.", timestamp.seconds());
        format!("{VERSION},{}", STANDARD.encode(mac(&self.bytes, &[head.as_bytes(), body])))
    }

    /// The signature documented for this API, in hexadecimal: HMAC-SHA256 over the body, with the whole text of the secret as the key.
    #[must_use]
    pub fn sign_body(&self, body: &[u8]) -> String {
        mac(self.text.as_bytes(), &[body]).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The headers by which a call is known: id and time, which are signed with the body, and the signatures. `former` is the secret that
/// `current` has taken the place of, as long as both are accepted; only Standard Webhooks has room for it.
#[must_use]
pub fn signed_headers(
    id: &str,
    timestamp: Timestamp,
    body: &[u8],
    current: &Secret,
    former: Option<&Secret>,
) -> [(&'static str, String); 5] {
    let signatures = std::iter::once(current).chain(former).map(|secret| secret.sign(id, timestamp, body));
    let of_body = current.sign_body(body);
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.seconds().to_string()),
        ("webhook-signature", signatures.collect::<Vec<_>>().join(" ")),
        ("finternet-signature", of_body.clone()),
        ("x-finternet-signature", of_body),
    ]
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the specification of Standard Webhooks; the last value was computed with Python's `hmac`.
    const SPECIFIED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn parse(text: &str) -> Secret {
        text.parse().expect("a secret")
    }

    #[test]
    fn signatures_are_those_of_the_specification() {
        let secret = parse(SPECIFIED);
        let time = Timestamp::from_ms(1_614_265_330_999);
        assert_eq!(
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time, BODY),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert_eq!(secret.sign_body(BODY), "80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c");
    }

    #[test]
    fn everything_that_is_signed_counts() {
        let secret = parse(SPECIFIED);
        let time = Timestamp::from_ms(1_614_265_330_000);
        let signature = secret.sign("evt_1", time, BODY);
        for other in [
            secret.sign("evt_2", time, BODY),
            secret.sign("evt_1", Timestamp::from_ms(1_614_265_331_000), BODY),
            secret.sign("evt_1", time, b"{}"),
            Secret::generate([1; OWN_BYTES]).sign("evt_1", time, BODY),
        ] {
            assert_ne!(other, signature);
        }
        assert_ne!(secret.sign_body(BODY), secret.sign_body(b"{}"));
        assert_ne!(secret.sign_body(BODY), Secret::generate([1; OWN_BYTES]).sign_body(BODY));
    }

    #[test]
    fn while_two_secrets_are_accepted_both_sign() {
        let (new, old) = (parse(SPECIFIED), Secret::generate([1; OWN_BYTES]));
        let time = Timestamp::from_ms(1_614_265_330_000);
        let headers = signed_headers("evt_1", time, BODY, &new, Some(&old));
        let both = format!("{} {}", new.sign("evt_1", time, BODY), old.sign("evt_1", time, BODY));
        assert_eq!(
            headers,
            [
                ("webhook-id", "evt_1".to_owned()),
                ("webhook-timestamp", "1614265330".to_owned()),
                ("webhook-signature", both),
                ("finternet-signature", new.sign_body(BODY)),
                ("x-finternet-signature", new.sign_body(BODY)),
            ]
        );
        let alone = signed_headers("evt_1", time, BODY, &new, None);
        assert_eq!(alone[2].1, new.sign("evt_1", time, BODY));
    }

    #[test]
    fn what_was_made_is_read_again_and_signs_the_same() {
        let made = Secret::generate([0xfb; OWN_BYTES]);
        let read = parse(made.reveal());
        assert_eq!(read.reveal(), made.reveal());
        let time = Timestamp::from_ms(0);
        assert_eq!(read.sign("evt_1", time, BODY), made.sign("evt_1", time, BODY));
    }

    #[test]
    fn what_is_no_secret_is_refused_and_never_repeated() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for text in [of(MIN_BYTES), of(MAX_BYTES)] {
            assert!(text.parse::<Secret>().is_ok(), "{text}");
        }
        for text in [
            of(MIN_BYTES - 1),
            of(MAX_BYTES + 1),
            String::new(),
            "whsec_".to_owned(),
            SPECIFIED.replace("whsec_", ""),
            SPECIFIED.replace("whsec_", "sk_test_"),
            SPECIFIED.replace('M', " "),
            format!("{SPECIFIED}\n"),
            "whsec_not base64 but long enough to be so".to_owned(),
        ] {
            assert_eq!(text.parse::<Secret>().err(), Some(NotASecret), "{text}");
        }
        assert_eq!(format!("{:?}", parse(SPECIFIED)), "Secret");
        assert!(!NotASecret.to_string().contains("MfKQ"));
    }
}
