//! `/dashboard/intents/new`: a payment, with its milestones.

use axum::http::StatusCode;
use escrow::limits::MAX_MILESTONES;
use escrow::{Currency, PaymentType, ReleaseType, SettlementMethod};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::desk::{Desk, is_over};
use super::field::{Attempt, Field, OF};
use super::intents::PART;
use super::read::Intent;
use super::screen::{Screen, View};
use super::words::words;
use crate::web::api::{Refusal, Single};
use crate::web::form::Form;

/// How many milestones can be filled in at first.
const ROWS: usize = 3;

/// The form, as one names it among those of a page.
const ID: &str = "new";

/// What the API takes as it is typed.
const TEXTS: [&str; 8] = [
    "amount",
    "currency",
    "type",
    "releaseType",
    "settlementMethod",
    "settlementDestination",
    "description",
    "returnUrl",
];

/// The form.
pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    if desk.is_operator() {
        let told = "An admin key belongs to no merchant, and creates no payments. Sign in with a key of the merchant.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", told));
    }
    draw(&desk, ROWS, None).into()
}

/// The form with another milestone, and all that was typed.
pub(super) async fn more(desk: Desk, form: Form) -> Result<View, Refusal> {
    let rows = (rows_of(&form)? + 1).min(MAX_MILESTONES);
    let attempt = Attempt { of: ID.to_owned(), form, refusal: None };
    draw(&desk, rows, Some(&attempt)).into()
}

/// Creates the payment, and goes there.
pub(super) async fn create(desk: Desk, form: Form) -> Result<View, Refusal> {
    let created = match body(&form) {
        Ok(body) => desk.post::<Single<Intent>>(&form, "/payment-intents", body).await,
        Err(refusal) => Err(refusal),
    };
    match created {
        Ok(Single { data: intent }) => Ok(View::Go(format!("{PART}/{}", intent.id))),
        Err(refusal) if is_over(&refusal) => Err(refusal),
        Err(refusal) => {
            let rows = rows_of(&form).unwrap_or(MAX_MILESTONES);
            draw(&desk, rows, Some(&Attempt::new(form, refusal))).into()
        }
    }
}

/// How many milestones a form has fields for.
fn rows_of(form: &Form) -> Result<usize, Refusal> {
    let told = form.text("rows").map_or(Ok(ROWS), str::parse);
    told.ok()
        .filter(|rows| *rows <= MAX_MILESTONES)
        .ok_or_else(|| wrong("milestones", format!("milestones must be at most {MAX_MILESTONES}")))
}

/// That a field is not as it must be.
fn wrong(param: &str, told: impl Into<String>) -> Refusal {
    let refusal = Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", told);
    Refusal { param: Some(param.to_owned()), ..refusal }
}

/// What the API is asked. Milestones that were left empty are none; the others count from 0 in their order.
fn body(form: &Form) -> Result<Value, Refusal> {
    let mut body = form.object(&TEXTS);
    for flag in ["autoRelease", "requireApproval"] {
        body.insert(flag.to_owned(), form.text(flag).is_some().into());
    }
    let metadata = metadata(form.text("metadata").unwrap_or_default())?;
    if !metadata.is_empty() {
        body.insert("metadata".to_owned(), metadata.into());
    }
    let rows = (0..rows_of(form)?).filter_map(|row| milestone(form, row)).enumerate();
    let milestones: Vec<Value> = rows
        .map(|(index, mut milestone)| {
            milestone.insert("milestoneIndex".to_owned(), index.into());
            Value::Object(milestone)
        })
        .collect();
    if !milestones.is_empty() {
        body.insert("milestones".to_owned(), milestones.into());
    }
    Ok(Value::Object(body))
}

/// Metadata as it is typed, a name and its value a line.
fn metadata(text: &str) -> Result<Map<String, Value>, Refusal> {
    let mut metadata = Map::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let pair = line.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let Some((name, value)) = pair.filter(|(name, _)| !name.is_empty()) else {
            return Err(wrong("metadata", "metadata must look like orderId=7, one on each line"));
        };
        if metadata.insert(name.to_owned(), value.into()).is_some() {
            return Err(wrong("metadata", format!("metadata must have each name once; {name} is there twice")));
        }
    }
    Ok(metadata)
}

fn milestone(form: &Form, row: usize) -> Option<Map<String, Value>> {
    let filled = |name: &str| Some((name.to_owned(), form.text(&format!("{name}-{row}"))?.into()));
    let milestone: Map<String, Value> = ["amount", "description"].into_iter().filter_map(filled).collect();
    (!milestone.is_empty()).then_some(milestone)
}

/// Which of the API's milestones a row is: those before it that were left empty are none.
fn index_of(attempt: Option<&Attempt>, row: usize) -> usize {
    attempt.map_or(row, |attempt| (0..row).filter(|before| milestone(&attempt.form, *before).is_some()).count())
}

