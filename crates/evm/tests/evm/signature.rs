//! Who signed, and what is no signature.

use evm::{Address, B256, SignatureError, recover, verify};
use k256::ecdsa::SigningKey;
use proptest::prelude::*;

/// The order of secp256k1.
const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

/// The largest low `s`, half of the order rounded down, and the number after it.
const HALF: &str = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";
const HALF_AND_ONE: &str = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1";

const ONE: &str = "0000000000000000000000000000000000000000000000000000000000000001";
const ZERO: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The lowest number that is no `x` of a point of the curve.
const NOT_ON_CURVE: &str = "0000000000000000000000000000000000000000000000000000000000000005";

pub(crate) fn address(key: &SigningKey) -> Address {
    Address::from_raw_public_key(&key.verifying_key().to_sec1_point(false).as_bytes()[1..])
}

pub(crate) fn sent(address: Address) -> escrow::Address {
    address.to_string().parse().expect("an address")
}

pub(crate) fn sign(key: &SigningKey, digest: B256) -> [u8; 65] {
    let (signature, id) = key.sign_prehash_recoverable(digest.as_slice());
    let mut bytes = [0; 65];
    bytes[..64].copy_from_slice(&signature.to_bytes());
    bytes[64] = 27 + id.to_byte();
    bytes
}

