//! How long HTTP takes without a store: a request that is authenticated, read and answered, and the body of an event.
#![allow(clippy::expect_used, reason = "a benchmark may fail by panicking")]

#[path = "../../escrow/benches/main_job/mod.rs"]
mod main_job;

use std::hint::black_box;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use criterion::{Criterion, criterion_group, criterion_main};
use engine::testing::{ManualHost, new_key, new_merchant};
use engine::{Config, Engine, Keyring, NewKey, Parts, Present, SimulatedPayments};
use escrow::chain::Numbered;
use escrow::{Actor, Ctx, EventId, Mode, Owner, Timestamp};
use http_body_util::BodyExt;
use main_job::{Counter, completion, main_job};
use server::{Gateway, WireEvents};
use store::{KeyHolder, MemoryStore};
use tokio::runtime::Builder;
use tower::ServiceExt;

const KEY: &str = "sk_test_benchmark";

/// When it is.
const NOW_MS: i64 = 1_800_000_000_000;

/// The main job's intent.
const CREATION: &str = r#"{"amount":"1000.00","currency":"USDC","type":"DELIVERY_VS_PAYMENT","settlementMethod":"OFF_RAMP_MOCK",
"settlementDestination":"bank_account_123","metadata":{"releaseType":"MILESTONE_LOCKED","autoRelease":true},
"milestones":[{"milestoneIndex":0,"amount":"300.00"},{"milestoneIndex":1,"amount":"500.00"},{"milestoneIndex":2,"amount":"200.00"}]}"#;

/// The handler that stores nothing, behind everything that surrounds a request.
async fn router() -> Router {
    let engine = Engine::start(Parts {
        store: Arc::new(MemoryStore::new()),
        host: Arc::new(ManualHost::at_ms(NOW_MS)),
        present: Arc::new(WireEvents),
        payments: Arc::new(SimulatedPayments),
        config: Config::default(),
    });
    let keyring = Keyring::new(&[7; 32]);
    let registry = engine.registry(keyring.clone());
    let merchant = new_merchant(&registry, "bench").await;
    let holder = KeyHolder::Owner(Owner { merchant, mode: Mode::Sandbox });
    new_key(&registry, KEY, NewKey::full(holder, engine::key_kind(KEY).expect("a kind"))).await;
    server::constant_router(Gateway::new(engine, keyring, server::Settings::default()))
}

async fn ask(router: &Router, body: &'static str) -> StatusCode {
    let request = Request::post("/v1/payment-intents")
        .header("X-API-Key", KEY)
        .header("Idempotency-Key", "bench")
        .header("Content-Type", "application/json")
        .header("Host", "localhost")
        .body(Body::from(body));
    let response = router.clone().oneshot(request.expect("a request")).await.expect("infallible");
    let status = response.status();
    response.into_body().collect().await.expect("a body");
    status
}

fn requests(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let router = runtime.block_on(router());
    for (name, body, status) in [
        ("a request that is answered without a store", CREATION, StatusCode::OK),
        ("a request whose body is no JSON", "{\"amount\":", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(runtime.block_on(ask(&router, body)), status, "{name}");
        criterion.bench_function(name, |bencher| bencher.iter(|| runtime.block_on(ask(&router, black_box(body)))));
    }
}

fn events(criterion: &mut Criterion) {
    let (ids, settings) = (Counter::new(), escrow::Settings::default());
    let now = Timestamp::from_ms(NOW_MS);
    let ctx = Ctx { now, by: &Actor::Merchant, ids: &ids, settings: &settings };
    let opened = escrow::open(main_job(), &ctx).expect("an intent").next;
    let decision = escrow::decide(&opened, completion(&opened, 0), &ctx).expect("a decision");
    let event = decision.events.last().expect("an event");
    let numbered = Numbered { id: EventId::fresh(&ids), sequence: 1, event };
    criterion.bench_function("the body of an event", |bencher| {
        bencher.iter(|| WireEvents.event(black_box(&decision.next), numbered, now));
    });
}

criterion_group!(benches, requests, events);
criterion_main!(benches);
