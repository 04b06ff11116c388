//! What the operator sees and does.

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::Request;
use escrow::{Escrow, IntentId, Mode, Order};
use serde_json::{Value, json};
use store::{Audited, Change, KeyHolder, Store, Unit, Wanted};

use crate::access::Objects;
use crate::world::{ADMIN, LIVE, Reply, TEST, World};

async fn get(world: &World, path: &str) -> Reply {
    world.call_as(ADMIN, "GET", path, Value::Null).await
}

#[tokio::test(start_paused = true)]
async fn a_merchant_is_added_once_with_a_key_that_works() {
    let world = World::new().await;
    let add = async |name: &str, key: &str| {
        let request = Request::builder().method("POST").uri("/v1/admin/merchants").header("X-API-Key", ADMIN);
        let request = request.header("Idempotency-Key", key).header("content-type", "application/json");
        world.send(request.body(Body::from(json!({"name": name}).to_string())).expect("a request")).await
    };
    let added = add("Example Builders", "one").await.ok(201);
    let merchant = &added["data"];
    assert_eq!((&added["object"], &merchant["name"]), (&json!("merchant"), &json!("Example Builders")));
    let secret = merchant["apiKey"]["secret"].as_str().expect("a secret");
    assert_eq!(merchant["apiKey"]["merchantId"], merchant["id"]);
    world.call_as(secret, "GET", "/account/balance", Value::Null).await.ok(200);

    let again = add("Example Builders", "one").await.ok(201);
    assert_eq!((&again["id"], &again["data"]["apiKey"]["secret"]), (&added["id"], &Value::Null));
    add("Example Builders", "two").await.refused(400, "invalid_request", "Another merchant has this name", "name");
    let wrong = [("", "name"), (" padded", "blanks"), ("a\tb", "control characters"), (&"x".repeat(201), "200")];
    for (place, (name, message)) in wrong.into_iter().enumerate() {
        add(name, &format!("wrong-{place}")).await.refused(400, "invalid_request", message, "name");
    }
    let listed = get(&world, "/admin/merchants").await.ok(200);
    let names: Vec<_> = listed["data"].as_array().expect("a list").iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["Example Builders", "two", "one"]);
    let behind = format!("/admin/merchants?limit=1&starting_after={}", added["id"].as_str().expect("an id"));
    let page = get(&world, &behind).await.ok(200);
    assert_eq!((&page["data"][0]["name"], &page["has_more"]), (&json!("two"), &json!(true)));
}

#[tokio::test(start_paused = true)]
async fn what_the_operator_does_is_told_in_journals_that_are_checked() {
    let world = World::new().await;
    world.call_as(ADMIN, "POST", "/admin/merchants", json!({"name": "Acme"})).await.ok(201);
    let mut told = Vec::new();
    for row in world.everything().await {
        if let Audited::Journal { holder, events, .. } = row {
            let last: Value = serde_json::from_slice(&events.last().expect("an event").2.body).expect("JSON");
            told.push((holder == KeyHolder::Operator, last));
        }
    }
    let operators: Vec<_> = told.iter().filter(|(is_operators, _)| *is_operators).collect();
    assert_eq!(operators.len(), 1);
    let event = &operators[0].1;
    assert_eq!((&event["type"], &event["livemode"]), (&json!("merchant.created"), &Value::Null));
    assert_eq!((&event["data"]["object"]["name"], &event["paymentIntentId"]), (&json!("Acme"), &Value::Null));
    assert!(told.iter().any(|(_, event)| event["type"] == "api_key.created"));
    let report = world.call_as(ADMIN, "POST", "/admin/verify", Value::Null).await.ok(200);
    assert_eq!((&report["ok"], &report["brokenTotal"], &report["broken"]), (&json!(true), &json!(0), &json!([])));
    assert!(report["counts"]["journals"].as_u64() >= Some(5), "{report}");
}

#[tokio::test(start_paused = true)]
async fn open_disputes_of_everybody_are_seen_until_they_are_decided() {
    let world = World::new().await;
    let mut intents = Vec::new();
    for (name, mode) in [("one", Mode::Sandbox), ("two", Mode::Live)] {
        let owner = world.owner(name, mode).await;
        intents.push((owner, Objects::new(&world, owner).await.params["intent"].clone()));
    }
    let open = get(&world, "/admin/disputes").await.ok(200);
    let shown: Vec<_> = open["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| {
            (it["paymentIntentId"].clone(), it["merchantId"].clone(), it["livemode"].clone(), it["status"].clone())
        })
        .collect();
    let of = |place: usize, livemode: bool| {
        let (owner, intent) = &intents[place];
        (json!(intent), json!(owner.merchant.to_string()), json!(livemode), json!("raised"))
    };
    assert_eq!(shown, [of(1, true), of(0, false)]);
    let resolve = format!("/payment-intents/{}/escrow/dispute/resolve", intents[1].1);
    let body = json!({"resolution": "BUYER_WON", "resolvedBy": "the operator"});
    world.call_as(ADMIN, "POST", &resolve, body).await.ok(200);
    let count = async |query: &str| {
        let listed = get(&world, &format!("/admin/disputes{query}")).await.ok(200);
        listed["data"].as_array().map(Vec::len)
    };
    assert_eq!(
        (count("").await, count("?status=raised").await, count("?status=all").await),
        (Some(1), Some(1), Some(2))
    );
    get(&world, "/admin/disputes?status=open").await.refused(400, "invalid_request", "one of raised, all", "status");
}

