//! Connections: how many there may be, how much and how slowly they may send before a request begins, and how they end.
//!
//! Whoever holds a connection without a request under way never keeps others out: when there is no more room, the one that has
//! been idle for longest gives way.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use engine::Host;
use escrow::Span;
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use server::Peer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

use crate::meter;

/// The most bytes of a request's line and headers. Past it, and past the hundred headers that hyper reads, the answer is 431.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// The most bytes that are read ahead on a connection.
const MAX_BUFFER_BYTES: usize = 64 * 1024;

/// How long the client of a connection that is to end has to take the rest of an answer.
const CLOSING: Span = Span::from_seconds(2);

/// The pause after the operating system gave no connection, unless one ends before.
const ACCEPT_PAUSE: Span = Span::from_ms(100);

/// What the operator has set about connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// How many there may be at once.
    pub(crate) most: usize,
    /// How long a connection may take until the headers of its next request have arrived, and so how long it may be idle.
    pub(crate) header_timeout: Span,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { most: 10_000, header_timeout: Span::from_seconds(30) }
    }
}

/// Takes connections until it is asked to stop, or nobody is left who could ask; then ends when they all have ended.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    host: Arc<dyn Host>,
    limits: Limits,
    stopped: watch::Receiver<bool>,
) {
    let most = limits.most.clamp(1, Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(most));
    let door = Door { listener, host, places: places.clone(), idle: Arc::default() };
    while let Some((stream, peer, place)) = unless_stopped(&stopped, door.next()).await {
        let connection = Connection {
            peer,
            router: router.clone(),
            host: door.host.clone(),
            limits,
            stopped: stopped.clone(),
            seat: Seat::new(door.idle.clone()),
        };
        door.host.spawn(Box::pin(async move {
            connection.run(stream).await;
            drop(place);
        }));
    }
    drop(door);
    // Every connection has given its place back.
    drop(places.acquire_many(u32::try_from(most).unwrap_or(u32::MAX)).await);
}

/// What comes of some work, unless the gateway is asked to stop before.
async fn unless_stopped<T>(stopped: &watch::Receiver<bool>, work: impl Future<Output = T>) -> Option<T> {
    let mut stopped = stopped.clone();
    tokio::select! {
        biased;
        _ = stopped.wait_for(|stop| *stop) => None,
        done = work => Some(done),
    }
}

/// Where connections come in.
struct Door {
    listener: TcpListener,
    host: Arc<dyn Host>,
    places: Arc<Semaphore>,
    idle: Arc<Idle>,
}

impl Door {
    /// The next connection, once there is a place for it.
    async fn next(&self) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        let (stream, peer) = self.accept().await;
        (stream, peer, self.place().await)
    }

    async fn accept(&self) -> (TcpStream, SocketAddr) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        let mut is_told = false;
        loop {
            let error = match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => error,
            };
            if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
                // The other side has changed its mind.
                continue;
            }
            if !is_told {
                tracing::error!(%error, "no connection can be taken; trying again");
                is_told = true;
            }
            // Most likely there are too many open files.
            let one_less = self.idle.one_less.notified();
            self.idle.close_one();
            tokio::select! {
                () = one_less => {}
                () = self.host.sleep(ACCEPT_PAUSE) => {}
            }
        }
    }

    /// A place, which somebody else has to make free where all are taken.
    async fn place(&self) -> OwnedSemaphorePermit {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return place;
        }
        let mut free = pin!(self.places.clone().acquire_owned());
        loop {
            let one_more = self.idle.one_more.notified();
            self.idle.close_one();
            tokio::select! {
                biased;
                place = &mut free => match place {
                    Ok(place) => return place,
                    // Nobody closes the semaphore.
                    Err(_) => std::future::pending().await,
                },
                () = one_more => {}
            }
        }
    }
}

/// The connections without a request under way.
#[derive(Default)]
struct Idle {
    waiting: Mutex<Waiting>,
    /// Tells whoever waits for a place that one more connection is idle.
    one_more: Notify,
    /// Tells whoever waits for a file that one less connection is open.
    one_less: Notify,
}

#[derive(Default)]
struct Waiting {
    /// By when they became idle; with what asks them to end.
    by_turn: BTreeMap<u64, Arc<Notify>>,
    turns: u64,
}

