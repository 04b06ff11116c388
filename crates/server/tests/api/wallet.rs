//! A payer's wallet: it signs what an intent asks it to.

use escrow::{Escrow, Hash, IntentId};
use evm::{Act, B256, Consent, Domain};
use k256::ecdsa::SigningKey;
use serde_json::{Value, json};
use server::DEFAULT_CHAIN_ID;
use store::Store;

use crate::world::World;

/// Wallets; the number is all that tells one from another.
pub(crate) struct Wallet(SigningKey);

impl Wallet {
    pub(crate) fn new(number: u8) -> Wallet {
        Wallet(SigningKey::from_slice(&[number; 32]).expect("a key"))
    }

    /// The address, with its checksum.
    pub(crate) fn address(&self) -> String {
        let point = self.0.verifying_key().to_sec1_point(false);
        evm::Address::from_raw_public_key(&point.as_bytes()[1..]).to_string()
    }

    /// The signature under an intent's terms as they stand: `r`, `s`, and `v` as 27 or 28.
    pub(crate) async fn sign(&self, world: &World, intent: &str) -> String {
        self.sign_terms(&stored(world, intent).await)
    }

    fn sign_terms(&self, escrow: &Escrow) -> String {
        let (domain, nonce) = (Domain::sandbox(DEFAULT_CHAIN_ID), u64::from(escrow.revision));
        self.sign_digest(Consent::new(domain, escrow, nonce, escrow.consent_deadline()).signing_hash())
    }

    /// The signature under something that is done after paying.
    pub(crate) fn sign_act(&self, act: &Act<'_>) -> String {
        self.sign_digest(act.signing_hash(Domain::sandbox(DEFAULT_CHAIN_ID)))
    }

    /// A body with the signature under what it asks for.
    pub(crate) fn signed(&self, act: &Act<'_>, mut body: Value) -> Value {
        body["signature"] = json!(self.sign_act(act));
        body["payerAddress"] = json!(self.address());
        body
    }

    /// An oracle's signature under the proof of an intent's delivery.
    pub(crate) fn sign_delivery(&self, intent: IntentId, proof: Hash) -> String {
        self.sign_act(&Act::DeliveryProof { intent, proof })
    }

    fn sign_digest(&self, digest: B256) -> String {
        let (signature, id) = self.0.sign_prehash_recoverable(digest.as_slice());
        let r_and_s = signature.to_bytes().iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"));
        format!("{r_and_s}{:02x}", 27 + id.to_byte())
    }

    /// The body of a confirm.
    pub(crate) async fn consent(&self, world: &World, intent: &str) -> Value {
        json!({"signature": self.sign(world, intent).await, "payerAddress": self.address()})
    }
}

pub(crate) async fn stored(world: &World, intent: &str) -> Escrow {
    world.store.escrow(intent.parse().expect("an id")).await.expect("readable").expect("created")
}
