//! How long it takes to hash what a payer signs, and to find out who signed it.
#![allow(clippy::expect_used, reason = "a benchmark may fail by panicking")]

#[path = "../tests/evm/samples.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod samples;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use k256::ecdsa::SigningKey;

/// Any number that is a key.
const KEY: [u8; 32] = [7; 32];

fn signatures(criterion: &mut Criterion) {
    let consent = samples::consent(&samples::plain());
    let digest = consent.signing_hash();
    let key = SigningKey::from_slice(&KEY).expect("a key");
    let (signature, id) = key.sign_prehash_recoverable(digest.as_slice());
    let bytes = signature.to_bytes().into_iter().chain([27 + id.to_byte()]);
    let text = bytes.fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"));
    criterion.bench_function("make a consent of an escrow", |bencher| {
        let escrow = samples::plain();
        bencher.iter(|| samples::consent(black_box(&escrow)));
    });
    criterion.bench_function("hash a consent (EIP-712)", |bencher| bencher.iter(|| black_box(&consent).signing_hash()));
    criterion.bench_function("recover a signer", |bencher| bencher.iter(|| evm::recover(black_box(&text), digest)));
}

criterion_group!(benches, signatures);
criterion_main!(benches);
