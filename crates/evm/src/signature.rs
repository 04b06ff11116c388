//! Signatures of accounts, and whose they are.

use alloy_primitives::{Address, B256};
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};

/// Bytes of a signature: `r` and `s` of 32 each, and `v`.
const SIGNATURE_BYTES: usize = 65;

/// Why a text is not the expected account's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It does not start with `0x`.
    #[error("signature must start with 0x, followed by 130 hexadecimal digits (65 bytes: r, s, v)")]
    Prefix,
    /// It is too long or too short.
    #[error("signature must be 0x and 130 hexadecimal digits (65 bytes: r, s, v); it has {digits} after the 0x")]
    Length {
        /// How many characters follow the `0x`.
        digits: usize,
    },
    /// Something in it is no hexadecimal digit.
    #[error("signature must be 0x and 130 hexadecimal digits (65 bytes: r, s, v); it has other characters")]
    NotHex,
    /// The last byte says nothing.
    #[error("the last byte of the signature (v) must be 0, 1, 27 or 28; it is {v}")]
    V {
        /// The last byte.
        v: u8,
    },
    /// `r` or `s` is no number that a signature may have.
    #[error("r and s of the signature must be greater than zero and less than the order of secp256k1")]
    Range,
    /// `s` is the greater one of the two that are equally valid.
    #[error("s of the signature must be in the lower half of its range (EIP-2); wallets sign like this")]
    HighS,
    /// No account can have made it.
    #[error("no account can be recovered from the signature: r is not on the curve")]
    Unrecoverable,
    /// It is another account's, or one over something else: both look the same.
    #[error(
        "the signature is not the expected account's over the current typed data: over that it would be {signer}'s. \
         Either another account signed, or the terms may have changed since they were signed; \
         get the payment intent again and sign its typedData as it is"
    )]
    OtherSigner {
        /// Whose it would be.
        signer: Address,
    },
    /// It is another account's, or one over another act of the payer: both look the same.
    #[error(
        "the signature is not the expected account's over the {act} as it would be now: over that it would be {signer}'s. \
         Either another account signed, or what was signed differs from what was sent, or the order has changed since; \
         sign this {act} again, with what is sent and for the order as it is now"
    )]
    OtherAct {
        /// The name of the message, as wallets show it.
        act: &'static str,
        /// Whose it would be.
        signer: Address,
    },
}

/// The account whose signature over the digest this is. `text` is `0x` and 130 hexadecimal digits of either case: `r`, `s`, `v`.
/// A low `s` is demanded ([EIP-2](https://eips.ethereum.org/EIPS/eip-2)), so that nobody can make a second signature from
/// one that they saw.
///
/// # Errors
/// Why it is no signature; never [`SignatureError::OtherSigner`] or [`SignatureError::OtherAct`].
pub fn recover(text: &str, digest: B256) -> Result<Address, SignatureError> {
    let [r_and_s @ .., v] = decode(text)?;
    let y_is_odd = match v {
        0 | 27 => false,
        1 | 28 => true,
        v => return Err(SignatureError::V { v }),
    };
    let signature = Signature::from_bytes(&r_and_s.into()).map_err(|_| SignatureError::Range)?;
    if signature != signature.normalize_s() {
        return Err(SignatureError::HighS);
    }
    // The third bit of information, an x above the order of the curve, has no value of v.
    let id = RecoveryId::new(y_is_odd, false);
    let key = VerifyingKey::recover_from_prehash(digest.as_slice(), &signature, id);
    key.map(|key| address_of(&key)).map_err(|_| SignatureError::Unrecoverable)
}

/// Checks that this is the expected account's signature over the digest. [`Act::verify`](crate::Act::verify) does it for an act,
/// and has other advice when it is not.
///
/// # Errors
/// Why it is not; never [`SignatureError::OtherAct`].
pub fn verify(text: &str, digest: B256, expected: &escrow::Address) -> Result<(), SignatureError> {
    let signer = recover(text, digest)?;
    if is_account(signer, expected) { Ok(()) } else { Err(SignatureError::OtherSigner { signer }) }
}

/// Whether this is the expected account, however its address was written.
pub(crate) fn is_account(signer: Address, expected: &escrow::Address) -> bool {
    signer.to_string().eq_ignore_ascii_case(expected.as_str())
}

fn decode(text: &str) -> Result<[u8; SIGNATURE_BYTES], SignatureError> {
    let digits = text.strip_prefix("0x").ok_or(SignatureError::Prefix)?;
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != SIGNATURE_BYTES || !rest.is_empty() {
        return Err(SignatureError::Length { digits: digits.chars().count() });
    }
    let mut bytes = [0; SIGNATURE_BYTES];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (digit(*high)? << 4) | digit(*low)?;
    }
    Ok(bytes)
}

fn digit(byte: u8) -> Result<u8, SignatureError> {
    let value = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    value.ok_or(SignatureError::NotHex)
}

/// The last 20 bytes of the hash of the two coordinates.
fn address_of(key: &VerifyingKey) -> Address {
    let point = key.to_sec1_point(false);
    // The first byte of the encoding says that both coordinates follow.
    let coordinates = point.as_bytes().get(1..).unwrap_or_default();
    Address::from_word(alloy_primitives::keccak256(coordinates))
}