fn draw(desk: &Desk, rows: usize, attempt: Option<&Attempt>) -> Screen {
    let title = "Create a payment";
    let terms = terms(desk);
    let milestones: Vec<[Field; 2]> = (0..rows)
        .map(|row| {
            let (index, number) = (index_of(attempt, row), row + 1);
            let param = |name: &str| format!("milestones[{index}].{name}");
            [
                Field::line(&format!("description-{row}"), format!("Milestone {number}")).param(param("description")),
                Field::amount(&format!("amount-{row}"), "Amount").param(param("amount")),
            ]
        })
        .collect();
    let content = html! {
        form.create method="post" action="/dashboard/intents/new" {
            (desk.seal())
            input type="hidden" name=(OF) value=(ID);
            input type="hidden" name="rows" value=(rows);
            (all(&terms, &milestones, attempt))
            div.buttons {
                button.button type="submit" { (title) }
                // Enter presses the first button of a form: it must not be this one.
                @if rows < MAX_MILESTONES {
                    button.button.plain type="submit" formaction="/dashboard/intents/new/more" formnovalidate { "Add a milestone" }
                }
                a href=(PART) { "Cancel" }
            }
        }
    };
    let refusal = attempt.and_then(|attempt| attempt.refusal.as_ref());
    Screen::new(PART, title, content).refusing(refusal).once()
}

/// The fields in their groups. What was refused that none of them is about stands on top.
fn all(terms: &[Vec<Field>; 3], milestones: &[[Field; 2]], attempt: Option<&Attempt>) -> Markup {
    let [what, how, more] = terms;
    let is_told = |attempt: &Attempt| {
        let told = terms.iter().flatten().chain(milestones.iter().flatten());
        told.into_iter().any(|field| field.is_about(attempt))
    };
    let untold = attempt.filter(|attempt| !is_told(attempt)).and_then(|attempt| attempt.refusal.as_ref());
    html! {
        @if let Some(refusal) = untold { (super::screen::notice(refusal)) }
        fieldset { legend { "What is paid" } (fields_alone(what, attempt)) }
        fieldset {
            legend { "Milestones" }
            p.quiet { "Each is completed on its own, in this order, and its share is released. Empty ones are left out." }
            @for pair in milestones { div.pair { (fields_alone(pair, attempt)) } }
        }
        fieldset { legend { "How it is released and paid out" } (fields_alone(how, attempt)) }
        fieldset { legend { "Beside that" } (fields_alone(more, attempt)) }
    }
}

fn fields_alone(of: &[Field], attempt: Option<&Attempt>) -> Markup {
    html! { @for field in of { (field.draw(ID, attempt)) } }
}

fn terms(desk: &Desk) -> [Vec<Field>; 3] {
    let currencies = Currency::ALL.map(|currency| (currency.code(), currency.code()));
    let called = |names: Vec<&'static str>| -> Vec<(&'static str, String)> {
        names.into_iter().map(|name| (name, words(name))).collect()
    };
    let choice = |name, label: &str, names: Vec<&'static str>| {
        let called = called(names);
        Field::choice(name, label, called.iter().map(|(name, called)| (*name, called.as_str())))
    };
    // What is simulated comes first where money is, and is not offered where it is real.
    let methods = SettlementMethod::ALL
        .iter()
        .map(|method| method.name())
        .filter(|name| desk.is_sandbox() || *name != SettlementMethod::OffRampMock.name())
        .collect();
    let timed = ReleaseType::TimeLocked;
    let releases = ReleaseType::ALL.iter().filter(|release| **release != timed);
    let releases: Vec<(&str, &str)> = releases.map(|release| (release.name(), released_by(*release))).collect();
    let kinds = PaymentType::ALL.iter().map(|kind| kind.name()).collect();
    [
        vec![
            Field::amount("amount", "Amount").required(),
            Field::choice("currency", "Currency", currencies).required(),
            Field::line("description", "What it is for"),
        ],
        vec![
            Field::choice("releaseType", "Released by", releases).value(ReleaseType::MilestoneLocked.name()).required(),
            Field::check("autoRelease", "Release a share the moment it is completed", true),
            Field::check("requireApproval", "The payer has to approve first", false),
            choice("settlementMethod", "Paid out by", methods).required(),
            Field::line("settlementDestination", "Paid out to").placeholder("bank_account_123").required(),
        ],
        vec![
            choice("type", "Kind", kinds).value(PaymentType::DeliveryVsPayment.name()).required(),
            Field::text("metadata", "Metadata").hint("By which you find it again: orderId=7, one on each line."),
            Field::line("returnUrl", "Where the payer goes after paying").placeholder("https://…"),
        ],
    ]
}

/// What releases the money, in words.
const fn released_by(release: ReleaseType) -> &'static str {
    match release {
        ReleaseType::MilestoneLocked => "Milestones, one after the other",
        ReleaseType::DeliveryProof => "A proof of the delivery, and your hand",
        ReleaseType::AutoRelease => "A proof of the delivery alone",
        ReleaseType::TimeLocked => "The time",
    }
}
