//! The hash chain over an intent's events: a changed, missing, inserted or cut-off event is found.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::event::Event;
use crate::id::EventId;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What the first event of an intent follows.
    pub const ZERO: Hash = Hash([0; 32]);

    /// A digest from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Hash {
        Hash(bytes)
    }

    /// The bytes of the digest.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash of an event: SHA-256 over the 32 bytes of the hash before it and the bytes of its stored body.
    #[must_use]
    pub fn following(self, body: &[u8]) -> Hash {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(body);
        Hash(hasher.finalize().into())
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("expected 64 hexadecimal digits");
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if !rest.is_empty() || pairs.len() != 32 {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high).ok_or_else(wrong)? * 16 + digit(*low).ok_or_else(wrong)?;
        }
        Ok(Hash(bytes))
    }
}

/// How many events an intent has, and the hash of the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// How many; also the sequence number of the last.
    pub count: u64,
    /// The hash of the last; [`Hash::ZERO`] before the first.
    pub head: Hash,
}

impl Chain {
    /// The chain of an intent without events.
    pub const EMPTY: Chain = Chain { count: 0, head: Hash::ZERO };

    /// The chain after an event with this stored body.
    #[must_use]
    pub fn followed_by(self, body: &[u8]) -> Chain {
        Chain { count: self.count + 1, head: self.head.following(body) }
    }
}

/// An event in its place: everything its body is made of besides the object it is about.
#[derive(Clone, Copy, Debug)]
pub struct Numbered<'a> {
    /// The event's id.
    pub id: EventId,
    /// Its place among the intent's events, from 1.
    pub sequence: u64,
    /// What happened.
    pub event: &'a Event,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_64_hexadecimal_digits_wherever_they_are_written() {
        let hash = Hash::from_bytes(std::array::from_fn(|place| u8::try_from(place * 7 + 0x1f).expect("below 256")));
        let text = hash.to_string();
        assert_eq!(&text[..8], "1f262d34");
        assert_eq!(format!("{hash:?}"), text);
        assert_eq!(serde_json::to_string(&hash).expect("a text"), format!("{text:?}"));
        assert_eq!(serde_json::from_str::<Hash>(&format!("{text:?}")).expect("a hash"), hash);
        let upper = text.to_uppercase();
        assert_eq!(serde_json::from_str::<Hash>(&format!("{upper:?}")).expect("a hash"), hash);
        for wrong in ["", &text[..62], &text[..63], &format!("{text}0"), &format!("{text}00"), &text.replace('f', "g")]
        {
            assert!(serde_json::from_str::<Hash>(&format!("{wrong:?}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_event_follows_the_one_before() {
        let first = Chain::EMPTY.followed_by(b"one");
        let second = first.followed_by(b"two");
        assert_eq!((first.count, second.count), (1, 2));
        // SHA-256 of 32 zero bytes and "one", as sha256sum has it.
        assert!(first.head.to_string().starts_with("4e233ba6ac7032d3894ecea5974fd96176e564b024af4574"));
        assert_eq!(second.head, first.head.following(b"two"));
    }
}
