//! Signatures that wallets made: `wallets.json` was written by `tests/wallets/fixture.mjs` with the libraries it names.

use serde_json::{Value, json};

use crate::samples;

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn what_wallets_sign_is_what_is_verified() {
    let fixture: Value = serde_json::from_str(include_str!("wallets.json")).expect("JSON");
    let recorded = fixture["consents"].as_array().expect("consents");
    let samples = samples::all();
    assert_eq!(recorded.len(), samples.len());
    for ((name, escrow), recorded) in samples.into_iter().zip(recorded) {
        let consent = samples::consent(&escrow);
        assert_eq!(recorded["name"], name);
        // As text, because the order of the fields counts too.
        assert_eq!(json!(consent.typed_data()).to_string(), recorded["typedData"].to_string(), "{name}");
        assert_eq!(json!(consent.typed_data_v4()).to_string(), recorded["typedDataV4"].to_string(), "{name}");
        for library in ["ethers", "viem", "eth_account"] {
            let signed = &recorded["signed"][library];
            let digest = consent.signing_hash();
            assert_eq!(text(&signed["digest"]), digest.to_string(), "{name}: {library}");
            let expected = text(&signed["address"]).parse().expect("an address");
            assert_eq!(evm::verify(text(&signed["signature"]), digest, &expected), Ok(()), "{name}: {library}");
        }
    }
}
