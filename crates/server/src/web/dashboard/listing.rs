//! Lists: tables, in pages that are turned with the API's cursors.

use maud::{Markup, html};
use url::form_urlencoded;

use super::desk::Desk;
use super::read::List;

/// How many rows a page has.
const ROWS: &str = "20";

/// The parameters that turn pages.
const TURNING: [&str; 3] = ["starting_after", "ending_before", "offset"];

/// The address of a list at the API: what the page was asked for, of these parameters, and the place in the list.
pub(super) fn asked(desk: &Desk, path: &str, filters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", ROWS);
    for name in TURNING {
        query.extend_pairs(desk.query(name).map(|value| (name, value)));
    }
    query.extend_pairs(filters.iter().filter(|(_, value)| !value.is_empty()));
    format!("{path}?{}", query.finish())
}

/// The links to the pages before and after this one, which keep what the list is filtered by.
pub(super) fn turning<T>(desk: &Desk, list: &List<T>, id: impl Fn(&T) -> &str, kept: &[&str]) -> Markup {
    let path = desk.at().split('?').next().unwrap_or_default();
    let link = |cursor: Option<(&str, &str)>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept.iter().filter_map(|name| Some((*name, desk.query(name)?))));
        query.extend_pairs(cursor);
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    };
    let is_back = desk.query("ending_before").is_some();
    // A list that is read backwards has more in front of it.
    let (has_newer, has_older) =
        if is_back { (list.has_more, true) } else { (desk.query("starting_after").is_some(), list.has_more) };
    let newer = list.data.first().filter(|_| has_newer).map(|first| link(Some(("ending_before", id(first)))));
    let older = list.data.last().filter(|_| has_older).map(|last| link(Some(("starting_after", id(last)))));
    html! {
        @if newer.is_some() || older.is_some() {
            nav.turning aria-label="Pages of the list" {
                @if let Some(newer) = newer { a href=(newer) rel="prev" { "← Newer" } }
                @if let Some(older) = older { a href=(older) rel="next" { "Older →" } }
            }
        } @else if list.data.is_empty() && (has_newer || is_back) {
            nav.turning aria-label="Pages of the list" { a href=(link(None)) { "← To the newest" } }
        }
    }
}

/// A table that is read on a phone as well: its cells repeat what their column is called.
pub(super) fn table(caption: &str, columns: &[&str], rows: &[Vec<Markup>]) -> Markup {
    html! {
        table.rows {
            caption.visually-hidden { (caption) }
            thead { tr { @for column in columns { th scope="col" { (column) } } } }
            tbody {
                @for row in rows {
                    tr { @for (cell, column) in row.iter().zip(columns) { td data-column=(column) { (cell) } } }
                }
            }
        }
    }
}

/// Where a list has nothing in it.
pub(super) fn nothing(told: &str) -> Markup {
    html! { p.nothing { (told) } }
}

/// What there is to know about an object.
pub(super) fn facts(facts: &[(&str, Markup)]) -> Markup {
    html! {
        dl.facts {
            @for (name, told) in facts.iter().filter(|(_, told)| !told.0.is_empty()) {
                div { dt { (name) } dd { (told) } }
            }
        }
    }
}

/// Something that a list is filtered by.
pub(super) struct Choice {
    /// Its parameter.
    pub(super) name: &'static str,
    /// What it is called.
    pub(super) label: &'static str,
    /// What it means that nothing is chosen.
    pub(super) nothing: &'static str,
    /// The values that can be chosen, with what they are called.
    pub(super) of: Vec<(String, String)>,
}

impl Choice {
    /// One of these values, or any.
    pub(super) const fn any(name: &'static str, label: &'static str, of: Vec<(String, String)>) -> Choice {
        Choice { name, label, nothing: "Any", of }
    }

    /// What waits for the operator, or all there is.
    pub(super) fn waiting(nothing: &'static str) -> Choice {
        Choice { name: "status", label: "Which", nothing, of: vec![("all".to_owned(), "All".to_owned())] }
    }
}

/// The filters of a list: a form that asks for the page again.
pub(super) fn filters(desk: &Desk, choices: &[Choice], more: &Markup) -> Markup {
    let path = desk.at().split('?').next().unwrap_or_default();
    html! {
        form.filters method="get" action=(path) role="search" {
            (more)
            @for Choice { name, label, nothing, of } in choices {
                @let chosen = desk.query(name).unwrap_or_default();
                div {
                    label for={ "filter-" (name) } { (label) }
                    select id={ "filter-" (name) } name=(name) {
                        option value="" { (nothing) }
                        @for (value, called) in of { option value=(value) selected[value == chosen] { (called) } }
                    }
                }
            }
            button.button.plain type="submit" { "Show" }
        }
    }
}
