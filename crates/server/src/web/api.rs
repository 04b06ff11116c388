//! Asks the API in this process, as any other client would: by its routes, with its limits, its log and its refusals.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{CONTENT_TYPE, HOST, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt;

use crate::http::Peer;

/// Where the API's routes begin.
const BASE: &str = crate::http::BASE_PATHS[0];

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The API of the gateway that serves the pages.
#[derive(Clone)]
pub(super) struct Api {
    router: Router,
}

/// Who looks at a page: the API counts what is asked for them as theirs.
#[derive(Clone, Debug, Default)]
pub(super) struct Client {
    host: Option<HeaderValue>,
    forwarded: Vec<HeaderValue>,
    peer: Option<Peer>,
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Client, Infallible> {
        Ok(Client {
            host: parts.headers.get(HOST).cloned(),
            forwarded: parts.headers.get_all(&X_FORWARDED_FOR).iter().cloned().collect(),
            peer: parts.extensions.get::<Peer>().copied(),
        })
    }
}

/// A request to the API.
pub(super) struct Ask {
    method: Method,
    path: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Value>,
}

impl Ask {
    /// Reads what is at a path below the base path. Whatever others wrote must not be in it but percent-encoded.
    pub(super) fn get(path: impl Into<String>) -> Ask {
        Ask { method: Method::GET, path: path.into(), headers: Vec::new(), body: None }
    }

    /// Posts a JSON object to a path below the base path.
    pub(super) fn post(path: impl Into<String>, body: Value) -> Ask {
        Ask { method: Method::POST, path: path.into(), headers: Vec::new(), body: Some(body) }
    }

    /// Takes away what is at a path below the base path.
    pub(super) fn delete(path: impl Into<String>) -> Ask {
        Ask { method: Method::DELETE, path: path.into(), headers: Vec::new(), body: None }
    }

    /// The same with another header, such as the one by which the API knows who asks.
    pub(super) fn by(mut self, name: HeaderName, value: HeaderValue) -> Ask {
        self.headers.push((name, value));
        self
    }

    fn request(self, client: &Client) -> Result<Request<Body>, axum::http::Error> {
        let mut request = Request::builder().method(self.method).uri(format!("{BASE}{}", self.path));
        if let Some(host) = &client.host {
            request = request.header(HOST, host);
        }
        for forwarded in &client.forwarded {
            request = request.header(X_FORWARDED_FOR, forwarded);
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if let Some(peer) = client.peer {
            request = request.extension(peer);
        }
        match self.body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        }
    }
}

/// A single object of the API.
#[derive(Debug, Deserialize)]
pub(super) struct Single<T> {
    /// The object.
    pub(super) data: T,
}

/// What the API, or a page before it, does not do, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The status that the API answered with.
    pub(super) status: StatusCode,
    /// What kind of refusal it is, as the API names it.
    pub(super) code: String,
    /// Why, for people.
    pub(super) message: String,
    /// The field that is wrong.
    pub(super) param: Option<String>,
    /// By which whoever runs the gateway finds the request in its log.
    pub(super) request_id: Option<String>,
}

impl Refusal {
    /// A refusal of the page's own.
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Refusal {
        Refusal { status, code: code.to_owned(), message: message.into(), param: None, request_id: None }
    }

    /// What went wrong is in the log, and nothing of it is for visitors.
    pub(super) fn internal() -> Refusal {
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "api_error",
            "Something went wrong here. Look at how things are before you try again.",
        )
    }
}

#[derive(Deserialize)]
struct Refused {
    error: Told,
}

#[derive(Deserialize)]
struct Told {
    code: String,
    message: String,
    param: Option<String>,
    request_id: Option<String>,
}

impl Api {
    /// The API that this router serves.
    pub(super) const fn new(router: Router) -> Api {
        Api { router }
    }

    /// Asks, and reads the answer.
    ///
    /// # Errors
    /// What the API refused, or that its answer is not what the page knows.
    pub(super) async fn ask<T: DeserializeOwned>(&self, client: &Client, ask: Ask) -> Result<T, Refusal> {
        let response = self.send(client, ask).await?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| unread(&error))?.to_bytes();
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| unread(&error));
        }
        let Refused { error } = serde_json::from_slice(&body).map_err(|error| unread(&error))?;
        let Told { code, message, param, request_id } = error;
        Err(Refusal { status, code, message, param, request_id })
    }

    /// Asks, and hands the answer on as it is.
    ///
    /// # Errors
    /// When no request could be made of it.
    pub(super) async fn send(&self, client: &Client, ask: Ask) -> Result<Response, Refusal> {
        let request = ask.request(client).map_err(|error| unread(&error))?;
        match self.router.clone().oneshot(request).await {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        }
    }
}

fn unread(error: &dyn std::error::Error) -> Refusal {
    tracing::error!(%error, "a page and the API do not understand each other");
    Refusal::internal()
}
