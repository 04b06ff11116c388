//! `GET /dashboard/stream`: the events of whoever is signed in, as the API streams them, so that pages can follow.

use axum::http::header::HeaderName;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::desk::Desk;
use crate::web::api::Ask;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Hands on the stream. Whoever is not signed in gets no page instead: it is asked by a script.
pub(super) async fn proxy(desk: Result<Desk, Response>, headers: HeaderMap) -> Response {
    let Ok(desk) = desk else { return (StatusCode::UNAUTHORIZED, "Nobody is signed in.\n").into_response() };
    let ask = Ask::get("/events/stream");
    let ask = match headers.get(&LAST_EVENT_ID) {
        Some(last) => ask.by(LAST_EVENT_ID, last.clone()),
        None => ask,
    };
    match desk.send(ask).await {
        Ok(response) => response,
        Err(refusal) => refusal.status.into_response(),
    }
}
