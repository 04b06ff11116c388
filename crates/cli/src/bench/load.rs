//! The load: connections that each send their next request when the last one is answered, or when it is time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::Host;
use escrow::Span;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::MILESTONES_AN_INTENT;
use super::measure::{self, Measured, Used};
use crate::failure::Failure;

/// How long connections have before the first request of a pace.
const BEFORE_PACE_US: i64 = 20_000;

/// A request to be sent.
#[derive(Clone, Debug)]
struct Shot {
    method: &'static str,
    /// Whose key it is sent with.
    merchant: usize,
    path: String,
    idempotency_key: Option<String>,
    body: Bytes,
}

/// What is sent, and what the answers must be.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    shots: Vec<Shot>,
    /// So many in a row must go over one connection, because they build on each other.
    group: usize,
    keeps_answers: bool,
}

/// What came of it.
pub(crate) struct Volley {
    pub(crate) measured: Measured,
    /// With whose they are.
    answers: Vec<(usize, Bytes)>,
}

/// Where requests go.
#[derive(Clone)]
pub(crate) struct Load {
    host: Arc<dyn Host>,
    /// The gateways, which the connections take in turn.
    addresses: Arc<[SocketAddr]>,
    /// The keys of merchants.
    keys: Arc<[String]>,
}

impl Target {
    /// The main job's intents with their milestones, of so many merchants in turn.
    pub(crate) fn creations(count: usize, merchants: usize, unique: &str) -> Target {
        let shots = (0..count).map(|number| Shot {
            method: "POST",
            merchant: number % merchants,
            path: "/v1/payment-intents".to_owned(),
            idempotency_key: Some(format!("{unique}-create-{number}")),
            body: Bytes::from(creation().to_string()),
        });
        Target { shots: shots.collect(), group: 1, keeps_answers: true }
    }

    /// The same requests for the handler that stores nothing.
    pub(crate) fn constants(count: usize) -> Target {
        let shot = Shot {
            method: "POST",
            merchant: 0,
            path: "/v1/payment-intents".to_owned(),
            idempotency_key: Some("constant".to_owned()),
            body: Bytes::from(creation().to_string()),
        };
        Target { shots: vec![shot; count], group: 1, keeps_answers: false }
    }

    /// So many looks at the intents that were created, one after the other.
    ///
    /// # Errors
    /// When an answer has no id.
    pub(crate) fn reads(created: &Volley, count: usize) -> Result<Target, Failure> {
        let looks = created.answers.iter().map(|(merchant, intent)| {
            let id = text(&parse(intent)?, "/id")?;
            Ok(Shot { merchant: *merchant, ..Shot::get(format!("/v1/payment-intents/{id}")) })
        });
        let looks = looks.collect::<Result<Vec<Shot>, Failure>>()?;
        let shots = looks.iter().cycle().take(count).cloned().collect();
        Ok(Target { shots, group: 1, keeps_answers: false })
    }
}

/// How the requests of a connection follow each other.
#[derive(Clone, Debug)]
enum Course {
    /// Each is sent when the one before it is answered.
    Closed,
    /// The same, over and over until this is set.
    Until(Arc<AtomicBool>),
    /// Each is sent when it is time, or as soon as the connection is free, and measured from when it was to be sent: what waits for a
    /// slow answer is as slow.
    Paced { first_us: i64, every_us: i64 },
}

impl Course {
    /// How many of so many requests are sent.
    fn shots(&self, count: usize) -> usize {
        match self {
            Course::Until(_) => usize::MAX,
            Course::Closed | Course::Paced { .. } => count,
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Course::Until(over) => over.load(Ordering::Relaxed),
            Course::Closed | Course::Paced { .. } => false,
        }
    }

    /// Waits for the turn of the request of this number, and gives the time that it is measured from.
    async fn turn(&self, host: &dyn Host, number: i64) -> i64 {
        let Course::Paced { first_us, every_us } = self else { return host.ticks_us() };
        let intended_us = first_us + number * every_us;
        let early_ms = (intended_us - host.ticks_us()) / 1000;
        if early_ms > 0 {
            host.sleep(Span::from_ms(early_ms)).await;
        }
        // Timers count milliseconds, and a request may be sent less than one too early.
        intended_us.min(host.ticks_us())
    }
}

