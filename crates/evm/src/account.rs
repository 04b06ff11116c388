//! Addresses that Milepost makes itself.
//!
//! The sandbox has no chain, and yet every signed message names a contract, a token and a payee. Each gets the last 20 bytes
//! of a hash of what it stands for: always the same, correctly checksummed, and nobody holds its key. A payee's address does
//! not tell whose it is, because public pages show it and must not show the merchant's id.

use alloy_primitives::{Address, U256, keccak256};
use alloy_sol_types::Eip712Domain;
use escrow::{Currency, MerchantId};

/// What a signature is valid for: one contract on one chain, under the name and version of Milepost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The chain's id (EIP-155). Clients read it as a JSON number, so it must not exceed 2^53 - 1.
    pub chain_id: u64,
    /// The escrow contract.
    pub contract: Address,
}

impl Domain {
    /// The name that wallets show.
    pub const NAME: &'static str = "Milepost";

    /// The version of the messages; another one makes every older signature void.
    pub const VERSION: &'static str = "1";

    /// The domain of the sandbox's simulated contract on this chain.
    #[must_use]
    pub fn sandbox(chain_id: u64) -> Domain {
        Domain { chain_id, contract: sandbox_contract() }
    }

    /// The domain as EIP-712 hashes it.
    pub(crate) fn separator(self) -> Eip712Domain {
        let (name, version) = (Some(Domain::NAME.into()), Some(Domain::VERSION.into()));
        Eip712Domain::new(name, version, Some(U256::from(self.chain_id)), Some(self.contract), None)
    }
}

/// The address of the sandbox's simulated escrow contract.
#[must_use]
pub fn sandbox_contract() -> Address {
    pseudonym("milepost sandbox escrow")
}

/// The address of the sandbox's simulated token of this currency.
#[must_use]
pub fn token_address(currency: Currency) -> Address {
    pseudonym(&format!("milepost sandbox token {currency}"))
}

/// The address that stands for a merchant. Its id has too many random bits to be found by trying.
#[must_use]
pub fn payee_address(merchant: MerchantId) -> Address {
    pseudonym(&format!("milepost payee {merchant}"))
}

fn pseudonym(name: &str) -> Address {
    Address::from_word(keccak256(name))
}
