//! Events as they are read: one by one, as a list, and as a stream that is followed.

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::Store;

use crate::world::{ADMIN, LIVE, OTHER, READ_ONLY, Reply, TEST, World};

/// A frame of a stream.
#[derive(Clone, Debug, PartialEq)]
struct Frame {
    id: u64,
    kind: Option<String>,
    data: Option<String>,
}

/// Somebody who follows a stream.
struct Follower(BodyDataStream);

impl Follower {
    async fn new(world: &World, key: &str, query: &str, last_event_id: Option<&str>) -> Follower {
        let request = Request::builder().uri(format!("/v1/events/stream{query}")).header("X-API-Key", key);
        let request = last_event_id.into_iter().fold(request, |request, id| request.header("Last-Event-ID", id));
        let response =
            tower::ServiceExt::oneshot(world.router.clone(), request.body(Body::empty()).expect("a request"));
        let response = response.await.expect("infallible");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Follower(response.into_body().into_data_stream())
    }

    /// The next frame; `None` at the end.
    async fn frame(&mut self) -> Option<Frame> {
        let text = self.0.next().await?.expect("a frame");
        let text = std::str::from_utf8(&text).expect("text");
        let field = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.map(|line| line[name.len()..].to_owned())
        };
        assert!(text.ends_with("\n\n"), "{text:?}");
        let id = field("id: ").expect("every frame says where it is").parse().expect("a place");
        Some(Frame { id, kind: field("event: "), data: field("data: ") })
    }

    /// The next so many events; frames without one are left out.
    async fn events(&mut self, count: usize) -> Vec<Frame> {
        let mut events = Vec::new();
        while events.len() < count {
            let frame = self.frame().await.expect("the stream goes on");
            events.extend(frame.data.is_some().then_some(frame));
        }
        events
    }
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.clone()).expect("text")
}

async fn list(world: &World, query: &str) -> Vec<Value> {
    let page = world.get(&format!("/events?limit=100{query}")).await.ok(200);
    page["data"].as_array().expect("a list").clone()
}

fn count(length: usize) -> u64 {
    u64::try_from(length).expect("a few")
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().expect("a type")).collect()
}

#[tokio::test(start_paused = true)]
async fn events_are_listed_in_the_reverse_order_of_the_commits() {
    let world = World::new().await;
    let one = world.intent(true).await;
    let other = world.intent(true).await;
    let milestone = world.milestone(&one, 0, "1000").await;
    let all = list(&world, "").await;
    assert_eq!(types(&all)[..3], ["milestone.created", "escrow_order.created", "payment_intent.created"]);
    assert!(types(&all).contains(&"api_key.created"), "what happens to keys is told as well");
    assert_eq!((&all[0]["paymentIntentId"], &all[0]["data"]["object"]["id"]), (&json!(one), &json!(milestone)));
    let of_one = list(&world, &format!("&paymentIntentId={one}")).await;
    assert_eq!(types(&of_one), ["milestone.created", "escrow_order.created", "payment_intent.created"]);
    assert_eq!(of_one.iter().map(|event| event["sequence"].as_u64()).collect::<Vec<_>>(), [Some(3), Some(2), Some(1)]);
    for (query, expected) in [
        ("&type=milestone.created", 1),
        ("&type=milestone.*", 1),
        ("&type=payment_intent.created,escrow_order.*", 4),
        ("&type=payment_intent.created&type=escrow_order.created", 4),
        ("&type=dispute.raised", 0),
        ("&type=*", all.len()),
    ] {
        assert_eq!(list(&world, query).await.len(), expected, "{query}");
    }
    let both = list(&world, &format!("&type=payment_intent.*&paymentIntentId={other}")).await;
    assert_eq!(types(&both), ["payment_intent.created"]);
    let page = world.get("/events?limit=2").await.ok(200);
    assert_eq!((&page["has_more"], &page["url"]), (&json!(true), &json!("/v1/events")));
    let last = page["data"][1]["id"].as_str().expect("an id");
    let next = world.get(&format!("/events?limit=2&starting_after={last}")).await.ok(200);
    assert_eq!(next["data"].as_array().expect("a list"), &all[2..4]);
    let back = world.get(&format!("/events?limit=2&ending_before={}", all[2]["id"].as_str().expect("an id"))).await;
    assert_eq!(back.ok(200)["data"], page["data"]);
    for (query, param, message) in [
        ("?type=milestone", "type", "must name a type of event such as milestone.completed"),
        ("?type=milestone.created,milestone.gone", "type", "must name a type of event"),
        ("?paymentIntentId=7", "paymentIntentId", "must be the id of a payment intent"),
        ("?starting_after=evt_7", "starting_after", "names nothing in this list"),
    ] {
        world.get(&format!("/events{query}")).await.refused(400, "invalid_request", message, param);
    }
}

