//! Signatures that wallets made: `wallets.json` was written by `tests/wallets/fixture.mjs` with the libraries it names.

use evm::{B256, TypedData};
use serde_json::{Value, json};

use crate::acts;
use crate::samples::{self, CHAIN_ID};

const LIBRARIES: [&str; 3] = ["ethers", "viem", "eth_account"];

fn fixture() -> Value {
    serde_json::from_str(include_str!("wallets.json")).expect("JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// Whether the message is shown as it was recorded, and every library hashed it like this.
fn check(name: &str, recorded: &Value, [plain, v4]: [TypedData<'_>; 2], digest: B256) {
    assert_eq!(recorded["name"], name);
    // As text, because the order of the fields counts too.
    assert_eq!(json!(plain).to_string(), recorded["typedData"].to_string(), "{name}");
    assert_eq!(json!(v4).to_string(), recorded["typedDataV4"].to_string(), "{name}");
    for library in LIBRARIES {
        let signed = &recorded["signed"][library];
        assert_eq!(text(&signed["digest"]), digest.to_string(), "{name}: {library}");
        let expected = text(&signed["address"]).parse().expect("an address");
        assert_eq!(evm::verify(text(&signed["signature"]), digest, &expected), Ok(()), "{name}: {library}");
    }
}

#[test]
fn what_wallets_sign_is_what_is_verified() {
    let fixture = fixture();
    let recorded = fixture["consents"].as_array().expect("consents");
    let samples = samples::all();
    assert_eq!(recorded.len(), samples.len());
    for ((name, escrow), recorded) in samples.into_iter().zip(recorded) {
        let consent = samples::consent(&escrow);
        check(name, recorded, [consent.typed_data(), consent.typed_data_v4()], consent.signing_hash());
    }
}

/// The recorded messages were written down without this crate, in `tests/wallets/acts.mjs`.
#[test]
fn acts_are_shown_and_signed_as_they_are_described() {
    let fixture = fixture();
    let recorded = fixture["acts"].as_array().expect("acts");
    let domain = evm::Domain::sandbox(CHAIN_ID);
    assert_eq!(recorded.len(), acts::all().len());
    for ((name, act), recorded) in acts::all().into_iter().zip(recorded) {
        check(name, recorded, [act.typed_data(domain), act.typed_data_v4(domain)], act.signing_hash(domain));
        for library in LIBRARIES {
            let signed = &recorded["signed"][library];
            let payer = text(&signed["address"]).parse().expect("an address");
            assert_eq!(act.verify(domain, text(&signed["signature"]), &payer), Ok(()), "{name}: {library}");
        }
    }
}
