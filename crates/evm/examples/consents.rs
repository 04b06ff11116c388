//! Prints the typed data of the samples that `tests/evm/wallets.json` is made of: see `tests/wallets/README.md`.
#![allow(clippy::expect_used, reason = "an example fails by panicking")]

use serde_json::json;

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/evm/samples.rs"]
mod samples;

fn main() {
    let consents = samples::all().map(|(name, escrow)| {
        let consent = samples::consent(&escrow);
        json!({ "name": name, "typedData": consent.typed_data(), "typedDataV4": consent.typed_data_v4() })
    });
    println!("{}", json!(consents));
}