/// What `docs/webhooks.md` says about hashes, done with nothing but what the API serves.
#[tokio::test(start_paused = true)]
async fn anybody_can_compute_the_hashes_anew() {
    let world = World::new().await;
    let strange = json!({"Bär": "\u{2028}\\ \"x\"", "hash": "0x00", "10": 1.50, "2": [{"previousHash": null}]});
    let intent = world.intent_with(json!({"metadata": strange, "description": "},\"previousHash\":"})).await;
    let events = list(&world, &format!("&paymentIntentId={intent}")).await;
    let mut previous = [0_u8; 32];
    for event in events.iter().rev() {
        let id = event["id"].as_str().expect("an id");
        let served = text(&world.get(&format!("/events/{id}")).await);
        let (body, hashes) = served.rsplit_once(r#","previousHash":""#).expect("hashes at the end");
        let body = format!("{body}}}");
        assert_eq!(serde_json::from_str::<Value>(&body).expect("an object")["id"], id);
        let hash = Sha256::new().chain_update(previous).chain_update(&body).finalize();
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hashes, format!(r#"0x{}","hash":"0x{}"}}"#, hex(&previous), hex(&hash)));
        previous = hash.into();
    }
    let snapshot = world.store.escrow(intent.parse().expect("an id")).await.expect("readable").expect("an escrow");
    assert_eq!(snapshot.chain.head.bytes(), &previous);
}

#[tokio::test(start_paused = true)]
async fn an_event_is_its_owners_and_the_operators() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let mine = list(&world, &format!("&paymentIntentId={intent}")).await[0].clone();
    let path = format!("/events/{}", mine["id"].as_str().expect("an id"));
    for key in [TEST, READ_ONLY, ADMIN] {
        assert_eq!(world.call_as(key, "GET", &path, Value::Null).await.ok(200), mine);
    }
    world.call_as(OTHER, "GET", &path, Value::Null).await.refused(403, "forbidden", "permission", "");
    world.call_as(LIVE, "GET", &path, Value::Null).await.refused(404, "resource_missing", "No such event", "");
    let merchants = world.call_as(ADMIN, "GET", "/events", Value::Null).await.ok(200);
    let created = merchants["data"].as_array().expect("a list");
    assert!(types(created).contains(&"merchant.created"), "the operator's own events: {merchants}");
    let path = format!("/events/{}", created[0]["id"].as_str().expect("an id"));
    world.get(&path).await.refused(403, "forbidden", "permission", "");
}

#[tokio::test(start_paused = true)]
async fn a_stream_begins_with_what_happens_from_now_on_or_where_it_was_left() {
    let world = World::new().await;
    let before = count(list(&world, "").await.len());
    let mut live = Follower::new(&world, TEST, "", None).await;
    assert_eq!(live.frame().await, Some(Frame { id: before, kind: None, data: None }));
    let intent = world.intent(true).await;
    let seen = live.events(2).await;
    assert_eq!(seen.iter().map(|frame| frame.id).collect::<Vec<_>>(), [before + 1, before + 2]);
    assert_eq!(seen[0].kind.as_deref(), Some("payment_intent.created"));
    let served = list(&world, &format!("&paymentIntentId={intent}")).await;
    let id = served[1]["id"].as_str().expect("an id");
    assert_eq!(seen[0].data, Some(text(&world.get(&format!("/events/{id}")).await)), "byte for byte");
    world.milestone(&intent, 0, "1").await;
    let last = (before + 1).to_string();
    for (query, header) in [
        (String::new(), Some(last.as_str())),
        (String::new(), Some(id)),
        (format!("?starting_after={last}"), None),
        (format!("?starting_after={id}"), None),
        ("?starting_after=0".to_owned(), Some(last.as_str())),
    ] {
        let mut again = Follower::new(&world, TEST, &query, header).await;
        assert_eq!(again.frame().await, Some(Frame { id: before + 1, kind: None, data: None }));
        let resumed = again.events(2).await;
        assert_eq!(resumed[0], seen[1], "{query} {header:?}");
        assert_eq!(resumed[1].kind.as_deref(), Some("milestone.created"));
    }
    let mut all = Follower::new(&world, TEST, "?starting_after=0", None).await;
    let ids: Vec<u64> =
        all.events(usize::try_from(before).expect("a few") + 3).await.into_iter().map(|frame| frame.id).collect();
    assert_eq!(ids, (1..=before + 3).collect::<Vec<_>>());
    let mut some = Follower::new(&world, TEST, "?starting_after=0&type=milestone.*,payment_intent.*", None).await;
    assert_eq!(some.events(2).await[1].kind.as_deref(), Some("milestone.created"));
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_not_in_the_stream_is_refused() {
    let world = World::new().await;
    let others = world.call_as(OTHER, "GET", "/events", Value::Null).await.ok(200)["data"][0]["id"].clone();
    for place in ["99", "-1", "9223372036854775808", "evt_7", "x", others.as_str().expect("an id")] {
        let request =
            Request::builder().uri("/v1/events/stream").header("X-API-Key", TEST).header("Last-Event-ID", place);
        let reply = world.send(request.body(Body::empty()).expect("a request")).await;
        reply.refused(
            400,
            "invalid_request",
            "must be the id or the place of an event of this stream",
            "Last-Event-ID",
        );
        let reply = world.get(&format!("/events/stream?starting_after={place}")).await;
        reply.refused(400, "invalid_request", "must be the id or the place of an event", "starting_after");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_again_misses_nothing_and_gets_nothing_twice_while_much_is_committed() {
    let world = World::new().await;
    let before = count(list(&world, "").await.len());
    let writers = join_all((0..20).map(|_| async {
        let intent = world.intent(true).await;
        world.milestone(&intent, 0, "1").await;
        world.milestone(&intent, 1, "2").await;
    }));
    let reader = async {
        let (mut seen, mut last) = (Vec::new(), before.to_string());
        for take in (1..=7).cycle() {
            let mut follower = Follower::new(&world, TEST, "", Some(&last)).await;
            seen.extend(follower.events(take.min(80 - seen.len())).await);
            last = seen.last().map(|frame| frame.id).expect("some").to_string();
            if seen.len() == 80 {
                break;
            }
        }
        seen
    };
    let (_, seen) = tokio::join!(writers, reader);
    assert_eq!(seen.iter().map(|frame| frame.id).collect::<Vec<_>>(), (before + 1..=before + 80).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_and_a_key_that_no_longer_works_ends_the_stream() {
    let world = World::new().await;
    let made = world.post("/api-keys", json!({"name": "follower"})).await.ok(201);
    let (id, key) = (made["id"].as_str().expect("an id"), made["data"]["secret"].as_str().expect("a key"));
    let mut follower = Follower::new(&world, key, "?type=dispute.*", None).await;
    let first = follower.frame().await.expect("a frame");
    world.intent(true).await;
    let second = follower.frame().await.expect("a frame");
    assert_eq!((second.id, second.data), (first.id + 2, None), "it goes on over what is not asked for");
    world.post(&format!("/api-keys/{id}/revoke"), json!({})).await.ok(200);
    assert_eq!(follower.frame().await, None);
}