pub(crate) fn text(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn what_is_no_signature_is_refused_with_the_reason() {
    let digest = B256::repeat_byte(0x42);
    let signature = |r: &str, s: &str, v: &str| format!("0x{r}{s}{v}");
    let good = signature(ONE, ONE, "1b");
    let length = |digits| Err(SignatureError::Length { digits });
    let v = |v| Err(SignatureError::V { v });
    assert!(recover(&good, digest).is_ok());
    for (what, text, expected) in [
        ("empty", String::new(), Err(SignatureError::Prefix)),
        ("no prefix", good[2..].to_owned(), Err(SignatureError::Prefix)),
        ("another prefix", good.replacen("0x", "0X", 1), Err(SignatureError::Prefix)),
        ("a space in front", format!(" {good}"), Err(SignatureError::Prefix)),
        ("only the prefix", "0x".to_owned(), length(0)),
        ("64 bytes", good[..130].to_owned(), length(128)),
        ("half a byte less", good[..131].to_owned(), length(129)),
        ("half a byte more", format!("{good}0"), length(131)),
        ("66 bytes", format!("{good}00"), length(132)),
        ("a line end", format!("{good}\n"), length(131)),
        ("no digits", format!("0x{}", "é".repeat(130)), length(130)),
        ("65 bytes, but letters", format!("0x{}", "é".repeat(65)), Err(SignatureError::NotHex)),
        ("one wrong digit", format!("{}g", &good[..131]), Err(SignatureError::NotHex)),
        ("a sign for a digit", good.replacen("0x0", "0x+", 1), Err(SignatureError::NotHex)),
        ("v = 2", signature(ONE, ONE, "02"), v(2)),
        ("v = 26", signature(ONE, ONE, "1a"), v(26)),
        ("v = 29", signature(ONE, ONE, "1d"), v(29)),
        ("v of EIP-155", signature(ONE, ONE, "25"), v(37)),
        ("v = 255", signature(ONE, ONE, "ff"), v(255)),
        ("r = 0", signature(ZERO, ONE, "1b"), Err(SignatureError::Range)),
        ("s = 0", signature(ONE, ZERO, "1b"), Err(SignatureError::Range)),
        ("r = order", signature(ORDER, ONE, "1b"), Err(SignatureError::Range)),
        ("s = order", signature(ONE, ORDER, "1b"), Err(SignatureError::Range)),
        ("r = 2^256 - 1", signature(&"f".repeat(64), ONE, "1b"), Err(SignatureError::Range)),
        ("high s", signature(ONE, HALF_AND_ONE, "1b"), Err(SignatureError::HighS)),
        ("r not on the curve", signature(NOT_ON_CURVE, ONE, "1b"), Err(SignatureError::Unrecoverable)),
    ] {
        assert_eq!(recover(&text, digest), expected, "{what}");
        assert_eq!(verify(&text, digest, &sent(Address::ZERO)), expected.map(|_| ()), "{what}");
    }
    assert!(recover(&signature(ONE, HALF, "1b"), digest).is_ok(), "the largest low s");
}

#[test]
fn a_point_at_infinity_is_nobodys() {
    // With s·R = z·G no key is left: R = G, so r is the x of G, and s = z.
    let r = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    let digest: B256 = ONE.parse().expect("a digest");
    assert_eq!(recover(&format!("0x{r}{ONE}1b"), digest), Err(SignatureError::Unrecoverable));
}

#[test]
fn messages_say_what_is_allowed() {
    let all = [
        (SignatureError::Prefix, "0x, followed by 130 hexadecimal digits"),
        (SignatureError::Length { digits: 128 }, "130 hexadecimal digits (65 bytes: r, s, v); it has 128"),
        (SignatureError::NotHex, "130 hexadecimal digits"),
        (SignatureError::V { v: 29 }, "must be 0, 1, 27 or 28; it is 29"),
        (SignatureError::Range, "greater than zero and less than the order"),
        (SignatureError::HighS, "lower half of its range (EIP-2)"),
        (SignatureError::Unrecoverable, "r is not on the curve"),
        (
            SignatureError::OtherSigner { signer: Address::repeat_byte(0xab) },
            "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB's. Either another account signed, or the terms may have changed",
        ),
        (
            SignatureError::OtherAct { act: "Approval", signer: Address::repeat_byte(0xab) },
            "the Approval as it would be now: over that it would be 0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB's. Either \
             another account signed, or what was signed differs from what was sent, or the order has changed since",
        ),
    ];
    for (error, part) in all {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn a_signature_is_one_whatever_the_case_and_the_v() {
    let key = SigningKey::from_slice(&[7; 32]).expect("a key");
    let digest = B256::repeat_byte(0x42);
    let mut bytes = sign(&key, digest);
    let expected = sent(address(&key));
    assert_eq!(verify(&text(&bytes), digest, &expected), Ok(()));
    assert_eq!(verify(&format!("0x{}", text(&bytes)[2..].to_uppercase()), digest, &expected), Ok(()));
    bytes[64] -= 27;
    assert_eq!(verify(&text(&bytes), digest, &expected), Ok(()));
    let lower = expected.as_str().to_lowercase().parse().expect("an address");
    assert_eq!(verify(&text(&bytes), digest, &lower), Ok(()));
}

/// Keys, from 32 bytes that are one.
fn keys() -> impl Strategy<Value = SigningKey> {
    any::<[u8; 32]>().prop_filter_map("not a key", |bytes| SigningKey::from_slice(&bytes).ok())
}

proptest! {
    #[test]
    fn whoever_signs_is_recovered(key in keys(), digest: [u8; 32]) {
        let digest = B256::from(digest);
        let signature = text(&sign(&key, digest));
        prop_assert_eq!(recover(&signature, digest), Ok(address(&key)));
        prop_assert_eq!(verify(&signature, digest, &sent(address(&key))), Ok(()));
    }

    #[test]
    fn somebody_else_is_named_but_not_accepted(key in keys(), other in keys(), digest: [u8; 32]) {
        prop_assume!(key != other);
        let digest = B256::from(digest);
        let refused = verify(&text(&sign(&other, digest)), digest, &sent(address(&key)));
        prop_assert_eq!(refused, Err(SignatureError::OtherSigner { signer: address(&other) }));
    }

    #[test]
    fn one_flipped_bit_makes_it_void(key in keys(), digest: [u8; 32], bit in 0_usize..65 * 8) {
        let digest = B256::from(digest);
        let mut bytes = sign(&key, digest);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify(&text(&bytes), digest, &sent(address(&key))).is_err());
    }

    #[test]
    fn one_flipped_bit_of_what_was_signed_makes_it_void(key in keys(), digest: [u8; 32], bit in 0_usize..256) {
        let signature = text(&sign(&key, B256::from(digest)));
        let mut other = digest;
        other[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify(&signature, B256::from(other), &sent(address(&key))).is_err());
    }

    #[test]
    fn the_twin_with_a_high_s_is_refused(key in keys(), digest: [u8; 32]) {
        let digest = B256::from(digest);
        let (signature, id) = key.sign_prehash_recoverable(digest.as_slice());
        let twin = k256::ecdsa::Signature::from_scalars(*signature.r(), -*signature.s()).expect("in range");
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&twin.to_bytes());
        bytes[64] = 27 + (id.to_byte() ^ 1);
        prop_assert_eq!(recover(&text(&bytes), digest), Err(SignatureError::HighS));
    }

    #[test]
    fn no_text_panics(text: String, digits in "0x[0-9a-fA-F]{130}", almost in "(0x)?[0-9a-gé]{120,140}", digest: [u8; 32]) {
        for text in [text.clone(), format!("0x{text}"), digits, almost] {
            let recovered = recover(&text, B256::from(digest));
            prop_assert_eq!(verify(&text, B256::from(digest), &sent(Address::ZERO)).is_err(), true);
            let is_other = matches!(recovered, Err(SignatureError::OtherSigner { .. }));
            prop_assert!(!is_other);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in any::<[u8; 32]>(), more in any::<[u8; 32]>(), v in 0_u8..30, digest: [u8; 32]) {
        let all: Vec<u8> = bytes.into_iter().chain(more).chain([v]).collect();
        let is_v = matches!(v, 0 | 1 | 27 | 28);
        let recovered = recover(&text(&all), B256::from(digest));
        prop_assert_eq!(matches!(recovered, Err(SignatureError::V { .. })), !is_v);
    }
}
