//! `/dashboard/keys`: API keys: made, rolled and revoked. The text of a key is shown once.

use maud::{Markup, html};
use serde_json::{Value, json};
use store::Scope;

use super::act::{Action, actions};
use super::desk::{Desk, nothing_here};
use super::field::{Attempt, Field};
use super::listing::{asked, nothing, turning};
use super::read::{Key, List};
use super::screen::{Screen, View};
use super::words::{state, words};
use crate::web::api::{Refusal, Single};
use crate::web::form::Form;
use crate::web::parts::at;

const PART: &str = "/dashboard/keys";

/// The keys.
pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    list(&desk, None).await
}

/// Makes a key, and shows its text this once.
pub(super) async fn create(desk: Desk, form: Form) -> Result<View, Refusal> {
    let mut body = form.object(&["name", "kind", "merchantId", "expiresIn"]);
    if let Some(scopes) = form.text("scopes") {
        let chosen: Vec<&str> = scopes.split([',', ' ', '\n']).map(str::trim).filter(|text| !text.is_empty()).collect();
        body.insert("scopes".to_owned(), chosen.into());
    }
    match desk.post::<Single<Key>>(&form, "/api-keys", Value::Object(body)).await {
        Ok(Single { data }) => secret(&data, "The key is there").into(),
        Err(refusal) => list(&desk, Some(Attempt::new(form, refusal.clone()))).await.or(Err(refusal)),
    }
}

/// Puts another key in the place of one, or ends it.
pub(super) async fn perform(desk: Desk, form: Form) -> Result<View, Refusal> {
    let key = desk.param("key");
    let refusal = match desk.param("deed").as_str() {
        "roll" => {
            let body = Value::Object(form.object(&["gracePeriod"]));
            match desk.post::<Single<Key>>(&form, format!("/api-keys/{key}/roll"), body).await {
                Ok(Single { data }) => return secret(&data, "There is a new key in its place").into(),
                Err(refusal) => refusal,
            }
        }
        "revoke" => match desk.post::<Value>(&form, format!("/api-keys/{key}/revoke"), json!({})).await {
            Ok(_) => return Ok(View::Go(PART.to_owned())),
            Err(refusal) => refusal,
        },
        _ => return Err(nothing_here()),
    };
    list(&desk, Some(Attempt::new(form, refusal.clone()))).await.or(Err(refusal))
}

/// What is shown once.
fn secret(key: &Key, title: &str) -> Screen {
    let content = html! {
        @match &key.secret {
            Some(secret) => {
                p { "Its text, which is shown this once and is kept nowhere:" }
                p.secret { code { (secret) } }
            }
            None => p { "Its text was shown already. Where it was lost, roll the key." },
        }
        p { a.button href=(PART) { "Go on" } }
    };
    Screen::new(PART, title, content).once()
}

async fn list(desk: &Desk, attempt: Option<Attempt>) -> Result<View, Refusal> {
    let list: List<Key> = desk.get(asked(desk, "/api-keys", &[])).await?;
    let content = html! {
        (actions(desk, &[making(desk)], attempt.as_ref()))
        @if list.data.is_empty() { (nothing("There is no key.")) }
        @for key in &list.data { (one(desk, key, attempt.as_ref())) }
        (turning(desk, &list, |key| &key.id, &[]))
    };
    let refusal = attempt.as_ref().and_then(|attempt| attempt.refusal.as_ref());
    Screen::new(PART, "API keys", content).refusing(refusal).into()
}

fn making(desk: &Desk) -> Action {
    let scopes = Field::line("scopes", "What it may do").placeholder("*");
    let common = [
        Field::line("name", "Name").required(),
        scopes.hint("Scopes such as escrow:read, with commas between them; everything, where nothing is said."),
        Field::line("expiresIn", "Ends after").placeholder("90d"),
    ];
    let of_operator = desk.is_operator().then(|| {
        [
            Field::choice("kind", "Kind", [("test", "Test"), ("live", "Live"), ("admin", "Admin")]).required(),
            Field::line("merchantId", "Merchant").placeholder("merchant_…").hint("Nobody's, for an admin key."),
        ]
    });
    Action::new("create", "Make a key", PART)
        .explained(html! {
            "Scopes are " @for (place, scope) in Scope::all().enumerate() { @if place > 0 { ", " } code { (scope) } } "."
        })
        .fields(of_operator.into_iter().flatten().chain(common))
}

fn one(desk: &Desk, key: &Key, attempt: Option<&Attempt>) -> Markup {
    let to = |deed: &str| format!("{PART}/{}/{deed}", key.id);
    let ends = !matches!(key.status.as_str(), "revoked" | "expired");
    let roll = Action::new(format!("roll-{}", key.id), "Roll", to("roll"))
        .explained(html! { "A new key may do the same, and is shown once. This one goes on working for a while." })
        .button("Roll the key")
        .fields([Field::line("gracePeriod", "For how long").placeholder("24h").hint("A day, where nothing is said.")]);
    let revoke = Action::new(format!("revoke-{}", key.id), "Revoke", to("revoke"))
        .explained(html! { "Whoever uses it is refused from now on." })
        .button("Revoke the key")
        .grave();
    html! {
        article.card {
            h2 {
                (key.name.as_deref().unwrap_or("Without a name")) " " (state(&key.status))
            }
            p.quiet {
                code { "sk_" (key.kind) "_…" (key.last_four) } " · " (words(&key.kind)) " · may do "
                @if key.scopes.iter().any(|scope| scope == "*") { "everything" } @else if key.scopes.is_empty() { "nothing" } @else { (key.scopes.join(", ")) }
                @if let Some(merchant) = key.merchant_id.as_ref().filter(|_| desk.is_operator()) { " · " code.long { (merchant) } }
            }
            p.quiet {
                "Made " (at(&key.created_at))
                @match &key.last_used_at { Some(used) => { ", last used " (at(used)) } None => ", never used" }
                @if let Some(end) = &key.expires_at { ", ends " (at(end)) }
            }
            @if ends { (actions(desk, &[roll, revoke], attempt)) }
        }
    }
}
