//! A gateway with two merchants and keys of every kind.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use engine::testing::{ManualHost, new_key, new_merchant};
use engine::verify::verify;
use engine::{Act, Config, Engine, Keyring, NewKey, Parts, Registry, SimulatedPayments};
use escrow::{Mode, Owner, Span, Timestamp};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server::{DEFAULT_REQUEST_LOG, Gateway, Settings, WireEvents, WireWitness};
use store::testing::{Line, Remote};
use store::{Audited, KeyHolder, Level, MemoryStore, Outcome, Scope, Scopes, Store, StoreError, Unit};
use tower::ServiceExt;

use crate::described;

/// When the clock of a new world stands: 2027-01-15T08:00:00Z.
pub(crate) const START_MS: i64 = 1_800_000_000_000;

pub(crate) const TEST: &str = "sk_test_merchant-one";
pub(crate) const HACKATHON: &str = "sk_hackathon_merchant-one";
pub(crate) const LIVE: &str = "sk_live_merchant-one";
pub(crate) const OTHER: &str = "sk_test_merchant-two";
pub(crate) const OTHER_LIVE: &str = "sk_live_merchant-two";
pub(crate) const ADMIN: &str = "sk_admin_operator";
pub(crate) const REVOKED: &str = "sk_test_revoked-key";
/// Keys of the first merchant's sandbox that are limited: one may do nothing, one may look at everything.
pub(crate) const NO_SCOPES: &str = "sk_test_allowed-nothing";
pub(crate) const READ_ONLY: &str = "sk_test_allowed-to-look";
pub(crate) const EXPIRED: &str = "sk_test_expired-key";

/// The public address of the world's gateway.
pub(crate) const PUBLIC_URL: &str = "https://pay.example";

/// A running gateway.
pub(crate) struct World {
    pub(crate) host: Arc<ManualHost>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) store: Arc<Faulty>,
    /// What is behind every fault.
    stored: Arc<MemoryStore>,
    /// Whether the test has damaged the store on purpose.
    pub(crate) is_damaged: AtomicBool,
    pub(crate) router: Router,
    gateway: Arc<Gateway>,
}

/// Whatever a test has done, its store fits together in the end.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() || self.is_damaged.load(Ordering::SeqCst) {
            return;
        }
        let verified = verify(self.stored.as_ref(), Box::<WireWitness>::default()).now_or_never();
        let report = verified.expect("the store in memory answers at once").expect("a store");
        assert!(report.is_clean(), "{:#?}", report.broken);
    }
}

impl World {
    pub(crate) async fn new() -> World {
        World::with_fee(0).await
    }

    pub(crate) async fn with_fee(fee_basis_points: u16) -> World {
        World::with(Settings { fee_basis_points, ..settings() }).await
    }

    /// One that keeps what is asked, for a week.
    pub(crate) async fn with_request_log() -> World {
        World::with(Settings { request_log: DEFAULT_REQUEST_LOG, ..settings() }).await
    }

    /// A world whose operator has set this.
    pub(crate) async fn with(settings: Settings) -> World {
        let host = Arc::new(ManualHost::at_ms(START_MS));
        let stored = Arc::new(MemoryStore::new());
        let store = Arc::new(Remote::new(stored.clone(), FaultyLine::default()));
        let engine = Engine::start(Parts {
            store: store.clone(),
            host: host.clone(),
            present: Arc::new(WireEvents),
            payments: Arc::new(SimulatedPayments),
            config: Config::default(),
        });
        let keyring = keyring();
        add_keys(&engine.registry(keyring.clone())).await;
        let gateway = Gateway::new(engine.clone(), keyring, settings);
        let router = server::router(gateway.clone());
        World { host, engine, store, stored, is_damaged: AtomicBool::new(false), router, gateway }
    }

    /// What a browser sees of the same gateway.
    pub(crate) fn pages(&self) -> Router {
        server::web_router(self.gateway.clone())
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let reply = Reply::read(response).await;
        described::check(&method, &path, &reply);
        reply
    }

