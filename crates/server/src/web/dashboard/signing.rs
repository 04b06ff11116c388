//! Signing in with an API key, and out.

use axum::extract::{RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{self, MethodRouter};
use engine::key_kind;
use maud::html;
use serde_json::Value;
use store::KeyKind;
use url::form_urlencoded;

use super::desk::{Desk, is_over, segment};
use super::{View, session};
use crate::web::Pages;
use crate::web::api::{Ask, Client, Refusal};
use crate::web::assets::Asset;
use crate::web::form::Form;
use crate::web::layout::{Page, below};

/// Where one signs in.
pub(super) const PATH: &str = "/dashboard/sign-in";

/// Where one goes from there, and where nobody else's pages can send anybody.
const INSIDE: [&str; 2] = ["/dashboard", "/operator"];

const NEXT: &str = "next";

pub(super) fn routes() -> MethodRouter<Pages> {
    routing::get(page).post(enter)
}

/// For whom nobody is signed in: a page that is asked for is shown after signing in.
pub(super) fn stranger(pages: &Pages, parts: &Parts, at: &str) -> Response {
    let base = &pages.base;
    match parts.method {
        Method::GET if at != INSIDE[0] => Redirect::to(&format!("{base}{PATH}?{NEXT}={}", segment(at))).into_response(),
        Method::GET => Redirect::to(&format!("{base}{PATH}")).into_response(),
        _ => draw(pages, StatusCode::UNAUTHORIZED, "", Some("You are not signed in any more. Nothing was done."))
            .into_response(),
    }
}

/// For whoever is signed in with a key that works no longer.
pub(super) fn ended(pages: &Pages, at: &str) -> Page {
    draw(
        pages,
        StatusCode::UNAUTHORIZED,
        at,
        Some("The key that you signed in with works no longer. Sign in with another one."),
    )
}

async fn page(State(pages): State<Pages>, RawQuery(query): RawQuery) -> Page {
    draw(&pages, StatusCode::OK, &next_of(query.as_deref().unwrap_or_default()), None)
}

fn next_of(query: &str) -> String {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let found = pairs.into_iter().find(|(name, _)| name == NEXT);
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn draw(pages: &Pages, status: StatusCode, next: &str, refused: Option<&str>) -> Page {
    let main = html! {
        main #main .narrow {
            h1 { "Sign in" }
            p { "With an API key of a merchant, or an admin key of this gateway." }
            form method="post" action=(PATH) .sign-in {
                input type="hidden" name=(NEXT) value=(next);
                label for="key" { "API key" }
                input #key name="key" type="password" autocomplete="current-password" spellcheck="false" required
                    placeholder="sk_test_…" aria-invalid=[refused.map(|_| "true")] aria-describedby=[refused.map(|_| "refused")];
                @if let Some(refused) = refused { p.said #refused role="alert" tabindex="-1" { (refused) } }
                button.button type="submit" { "Sign in" }
            }
            p.quiet {
                "You see and do what the key may, for twelve hours. The key is kept in a cookie, sealed; nothing of it is stored here. "
                code { "milepost serve" } " prints a test key at its first start, and " code { "milepost keys create" } " makes others."
            }
        }
    };
    Page { status, styles: &[Asset::DashboardStyle], ..Page::new("Sign in", below(&pages.base, main)) }
}

/// Tries the key, and keeps it where the API takes it.
async fn enter(State(pages): State<Pages>, client: Client, form: Form) -> Response {
    let next = form.text(NEXT).unwrap_or_default().to_owned();
    let key = form.text("key").unwrap_or_default().trim().to_owned();
    match works(&pages, &client, &key).await {
        Ok(kind) => {
            let home = if kind == KeyKind::Admin { INSIDE[1] } else { INSIDE[0] };
            let to = if is_inside(&next) { &next } else { home };
            let mut response = Redirect::to(&format!("{}{to}", pages.base)).into_response();
            let Some(cookie) = session::begin(&pages, &key) else {
                return draw(&pages, StatusCode::FORBIDDEN, &next, Some("This is no API key.")).into_response();
            };
            response.headers_mut().append(SET_COOKIE, cookie);
            response
        }
        Err(refusal) => draw(&pages, refusal.page_status(), &next, Some(&refusal.message)).into_response(),
    }
}

/// The kind of a key that the API takes. What else it says of the request is no matter: a key may be limited to anything.
async fn works(pages: &Pages, client: &Client, key: &str) -> Result<KeyKind, Refusal> {
    let unknown = || Refusal::new(StatusCode::FORBIDDEN, "forbidden", "This key is unknown here, or works no longer.");
    let kind = key_kind(key).map_err(|error| {
        Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", format!("This is no API key: {error}."))
    })?;
    let mut header = HeaderValue::from_str(key).map_err(|_| unknown())?;
    header.set_sensitive(true);
    let path = if kind == KeyKind::Admin { "/admin/jobs?limit=1" } else { "/account/balance" };
    let ask = Ask::get(path).by(HeaderName::from_static("x-api-key"), header);
    match pages.api.ask::<Value>(client, ask).await {
        Ok(_) => Ok(kind),
        Err(refusal) if is_over(&refusal) => Err(unknown()),
        Err(refusal) if refusal.status == StatusCode::FORBIDDEN => Ok(kind),
        Err(refusal) => Err(refusal),
    }
}

/// Whether an address is a page of the dashboard: a path, and not one that browsers take for another host.
fn is_inside(path: &str) -> bool {
    let is_below =
        |base: &str| path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    INSIDE.iter().any(|base| is_below(base)) && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// Forgets who was signed in.
pub(super) async fn out(_: Desk, _: Form) -> Result<View, Refusal> {
    Ok(View::SignedOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_signing_in_leads() {
        for (path, is) in [
            ("/dashboard", true),
            ("/operator", true),
            ("/dashboard/intents?status=SETTLED", true),
            ("/dashboard?x", true),
            ("/dashboardevil", false),
            ("//evil.example/dashboard", false),
            ("https://evil.example", false),
            ("/pay/x", false),
            ("/dashboard/\\evil", false),
            ("/dashboard\r\nX: y", false),
            ("", false),
        ] {
            assert_eq!(is_inside(path), is, "{path}");
        }
    }
}
