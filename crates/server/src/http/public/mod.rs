//! What a payer sees and does without an API key.

pub(super) mod confirm;
pub(super) mod escrow;
pub(super) mod get;
pub(super) mod payment;
pub(super) mod transaction_hash;
