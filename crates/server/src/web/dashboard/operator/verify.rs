//! Checking everything, and what came of it.

use maud::{Markup, html};
use serde_json::json;

use super::super::desk::Desk;
use super::super::listing::{facts, table};
use super::super::read::{Broken, Verification};
use super::super::screen::{Screen, View};
use super::super::words::words;
use crate::web::api::Refusal;
use crate::web::form::Form;
use crate::web::parts::{Tone, badge};

/// Checks, and shows the report.
pub(super) async fn run(desk: Desk, form: Form) -> Result<View, Refusal> {
    let report: Verification = desk.post(&form, "/admin/verify", json!({})).await?;
    let counts: Vec<(String, Markup)> =
        report.counts.iter().map(|(name, count)| (words(name), html! { (count) })).collect();
    let counts: Vec<(&str, Markup)> = counts.iter().map(|(name, count)| (name.as_str(), count.clone())).collect();
    let row = |broken: &Broken| vec![html! { (broken.invariant) }, html! { (broken.what) }];
    let content = html! {
        @if report.ok {
            div.notice.good role="status" { strong { "Everything is as it must be." } }
        } @else {
            div.notice.bad role="alert" { strong { (report.broken_total) " things are not as they must be." } }
            (table("What does not hold", &["Invariant", "What"], &report.broken.iter().map(row).collect::<Vec<_>>()))
        }
        h2 { "What was read" }
        (facts(&counts))
        p { a href="/operator" { "Back" } }
    };
    let aside = if report.ok { badge(Tone::Good, "Clean") } else { badge(Tone::Bad, "Broken") };
    Screen::new("/operator", "Verification", content).aside(aside).once().into()
}
