//! Whole requests to a gateway on a store in memory.

use std::cell::RefCell;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use engine::testing::{ManualHost, new_key, new_merchant};
use engine::{Config, Engine, Keyring, NewKey, Parts, SimulatedPayments, key_kind};
use escrow::{Mode, Owner};
use http_body_util::BodyExt;
use serde_json::Value;
use store::{KeyHolder, MemoryStore};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::http::error::Code;
use crate::http::{idempotency, request_id};
use crate::{Gateway, Settings, WireEvents};

/// When the clock of the gateway stands: 2027-01-15T08:00:00Z.
const NOW_MS: i64 = 1_800_000_000_000;

/// How many requests one gateway gets before there is another, so that they do not pile up.
const REQUESTS_OF_A_GATEWAY: u32 = 200;

/// The keys of the gateway: of a merchant in both modes, of another, and of the operator.
const TEST: &str = "sk_test_merchant-one";
const KEYS: [&str; 4] = [TEST, "sk_live_merchant-one", "sk_test_merchant-two", "sk_admin_operator"];

/// What is sent to have an intent, and then a milestone of it.
const INTENT: &str = r#"{"amount": "1000.00", "currency": "USDC", "type": "CONDITIONAL", "settlementMethod": "OFF_RAMP_MOCK",
    "settlementDestination": "bank", "releaseType": "MILESTONE_LOCKED", "metadata": {"orderId": "ORD-7"}}"#;
const MILESTONE: &str = r#"{"milestoneIndex": 0, "amount": "300.00"}"#;

thread_local! {
    static SCENE: RefCell<Option<Scene>> = const { RefCell::new(None) };
}

/// Whatever is asked, the gateway answers, and never that it is at fault: with JSON where that is what it says, and with an error in both
/// its forms; what is sent again under its idempotency key is answered the same. What is sent looks as in HTTP/1.1: the method and the path, a line for each header, an empty one, and the body.
/// `{intent}` and `{milestone}` in the path are an intent and its milestone.
pub fn target(data: &[u8]) {
    SCENE.with_borrow_mut(|scene| {
        if scene.as_ref().is_none_or(|scene| scene.sent >= REQUESTS_OF_A_GATEWAY) {
            *scene = Some(Scene::new());
        }
        if let Some(scene) = scene {
            scene.play(data);
        }
    });
}

/// A gateway that can be asked.
struct Scene {
    runtime: Runtime,
    router: Router,
    intent: String,
    milestone: String,
    /// How many requests it had.
    sent: u32,
}

impl Scene {
    fn new() -> Scene {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let router = runtime.block_on(gateway());
        let id = |path: &str, body: &'static str| {
            let request = Request::post(path).header("x-api-key", TEST).body(Body::from(body)).expect("a request");
            let answer = runtime.block_on(answer(&router, request));
            answer.json()["id"].as_str().expect("an id").to_owned()
        };
        let intent = id("/v1/payment-intents", INTENT);
        let milestone = id(&format!("/v1/payment-intents/{intent}/escrow/milestones"), MILESTONE);
        Scene { runtime, router, intent, milestone, sent: 0 }
    }

    fn play(&mut self, data: &[u8]) {
        let Some(request) = self.request(data) else { return };
        let method = request.method().clone();
        let has_key = method == Method::POST && request.headers().contains_key(idempotency::HEADER);
        // What shows a secret shows it once.
        let has_secret =
            ["api-keys", "webhook-endpoints", "public"].iter().any(|part| request.uri().path().contains(part));
        let first = self.send(request);
        first.check(&method);
        assert!(has_key || !first.is_replay(), "{first:?}");
        if let Some(request) = self.request(data).filter(|_| has_key) {
            let again = self.send(request);
            again.check(&method);
            if again.is_replay() && !has_secret {
                assert_eq!(
                    (again.status, again.body),
                    (first.status, first.body),
                    "the same again is answered the same"
                );
            }
        }
    }

    fn send(&mut self, request: Request<Body>) -> Answer {
        self.sent += 1;
        self.runtime.block_on(answer(&self.router, request))
    }

    /// The request that some bytes spell; `None` where they spell none that a server of HTTP would pass on.
    fn request(&self, data: &[u8]) -> Option<Request<Body>> {
        let (head, body) = match data.windows(2).position(|pair| pair == b"\n\n") {
            Some(at) => (&data[..at], &data[at + 2..]),
            None => (data, &[][..]),
        };
        let mut lines = head.split(|byte| *byte == b'\n');
        let (method, path) = std::str::from_utf8(lines.next()?).ok()?.split_once(' ')?;
        let path = path.replace("{intent}", &self.intent).replace("{milestone}", &self.milestone);
        let mut request = Request::builder().method(method).uri(path);
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':')?;
            request = request.header(&line[..colon], line[colon + 1..].trim_ascii());
        }
        request.body(Body::from(body.to_vec())).ok()
    }
}

