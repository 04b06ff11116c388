//! What is asked for is done, and done once under one idempotency key.

use engine::MAX_ENDPOINTS;
use serde_json::{Value, json};

use super::ARGS;
use super::receiver::{ACCEPTS, Manner, Receiver};
use super::scene::{Endpoint, assert_genuine, attempts, events, heard, text};
use crate::harness::{Client, Gateway, folder};

#[test]
fn a_test_and_an_event_that_is_sent_again_reach_the_endpoint() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let [chosen, other] = [(), ()].map(|()| Receiver::start(Manner::Says(ACCEPTS)));
    let endpoint = Endpoint::create(&client, &chosen.url(), &["escrow_order.created"]);
    let aside = Endpoint::create(&client, &other.url(), &["dispute.raised"]);
    let tested = client.post(&aside.path("/test"), &json!({}));
    let call = heard(&other, 1).remove(0);
    assert_eq!(call.id(), text(&tested["data"], "eventId"));
    assert!(call.body.contains("webhook_endpoint.test"), "{}", call.body);
    assert_genuine(&client, &call, &[&aside.secret]);

    client.create_intent();
    let first = heard(&chosen, 1).remove(0);
    endpoint.tried(&client, 1);
    let resend = format!("/events/{}/resend", first.id());
    client.post(&resend, &json!({}));
    let again = heard(&chosen, 2).remove(1);
    assert_eq!((again.id(), &again.body), (first.id(), &first.body));
    client.post(&resend, &json!({"webhookEndpointId": aside.id}));
    let aside_call = heard(&other, 2).remove(1);
    assert_eq!((aside_call.id(), &aside_call.body), (first.id(), &first.body), "whatever it has chosen");
    assert_genuine(&client, &aside_call, &[&aside.secret]);
    let manual: Vec<Value> = attempts(&endpoint.tried(&client, 2)).iter().map(|it| it["isManual"].clone()).collect();
    assert_eq!(manual, [json!(false), json!(true)]);
    gateway.stop();
    assert_eq!((chosen.count(), other.count()), (2, 2));
}

/// Sends the same twice under one idempotency key, and gives both answers.
fn twice(client: &Client, path: &str, body: &Value) -> [Value; 2] {
    let [(_, first), (is_replay, second)] = [(), ()].map(|()| client.post_keyed(path, path, body));
    assert!(is_replay, "{path}");
    [first, second]
}

#[test]
fn what_is_sent_again_under_its_idempotency_key_is_done_once_and_shows_no_secret() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let receiver = Receiver::start(Manner::Says(ACCEPTS));
    let body = json!({"url": receiver.url(), "enabledEvents": ["escrow_order.created"]});
    let [made, again] = twice(&client, "/webhook-endpoints", &body);
    assert_eq!((&made["id"], &again["data"]["secret"]), (&again["id"], &Value::Null));
    assert!(text(&made["data"], "secret").starts_with("whsec_"));
    let path = format!("/webhook-endpoints/{}", text(&made, "id"));
    let [rotated, again] = twice(&client, &format!("{path}/rotate-secret"), &json!({"gracePeriod": 0}));
    assert_eq!(again["data"]["secret"], Value::Null);
    let secret = text(&rotated["data"], "secret").parse().expect("a secret");

    client.create_intent();
    assert_genuine(&client, &heard(&receiver, 1)[0], &[&secret]);
    let endpoint = Endpoint { id: text(&made, "id"), secret };
    let delivery = endpoint.tried(&client, 1);
    let redeliver = format!("/webhook-deliveries/{}/redeliver", text(&delivery, "id"));
    let [first, again] = twice(&client, &redeliver, &json!({}));
    assert_eq!(first, again);
    endpoint.tried(&client, 2);
    let [first, again] = twice(&client, &format!("{path}/test"), &json!({}));
    assert_eq!(first, again);
    heard(&receiver, 3);
    gateway.stop();
    assert_eq!(receiver.count(), 3, "one for the event, one for it again, one test");
}

#[test]
fn there_can_be_a_hundred_endpoints_all_of_which_are_told() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let receiver = Receiver::start(Manner::Says(ACCEPTS));
    let body = json!({"url": receiver.url(), "enabledEvents": ["escrow_order.created"]});
    let made: Vec<Value> = (0..MAX_ENDPOINTS).map(|_| client.post("/webhook-endpoints", &body)).collect();
    let (status, refused) = client.try_post("/webhook-endpoints", &body);
    assert_eq!((status, &refused["code"]), (400, &json!("invalid_request")), "{refused}");
    assert!(text(&refused, "message").contains("at most 100 webhook endpoints; delete one"), "{refused}");
    client.create_intent();
    let calls = heard(&receiver, MAX_ENDPOINTS);
    let event = text(&events(&client, "&type=escrow_order.created")[0], "id");
    assert!(calls.iter().all(|call| call.id() == event));
    client.delete(&format!("/webhook-endpoints/{}", text(&made[0], "id")));
    client.post("/webhook-endpoints", &body);
    gateway.stop();
    assert_eq!(receiver.count(), MAX_ENDPOINTS);
}
