//! `/operator/merchants`: the merchants of this gateway, and adding one.

use maud::{Markup, html};
use serde_json::Value;

use super::super::act::{Action, actions};
use super::super::desk::Desk;
use super::super::field::{Attempt, Field};
use super::super::listing::{asked, nothing, table, turning};
use super::super::read::{List, Merchant};
use super::super::screen::{Screen, View};
use crate::web::api::{Refusal, Single};
use crate::web::form::Form;
use crate::web::parts::at;

const PART: &str = "/operator/merchants";

pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    draw(&desk, None).await
}

/// Adds one, and shows its first key this once.
pub(super) async fn create(desk: Desk, form: Form) -> Result<View, Refusal> {
    match desk.post::<Single<Merchant>>(&form, "/admin/merchants", Value::Object(form.object(&["name"]))).await {
        Ok(Single { data }) => added(&data).into(),
        Err(refusal) => draw(&desk, Some(Attempt::new(form, refusal.clone()))).await.or(Err(refusal)),
    }
}

fn added(merchant: &Merchant) -> Screen {
    let secret = merchant.api_key.as_ref().and_then(|key| key.secret.as_ref());
    let content = html! {
        p { strong { (merchant.name) } " is there, as " code.long { (merchant.id) } "." }
        @match secret {
            Some(secret) => {
                p { "A first key of its sandbox, which is shown this once and is kept nowhere:" }
                p.secret { code { (secret) } }
            }
            None => p { "Its first key was shown already." },
        }
        p { a.button href=(PART) { "Go on" } }
    };
    Screen::new(PART, "The merchant is there", content).once()
}

async fn draw(desk: &Desk, attempt: Option<Attempt>) -> Result<View, Refusal> {
    let list: List<Merchant> = desk.get(asked(desk, "/admin/merchants", &[])).await?;
    let row = |merchant: &Merchant| -> Vec<Markup> {
        vec![html! { (merchant.name) }, html! { code.long { (merchant.id) } }, at(&merchant.created_at)]
    };
    let add = Action::new("create", "Add a merchant", PART)
        .explained(html! { "With a first key of its sandbox." })
        .fields([Field::line("name", "Name").required()]);
    let content = html! {
        (actions(desk, &[add], attempt.as_ref()))
        @if list.data.is_empty() { (nothing("There is no merchant.")) }
        @else { (table("Merchants, newest first", &["Name", "Id", "Since"], &list.data.iter().map(row).collect::<Vec<_>>())) }
        (turning(desk, &list, |merchant| &merchant.id, &[]))
    };
    let refusal = attempt.as_ref().and_then(|attempt| attempt.refusal.as_ref());
    Screen::new(PART, "Merchants", content).refusing(refusal).into()
}
