//! What is not taken is told again, as the documented schedule says, by the clock of the sandbox.

use engine::webhooks::{PATIENCE, RETRIES};
use serde_json::{Value, json};

use super::ARGS;
use super::receiver::{ACCEPTS, FAILS, Manner, Receiver};
use super::scene::{Endpoint, advance, assert_genuine, attempts, clock_ms, events, heard, ids, text, time_ms};
use crate::harness::{Client, Gateway, folder, until};

const CHOSEN: [&str; 1] = ["payment_intent.created"];

/// Moves the clock to where it shows this time, or has passed it.
fn advance_to(client: &Client, time_ms: i64) {
    let left_ms = time_ms - clock_ms(client);
    if left_ms > 0 {
        advance(client, (left_ms + 999) / 1000);
    }
}

fn status_of(client: &Client, delivery: &Value) -> String {
    text(&client.get(&format!("/webhook-deliveries/{}", text(delivery, "id"))), "status")
}

#[test]
fn retries_come_on_schedule_with_the_same_body_until_they_are_given_up_or_asked_for() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let receiver = Receiver::start(Manner::Says(FAILS));
    let endpoint = Endpoint::create(&client, &receiver.url(), &CHOSEN);
    client.create_intent();
    let mut due_ms = None;
    for (wait, calls) in RETRIES.iter().zip(1..) {
        let delivery = endpoint.tried(&client, calls);
        let next_ms = time_ms(&delivery, "nextAttemptAt");
        let wait_ms = wait.ms();
        if let Some(due_ms) = due_ms {
            let waits = next_ms - due_ms;
            assert!((wait_ms..=wait_ms + wait_ms / 10).contains(&waits), "call {calls}: {waits} ms");
        }
        assert_eq!((&delivery["status"], &delivery["attemptCount"]), (&json!("pending"), &json!(calls)));
        advance_to(&client, next_ms);
        due_ms = Some(next_ms);
    }
    let last = endpoint.tried(&client, RETRIES.len() + 1);
    assert_eq!((&last["status"], &last["nextAttemptAt"]), (&json!("failed"), &Value::Null));
    let calls = receiver.heard();
    for call in &calls {
        assert_genuine(&client, call, &[&endpoint.secret]);
        assert_eq!((call.id(), &call.body), (calls[0].id(), &calls[0].body), "the same event each time");
    }
    let said: Vec<Value> =
        calls.iter().map(|call| json!(call.header("webhook-timestamp").parse::<i64>().ok())).collect();
    let noted: Vec<Value> = attempts(&last).iter().map(|attempt| attempt["webhookTimestamp"].clone()).collect();
    assert_eq!(said, noted, "each call says when it was made");

    receiver.change(Manner::Says(ACCEPTS));
    client.post(&format!("/webhook-deliveries/{}/redeliver", text(&last, "id")), &json!({}));
    let delivery = endpoint.tried(&client, RETRIES.len() + 2);
    assert_eq!((&delivery["status"], &delivery["attemptCount"]), (&json!("succeeded"), &last["attemptCount"]));
    assert_eq!(attempts(&delivery).last().expect("a call")["isManual"], true);
    assert_eq!(endpoint.show(&client)["failingSince"], Value::Null);
    gateway.stop();
}

#[test]
fn a_clock_that_jumps_goes_through_all_retries_each_from_when_it_was_due() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let receiver = Receiver::start(Manner::Says(FAILS));
    let endpoint = Endpoint::create(&client, &receiver.url(), &CHOSEN);
    client.create_intent();
    endpoint.tried(&client, 1);
    advance(&client, 24 * 3600);
    assert_eq!(endpoint.tried(&client, RETRIES.len() + 1)["status"], "failed");
    gateway.stop();
    assert_eq!(receiver.count(), RETRIES.len() + 1);
}

#[test]
fn who_fails_for_five_days_is_disabled_and_enabled_again_is_told_what_was_pending_and_what_comes() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let (failing, healthy) = (Receiver::start(Manner::Says(FAILS)), Receiver::start(Manner::Says(ACCEPTS)));
    let endpoint = Endpoint::create(&client, &failing.url(), &CHOSEN);
    Endpoint::create(&client, &healthy.url(), &["webhook_endpoint.disabled", "webhook_endpoint.enabled"]);
    client.create_intent();
    endpoint.tried(&client, 1);
    advance(&client, PATIENCE.seconds());
    until("all retries", || (failing.count() == RETRIES.len() + 1).then_some(()));
    assert_eq!(endpoint.show(&client)["status"], "enabled", "its retries were all over before");
    client.create_intent();
    until("the endpoint to be disabled", || (endpoint.show(&client)["status"] == "disabled").then_some(()));
    assert_eq!(endpoint.show(&client)["disabledReason"], "failing");
    let told: Value = serde_json::from_str(&heard(&healthy, 1)[0].body).expect("JSON");
    assert_eq!(told["type"], "webhook_endpoint.disabled");
    let object = &told["data"]["object"];
    assert_eq!((&object["id"], &object["disabledReason"]), (&json!(endpoint.id), &json!("failing")));

    client.create_intent();
    failing.change(Manner::Says(ACCEPTS));
    client.patch(&endpoint.path(""), &json!({"status": "enabled"}));
    heard(&healthy, 2);
    client.create_intent();
    advance(&client, RETRIES[0].seconds() * 2);
    let all = ids(&events(&client, &format!("&type={}", CHOSEN[0])));
    let [_given_up, pending, _while_disabled, new] = &all[..] else { panic!("{all:?}") };
    let calls = heard(&failing, RETRIES.len() + 4);
    let mut told: Vec<&str> = calls.iter().skip(RETRIES.len() + 2).map(|call| call.id()).collect();
    told.sort_unstable();
    assert_eq!(told, [pending, new]);
    let stands = || {
        let deliveries = endpoint.deliveries(&client);
        deliveries.iter().map(|delivery| status_of(&client, delivery)).collect::<Vec<_>>()
    };
    until("both to be noted", || (stands() == ["failed", "succeeded", "succeeded"]).then_some(()));
    gateway.stop();
    assert_eq!(failing.count(), calls.len());
}
