//! What a payer sees and does without an API key.

pub(super) mod approve;
pub(super) mod confirm;
pub(super) mod dispute;
pub(super) mod escrow;
pub(super) mod evidence;
pub(super) mod get;
pub(super) mod payment;
pub(super) mod reclaim;
pub(super) mod reject;
pub(super) mod release;
pub(super) mod transaction_hash;
