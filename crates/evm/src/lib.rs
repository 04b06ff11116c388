//! What a payer signs, and who signed it.
//!
//! A payer consents to a payment by signing its [`Consent`]: an EIP-712 message with everything that was agreed, so that a
//! wallet shows it and a signature over other terms is worth nothing. [`Consent::typed_data`] is what a client passes to a
//! wallet, [`Consent::signing_hash`] what the wallet signs, and [`verify`] says whether the expected account did. What the
//! payer does after paying (approve, reject, dispute, reclaim and so on) is an [`Act`], shown and signed in the same way, and
//! checked by [`Act::verify`].
//!
//! Everything here is a pure function of its arguments. This crate never knows a clock (whoever asks compares the deadline),
//! a chain (a signature is checked without one, so contract wallets are not served here), a private key, HTTP or the store; it
//! decides nothing about an escrow, and reads only what [`escrow`] has already checked.

mod account;
mod act;
mod consent;
mod signature;
mod token;
mod typed_data;

pub use account::{Domain, payee_address, sandbox_contract, token_address};
pub use act::Act;
/// 20 bytes, shown with the checksum of EIP-55.
pub use alloy_primitives::Address;
/// 32 bytes, shown as `0x` and 64 hexadecimal digits.
pub use alloy_primitives::B256;
/// An unsigned number of 256 bits, shown as decimal digits.
pub use alloy_primitives::U256;
pub use consent::Consent;
pub use signature::{SignatureError, recover, verify};
pub use token::{token_decimals, token_units};
pub use typed_data::TypedData;
