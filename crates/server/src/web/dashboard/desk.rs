//! Where somebody who is signed in works: what was asked for, and the API with their key.

use std::future::Future;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header::{HeaderName, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{self, MethodRouter};
use engine::Keyring;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use store::KeyKind;
use url::form_urlencoded;

use super::View;
use super::session::{self, Session};
use super::signing;
use crate::web::Pages;
use crate::web::api::{Ask, Client, Refusal, Single};
use crate::web::form::Form;
use crate::web::refusal::RefusalPage;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The field of a form by which it is known as one of this session.
const TOKEN: &str = "token";

/// The field of a form by which what it asks is done once.
const ONCE: &str = "once";

/// Somebody who is signed in, and what they ask for.
#[derive(Clone)]
pub(super) struct Desk {
    pages: Pages,
    client: Client,
    session: Session,
    /// The path and the query that were asked for.
    at: String,
    named: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

/// A page that is read.
pub(super) fn show<F, Fut>(draw: F) -> MethodRouter<Pages>
where
    F: Fn(Desk) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<View, Refusal>> + Send + 'static,
{
    routing::get(move |desk: Result<Desk, Response>| async move {
        match desk {
            Ok(desk) => desk.answer(draw(desk.clone()).await),
            Err(stranger) => stranger,
        }
    })
}

/// A form that is taken, once it is known as one of the session's own.
pub(super) fn take<F, Fut>(act: F) -> MethodRouter<Pages>
where
    F: Fn(Desk, Form) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<View, Refusal>> + Send + 'static,
{
    routing::post(move |desk: Result<Desk, Response>, form: Result<Form, RefusalPage>| async move {
        // Who may send it at all comes first, whoever is signed in.
        match (form, desk) {
            (Err(refused), _) => refused.into_response(),
            (Ok(_), Err(stranger)) => stranger,
            (Ok(form), Ok(desk)) if desk.knows(&form) => desk.answer(act(desk.clone(), form).await),
            (Ok(_), Ok(desk)) => desk.answer(Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "forbidden",
                "This form is of an earlier session, or of another site. Nothing was done: open the page again.",
            ))),
        }
    })
}

impl FromRequestParts<Pages> for Desk {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, pages: &Pages) -> Result<Desk, Response> {
        let at = parts.uri.path_and_query().map_or("/dashboard", |at| at.as_str()).to_owned();
        let Some(session) = Session::of(parts, pages) else { return Err(signing::stranger(pages, parts, &at)) };
        let named = match RawPathParams::from_request_parts(parts, pages).await {
            Ok(named) => named.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            Err(_) => Vec::new(),
        };
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let client = match Client::from_request_parts(parts, pages).await {
            Ok(client) => client,
            Err(never) => match never {},
        };
        Ok(Desk { pages: pages.clone(), client, session, at, named, query })
    }
}

impl Desk {
    /// The path of the public address, below which visitors find everything.
    pub(super) fn base(&self) -> &str {
        &self.pages.base
    }

    pub(super) const fn session(&self) -> &Session {
        &self.session
    }

    /// Whether the key is the operator's.
    pub(super) fn is_operator(&self) -> bool {
        self.session.kind() == KeyKind::Admin
    }

    /// Whether the key is of the sandbox.
    pub(super) fn is_sandbox(&self) -> bool {
        matches!(self.session.kind(), KeyKind::Test | KeyKind::Hackathon)
    }

    /// The path and the query that were asked for.
    pub(super) fn at(&self) -> &str {
        &self.at
    }

    /// What the address names, fit to stand in another one.
    pub(super) fn param(&self, name: &str) -> String {
        let found = self.named.iter().find(|(known, _)| known == name);
        segment(found.map_or("", |(_, value)| value))
    }