#[tokio::test(start_paused = true)]
async fn settlements_that_did_not_arrive_and_jobs_of_everybody_are_seen() {
    let world = World::new().await;
    let owner = world.owner("one", Mode::Sandbox).await;
    let objects = Objects::new(&world, owner).await;
    let (intent, settlement) = (&objects.params["intent"], &objects.params["settlement"]);
    let failed = async || get(&world, "/admin/settlements").await.ok(200)["data"].clone();
    assert_eq!(failed().await, json!([]));
    let path = format!("/test-helpers/settlements/{settlement}/fail");
    world.post(&path, json!({"reason": "closed"})).await.ok(200);
    let found = failed().await;
    assert_eq!((&found[0]["id"], &found[0]["failureReason"]), (&json!(settlement), &json!("closed")));
    assert_eq!(found[0]["merchantId"], owner.merchant.to_string());
    let all = get(&world, "/admin/settlements?status=all").await.ok(200);
    assert_eq!(all["data"].as_array().map(Vec::len), Some(1));

    let jobs = get(&world, "/admin/jobs").await.ok(200);
    let job = &jobs["data"][0];
    assert_eq!(
        (&job["object"], &job["status"], &job["paymentIntentId"]),
        (&json!("job"), &json!("waiting"), &json!(intent))
    );
    assert_eq!((&job["attempts"], &job["livemode"]), (&json!(0), &json!(false)));
    let page = get(&world, "/admin/jobs?limit=1&offset=1").await.ok(200);
    assert_eq!(page["data"][0], jobs["data"][1]);
    get(&world, "/admin/jobs?starting_after=x").await.refused(
        400,
        "invalid_request",
        "use limit and offset",
        "starting_after",
    );
    for key in [TEST, LIVE] {
        let refused = world.call_as(key, "GET", "/admin/jobs", Value::Null).await;
        refused.refused(403, "forbidden", "Only the operator", "");
    }
}

/// A store with something wrong is told of, and an altered journal among it.
/// What somebody does to a state, and what is said of it.
type Alteration = (fn(&mut Escrow), &'static str);

#[tokio::test(start_paused = true)]
async fn what_is_not_as_its_last_event_says_is_named() {
    let alterations: [Alteration; 4] = [
        (|state| state.terms.settlement_destination = "mine".to_owned(), "settlementDestination of payment_intent"),
        (|state| state.terms.description = Some("another".to_owned()), "description of payment_intent"),
        (|state| order(state).milestones[0].description = Some("another".to_owned()), "description of milestone"),
        (|state| order(state).milestones.clear(), "is not there, its last event is milestone.created"),
    ];
    for (alter, words) in alterations {
        let world = World::new().await;
        let intent = world.intent(false).await;
        world.milestone(&intent, 0, "10").await;
        let intent: IntentId = intent.parse().expect("an id");
        let loaded = world.store.load(Wanted { escrows: vec![intent], ..Wanted::default() }).await.expect("readable");
        let base = loaded.escrows.into_iter().next().flatten().expect("opened");
        let mut next = base.escrow.clone();
        alter(&mut next);
        let change = Change { base: Some(base), next, transfers: Vec::new(), events: Vec::new(), effects: Vec::new() };
        world.store.commit(vec![Unit { change: Some(change), ..Unit::default() }]).await.expect("a commit");
        world.is_damaged.store(true, Ordering::SeqCst);
        let report = world.call_as(ADMIN, "POST", "/admin/verify", Value::Null).await.ok(200);
        let broken = report["broken"].as_array().expect("a list");
        let is_named = |broken: &Value| {
            broken["invariant"] == "as its events say"
                && broken["what"].as_str().is_some_and(|what| what.contains(words))
        };
        assert!(broken.iter().any(is_named), "{words}: {broken:?}");
    }
}

fn order(state: &mut Escrow) -> &mut Order {
    state.order.as_mut().expect("an order")
}

#[tokio::test(start_paused = true)]
async fn what_is_broken_is_named() {
    let world = World::new().await;
    let owner = world.owner("one", Mode::Sandbox).await;
    let intent: IntentId = Objects::new(&world, owner).await.params["intent"].parse().expect("an id");
    let loaded = world.store.load(Wanted { escrows: vec![intent], ..Wanted::default() }).await.expect("readable");
    let base = loaded.escrows.into_iter().next().flatten().expect("opened");
    let next = base.escrow.clone();
    // A version without the jobs that it should have.
    let effects = next.duties().into_iter().map(|(duty, _)| escrow::Effect::Drop(duty)).collect();
    let change = Change { base: Some(base), next, transfers: Vec::new(), events: Vec::new(), effects };
    world.store.commit(vec![Unit { change: Some(change), ..Unit::default() }]).await.expect("a commit");
    world.is_damaged.store(true, Ordering::SeqCst);
    let report = world.call_as(ADMIN, "POST", "/admin/verify", Value::Null).await.ok(200);
    assert_eq!((&report["ok"], &report["brokenTotal"]), (&json!(false), &json!(1)));
    assert_eq!(report["broken"][0]["invariant"], "one job per duty");
}