/// The main job's intent.
pub(crate) fn creation() -> Value {
    let milestone = |index: u32, amount: &str| json!({"milestoneIndex": index, "amount": amount});
    json!({
        "amount": "1000.00",
        "currency": "USDC",
        "type": "DELIVERY_VS_PAYMENT",
        "settlementMethod": "OFF_RAMP_MOCK",
        "settlementDestination": "bank_account_123",
        "metadata": {"releaseType": "MILESTONE_LOCKED", "autoRelease": true},
        "milestones": [milestone(0, "300.00"), milestone(1, "500.00"), milestone(2, "200.00")],
    })
}

impl Load {
    pub(crate) fn new(host: Arc<dyn Host>, addresses: Vec<SocketAddr>, keys: Vec<String>) -> Load {
        Load { host, addresses: addresses.into(), keys: keys.into() }
    }

    /// The same load on another address.
    pub(crate) fn at(&self, address: SocketAddr) -> Load {
        Load { addresses: vec![address].into(), ..self.clone() }
    }

    /// What it runs on.
    pub(crate) fn host(&self) -> Arc<dyn Host> {
        self.host.clone()
    }

    /// A connection.
    ///
    /// # Errors
    /// When nobody takes it.
    pub(crate) async fn connect(&self) -> Result<Client, Failure> {
        Client::connect(self, 0).await
    }

    /// Sends everything over so many connections, and measures each answer.
    ///
    /// # Errors
    /// When a request is not answered with success.
    pub(crate) async fn run(&self, connections: usize, target: &Target) -> Result<Volley, Failure> {
        self.send(connections, target, |_| Course::Closed).await
    }

    /// Sends everything over so many connections, over and over until this is set.
    ///
    /// # Errors
    /// When a request is not answered with success.
    pub(crate) async fn until(
        &self,
        over: Arc<AtomicBool>,
        connections: usize,
        target: &Target,
    ) -> Result<Volley, Failure> {
        self.send(connections, target, |_| Course::Until(over.clone())).await
    }

    /// Sends so many a second over so many connections, however long answers take, and measures each from when it was to be sent.
    ///
    /// # Errors
    /// When a request is not answered with success.
    pub(crate) async fn pace(&self, per_second: f64, connections: usize, target: &Target) -> Result<Volley, Failure> {
        let every_us = measure::interval_us(per_second, connections);
        let first_us = self.host.ticks_us() + BEFORE_PACE_US;
        self.send(connections, target, |number| {
            let begins_us = every_us * i64::try_from(number).unwrap_or(0) / i64::try_from(connections).unwrap_or(1);
            Course::Paced { first_us: first_us + begins_us, every_us }
        })
        .await
    }

    async fn send(
        &self,
        connections: usize,
        target: &Target,
        course: impl Fn(usize) -> Course,
    ) -> Result<Volley, Failure> {
        let mut clients = Vec::new();
        for number in 0..connections {
            clients.push(Client::connect(self, number).await?);
        }
        let groups = target.shots.len().div_ceil(target.group);
        let share = target.group * groups.div_ceil(connections).max(1);
        let used_before = Used::now();
        let begun_us = self.host.ticks_us();
        let mut running = Vec::new();
        for (number, (client, shots)) in clients.into_iter().zip(target.shots.chunks(share)).enumerate() {
            let (host, shots, course) = (self.host.clone(), shots.to_vec(), course(number));
            let keeps_answers = target.keeps_answers;
            let (done, result) = oneshot::channel();
            let firing = async move { drop(done.send(client.fire(host, shots, course, keeps_answers).await)) };
            self.host.spawn(Box::pin(firing));
            running.push(result);
        }
        let (mut latencies_us, mut answers) = (Vec::new(), Vec::new());
        for result in running {
            let (latencies, kept) = result.await.map_err(|_| Failure::no("a connection gave up"))??;
            latencies_us.extend(latencies);
            answers.extend(kept);
        }
        let took_us = self.host.ticks_us() - begun_us;
        let used = Used::since(used_before);
        Ok(Volley { measured: Measured { latencies_us, took_us, used }, answers })
    }