    /// A request with the first merchant's test key.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        self.call_as(TEST, method, path, body).await
    }

    pub(crate) async fn call_as(&self, key: &str, method: &str, path: &str, body: Value) -> Reply {
        let request = Request::builder().method(method).uri(format!("/v1{path}")).header("X-API-Key", key);
        let request = if body.is_null() {
            request.body(Body::empty())
        } else {
            request.header("content-type", "application/json").body(Body::from(body.to_string()))
        };
        self.send(request.expect("a request")).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.call("POST", path, body).await
    }

    /// An intent of the first merchant for milestones, as the published example makes it.
    pub(crate) async fn intent(&self, auto_release: bool) -> String {
        let mut body = intent_body();
        body["metadata"] = json!({"releaseType": "MILESTONE_LOCKED", "autoRelease": auto_release});
        self.post("/payment-intents", body).await.ok(200)["id"].as_str().expect("an id").to_owned()
    }

    /// A milestone of an intent.
    pub(crate) async fn milestone(&self, intent: &str, index: u32, amount: &str) -> String {
        let body = json!({"milestoneIndex": index, "amount": amount});
        let created = self.post(&format!("/payment-intents/{intent}/escrow/milestones"), body).await.ok(201);
        created["id"].as_str().expect("an id").to_owned()
    }

    /// An intent of the first merchant with what sets it apart from [`intent_body`].
    pub(crate) async fn intent_with(&self, changes: Value) -> String {
        let mut body = intent_body();
        for (name, value) in changes.as_object().expect("an object") {
            body[name] = value.clone();
        }
        self.post("/payment-intents", body).await.ok(200)["id"].as_str().expect("an id").to_owned()
    }

    /// What the first merchant's sandbox has in USDC: available, pending, reserved.
    pub(crate) async fn balance(&self) -> [String; 3] {
        let balance = self.get("/account/balance").await.ok(200);
        ["availableBalance", "pendingBalance", "reservedBalance"]
            .map(|name| balance["data"][name].as_str().expect("an amount").to_owned())
    }

    /// The types of an intent's events, `*` after those that the sandbox made up.
    pub(crate) async fn event_types(&self, intent: &str) -> Vec<String> {
        let events = self.events().await.into_iter().filter(|event| event["paymentIntentId"] == intent);
        events
            .map(|event| {
                let mark = if event["data"]["simulated"] == true { "*" } else { "" };
                format!("{}{mark}", event["type"].as_str().expect("a type"))
            })
            .collect()
    }

    /// Who a merchant is in a mode.
    pub(crate) async fn owner(&self, name: &str, mode: Mode) -> Owner {
        let merchant = self.store.merchant_named(name).await.expect("readable").expect("a merchant of the world");
        Owner { merchant: merchant.id, mode }
    }

    /// Everything that is stored, so that a refusal can be seen to have changed nothing of it.
    pub(crate) async fn everything(&self) -> Vec<Audited> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        let visit = Box::new(move |row| sink.lock().expect("not poisoned").push(row));
        self.store.audit(visit).await.expect("readable");
        std::mem::take(&mut *seen.lock().expect("not poisoned"))
    }

    /// The bodies of all events, in the order in which they happened to their intents.
    pub(crate) async fn events(&self) -> Vec<Value> {
        let mut seen = Vec::new();
        for row in self.everything().await {
            if let Audited::Escrow { events, .. } = row {
                seen.extend(events.into_iter().map(|(_, _, row)| serde_json::from_slice(&row.body).expect("JSON")));
            }
        }
        seen
    }

    /// Moves the clock and waits until `done` holds of what is at this path.
    pub(crate) async fn advance_until(&self, seconds: i64, path: &str, done: impl Fn(&Value) -> bool) -> Value {
        self.host.advance(Span::from_seconds(seconds));
        let mut seen = Value::Null;
        for _ in 0..1000 {
            seen = self.get(path).await.ok(200);
            if done(&seen) {
                return seen;
            }
            // The clock of tokio is paused: this lets the engine's worker go on and takes no time.
            self.engine.host().sleep(Span::from_ms(100)).await;
        }
        panic!("it never happened: {seen}");
    }
}

/// What is set in a new world: nothing is logged, so that the walks see nothing change but what they change.
pub(crate) fn settings() -> Settings {
    Settings { public_url: PUBLIC_URL.to_owned(), request_log: Span::from_ms(0), ..Settings::default() }
}

/// What the world's keys are recognised by.
pub(crate) fn keyring() -> Keyring {
    Keyring::new(&[7; 32])
}

async fn add_keys(registry: &Registry) {
    let (one, two) = (new_merchant(registry, "one").await, new_merchant(registry, "two").await);
    let owner = |merchant, mode| KeyHolder::Owner(Owner { merchant, mode });
    for (token, holder) in [
        (TEST, owner(one, Mode::Sandbox)),
        (HACKATHON, owner(one, Mode::Sandbox)),
        (LIVE, owner(one, Mode::Live)),
        (OTHER, owner(two, Mode::Sandbox)),
        (OTHER_LIVE, owner(two, Mode::Live)),
        (ADMIN, KeyHolder::Operator),
        (REVOKED, owner(one, Mode::Sandbox)),
        (EXPIRED, owner(one, Mode::Sandbox)),
        (NO_SCOPES, owner(one, Mode::Sandbox)),
        (READ_ONLY, owner(one, Mode::Sandbox)),
    ] {
        let mut new = NewKey::full(holder, engine::key_kind(token).expect("a key"));
        new.scopes = match token {
            NO_SCOPES => Scopes::Only(BTreeSet::new()),
            READ_ONLY => Scopes::Only(Scope::all().filter(|scope| scope.level == Level::Read).collect()),
            _ => Scopes::Full,
        };
        new.expires = (token == EXPIRED).then_some(Timestamp::from_ms(START_MS));
        let key = new_key(registry, token, new).await;
        if token == REVOKED {
            registry.act(&Act::RevokeKey { id: key.id }).await.expect("a write").expect("revoked");
        }
    }
}

