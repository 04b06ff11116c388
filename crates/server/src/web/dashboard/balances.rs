//! `/dashboard/balances`: what there is in every currency, and every movement of it.

use escrow::Currency;
use maud::{Markup, html};

use super::desk::Desk;
use super::intent::ledger;
use super::listing::{Choice, asked, filters, nothing, turning};
use super::read::{Balance, Entry, List};
use super::screen::{Screen, View};
use super::words::words;
use crate::web::api::Refusal;
use crate::web::parts::money;

/// By what the movements are filtered.
const FILTERS: [&str; 2] = ["transactionType", "currency"];

/// The page.
pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    let balance: Balance = desk.one("/account/balance").await?;
    let chosen: Vec<(&str, &str)> = FILTERS.into_iter().filter_map(|name| Some((name, desk.query(name)?))).collect();
    let entries: List<Identified> = desk.get(asked(&desk, "/account/ledger-entries", &chosen)).await?;
    let turning = turning(&desk, &entries, |entry| &entry.id, &FILTERS);
    let shown: Vec<Entry> = entries.data.into_iter().map(|entry| entry.entry).collect();
    let kinds = crate::wire::transaction_types().into_iter().map(|name| (name.to_owned(), words(name))).collect();
    let currencies = Currency::ALL.map(|currency| (currency.code().to_owned(), currency.code().to_owned())).to_vec();
    let choices = [Choice::any("transactionType", "Kind", kinds), Choice::any("currency", "Currency", currencies)];
    let content = html! {
        (cards(&balance))
        h2 { "Ledger" }
        (filters(&desk, &choices, &Markup::default()))
        @if shown.is_empty() { (nothing("No money has moved so.")) } @else { (ledger(&shown, true)) }
        (turning)
    };
    Screen::new("/dashboard/balances", "Balances", content).into()
}

/// A movement with the id that pages of the list are turned by.
#[derive(serde::Deserialize)]
struct Identified {
    id: String,
    #[serde(flatten)]
    entry: Entry,
}

/// What there is in every currency.
pub(super) fn cards(balance: &Balance) -> Markup {
    html! {
        @if balance.balances.is_empty() { (nothing("There is no money here yet.")) }
        div.cards {
            @for each in &balance.balances {
                section.card aria-label={ "Balance in " (each.currency) } {
                    h2 { (each.currency) }
                    dl {
                        div.first { dt { "Available" } dd { (money(&each.available_balance, &each.currency)) } }
                        div { dt { "Held in escrow" } dd { (money(&each.pending_balance, &each.currency)) } }
                        div { dt { "On its way to you" } dd { (money(&each.reserved_balance, &each.currency)) } }
                        div { dt { "Altogether" } dd { (money(&each.total_balance, &each.currency)) } }
                    }
                }
            }
        }
    }
}