impl Idle {
    /// Has the connection end that has been idle for longest, if any is.
    fn close_one(&self) {
        if let Some((_, close)) = self.lock().by_turn.pop_first() {
            meter::connection_evicted();
            close.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection among the others. It is idle, but while it [`Seat::works`].
struct Seat {
    idle: Arc<Idle>,
    close: Arc<Notify>,
    /// Its turn while it is idle.
    turn: Mutex<Option<u64>>,
    /// Whether the client has yet to take some of an answer.
    is_sending: AtomicBool,
}

impl Seat {
    fn new(idle: Arc<Idle>) -> Arc<Seat> {
        let seat =
            Arc::new(Seat { idle, close: Arc::default(), turn: Mutex::new(None), is_sending: AtomicBool::new(false) });
        seat.rest();
        meter::connection_opened();
        seat
    }

    /// A request is under way, until what this returns is dropped.
    fn works(self: &Arc<Seat>) -> Works {
        self.leave();
        Works(self.clone())
    }

    fn rest(&self) {
        let mut waiting = self.idle.lock();
        waiting.turns += 1;
        let turn = waiting.turns;
        waiting.by_turn.insert(turn, self.close.clone());
        drop(waiting);
        *self.turn() = Some(turn);
        self.idle.one_more.notify_waiters();
    }

    fn leave(&self) {
        if let Some(turn) = self.turn().take() {
            self.idle.lock().by_turn.remove(&turn);
        }
    }

    fn is_idle(&self) -> bool {
        self.turn().is_some()
    }

    fn turn(&self) -> MutexGuard<'_, Option<u64>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
        meter::connection_closed();
        self.idle.one_less.notify_waiters();
    }
}

/// A request that is under way.
struct Works(Arc<Seat>);

impl Drop for Works {
    fn drop(&mut self) {
        self.0.rest();
    }
}

struct Connection {
    peer: SocketAddr,
    router: Router,
    host: Arc<dyn Host>,
    limits: Limits,
    stopped: watch::Receiver<bool>,
    seat: Arc<Seat>,
}

impl Connection {
    /// Answers the requests of the connection until it ends.
    async fn run(self, stream: TcpStream) {
        let Connection { peer, router, host, limits, stopped, seat } = self;
        // Answers are written whole, and nothing is gained by waiting for more.
        drop(stream.set_nodelay(true));
        let at_work = seat.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            let works = at_work.works();
            request.extensions_mut().insert(Peer(peer.ip()));
            let answer = router.clone().oneshot(request);
            async move {
                let answer = answer.await;
                drop(works);
                answer
            }
        });
        let wire = Wire { stream: TokioIo::new(stream), seat: seat.clone() };
        let mut connection = pin!(builder(limits).serve_connection(wire, service));
        tokio::select! {
            biased;
            ended = connection.as_mut() => return tell(ended),
            Some(()) | None = unless_stopped(&stopped, seat.close.notified()) => {}
        }
        connection.as_mut().graceful_shutdown();
        let mut is_over = seat.is_idle() && !seat.is_sending.load(Ordering::Relaxed);
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => return tell(ended),
                () = std::future::ready(()), if is_over => return,
                () = host.sleep(CLOSING) => is_over = seat.is_idle(),
            }
        }
    }
}

/// The socket of a connection, which notes whether the client has yet to take some of an answer.
struct Wire {
    stream: TokioIo<TcpStream>,
    seat: Arc<Seat>,
}

impl Wire {
    fn stream(self: Pin<&mut Wire>) -> Pin<&mut TokioIo<TcpStream>> {
        Pin::new(&mut self.get_mut().stream)
    }

    fn note<T>(&self, written: Poll<T>) -> Poll<T> {
        self.seat.is_sending.store(written.is_pending(), Ordering::Relaxed);
        written
    }
}

impl Read for Wire {
    fn poll_read(self: Pin<&mut Wire>, cx: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, into)
    }
}

impl Write for Wire {
    fn poll_write(mut self: Pin<&mut Wire>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.as_mut().stream().poll_write(cx, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Wire>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.as_mut().stream().poll_write_vectored(cx, parts);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Wire>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Wire>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}

fn builder(limits: Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.header_timeout.ms().unsigned_abs()))
        .max_header_size(MAX_HEADER_BYTES)
        .max_buf_size(MAX_BUFFER_BYTES);
    builder
}

/// How a connection ended is its client's business; whoever looks for something finds it in the log.
fn tell(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