/// The body of a new intent that is served.
pub(crate) fn intent_body() -> Value {
    json!({
        "amount": "1000.00",
        "currency": "USDC",
        "type": "DELIVERY_VS_PAYMENT",
        "settlementMethod": "OFF_RAMP_MOCK",
        "settlementDestination": "bank_account_123",
        "releaseType": "MILESTONE_LOCKED",
    })
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    async fn read(response: Response) -> Reply {
        let (parts, body) = response.into_parts();
        let body = if parts.headers.get("content-type").is_some_and(|it| it == "text/event-stream") {
            // It never ends, but that of a HEAD. What comes first is enough to be held against the description.
            let mut body = body;
            let first = body.frame().await.map(|frame| frame.expect("a frame"));
            first.and_then(|frame| frame.into_data().ok()).unwrap_or_default().to_vec()
        } else {
            body.collect().await.expect("a body").to_bytes().to_vec()
        };
        let reply = Reply { status: parts.status.as_u16(), headers: parts.headers, body };
        assert!(reply.header("request-id").starts_with("req_"), "{reply:?}");
        reply
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// Checks a refusal in both its forms: the status, the code, what the message has in it, the param ("" for none).
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str, message: &str, param: &str) {
        let body = self.ok(status);
        let error = &body["error"];
        let kind = match (status, code) {
            (401 | 403, _) => "authentication_error",
            (_, "idempotency_mismatch" | "idempotency_in_progress") => "idempotency_error",
            (429, _) => "rate_limit_error",
            (500.., _) => "api_error",
            _ => "invalid_request_error",
        };
        let expected_param = if param.is_empty() { Value::Null } else { json!(param) };
        for form in [error, &body] {
            assert_eq!(form["code"], code, "{body}");
            assert_eq!(form["type"], kind, "{body}");
            assert_eq!(form["param"], expected_param, "{body}");
            assert!(form["message"].as_str().is_some_and(|text| text.contains(message)), "{message:?} not in {body}");
            assert_eq!(form["message"], error["message"]);
        }
        assert_eq!(body["object"], "error");
        assert_eq!(error["request_id"], self.header("request-id"));
        assert_eq!(error.get("param").is_some(), !param.is_empty(), "an absent param is left out: {body}");
    }
}

/// What is wrong with the store.
pub(crate) enum Fault {
    Down = 1,
    Panics = 2,
    Hangs = 3,
    /// What is committed is there, and the answer is lost.
    Doubts = 4,
}

/// The memory store, at the end of a line that can be told to fail.
pub(crate) type Faulty = Remote<FaultyLine>;

/// The line.
#[derive(Default)]
pub(crate) struct FaultyLine {
    fault: AtomicU8,
    keys_read: AtomicUsize,
}

impl FaultyLine {
    pub(crate) fn fail(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::SeqCst);
    }

    /// Works again.
    pub(crate) fn recover(&self) {
        self.fault.store(0, Ordering::SeqCst);
    }

    /// How often a key was looked up.
    pub(crate) fn keys_read(&self) -> usize {
        self.keys_read.load(Ordering::SeqCst)
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault.load(Ordering::SeqCst) == fault as u8
    }

    fn check(&self) -> Result<(), StoreError> {
        assert!(!self.has(Fault::Panics) && !self.has(Fault::Hangs), "a defect in /secret/path.rs");
        if self.has(Fault::Down) {
            return Err(StoreError::Unavailable("SELECT secret FROM /var/lib/secret.db".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl Line for FaultyLine {
    async fn there(&self, method: &'static str) -> Result<(), StoreError> {
        if method == "key_of_hash" {
            self.keys_read.fetch_add(1, Ordering::SeqCst);
        }
        match method {
            // The engine's own; a defect there is no request's.
            "load" if self.has(Fault::Down) => self.check(),
            // Never ends, when it is told to hang.
            "escrows" if self.has(Fault::Hangs) => std::future::pending().await,
            "escrow" | "escrows" | "events_after" | "survey" | "ping" => self.check(),
            _ => Ok(()),
        }
    }

    async fn commit(&self, store: &Arc<dyn Store>, units: Vec<Unit>) -> Result<Vec<Outcome>, StoreError> {
        let answer = store.commit(units).await?;
        if self.has(Fault::Doubts) { Err(StoreError::InDoubt) } else { Ok(answer) }
    }
}
