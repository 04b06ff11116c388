//! Follows a stream of events through whatever happens to the gateway and to the connection to it.

use std::collections::VecDeque;
use std::sync::Arc;

use engine::Host;
use escrow::Span;

use super::sse::{Frame, Reader};
use crate::api::{Api, Stream};
use crate::event::ServedEvent;
use crate::failure::Failure;

/// How long after a connection is lost the next one is tried.
const FIRST_WAIT: Span = Span::from_ms(250);

/// The longest wait between two tries; each is twice as long as the one before.
const LONGEST_WAIT: Span = Span::from_seconds(8);

/// An event, and its place in the stream.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) place: Option<String>,
    pub(super) event: ServedEvent,
}

/// Whoever follows the stream of a gateway.
pub(super) struct Follower {
    api: Api,
    host: Arc<dyn Host>,
    path: String,
    /// Up to here everything was done; a new connection begins after it.
    place: Option<String>,
    /// What it will be when the event that was handed out last is done with.
    next_place: Option<String>,
    connection: Option<Connection>,
    /// What has arrived and was not handed out.
    frames: VecDeque<Frame>,
    /// How long the next loss of the connection is waited out at first.
    wait: Span,
}

struct Connection {
    stream: Stream,
    reader: Reader,
    /// The gateway has only said where the stream begins.
    is_fresh: bool,
}

impl Follower {
    /// Follows the stream at `path`, from behind the place `since` or from now on.
    pub(super) const fn new(api: Api, host: Arc<dyn Host>, path: String, since: Option<String>) -> Follower {
        let frames = VecDeque::new();
        Follower { api, host, path, place: since, next_place: None, connection: None, frames, wait: FIRST_WAIT }
    }

    /// The address of the gateway.
    pub(super) fn url(&self) -> &str {
        self.api.url()
    }

    /// The place up to which every event was handed out and done with.
    pub(super) fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// Connects, and waits to hear where the stream begins, so that nothing that happens afterwards is missed.
    ///
    /// # Errors
    /// When the gateway is not there, or refuses.
    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        self.connect().await?;
        while self.frames.is_empty() {
            self.more().await?;
        }
        if self.frames.front().is_some_and(|frame| frame.data.is_none()) {
            let first = self.frames.pop_front();
            self.note(first.and_then(|frame| frame.place));
        }
        Ok(())
    }

    /// The next event. The one before it is done with.
    ///
    /// # Errors
    /// When the gateway refuses, or sends what is not understood. While it is gone, it is waited for.
    pub(super) async fn next(&mut self) -> Result<Told, Failure> {
        let done = self.next_place.take();
        self.note(done);
        loop {
            match self.frames.pop_front() {
                None => self.more().await?,
                Some(Frame { place, data: None }) => self.note(place),
                Some(Frame { place, data: Some(text) }) => {
                    self.next_place.clone_from(&place);
                    return Ok(Told { place, event: ServedEvent::read(text)? });
                }
            }
        }
    }

    fn note(&mut self, place: Option<String>) {
        self.place = place.or(self.place.take());
    }

    /// Waits for more frames, over a new connection when this one is lost. There is none left of it then, so that the new one begins
    /// where it ended.
    async fn more(&mut self) -> Result<(), Failure> {
        match self.read().await {
            Ok(frames) => {
                self.frames.extend(frames);
                Ok(())
            }
            Err(Failure::Unavailable(why)) => self.connect_again(&why).await,
            Err(failure) => Err(failure),
        }
    }

    async fn read(&mut self) -> Result<Vec<Frame>, Failure> {
        let ended = || Failure::unavailable("it ended the stream");
        let connection = self.connection.as_mut().ok_or_else(ended)?;
        let piece = connection.stream.next().await?.ok_or_else(ended)?;
        let frames = connection.reader.take(piece.as_ref()).map_err(Failure::no)?;
        if !frames.is_empty() {
            let is_first = std::mem::take(&mut connection.is_fresh);
            self.wait = if is_first && frames.len() == 1 { self.wait } else { FIRST_WAIT };
        }
        Ok(frames)
    }

    async fn connect(&mut self) -> Result<(), Failure> {
        let place = self.place.as_deref().filter(|place| !place.is_empty());
        let stream = self.api.follow(&self.path, place).await?;
        self.connection = Some(Connection { stream, reader: Reader::default(), is_fresh: true });
        Ok(())
    }

    /// Tries until there is a connection. A gateway that takes every one and ends it is not asked faster than one that is gone.
    async fn connect_again(&mut self, why: &str) -> Result<(), Failure> {
        self.connection = None;
        tracing::warn!("lost the gateway at {}: {why}; trying until it is back", self.api.url());
        loop {
            self.host.sleep(self.wait).await;
            self.wait = LONGEST_WAIT.min(Span::from_ms(self.wait.ms().saturating_mul(2)));
            match self.connect().await {
                Ok(()) => break,
                Err(Failure::Unavailable(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        tracing::info!("the gateway at {} is back; going on where it was lost", self.api.url());
        Ok(())
    }
}
