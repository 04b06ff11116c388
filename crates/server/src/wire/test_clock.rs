//! The clock of a sandbox.

use engine::Clock;
use escrow::MerchantId;
use schemars::JsonSchema;
use serde::Serialize;

use super::schema::{Id, Rfc3339, Single};
use super::{Envelope, rfc3339};

/// What `object` says of a clock.
const OBJECT: &str = "test_clock";

/// A clock has no other state; one that is on its way shows where it is.
const STATUS: &str = "READY";

/// What a merchant's sandbox takes for the time.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "TestClock")]
pub(crate) struct WireClock {
    id: String,
    #[schemars(extend("const" = OBJECT))]
    object: &'static str,
    #[schemars(extend("const" = STATUS))]
    status: &'static str,
    #[schemars(with = "Id<MerchantId>")]
    merchant_id: MerchantId,
    now: i64,
    now_at: Rfc3339,
    advanced_by_seconds: i64,
    livemode: bool,
}

impl Single for WireClock {
    fn objects() -> Vec<&'static str> {
        vec![OBJECT]
    }

    fn statuses() -> Vec<&'static str> {
        vec![STATUS]
    }
}

/// A clock as a single object. A merchant has the same one for ever; it is always as of now.
pub(crate) fn test_clock_envelope(merchant: MerchantId, clock: Clock) -> Envelope<'static, WireClock> {
    let id = format!("{OBJECT}_{}", merchant.raw());
    let now = clock.now.seconds();
    let data = WireClock {
        id: id.clone(),
        object: OBJECT,
        status: STATUS,
        merchant_id: merchant,
        now,
        now_at: rfc3339(clock.now),
        advanced_by_seconds: clock.ahead.seconds(),
        livemode: false,
    };
    Envelope {
        id,
        object: OBJECT,
        status: STATUS,
        data,
        metadata: None,
        payment_url: None,
        milestone_index: None,
        created: now,
        updated: now,
    }
}
