//! `GET /events/stream`: events as they are committed (server-sent events, HTML Living Standard §9.2).

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use escrow::{Owner, Span};
use futures_util::stream;
use store::{EventFilter, StoreError, StoredEvent};
use tokio::sync::watch;

use super::{choosing, filter, stream_of};
use crate::gateway::Gateway;
use crate::http::auth::{Admitted, still_works};
use crate::http::error::ApiError;
use crate::http::fields::{Read, digits};
use crate::http::header_text;
use crate::http::list::Query;
use crate::http::openapi::{Field, Operation, field};
use crate::wire;

/// The header by which a client says which event it has seen last.
pub(in crate::http) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The same in the query, for clients that cannot set headers.
const STARTING_AFTER: &str = "starting_after";

const MEDIA_TYPE: &str = "text/event-stream";

/// How often something is sent when nothing happens, so that both sides notice when the other is gone.
const KEEP_ALIVE: Span = Span::from_seconds(15);

/// How many events are read at once.
const AT_ONCE: usize = 20;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("streamEvents", "Follow events")
        .about(
            "Sends events as they are committed, without a gap, as long as the connection lasts. Each has its place in the stream as its \
             `id`; a client that comes again with the last one as `Last-Event-ID` misses nothing and gets nothing twice. Without it, the \
             stream begins with what happens from now on.",
        )
        .query(vec![Field::param(
            STARTING_AFTER,
            field::place(),
            "The place, or the id, of the event that the stream begins after; `Last-Event-ID` says the same, and wins.",
        )])
        .query_also(choosing())
        .writes(MEDIA_TYPE, "Events, each with `id`, `event` (its type) and `data` (the event on one line).")
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (owner, filter) = (stream_of(&asker), filter(&query)?);
    // Before anything is read: what comes after that is heard.
    let bell = gateway.engine.bells().listen(owner);
    let position = begin(&gateway, &asker, start(&headers, &query)?).await?;
    let mut frames = VecDeque::new();
    frames.push_back(place_frame(position));
    let follower = Follower { gateway, headers, owner, filter, position, bell, frames };
    let body = Body::from_stream(stream::unfold(follower, Follower::next));
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The event that the stream begins after, as it was named, and where it was named.
pub(in crate::http) fn start(headers: &HeaderMap, query: &Query) -> Read<Option<(&'static str, String)>> {
    if let Some(value) = header_text(headers, &LAST_EVENT_ID) {
        let text = std::str::from_utf8(value).map_err(|_| unknown("Last-Event-ID", "something that is no text"))?;
        return Ok(Some(("Last-Event-ID", text.to_owned())));
    }
    Ok(query.get(STARTING_AFTER).map(|text| (STARTING_AFTER, text.to_owned())))
}

fn unknown(name: &str, text: &str) -> ApiError {
    let shown: String = text.chars().take(64).collect();
    ApiError::field(name, format!("{name} must be the id or the place of an event of this stream: {shown}"))
}

/// The place that a stream begins after.
async fn begin(gateway: &Gateway, asker: &Admitted, named: Option<(&'static str, String)>) -> Result<u64, ApiError> {
    let owner = stream_of(asker);
    let store = gateway.engine.store();
    let last = store.events_after(owner, EventFilter::default(), 0, 0).await?.position;
    let Some((name, text)) = named else { return Ok(last) };
    let place = match (digits(&text), text.parse()) {
        (Some(place), _) => Some(place.unsigned_abs()),
        (None, Ok(id)) => store.event(id).await?.filter(|found| found.owner == owner).map(|found| found.position),
        (None, Err(_)) => None,
    };
    place.filter(|place| *place <= last).ok_or_else(|| unknown(name, &text))
}

/// Whoever follows a stream.
struct Follower {
    gateway: Arc<Gateway>,
    /// Those of the request, whose key must go on working.
    headers: HeaderMap,
    owner: Owner,
    filter: EventFilter,
    /// The place up to which everything was read.
    position: u64,
    bell: watch::Receiver<()>,
    /// What is to be sent first.
    frames: VecDeque<Bytes>,
}

impl Follower {
    /// The next piece to be sent; the stream ends when the key no longer works, or nothing can be read. Nothing is read before what was
    /// read before is sent, so that a client that does not take it costs no memory.
    async fn next(mut self) -> Option<(Result<Bytes, StoreError>, Follower)> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some((Ok(frame), self));
            }
            if !still_works(&self.gateway, &self.headers).await {
                return None;
            }
            self.bell.borrow_and_update();
            let store = self.gateway.engine.store();
            let tail = match store.events_after(self.owner, self.filter.clone(), self.position, AT_ONCE).await {
                Ok(tail) => tail,
                Err(error) => {
                    tracing::warn!(%error, "a stream of events ends: it cannot be read");
                    return None;
                }
            };
            self.position = tail.position;
            self.frames.extend(tail.events.iter().map(event_frame));
            if self.frames.is_empty() {
                self.wait().await;
            }
        }
    }

    /// Waits until there may be more; after a while something is sent all the same.
    async fn wait(&mut self) {
        tokio::select! {
            rung = self.bell.changed() => {
                // The bell is gone with the engine: the next read fails.
                drop(rung);
            }
            () = self.gateway.engine.host().sleep(KEEP_ALIVE) => self.frames.push_back(place_frame(self.position)),
        }
    }
}

/// Says how far the stream was read. Clients note the place, and tell nobody (§9.2.6: a frame without data is no event).
fn place_frame(position: u64) -> Bytes {
    Bytes::from(format!(": here\nid: {position}\n\n"))
}

fn event_frame(stored: &StoredEvent) -> Bytes {
    let (position, kind, text) = (stored.position, stored.event.kind, wire::served_event(stored));
    Bytes::from(format!("id: {position}\nevent: {kind}\ndata: {text}\n\n"))
}
