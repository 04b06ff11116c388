//! Signatures, addresses, and what wallets are shown.

use std::array;

use escrow::{Address, IntentId, RawId};
use evm::{Act, B256, Domain, SignatureError, U256, recover, verify};

use super::lines;

const DIGEST_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 65;

/// What the last byte of a signature may be (EIP-155 is for transactions alone).
const ALL_V: [u8; 4] = [0, 1, 27, 28];

/// The order of secp256k1 (SEC 2 §2.4.1).
const ORDER: [u64; 4] = [0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, 0xffff_ffff_ffff_ffff];

/// A signature that is taken is `r`, a low `s` and `v`, and the only one of its account over the digest that can be made from it; an
/// address is 20 bytes of hexadecimal; what a wallet is shown is what it signs. The first 32 bytes are a digest, the others a signature
/// as bytes and as text.
pub fn target(data: &[u8]) {
    let (digest, rest) = data.split_at(data.len().min(DIGEST_BYTES));
    let digest = B256::from(array::from_fn(|place| digest.get(place).copied().unwrap_or_default()));
    let bytes: [u8; SIGNATURE_BYTES] = array::from_fn(|place| rest.get(place).copied().unwrap_or_default());
    check_signature(&written(bytes), digest);
    // Most of the last bytes say nothing.
    check_signature(&written(with_v(bytes, ALL_V[usize::from(bytes[64] % 4)])), digest);
    for bytes in [data, rest] {
        let Ok(text) = std::str::from_utf8(bytes) else { continue };
        check_signature(text, digest);
        check_address(text);
    }
    check_acts(data);
}

fn check_signature(text: &str, digest: B256) {
    match recover(text, digest) {
        Ok(signer) => check_taken(text, digest, signer),
        Err(SignatureError::HighS) => {
            let low = recover(&written(turned(bytes_of(text).expect("65 bytes"))), digest);
            assert_ne!(low, Err(SignatureError::HighS), "{text}");
        }
        Err(SignatureError::OtherSigner { .. } | SignatureError::OtherAct { .. }) => panic!("nobody is expected"),
        Err(
            SignatureError::Prefix
            | SignatureError::Length { .. }
            | SignatureError::NotHex
            | SignatureError::V { .. }
            | SignatureError::Range
            | SignatureError::Unrecoverable,
        ) => {}
    }
}

fn check_taken(text: &str, digest: B256, signer: evm::Address) {
    let bytes = bytes_of(text).expect("65 bytes in hexadecimal");
    let [r, s] = numbers(bytes);
    assert!(r > U256::ZERO && r < order() && s > U256::ZERO && s <= order() >> 1, "{text}");
    let v = bytes[64];
    assert!(ALL_V.contains(&v), "{text}");
    // However it is written, it is one signature.
    let other_v = if v < 27 { v + 27 } else { v - 27 };
    for same in [written(bytes), written(bytes).to_uppercase().replacen("0X", "0x", 1), written(with_v(bytes, other_v))]
    {
        assert_eq!(recover(&same, digest), Ok(signer), "{same}");
    }
    assert_eq!(recover(&written(turned(bytes)), digest), Err(SignatureError::HighS), "{text}");
    // It is one account's, over one digest.
    let account = |address: evm::Address| address.to_string().to_lowercase().parse::<Address>().expect("an address");
    assert_eq!(verify(text, digest, &account(signer)), Ok(()));
    let other = evm::Address::from(array::from_fn(|place| signer[place] ^ 1));
    assert_eq!(verify(text, digest, &account(other)), Err(SignatureError::OtherSigner { signer }));
    assert_ne!(recover(text, B256::from(array::from_fn(|place| digest[place] ^ 1))), Ok(signer));
}

/// The other signature that is as good by arithmetic alone: `s` negated, `v` turned.
fn turned(bytes: [u8; SIGNATURE_BYTES]) -> [u8; SIGNATURE_BYTES] {
    let [_, s] = numbers(bytes);
    let s = (order() - s).to_be_bytes::<32>();
    let v = match bytes[64] {
        0 => 1,
        1 => 0,
        27 => 28,
        _ => 27,
    };
    array::from_fn(|place| match place {
        32..64 => s[place - 32],
        64 => v,
        place => bytes[place],
    })
}

fn order() -> U256 {
    U256::from_limbs(ORDER)
}

fn numbers(bytes: [u8; SIGNATURE_BYTES]) -> [U256; 2] {
    [U256::from_be_slice(&bytes[..32]), U256::from_be_slice(&bytes[32..64])]
}

fn with_v(bytes: [u8; SIGNATURE_BYTES], v: u8) -> [u8; SIGNATURE_BYTES] {
    array::from_fn(|place| if place == 64 { v } else { bytes[place] })
}

fn written(bytes: [u8; SIGNATURE_BYTES]) -> String {
    std::iter::once("0x".to_owned()).chain(bytes.iter().map(|byte| format!("{byte:02x}"))).collect()
}

fn bytes_of(text: &str) -> Option<[u8; SIGNATURE_BYTES]> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 2 * SIGNATURE_BYTES)?;
    let bytes: Option<Vec<u8>> =
        (0..SIGNATURE_BYTES).map(|place| u8::from_str_radix(digits.get(2 * place..2 * place + 2)?, 16).ok()).collect();
    bytes?.try_into().ok()
}

fn check_address(text: &str) {
    let is_address = text
        .strip_prefix("0x")
        .is_some_and(|digits| digits.chars().count() == 40 && digits.chars().all(|c| c.is_ascii_hexdigit()));
    let parsed = text.parse::<Address>();
    assert_eq!(parsed.is_ok(), is_address, "{text:?}");
    let Ok(address) = parsed else { return };
    assert_eq!(address.as_str(), text, "it is echoed as sent");
    assert_eq!(text.to_lowercase().parse(), Ok(address), "it is compared by value");
}

/// Texts are signed as they were sent: what differs in one of them is signed differently, and shown as it is.
fn check_acts(data: &[u8]) {
    let [one, other] = lines(data);
    let (Ok(one), Ok(other)) = (std::str::from_utf8(one), std::str::from_utf8(other)) else { return };
    let (intent, domain) = (IntentId::new(RawId::from_bits(1)), Domain::sandbox(1));
    let evidence =
        |text, uri| Act::Evidence { intent, dispute: "dispute_1", text: Some(text), uri: Some(uri), hash: None };
    let dispute = |reason| Act::Dispute { intent, milestone: None, reason, window: None, count: 0 };
    let hash = |act: Act<'_>| act.signing_hash(domain);
    assert_eq!(hash(evidence(one, other)) == hash(evidence(other, one)), one == other);
    assert_eq!(hash(dispute(one)) == hash(dispute(other)), one == other);
    let joined = format!("{one}{other}");
    assert_eq!(hash(evidence(one, other)) == hash(evidence(&joined, "")), other.is_empty());
    assert_ne!(hash(dispute(one)), dispute(one).signing_hash(Domain::sandbox(2)));
    let shown = serde_json::to_value(evidence(one, other).typed_data_v4(domain)).expect("JSON");
    assert_eq!((&shown["message"]["text"], &shown["message"]["uri"]), (&one.into(), &other.into()));
}
