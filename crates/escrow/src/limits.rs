//! Every bound of the domain, in one place.

/// The largest amount of one payment or milestone, in units of its currency.
pub const MAX_AMOUNT_UNITS: i64 = 1_000_000_000;

/// The most milestones one order may ever have, cancelled ones included.
pub const MAX_MILESTONES: usize = 100;

/// The largest `milestoneIndex`: what clients in other languages keep in a signed 32-bit integer.
pub const MAX_MILESTONE_INDEX: u32 = 2_147_483_647;

/// The longest completion proof or delivery proof, in bytes.
pub const MAX_PROOF_BYTES: usize = 4 * 1024;

/// The longest free text (a description, a reason, an address to return to), in bytes.
pub const MAX_TEXT_BYTES: usize = 2 * 1024;

/// The longest label of a person (`completedBy` and its kin), in characters.
pub const MAX_LABEL_CHARS: usize = 256;

/// The largest metadata object, in bytes of JSON.
pub const MAX_METADATA_BYTES: usize = 16 * 1024;

/// The most keys of a metadata object.
pub const MAX_METADATA_KEYS: usize = 50;

/// The longest delivery period: ten years, in seconds.
pub const MAX_DELIVERY_PERIOD_S: i64 = 10 * 365 * 24 * 3600;

/// The longest dispute window: 90 days, in seconds.
pub const MAX_DISPUTE_WINDOW_S: i64 = 90 * 24 * 3600;

/// The longest approval period: 90 days, in seconds.
pub const MAX_APPROVAL_PERIOD_S: i64 = 90 * 24 * 3600;

/// The approval period of an order that names none: 7 days, in seconds.
pub const DEFAULT_APPROVAL_PERIOD_S: i64 = 7 * 24 * 3600;

/// How long after an intent's creation a payer can consent to it by signature: 30 days, in seconds.
pub const CONSENT_PERIOD_S: i64 = 30 * 24 * 3600;

/// How many blocks of the sandbox's chain make a payment final.
pub const SANDBOX_CONFIRMATIONS: u32 = 5;

/// The most times one intent may be attempted to be paid; anybody who knows its address may try.
pub const MAX_PAYMENTS: usize = 50;

/// The most payments that may come in for one intent without being its funding, from simulated payers.
pub const MAX_SIMULATED_UNAPPLIED: usize = 50;

/// The delivery period of an order that names none: 30 days, in seconds.
pub const DEFAULT_DELIVERY_PERIOD_S: i64 = 30 * 24 * 3600;

/// The dispute window of an order that names none: 7 days, in seconds.
pub const DEFAULT_DISPUTE_WINDOW_S: i64 = 7 * 24 * 3600;

/// How often one party may submit something about one dispute.
pub const MAX_EVIDENCE: usize = 20;

/// How many refunds of one intent may be asked for.
pub const MAX_REFUNDS: usize = 100;

/// The furthest that a sandbox's clock can be moved at once: ten years, in seconds.
pub const MAX_CLOCK_STEP_S: i64 = 10 * 365 * 24 * 3600;

/// The furthest that a sandbox's clock can be ahead of real time: fifty years, in seconds. No time that follows from it leaves the
/// range of what can be shown.
pub const MAX_CLOCK_AHEAD_S: i64 = 50 * 365 * 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    /// So many days, in seconds.
    const fn days(days: i64) -> i64 {
        days * 86_400
    }

    #[test]
    fn the_bounds_are_those_that_are_documented() {
        for (bytes, documented) in
            [(MAX_PROOF_BYTES, 4_096), (MAX_TEXT_BYTES, 2_048), (MAX_METADATA_BYTES, 16_384), (MAX_MILESTONES, 100)]
        {
            assert_eq!(bytes, documented);
        }
        for (seconds, documented) in [
            (MAX_DELIVERY_PERIOD_S, days(3_650)),
            (MAX_DISPUTE_WINDOW_S, days(90)),
            (MAX_APPROVAL_PERIOD_S, days(90)),
            (DEFAULT_APPROVAL_PERIOD_S, days(7)),
            (CONSENT_PERIOD_S, days(30)),
            (DEFAULT_DELIVERY_PERIOD_S, days(30)),
            (DEFAULT_DISPUTE_WINDOW_S, days(7)),
            (MAX_CLOCK_STEP_S, days(3_650)),
            (MAX_CLOCK_AHEAD_S, days(18_250)),
        ] {
            assert_eq!(seconds, documented);
        }
    }
}
