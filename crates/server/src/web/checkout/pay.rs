//! Paying: by card, by wallet and, in the sandbox, by a payer that is simulated.

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde_json::{Value, json};

use super::act::signature_fields;
use super::page::PAYING;
use super::progress::amount;
use super::sight::{Sight, Stage};
use super::{Visit, page};
use crate::web::Pages;
use crate::web::api::{Ask, Refusal};
use crate::web::form::Form;
use crate::web::read::Paid;
use crate::web::refusal::RefusalPage;

/// A field of the card form.
struct Field {
    /// Its name, in the form and in the API's object.
    name: &'static str,
    /// What it is called.
    label: &'static str,
    /// By what browsers know what to fill in.
    autocomplete: &'static str,
    /// What it looks like when it is filled in.
    placeholder: &'static str,
    /// The keys that a phone shows.
    inputmode: &'static str,
}

const NAME: Field =
    Field { name: "name", label: "Name on the card", autocomplete: "cc-name", placeholder: "", inputmode: "text" };
const NUMBER: Field = Field {
    name: "cardNumber",
    label: "Card number",
    autocomplete: "cc-number",
    placeholder: "1234 1234 1234 1234",
    inputmode: "numeric",
};
const EXPIRY: Field =
    Field { name: "expiry", label: "Expires", autocomplete: "cc-exp", placeholder: "MM / YY", inputmode: "numeric" };
const CODE: Field =
    Field { name: "cvv", label: "Security code", autocomplete: "cc-csc", placeholder: "123", inputmode: "numeric" };

const FIELDS: [Field; 4] = [NUMBER, EXPIRY, CODE, NAME];

/// The cards that pay in the sandbox, or do not.
const TEST_CARDS: [(&str, &str); 5] = [
    ("4242 4242 4242 4242", "pays"),
    ("5555 5555 5555 4444", "pays"),
    ("4000 0000 0000 0002", "is declined"),
    ("4000 0000 0000 9995", "lacks funds"),
    ("4000 0000 0000 5126", "pays, and refuses every refund"),
];

/// The card of the simulated payer.
fn simulated_card() -> Value {
    json!({ "cardNumber": "4242424242424242", "expiry": "12/49", "cvv": "123", "name": "Simulated payer" })
}

/// The field of the card form that a refusal is about.
pub(super) fn field_of(refusal: &Refusal) -> Option<&'static str> {
    let name = refusal.param.as_deref()?.strip_prefix("card.")?;
    FIELDS.iter().find(|field| field.name == name).map(|field| field.name)
}

/// The ways to pay, while there is something to be paid.
pub(super) fn draw(visit: &Visit, sight: &Sight, refusal: Option<&Refusal>) -> Markup {
    if sight.stage() != Stage::Unpaid {
        return Markup::default();
    }
    let total = amount(sight, &sight.intent.amount);
    html! {
        // Cards exist in the sandbox only, until a processor is connected.
        @if !sight.intent.livemode {
            (by_card_form(visit, &total, refusal))
            p.or { span { "or" } }
        }
        form.wallet method="post" action={ (visit.path) "/confirm" }
            data-typed=[sight.intent.typed_data_v4.as_ref().map(|typed| typed.get())] {
            (signature_fields())
            button.button.plain type="submit" { "Pay with a wallet" }
        }
        @if !sight.intent.livemode {
            form method="post" action={ (visit.path) "/simulated" } {
                button.button.plain type="submit" { "Pay as the simulated payer" }
            }
            (test_cards())
        }
    }
}

fn by_card_form(visit: &Visit, total: &str, refusal: Option<&Refusal>) -> Markup {
    html! {
        form.card method="post" action={ (visit.path) "/card" } {
            h2 { "Pay by card" }
            div.fields {
                @for field in &FIELDS { (input(field, refusal)) }
            }
            button.button type="submit" { "Pay " (total) }
        }
    }
}

fn input(field: &Field, refusal: Option<&Refusal>) -> Markup {
    let wrong = refusal.filter(|refusal| field_of(refusal) == Some(field.name)).map(|refusal| said(field, refusal));
    let said = format!("{}-said", field.name);
    html! {
        div.field .(field.name) {
            label for=(field.name) { (field.label) }
            input #(field.name) name=(field.name) autocomplete=(field.autocomplete) placeholder=(field.placeholder)
                inputmode=(field.inputmode) required[field.name != NAME.name] maxlength="256"
                aria-invalid=[wrong.as_ref().map(|_| "true")] aria-describedby=[wrong.as_ref().map(|_| &said)];
            @if let Some(wrong) = wrong { p.said id=(said) role="alert" { (wrong) } }
        }
    }
}

/// What the API says about a field, under the name that the field has here.
fn said(field: &Field, refusal: &Refusal) -> String {
    let rule = refusal.param.as_deref().and_then(|param| refusal.message.strip_prefix(param));
    rule.map_or_else(|| refusal.message.clone(), |rule| format!("{}{rule}", field.label))
}

fn test_cards() -> Markup {
    html! {
        details.test-cards {
            summary { "Test cards" }
            table {
                caption { "Any date to come and any security code will do." }
                tbody {
                    @for (number, does) in TEST_CARDS {
                        tr { th scope="row" { code { (number) } } td { (does) } }
                    }
                }
            }
        }
    }
}

/// Somebody pays by card.
pub(super) async fn by_card(State(pages): State<Pages>, visit: Visit, form: Form) -> Result<Response, RefusalPage> {
    let card = form.object(&FIELDS.map(|field| field.name));
    charge(&pages, &visit, Value::Object(card)).await
}

/// The simulated payer pays.
pub(super) async fn simulated(State(pages): State<Pages>, visit: Visit, _form: Form) -> Result<Response, RefusalPage> {
    charge(&pages, &visit, simulated_card()).await
}

/// Charges a card, and remembers who paid in the browser that did.
async fn charge(pages: &Pages, visit: &Visit, card: Value) -> Result<Response, RefusalPage> {
    let ask = Ask::post(visit.public("/payment"), json!({ "card": card }));
    let Paid { payer_token } = match pages.api.ask(&visit.client, ask).await {
        Ok(paid) => paid,
        Err(refusal) => return Ok(page::refused(pages, visit, refusal).await?.into_response()),
    };
    let mut response = paying(visit);
    let cookie = payer_token.and_then(|token| visit.cookie(pages).set(&token));
    response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    Ok(response)
}

/// A wallet has signed.
pub(super) async fn by_wallet(State(pages): State<Pages>, visit: Visit, form: Form) -> Result<Response, RefusalPage> {
    let body = Value::Object(form.object(&["signature", "payerAddress"]));
    match pages.api.ask::<Value>(&visit.client, Ask::post(visit.public("/confirm"), body)).await {
        Ok(_) => Ok(paying(&visit)),
        Err(refusal) => Ok(page::refused(&pages, &visit, refusal).await?.into_response()),
    }
}

fn paying(visit: &Visit) -> Response {
    Redirect::to(&format!("{}?{PAYING}", visit.path)).into_response()
}
