//! Whatever an endpoint answers, or does not: its delivery says what came of it, and nobody else waits for that.

use serde_json::{Value, json};

use super::ARGS;
use super::receiver::{ACCEPTS, FAILS, Manner, Receiver, Refusal};
use super::scene::{Endpoint, attempts, events, heard, text, time_ms};
use crate::harness::{Client, Gateway, folder, until};

/// What every intent has one of.
const CHOSEN: [&str; 1] = ["escrow_order.created"];

const MINUTE_MS: i64 = 60_000;

const MISSING: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
const GONE: &str = "HTTP/1.1 410 Gone\r\ncontent-length: 7\r\n\r\nfor good";
const BUSY: &str = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n";
const BEGUN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun";
const ENDLESS: &str = "HTTP/1.1 200 OK\r\n\r\n";
const ENDLESS_FAILURE: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 1000000000\r\n\r\n";
const NO_HTTP: &str = "220 mail.example ESMTP\r\n\r\n";

/// The most that is kept of an answer.
const KEPT_BYTES: usize = 1024;

/// What a delivery is to say of its first call.
struct Case {
    name: &'static str,
    manner: Manner,
    status: &'static str,
    response_status: Option<u16>,
    response_body: Body,
    error: Option<&'static str>,
    /// How long the next call waits at least; it may be a tenth more.
    wait_ms: Option<i64>,
}

enum Body {
    None,
    Text(&'static str),
    /// As much as is kept of one that is longer.
    Full,
}

/// A case that ends with a failure that is tried again after a minute.
fn failing(name: &'static str, manner: Manner, answer: (Option<u16>, Body), error: &'static str) -> Case {
    let (response_status, response_body) = answer;
    let (status, error) = ("pending", Some(error));
    Case { name, manner, status, response_status, response_body, error, wait_ms: Some(MINUTE_MS) }
}

/// A case that ends well, whatever is to be said about it.
fn taken(name: &'static str, manner: Manner, response_body: Body, error: Option<&'static str>) -> Case {
    Case { name, manner, status: "succeeded", response_status: Some(200), response_body, error, wait_ms: None }
}

fn cases() -> Vec<Case> {
    let wants_no_more = "the answer was 410: the endpoint wants no more calls";
    let gone = failing("gone", Manner::Says(GONE), (Some(410), Body::Text("for goo")), wants_no_more);
    let busy = failing("busy", Manner::Says(BUSY), (Some(429), Body::None), "the answer was 429, not 2xx");
    let once = |text| Manner::SaysAndCloses(text);
    vec![
        taken("takes it", Manner::Says(ACCEPTS), Body::Text("ok"), None),
        taken("breaks off", once(BEGUN), Body::Text("begun"), Some("the body of the answer broke off")),
        taken("takes it without end", Manner::Floods(ENDLESS), Body::Full, None),
        failing("fails", Manner::Says(FAILS), (Some(500), Body::Text("oops")), "the answer was 500, not 2xx"),
        failing(
            "fails without end",
            Manner::Floods(ENDLESS_FAILURE),
            (Some(500), Body::Full),
            "the answer was 500, not 2xx",
        ),
        failing("is not there", Manner::Says(MISSING), (Some(404), Body::None), "the answer was 404, not 2xx"),
        failing("closes", once(""), (None, Body::None), "the connection was closed without an answer"),
        failing("is something else", once(NO_HTTP), (None, Body::None), "the answer is not HTTP/1.1"),
        Case { wait_ms: Some(60 * MINUTE_MS), ..busy },
        Case { status: "failed", wait_ms: None, ..gone },
    ]
}

/// An intent, and the event of it that is told.
fn trigger(client: &Client) -> Value {
    let intent = client.create_intent();
    events(client, &format!("&paymentIntentId={intent}&type={}", CHOSEN[0])).remove(0)
}

#[track_caller]
fn assert_told(case: &Case, delivery: &Value, event: &Value) {
    let name = case.name;
    assert_eq!((&delivery["status"], &delivery["eventId"]), (&json!(case.status), &event["id"]), "{name}: {delivery}");
    let [attempt] = attempts(delivery) else { panic!("{name}: {delivery}") };
    assert_eq!(attempt["responseStatus"], json!(case.response_status), "{name}: {delivery}");
    assert_eq!(attempt["error"], json!(case.error), "{name}: {delivery}");
    match case.response_body {
        Body::None => assert_eq!(attempt["responseBody"], Value::Null, "{name}"),
        Body::Text(text) => assert_eq!(attempt["responseBody"], text, "{name}"),
        Body::Full => assert_eq!(text(attempt, "responseBody").len(), KEPT_BYTES, "{name}"),
    }
    let Some(wait_ms) = case.wait_ms else {
        return assert_eq!(delivery["nextAttemptAt"], Value::Null, "{name}");
    };
    // The wait begins when it is the call's time, which is between the event and the call.
    let earliest = event["created"].as_i64().expect("Unix seconds") * 1000 + wait_ms;
    let latest = time_ms(attempt, "attemptedAt") + wait_ms + wait_ms / 10;
    let next = time_ms(delivery, "nextAttemptAt");
    assert!((earliest..=latest).contains(&next), "{name}: {earliest} <= {next} <= {latest}");
}

#[test]
fn a_delivery_says_what_came_of_each_kind_of_answer() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let mut cases = cases();
    let start = |case: &mut Case| Receiver::start(std::mem::replace(&mut case.manner, Manner::Hangs));
    let receivers: Vec<Receiver> = cases.iter_mut().map(start).collect();
    let endpoints: Vec<Endpoint> =
        receivers.iter().map(|receiver| Endpoint::create(&client, &receiver.url(), &CHOSEN)).collect();
    let refusal = Refusal::start();
    let refusing = Endpoint::create(&client, &refusal.url(), &CHOSEN);
    let event = trigger(&client);
    for ((case, endpoint), receiver) in cases.iter().zip(&endpoints).zip(&receivers) {
        assert_told(case, &endpoint.tried(&client, 1), &event);
        assert_eq!(receiver.count(), 1, "{}", case.name);
    }
    let refused = failing("refuses", Manner::Hangs, (None, Body::None), "connection refused");
    assert_told(&refused, &refusing.tried(&client, 1), &event);
    gateway.stop();
}

