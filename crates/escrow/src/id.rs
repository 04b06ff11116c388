//! Ids: 128 bits, time-ordered and unguessable, shown as a prefix and 22 base62 digits.
//!
//! The domain never makes up an id: fresh ones come from the [`Ids`] of its context.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Base62 digits in ASCII order, so that the texts of ids sort like the ids.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Digits of an id's text: the fewest that hold 128 bits.
const TEXT_DIGITS: usize = 22;

/// So many digits at a time are reckoned with in 64 bits, which is many times as fast as in 128.
const WORD_DIGITS: usize = 10;

/// How many numbers have so many digits.
const WORD: u64 = 62_u64.pow(10);

/// The value of a digit.
fn digit(byte: u8) -> Option<u64> {
    match byte {
        b'0'..=b'9' => Some(u64::from(byte - b'0')),
        b'A'..=b'Z' => Some(u64::from(byte - b'A') + 10),
        b'a'..=b'z' => Some(u64::from(byte - b'a') + 36),
        _ => None,
    }
}

/// The 128 bits of an id. The upper 48 are the milliseconds of its making, so that ids grow with time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawId(u128);

impl RawId {
    /// The id with these bits.
    #[must_use]
    pub const fn from_bits(bits: u128) -> RawId {
        RawId(bits)
    }

    /// The bits of the id.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// The id as 16 bytes, big-endian, so that they sort like the id.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The id of 16 big-endian bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> RawId {
        RawId(u128::from_be_bytes(bytes))
    }

    fn from_digits(digits: &str) -> Option<RawId> {
        if digits.len() != TEXT_DIGITS {
            return None;
        }
        // From behind, since the words of the text are.
        digits
            .as_bytes()
            .rchunks(WORD_DIGITS)
            .rev()
            .try_fold(0_u128, |bits, digits| {
                let word = digits.iter().try_fold(0_u64, |word, byte| Some(word * 62 + digit(*byte)?))?;
                bits.checked_mul(WORD.into())?.checked_add(word.into())
            })
            .map(RawId)
    }
}

impl fmt::Display for RawId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'0'; TEXT_DIGITS];
        let mut rest = self.0;
        for places in text.rchunks_mut(WORD_DIGITS) {
            let mut word = u64::try_from(rest % u128::from(WORD)).unwrap_or(0);
            rest /= u128::from(WORD);
            for place in places.iter_mut().rev() {
                // The remainder of a division by 62 always is an index of DIGITS.
                *place = DIGITS[usize::try_from(word % 62).unwrap_or(0)];
                word /= 62;
            }
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for RawId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where fresh ids come from. No two calls may return the same id, and later ones are greater.
pub trait Ids {
    /// A fresh id.
    fn next(&self) -> RawId;
}

/// The text is not an id of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an id that starts with {prefix:?}")]
pub struct IdError {
    prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(RawId);

        impl $name {
            /// What the text of every id of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// The id with these bits.
            #[must_use]
            pub const fn new(raw: RawId) -> $name {
                $name(raw)
            }

            /// The bits of the id.
            #[must_use]
            pub const fn raw(self) -> RawId {
                self.0
            }

            /// A fresh id.
            #[must_use]
            pub fn fresh(ids: &dyn Ids) -> $name {
                $name(ids.next())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<$name, IdError> {
                text.strip_prefix($prefix)
                    .and_then(RawId::from_digits)
                    .map($name)
                    .ok_or(IdError { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A payment intent, and with it everything about its money.
    IntentId = "intent_";
    /// The escrow order of an intent.
    OrderId = "escrow_order_";
    /// A milestone of an order.
    MilestoneId = "milestone_";
    /// A delivery proof.
    ProofId = "delivery_proof_";
    /// A dispute.
    DisputeId = "dispute_";
    /// One attempt to pay an intent.
    PaymentId = "payment_";
    /// One payment from payable to the payee's bank.
    SettlementId = "settlement_";
    /// One payment back to the payer.
    RefundId = "refund_";
    /// One movement between two accounts of the ledger.
    TransferId = "transfer_";
    /// One event.
    EventId = "evt_";
    /// A webhook endpoint.
    EndpointId = "we_";
    /// An event that a webhook endpoint is told.
    DeliveryId = "wd_";
    /// A merchant.
    MerchantId = "merchant_";
    /// An API key (not its secret).
    KeyId = "key_";
    /// One HTTP request.
    RequestId = "req_";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_read_back_and_sort_like_their_ids(one: u128, other: u128) {
            let (one, other) = (IntentId::new(RawId(one)), IntentId::new(RawId(other)));
            prop_assert_eq!(one.to_string().parse(), Ok(one));
            prop_assert_eq!(one.to_string().cmp(&other.to_string()), one.cmp(&other));
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "intent_",
            "intent_0",
            "milestone_0000000000000000000000",
            "intent_000000000000000000000-",
            "intent_00000000000000000000000",
            "intent_zzzzzzzzzzzzzzzzzzzzzz", // more than 128 bits
            "intent_é00000000000000000000",
        ] {
            assert!(text.parse::<IntentId>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_id_is_its_bits_its_bytes_and_its_text() {
        let bytes = std::array::from_fn(|place| u8::try_from(place + 1).expect("below 17"));
        let id = RawId::from_bits(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
        assert_eq!((id.bits(), id.to_bytes()), (0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10, bytes));
        assert_eq!(RawId::from_bytes(bytes), id);
        assert_eq!(RawId::from_bits(62 * 61 + 10).to_string(), "00000000000000000000zA");
        assert_eq!(format!("{id:?}"), id.to_string());
        assert_eq!(format!("{:?}", IntentId::new(id)), format!("intent_{id}"));
    }
}
