//! The other ends: receivers that take every event at once, and others that refuse or hang.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::Host;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

use super::story::{Answered, Story};
use crate::bench::load::Load;
use crate::bench::measure::{self, Measured};
use crate::failure::Failure;
use crate::gateway;

/// An event that has not arrived.
const NEVER_US: i64 = i64::MAX;

/// How many may wait to be taken by a receiver that hangs.
const BACKLOG: u32 = 1024;

/// What a receiver reads of an event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    payment_intent_id: Option<String>,
    sequence: usize,
}

/// What has arrived at the receivers that work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Events that a receiver had not seen.
    pub(super) arrived: usize,
    /// Those that it had.
    pub(super) duplicates: usize,
    /// Those before which another one of the same intent, which happened later, had arrived.
    pub(super) out_of_order: usize,
}

/// What one receiver has seen.
struct Seen {
    /// When each event has first arrived, by the number of its intent and its place in the intent's chain.
    at_us: Vec<i64>,
    tally: Tally,
}

/// What all of them share.
struct Shared {
    host: Arc<dyn Host>,
    events_an_intent: usize,
    /// The numbers of intents, in the order in which they were first heard of.
    intents: Mutex<HashMap<String, usize>>,
    last_us: AtomicI64,
    hanging_calls: AtomicU64,
}

/// All receivers.
pub(super) struct Receivers {
    shared: Arc<Shared>,
    healthy: Vec<(SocketAddr, Arc<Mutex<Seen>>)>,
    failing: Mutex<Vec<SocketAddr>>,
    /// Ports that are taken, and where nobody listens.
    closed: Mutex<Vec<TcpSocket>>,
}

impl Receivers {
    /// Starts those that work. What they will see of so many intents has its memory from the beginning, so that it is not taken for the
    /// gateway's.
    ///
    /// # Errors
    /// When there is no port.
    pub(super) async fn start(
        host: Arc<dyn Host>,
        count: u8,
        events_an_intent: usize,
        intents: usize,
    ) -> Result<Receivers, Failure> {
        let shared = Arc::new(Shared {
            host,
            events_an_intent,
            intents: Mutex::new(HashMap::with_capacity(intents)),
            last_us: AtomicI64::new(0),
            hanging_calls: AtomicU64::new(0),
        });
        let mut healthy = Vec::new();
        for _ in 0..count {
            let (listener, address) = gateway::bind("--listen", any_port()).await?;
            let seen = Seen { at_us: vec![NEVER_US; intents * events_an_intent], tally: Tally::default() };
            let seen = Arc::new(Mutex::new(seen));
            shared.host.spawn(Box::pin(receive(listener, shared.clone(), seen.clone())));
            healthy.push((address, seen));
        }
        Ok(Receivers { shared, healthy, failing: Mutex::default(), closed: Mutex::default() })
    }

    /// Adds so many whose port is closed, and so many that take calls and never answer.
    ///
    /// # Errors
    /// When there is no port.
    pub(super) fn add_failing(&self, refusing: u8, hanging: u8) -> Result<(), Failure> {
        for number in 0..refusing + hanging {
            let socket = TcpSocket::new_v4().map_err(Failure::unavailable)?;
            socket.bind(any_port()).map_err(Failure::unavailable)?;
            lock(&self.failing).push(socket.local_addr().map_err(Failure::unavailable)?);
            if number < refusing {
                lock(&self.closed).push(socket);
            } else {
                let listener = socket.listen(BACKLOG).map_err(Failure::unavailable)?;
                self.shared.host.spawn(Box::pin(hang(listener, self.shared.clone())));
            }
        }
        Ok(())
    }

    /// Where all of them are.
    pub(super) fn urls(&self) -> Vec<String> {
        let failing = lock(&self.failing).clone();
        let all = self.healthy.iter().map(|(address, _)| *address).chain(failing);
        all.map(|address| format!("http://{address}/")).collect()
    }

    /// How many of them work.
    pub(super) const fn healthy(&self) -> usize {
        self.healthy.len()
    }

    /// Sends those that work the same body about so many times, in a loop over one connection to each.
    ///
    /// # Errors
    /// When one of them does not answer.
    pub(super) async fn call_plainly(&self, load: &Load, calls: usize, body: &Bytes) -> Result<Measured, Failure> {
        let begun_us = self.shared.host.ticks_us();
        let mut running = Vec::new();
        for (address, _) in &self.healthy {
            let (client, host, body) = (load.at(*address).connect().await?, self.shared.host.clone(), body.clone());
            let share = calls.div_ceil(self.healthy.len());
            let (done, result) = oneshot::channel();
            self.shared
                .host
                .spawn(Box::pin(async move { drop(done.send(client.repeat(host, "/", body, share).await)) }));
            running.push(result);
        }
        let mut latencies_us = Vec::new();
        for result in running {
            latencies_us.extend(result.await.map_err(|_| Failure::no("a connection gave up"))??);
        }
        Ok(Measured { latencies_us, took_us: self.shared.host.ticks_us() - begun_us, used: None })
    }