    /// A parameter of the query; an empty one was not given.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Reads what the API has at a path.
    ///
    /// # Errors
    /// What the API refuses.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: impl Into<String> + Send) -> Result<T, Refusal> {
        self.ask(Ask::get(path)).await
    }

    /// Reads one object that the API has at a path.
    ///
    /// # Errors
    /// What the API refuses.
    pub(super) async fn one<T: DeserializeOwned>(&self, path: impl Into<String> + Send) -> Result<T, Refusal> {
        let Single { data } = self.get(path).await?;
        Ok(data)
    }

    /// Has the API do what a form asks for, once, however often the form is sent.
    ///
    /// # Errors
    /// What the API refuses.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        form: &Form,
        path: impl Into<String> + Send,
        body: Value,
    ) -> Result<T, Refusal> {
        let ask = Ask::post(path, body);
        let once = form.text(ONCE).and_then(|once| HeaderValue::from_str(once).ok());
        self.ask(match once {
            Some(once) => ask.by(IDEMPOTENCY_KEY, once),
            None => ask,
        })
        .await
    }

    /// Has the API take something away.
    ///
    /// # Errors
    /// What the API refuses.
    pub(super) async fn delete(&self, path: impl Into<String> + Send) -> Result<(), Refusal> {
        self.ask::<Value>(Ask::delete(path)).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, Refusal> {
        self.pages.api.ask(&self.client, self.signed(ask)?).await
    }

    /// The same request with the key that somebody signed in with.
    ///
    /// # Errors
    /// When the key is none that a header can hold.
    fn signed(&self, ask: Ask) -> Result<Ask, Refusal> {
        let mut key = HeaderValue::from_str(self.session.key()).map_err(|_| Refusal::internal())?;
        key.set_sensitive(true);
        Ok(ask.by(X_API_KEY, key))
    }

    /// Asks, and hands on what the API answers as it comes.
    ///
    /// # Errors
    /// When no request could be made of it.
    pub(super) async fn send(&self, ask: Ask) -> Result<Response, Refusal> {
        self.pages.api.send(&self.client, self.signed(ask)?).await
    }

    /// What every form carries.
    pub(super) fn seal(&self) -> Markup {
        let once = Keyring::mint_text(self.pages.gateway.engine.host().as_ref());
        html! {
            input type="hidden" name=(TOKEN) value=(self.session.form_token);
            input type="hidden" name=(ONCE) value=(once);
        }
    }

    /// Whether a form is one of this session. Compared without ending early, so that how long it takes tells nothing.
    fn knows(&self, form: &Form) -> bool {
        let (known, sent) = (self.session.form_token.as_bytes(), form.text(TOKEN).unwrap_or_default().as_bytes());
        let differing = known.iter().zip(sent).fold(0, |all, (one, other)| all | (one ^ other));
        known.len() == sent.len() && differing == 0
    }

    /// The answer to a browser.
    pub(super) fn answer(&self, view: Result<View, Refusal>) -> Response {
        match view {
            Ok(View::Screen(screen)) => screen.render(self).into_response(),
            Ok(View::Go(to)) => Redirect::to(&format!("{}{to}", self.base())).into_response(),
            Ok(View::SignedOut) => {
                let mut response = Redirect::to(&format!("{}{}", self.base(), signing::PATH)).into_response();
                response.headers_mut().extend(session::end(&self.pages).map(|header| (SET_COOKIE, header)));
                response
            }
            // The cookie stays until somebody signs in: a script that looks at the page meanwhile must not take from whoever comes next why
            // they have to.
            Err(refusal) if is_over(&refusal) => signing::ended(&self.pages, &self.at).into_response(),
            Err(refusal) => super::screen::refused(self, &refusal).into_response(),
        }
    }
}

/// That there is nothing at an address.
pub(super) fn nothing_here() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "resource_missing", "There is nothing at this address.")
}

/// Whether the API no longer takes the key.
pub(super) fn is_over(refusal: &Refusal) -> bool {
    refusal.status == StatusCode::UNAUTHORIZED
        || refusal.status == StatusCode::FORBIDDEN && refusal.message == crate::http::INVALID_KEY
}

/// A text as one segment of a path, or one value of a query.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string().replace("%5F", "_")
}