    /// The completions of every milestone of the intents that were created.
    ///
    /// # Errors
    /// When an escrow cannot be read.
    pub(crate) async fn completions(&self, created: &Volley) -> Result<Target, Failure> {
        let mut client = Client::connect(self, 0).await?;
        let mut shots = Vec::new();
        for (merchant, intent) in &created.answers {
            let (merchant, id) = (*merchant, text(&parse(intent)?, "/id")?);
            let look = Shot { merchant, ..Shot::get(format!("/v1/payment-intents/{id}/escrow")) };
            let escrow = parse(&client.send(&look).await?)?;
            let milestones = escrow.pointer("/data/milestones").and_then(Value::as_array);
            for milestone in milestones.into_iter().flatten() {
                let milestone = text(milestone, "/id")?;
                shots.push(Shot {
                    method: "POST",
                    merchant,
                    path: format!("/v1/payment-intents/{id}/escrow/milestones/{milestone}/complete"),
                    idempotency_key: Some(milestone),
                    body: Bytes::from_static(br#"{"completedBy": "bench@example.com", "completionProof": "proof"}"#),
                });
            }
        }
        Ok(Target { shots, group: MILESTONES_AN_INTENT, keeps_answers: false })
    }
}

impl Shot {
    const fn get(path: String) -> Shot {
        Shot { method: "GET", merchant: 0, path, idempotency_key: None, body: Bytes::new() }
    }
}

/// One connection.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
    keys: Arc<[String]>,
}

impl Client {
    /// The connection of this number.
    async fn connect(load: &Load, number: usize) -> Result<Client, Failure> {
        let nobody = || Failure::usage("there is nobody to send requests to");
        let address = *load.addresses.get(number % load.addresses.len().max(1)).ok_or_else(nobody)?;
        let stream = TcpStream::connect(address).await.map_err(Failure::unavailable)?;
        stream.set_nodelay(true).map_err(Failure::unavailable)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(Failure::unavailable)?;
        load.host.spawn(Box::pin(async move { drop(connection.await) }));
        Ok(Client { sender, address, keys: load.keys.clone() })
    }

    async fn fire(
        mut self,
        host: Arc<dyn Host>,
        shots: Vec<Shot>,
        course: Course,
        keeps_answers: bool,
    ) -> Result<(Vec<u64>, Vec<(usize, Bytes)>), Failure> {
        let (mut latencies_us, mut answers) = (Vec::with_capacity(shots.len()), Vec::new());
        for (number, shot) in (0..).zip(shots.iter().cycle().take(course.shots(shots.len()))) {
            if course.is_over() {
                break;
            }
            let begun_us = course.turn(host.as_ref(), number).await;
            let answer = self.send(shot).await?;
            latencies_us.push(host.ticks_us().abs_diff(begun_us));
            if keeps_answers {
                answers.push((shot.merchant, answer));
            }
        }
        Ok((latencies_us, answers))
    }

    /// Sends one body so many times, and measures each answer.
    ///
    /// # Errors
    /// When one is not answered with success.
    pub(crate) async fn repeat(
        self,
        host: Arc<dyn Host>,
        path: &str,
        body: Bytes,
        times: usize,
    ) -> Result<Vec<u64>, Failure> {
        let shot = Shot { method: "POST", merchant: 0, path: path.to_owned(), idempotency_key: None, body };
        Ok(self.fire(host, vec![shot; times], Course::Closed, false).await?.0)
    }

    /// Asks for something, and reads the answer.
    ///
    /// # Errors
    /// When it is not answered with success, in JSON.
    pub(crate) async fn ask(
        &mut self,
        method: &'static str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        parse(&self.send(&Shot { method, merchant: 0, path: path.to_owned(), idempotency_key: None, body }).await?)
    }

    async fn send(&mut self, shot: &Shot) -> Result<Bytes, Failure> {
        let mut request = hyper::Request::builder()
            .method(shot.method)
            .uri(&shot.path)
            .header("host", self.address.to_string())
            .header("x-api-key", self.keys.get(shot.merchant).map_or("", String::as_str))
            .header("content-type", "application/json");
        if let Some(key) = &shot.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Full::new(shot.body.clone())).map_err(Failure::no)?;
        self.sender.ready().await.map_err(Failure::unavailable)?;
        let response = self.sender.send_request(request).await.map_err(Failure::unavailable)?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(Failure::unavailable)?.to_bytes();
        if (200..300).contains(&status) {
            Ok(body)
        } else {
            Err(Failure::no(format!(
                "{} {} was answered {status}: {}",
                shot.method,
                shot.path,
                String::from_utf8_lossy(&body)
            )))
        }
    }
}

fn parse(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::no(format!("an answer is no JSON: {error}")))
}

fn text(value: &Value, pointer: &str) -> Result<String, Failure> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| Failure::no(format!("an answer has no {pointer}")))
}
