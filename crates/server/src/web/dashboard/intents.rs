//! `/dashboard/intents`: every payment, found by id or metadata, and chosen by state, kind and currency.

use escrow::{Currency, IntentStatus, PaymentType};
use maud::{Markup, html};

use super::desk::{Desk, segment};
use super::listing::{Choice, asked, filters, nothing, table, turning};
use super::read::{Intent, List};
use super::screen::{Screen, View};
use super::words::{state, words};
use crate::web::api::Refusal;
use crate::web::parts::{at_seconds, money};

/// Where it is.
pub(super) const PART: &str = "/dashboard/intents";

/// By what it is filtered.
const FILTERS: [&str; 4] = ["q", "status", "type", "currency"];

/// The list, or the one payment whose id was searched for.
pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    let searched = desk.query("q").unwrap_or_default();
    if searched.starts_with("intent_") && !searched.contains(['=', ':']) {
        return Ok(View::Go(format!("{PART}/{}", segment(searched))));
    }
    let metadata = match searched.split_once(['=', ':']) {
        Some((name, value)) => Some((format!("metadata[{}]", name.trim()), value.trim())),
        None if searched.is_empty() => None,
        None => return Ok(View::Screen(draw(&desk, Err(searched)))),
    };
    let mut chosen: Vec<(&str, &str)> =
        ["status", "type", "currency"].into_iter().filter_map(|name| Some((name, desk.query(name)?))).collect();
    chosen.extend(metadata.as_ref().map(|(name, value)| (name.as_str(), *value)));
    let list: List<Intent> = desk.get(asked(&desk, "/payment-intents", &chosen)).await?;
    draw(&desk, Ok(list)).into()
}

fn draw(desk: &Desk, found: Result<List<Intent>, &str>) -> Screen {
    let is_filtered = FILTERS.iter().any(|name| desk.query(name).is_some());
    let content = html! {
        (search(desk))
        @match &found {
            Ok(list) if list.data.is_empty() && is_filtered => (nothing("No payment is like that.")),
            Ok(list) if list.data.is_empty() => {
                (nothing("There are no payments yet. Create the first one, and send its link to whoever pays."))
            }
            Ok(list) => (rows(&list.data)),
            Err(searched) => p.nothing {
                "“" (searched) "” is no id of a payment. Search by an id, " code { "intent_…" } ", or by metadata, such as " code { "orderId=7" } "."
            }
        }
        @if let Ok(list) = &found { (turning(desk, list, |intent| &intent.id, &FILTERS)) }
    };
    let create = html! { a.button href="/dashboard/intents/new" { "Create a payment" } };
    Screen::new(PART, "Payments", content).aside(create)
}

fn search(desk: &Desk) -> Markup {
    let named = |names: Vec<&'static str>| names.into_iter().map(|name| (name.to_owned(), words(name))).collect();
    let currencies = Currency::ALL.map(|currency| (currency.code().to_owned(), currency.code().to_owned())).to_vec();
    let box_of_search = html! {
        div.wide {
            label for="filter-q" { "Search" }
            input #filter-q type="search" name="q" value=[desk.query("q")] placeholder="intent_… or orderId=7";
        }
    };
    let choices = [
        Choice::any("status", "State", named(IntentStatus::ALL.iter().map(|status| status.name()).collect())),
        Choice::any("type", "Kind", named(PaymentType::ALL.iter().map(|kind| kind.name()).collect())),
        Choice::any("currency", "Currency", currencies),
    ];
    filters(desk, &choices, &box_of_search)
}

/// Payments as a table.
pub(super) fn rows(intents: &[Intent]) -> Markup {
    let row = |intent: &Intent| {
        let description = intent.description.as_deref().filter(|text| !text.trim().is_empty());
        vec![
            html! { a href={ (PART) "/" (intent.id) } { (money(&intent.amount, &intent.currency)) } },
            state(intent.status.name()),
            html! { @match description { Some(text) => (text), None => code.long { (intent.id) } } },
            at_seconds(intent.created),
        ]
    };
    let rows: Vec<Vec<Markup>> = intents.iter().map(row).collect();
    table("Payments, newest first", &["Amount", "State", "For", "Created"], &rows)
}
