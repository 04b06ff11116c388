//! What happened to a payment: its events with their hashes, and the movements of its money.

use maud::{Markup, html};

use super::super::listing::{nothing, table};
use super::super::read::Entry;
use super::super::words::{state, words};
use super::sight::Sight;
use crate::web::parts::{Tone, at, at_seconds, badge, money};

/// The events, newest first. Each names the hash of the one before it, so that none can be changed or left out unseen.
pub(super) fn timeline(sight: &Sight) -> Markup {
    html! {
        div.titled { h2 { "Timeline" } a href={ (super::PART) "/" (sight.intent.id) "/deliveries" } { "Webhook deliveries" } }
        @match &sight.events {
            Ok(events) => {
                ol.timeline {
                    @for event in &events.data {
                        li {
                            div.happened {
                                a href={ "/dashboard/events/" (event.id) } { (event.kind) }
                                @if event.data.simulated { " " (badge(Tone::Plain, "simulated")) }
                            }
                            div.quiet { (at_seconds(event.created)) " · " code title={ "Hash " (event.hash) ", after " (event.previous_hash) } { (head(&event.hash)) } }
                        }
                    }
                }
                @if events.has_more { p.quiet { "Earlier events are left out here." } }
            }
            Err(refusal) => p.quiet { (refusal.message) },
        }
    }
}

/// The beginning of a hash.
fn head(hash: &str) -> &str {
    hash.get(..10).unwrap_or(hash)
}

pub(super) fn entries(sight: &Sight) -> Markup {
    html! {
        h2 { "Ledger" }
        @match &sight.entries {
            Ok(entries) if entries.data.is_empty() => (nothing("No money has moved yet.")),
            Ok(entries) => {
                (ledger(&entries.data, false))
                @if entries.has_more { p.quiet { "Earlier movements are left out here." } }
            }
            Err(refusal) => p.quiet { (refusal.message) },
        }
    }
}

/// Movements of money as a table.
pub(in crate::web::dashboard) fn ledger(entries: &[Entry], names_payment: bool) -> Markup {
    let row = |entry: &Entry| {
        let mut cells = vec![
            html! { (words(&entry.transaction_type)) },
            money(&entry.amount, &entry.currency),
            html! { (entry.description) },
            money(&entry.balance_after, &entry.currency),
            at(&entry.created_at),
        ];
        if names_payment {
            let link = html! { a href={ (super::PART) "/" (entry.payment_intent_id) } { (super::short(&entry.payment_intent_id)) } };
            cells.push(link);
        }
        cells
    };
    let mut columns = vec!["Kind", "Amount", "What moved", "Balance then", "When"];
    columns.extend(names_payment.then_some("Payment"));
    table("Movements of money, newest first", &columns, &entries.iter().map(row).collect::<Vec<_>>())
}

/// What went back to the payer, or is on its way.
pub(super) fn refunds(sight: &Sight) -> Markup {
    let refunds = sight.order.iter().flat_map(|(_, account)| &account.refunds).chain(&sight.refunds);
    html! {
        @for (place, refund) in refunds.enumerate() {
            @if place == 0 { h2 { "Refunds" } }
            p {
                (money(&refund.amount, &refund.currency)) " " (state(refund.status.name())) " " (at(&refund.created_at))
                @if let Some(reason) = &refund.reason { br; span.quiet { (reason) } }
                @if let Some(reason) = &refund.failure_reason { br; span.quiet { (reason) } }
            }
        }
    }
}
