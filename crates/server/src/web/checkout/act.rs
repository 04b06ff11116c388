//! What a payer does after paying: asked twice, and done by the token in the browser or by a signature.

use axum::response::{IntoResponse, Response};
use evm::Act;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::sight::{Payer, Sight};
use super::{Visit, page};
use crate::web::Pages;
use crate::web::api::Ask;
use crate::web::form::Form;
use crate::web::refusal::RefusalPage;

/// The fields by which a form carries a wallet's signature.
const SIGNED: [&str; 2] = ["signature", "payerAddress"];

/// What an action means to whoever does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It is what the page waits for.
    Main,
    /// It is one of those that can be done.
    Plain,
    /// It takes something away, or holds it up.
    Grave,
}

impl Weight {
    const fn class(self) -> &'static str {
        match self {
            Weight::Main => "main",
            Weight::Plain => "plain",
            Weight::Grave => "grave",
        }
    }
}

/// Something that can be done.
pub(super) struct Action<'a> {
    /// What names it among those of the page.
    pub(super) id: String,
    /// What opens it.
    pub(super) name: &'a str,
    /// What comes of it, before it is done.
    pub(super) explained: Markup,
    /// Where it is posted.
    pub(super) to: String,
    /// What is to be filled in.
    pub(super) fields: Markup,
    /// What does it.
    pub(super) button: String,
    /// What it means to whoever does it.
    pub(super) weight: Weight,
    /// What a wallet signs: JSON as `eth_signTypedData_v4` takes it.
    pub(super) typed_data: Option<String>,
    /// The fields whose words are a part of what is signed.
    pub(super) fills: &'static str,
}

/// An action, closed: opening it says what it does, and only then can it be done.
pub(super) fn draw(sight: &Sight, action: &Action<'_>) -> Markup {
    let signer = match sight.payer() {
        Payer::Wallet(address) => Some(address),
        Payer::Token | Payer::Elsewhere | Payer::Simulated => None,
    };
    html! {
        details.action .(action.weight.class()) {
            summary #(action.id) { (action.name) }
            div.inside {
                p { (action.explained) }
                form method="post" action=(action.to) data-typed=[action.typed_data.as_ref().filter(|_| signer.is_some())]
                    data-fills=(action.fills) data-signer=[signer.as_ref()] {
                    (action.fields)
                    @if signer.is_some() { (signature_fields()) }
                    button.button .(action.weight.class()) type="submit" { (action.button) }
                }
            }
        }
    }
}

/// What the script fills in, and where it says why it could not.
pub(super) fn signature_fields() -> Markup {
    html! {
        @for name in SIGNED { input type="hidden" name=(name); }
        p.said data-said role="alert" {}
        noscript { p.quiet { "Signing with a wallet needs scripts." } }
    }
}

/// What a wallet signs, of an act that holds the payer's own words: they are empty, and the script puts them in.
pub(super) fn template(pages: &Pages, act: &Act<'_>) -> Option<String> {
    serde_json::to_string(&act.typed_data_v4(pages.gateway.site.chain)).ok()
}

/// Has the API do it: what was filled in is in `body`, and the signature, where there is one, in the form.
pub(super) async fn perform(
    pages: &Pages,
    visit: &Visit,
    below: &str,
    (form, mut body): (&Form, Map<String, Value>),
) -> Result<Response, RefusalPage> {
    body.extend(form.object(&SIGNED));
    let is_signed = body.contains_key(SIGNED[0]);
    let ask = Ask::post(visit.public(below), Value::Object(body));
    let ask = if is_signed { ask } else { visit.as_payer(ask) };
    match pages.api.ask::<Value>(&visit.client, ask).await {
        Ok(_) => Ok(visit.done()),
        Err(refusal) => Ok(page::refused(pages, visit, refusal).await?.into_response()),
    }
}