#[test]
fn who_never_answers_is_given_up_in_time_and_nobody_waits_for_that() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let (hanging, healthy) = (Receiver::start(Manner::Hangs), Receiver::start(Manner::Says(ACCEPTS)));
    let [stuck, served] = [&hanging, &healthy].map(|at| Endpoint::create(&client, &at.url(), &CHOSEN));
    let event = trigger(&client);
    heard(&hanging, 1);
    assert_eq!(served.tried(&client, 1)["status"], "succeeded");
    assert_eq!(stuck.deliveries(&client), [] as [Value; 0], "its call is still under way");

    let late = failing("hangs", Manner::Hangs, (None, Body::None), "no answer within 15 seconds");
    let delivery = stuck.tried(&client, 1);
    assert_told(&late, &delivery, &event);
    let latency_ms = attempts(&delivery)[0]["latencyMs"].as_i64().expect("milliseconds");
    assert!(latency_ms >= 15_000, "{latency_ms}");
    gateway.stop();
}

#[test]
fn a_redirect_leads_nowhere() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let target = Receiver::start(Manner::Says(ACCEPTS));
    for (status, words) in [(301, "Moved"), (302, "Found"), (303, "See Other"), (307, "Same"), (308, "Permanently")] {
        let answer = format!("HTTP/1.1 {status} {words}\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", target.url());
        let receiver = Receiver::start(Manner::Says(answer.leak()));
        let endpoint = Endpoint::create(&client, &receiver.url(), &CHOSEN);
        trigger(&client);
        let delivery = endpoint.tried(&client, 1);
        let [attempt] = attempts(&delivery) else { panic!("{delivery}") };
        assert_eq!((&delivery["status"], &attempt["responseStatus"]), (&json!("pending"), &json!(status)));
        assert_eq!(attempt["error"], format!("the answer was {status}, and redirects are not followed"));
        client.delete(&endpoint.path(""));
    }
    gateway.stop();
    assert_eq!(target.connections(), 0);
}

#[test]
fn who_is_gone_is_told_no_more_and_an_event_says_so() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let (leaving, healthy) = (Receiver::start(Manner::Says(GONE)), Receiver::start(Manner::Says(ACCEPTS)));
    let gone = Endpoint::create(&client, &leaving.url(), &CHOSEN);
    let _witness = Endpoint::create(&client, &healthy.url(), &["escrow_order.created", "webhook_endpoint.disabled"]);
    trigger(&client);
    until("the endpoint to be disabled", || (gone.show(&client)["status"] == "disabled").then_some(()));
    assert_eq!(gone.show(&client)["disabledReason"], "gone");
    let second = trigger(&client);
    let told = heard(&healthy, 3);
    let news = told.iter().find(|call| call.body.contains("webhook_endpoint.disabled")).expect("an event says it");
    let event: Value = serde_json::from_str(&news.body).expect("JSON");
    let object = &event["data"]["object"];
    assert_eq!((&object["id"], &object["disabledReason"]), (&json!(gone.id), &json!("gone")));
    assert!(told.iter().any(|call| second["id"] == call.id()), "the other endpoint is told what happens");
    gateway.stop();
    assert_eq!(leaving.count(), 1, "the one that is gone is not");
}