async fn gateway() -> Router {
    let engine = Engine::start(Parts {
        store: Arc::new(MemoryStore::new()),
        host: Arc::new(ManualHost::at_ms(NOW_MS)),
        present: Arc::new(WireEvents),
        payments: Arc::new(SimulatedPayments),
        config: Config::default(),
    });
    let keyring = Keyring::new(&[7; 32]);
    let registry = engine.registry(keyring.clone());
    let (one, two) = (new_merchant(&registry, "one").await, new_merchant(&registry, "two").await);
    let owner = |merchant, mode| KeyHolder::Owner(Owner { merchant, mode });
    let holders = [owner(one, Mode::Sandbox), owner(one, Mode::Live), owner(two, Mode::Sandbox), KeyHolder::Operator];
    for (token, holder) in KEYS.into_iter().zip(holders) {
        new_key(&registry, token, NewKey::full(holder, key_kind(token).expect("a key"))).await;
    }
    crate::router(Gateway::new(engine, keyring, Settings::default()))
}

async fn answer(router: &Router, request: Request<Body>) -> Answer {
    let (parts, mut body) = router.clone().oneshot(request).await.expect("infallible").into_parts();
    let is_endless = parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    let body = if is_endless {
        let first = body.frame().await.and_then(|frame| frame.expect("a frame").into_data().ok());
        first.unwrap_or_default().to_vec()
    } else {
        body.collect().await.expect("a body").to_bytes().to_vec()
    };
    Answer { status: parts.status, headers: parts.headers, body }
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: impl axum::http::header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn is_replay(&self) -> bool {
        self.headers.contains_key(idempotency::REPLAYED)
    }

    fn check(&self, method: &Method) {
        let text = String::from_utf8_lossy(&self.body);
        assert!(!self.status.is_server_error(), "{} {text}", self.status);
        assert!(self.header(request_id::HEADER).starts_with("req_"), "{self:?}");
        if method == Method::HEAD {
            return assert!(self.body.is_empty(), "{text}");
        }
        let is_json = self.header(CONTENT_TYPE) == "application/json";
        if self.status.is_client_error() {
            assert!(is_json, "{self:?}");
            self.check_error(&self.json());
        } else if is_json {
            assert!(self.json().is_object(), "{text}");
        }
    }

    /// Both forms of an error say the same, with a code that is documented.
    fn check_error(&self, body: &Value) {
        let nested = &body["error"];
        for name in ["code", "message", "type", "param"] {
            assert_eq!(body[name], nested[name], "{body}");
        }
        let code = body["code"].as_str().expect("a code");
        let code = Code::ALL.iter().find(|known| known.name() == code).expect("a code that is documented");
        let is_method = self.status == StatusCode::METHOD_NOT_ALLOWED && *code == Code::InvalidRequest;
        assert!(code.status() == self.status || is_method, "{} {body}", self.status);
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        assert_eq!(body["object"], "error");
        // What is given again names the request that it was the answer to.
        let is_own = self.is_replay() || nested["request_id"] == self.header(request_id::HEADER);
        assert!(is_own, "{body}");
    }
}
