//! Events.

pub(super) mod get;
pub(super) mod list;
pub(super) mod resend;
pub(super) mod stream;
pub(super) mod types;

use escrow::{IntentId, Owner};
use store::EventFilter;

use super::auth::Admitted;
use super::fields::Read;
use super::list::Query;
use super::openapi::{Field, field};

/// The parameter that names types.
const TYPE: &str = "type";

/// Whose stream whoever asks may read: a merchant's of one mode, or the operator's own.
fn stream_of(asker: &Admitted) -> Owner {
    asker.key.holder.stream()
}

/// Which events are asked for.
pub(super) fn filter(query: &Query) -> Read<EventFilter> {
    Ok(EventFilter {
        types: types::chosen(TYPE, &query.all(TYPE))?,
        intent: query.id("paymentIntentId", "payment intent")?,
    })
}

/// The parameters by which events are chosen.
fn choosing() -> Vec<Field> {
    vec![
        Field::param(
            TYPE,
            types::kind(),
            "Only events of this type, or of this family. May be given several times, or hold several with commas between them.",
        ),
        Field::param("paymentIntentId", field::id::<IntentId>(), "Only events of this payment intent."),
    ]
}