    /// What has arrived so far.
    pub(super) fn tally(&self) -> Tally {
        self.healthy.iter().map(|(_, seen)| lock(seen).tally).fold(Tally::default(), |sum, one| Tally {
            arrived: sum.arrived + one.arrived,
            duplicates: sum.duplicates + one.duplicates,
            out_of_order: sum.out_of_order + one.out_of_order,
        })
    }

    /// When something last arrived that was new.
    pub(super) fn last_arrival_us(&self) -> i64 {
        self.shared.last_us.load(Ordering::Relaxed)
    }

    /// How many calls those have taken that never answer.
    pub(super) fn hanging_calls(&self) -> u64 {
        self.shared.hanging_calls.load(Ordering::Relaxed)
    }

    /// How long after the answers to these requests their events have arrived, in microseconds. What came before the answer came at once.
    pub(super) fn lags(&self, answered: &Answered, story: &Story) -> Option<Histogram<u64>> {
        let mut lags = measure::histogram_of_times()?;
        let numbers = lock(&self.shared.intents);
        for (intent, times_us) in answered {
            let Some(number) = numbers.get(intent) else { continue };
            for place in 0..story.events() {
                let Some(answered_us) = story.request_of(place).and_then(|request| times_us.get(request)) else {
                    continue;
                };
                for (_, seen) in &self.healthy {
                    let at_us = lock(seen).at_us.get(number * story.events() + place).copied().unwrap_or(NEVER_US);
                    if at_us != NEVER_US {
                        lags.saturating_record((at_us - answered_us).max(0).unsigned_abs());
                    }
                }
            }
        }
        Some(lags)
    }
}

impl Shared {
    /// Notes that an event has arrived. Those of intents that nobody has made room for are of no story, and do not count.
    fn note(&self, seen: &Mutex<Seen>, event: Event) {
        let (Some(intent), at_us) = (event.payment_intent_id, self.host.ticks_us()) else { return };
        let number = {
            let mut intents = lock(&self.intents);
            let next = intents.len();
            *intents.entry(intent).or_insert(next)
        };
        let Some(place) = event.sequence.checked_sub(1).filter(|place| *place < self.events_an_intent) else { return };
        let mut seen = lock(seen);
        let begin = number * self.events_an_intent;
        let Some(chain) = seen.at_us.get_mut(begin..begin + self.events_an_intent) else { return };
        let (before, later) = chain.split_at_mut(place + 1);
        let is_overtaken = later.iter().any(|at_us| *at_us != NEVER_US);
        match before.last_mut() {
            Some(first_us) if *first_us == NEVER_US => {
                *first_us = at_us;
                seen.tally.arrived += 1;
                seen.tally.out_of_order += usize::from(is_overtaken);
                self.last_us.fetch_max(at_us, Ordering::Relaxed);
            }
            Some(_) | None => seen.tally.duplicates += 1,
        }
    }
}

/// Takes every event that is sent there. What is not signed, and so comes from no gateway, is read as well but does not count.
async fn receive(listener: TcpListener, shared: Arc<Shared>, seen: Arc<Mutex<Seen>>) {
    while let Ok((stream, _)) = listener.accept().await {
        drop(stream.set_nodelay(true));
        let (shared, seen, host) = (shared.clone(), seen.clone(), shared.host.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (shared, seen) = (shared.clone(), seen.clone());
            async move {
                let is_signed = request.headers().contains_key("webhook-signature");
                let body =
                    request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                if let Ok(event) = serde_json::from_slice::<Event>(&body)
                    && is_signed
                {
                    shared.note(&seen, event);
                }
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
            }
        });
        let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        host.spawn(Box::pin(async move { drop(serving.await) }));
    }
}

/// Takes calls, and answers none of them: they last until the caller gives up.
async fn hang(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (calls, host) = (shared.clone(), shared.host.clone());
        let service = service_fn(move |_: Request<Incoming>| {
            calls.hanging_calls.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>()
        });
        let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        host.spawn(Box::pin(async move { drop(serving.await) }));
    }
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
