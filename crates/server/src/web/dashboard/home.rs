//! `/dashboard`: what there is, what moved, and the latest payments.

use maud::{Markup, html};

use super::balances;
use super::chart;
use super::desk::{Desk, is_over};
use super::intents::rows;
use super::listing::nothing;
use super::read::{Balance, Entry, Intent, List};
use super::screen::{Screen, View};
use crate::web::api::Refusal;

/// How many payments are shown.
const LATEST: usize = 5;

/// The page. What the key may not read is missing, and why.
pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    if desk.is_operator() {
        return Ok(View::Go("/operator".to_owned()));
    }
    let latest: Result<List<Intent>, Refusal> = desk.get(format!("/payment-intents?limit={LATEST}")).await;
    let balance: Result<Balance, Refusal> = desk.one("/account/balance").await;
    // A key that has ended may read nothing at all, and the page that says so leads on.
    if let Err(refusal) = &balance
        && is_over(refusal)
    {
        return Err(refusal.clone());
    }
    let movements = match &balance {
        Ok(balance) if !balance.balances.is_empty() => movements(&desk).await,
        Ok(_) | Err(_) => None,
    };
    let content = html! {
        @match &balance {
            Ok(balance) => (balances::cards(balance)),
            Err(refusal) => p.quiet { (refusal.message) },
        }
        @if let (Some((paid_in, released)), Ok(balance)) = (&movements, &balance) {
            h2 { "Volume" }
            @for in_currency in &balance.balances {
                @if paid_in.data.iter().chain(&released.data).any(|entry| entry.currency == in_currency.currency) {
                    (chart::draw(&paid_in.data, &released.data, &in_currency.currency))
                }
            }
        }
        div.titled { h2 { "Latest payments" } a href="/dashboard/intents" { "All payments" } }
        @match &latest {
            Ok(list) if list.data.is_empty() => (welcome()),
            Ok(list) => (rows(&list.data)),
            Err(refusal) => p.quiet { (refusal.message) },
        }
    };
    let create = html! { a.button href="/dashboard/intents/new" { "Create a payment" } };
    Screen::new("/dashboard", "Home", content).aside(create).into()
}

/// The latest movements into escrow and out of it.
async fn movements(desk: &Desk) -> Option<(List<Entry>, List<Entry>)> {
    let entries = |kind: &str| format!("/account/ledger-entries?limit=100&transactionType={kind}");
    let paid_in = desk.get(entries("CREDIT")).await.ok()?;
    Some((paid_in, desk.get(entries("RELEASE")).await.ok()?))
}

fn welcome() -> Markup {
    html! {
        (nothing("There are no payments yet."))
        p { a href="/dashboard/intents/new" { "Create the first one" } ", and send its link to whoever pays." }
    }
}
