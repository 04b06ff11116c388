//! Endpoints do not get in each other's way, nor do events of one intent.

use std::collections::BTreeMap;

use engine::webhooks::CALLS_AT_ONCE;
use serde_json::Value;

use super::ARGS;
use super::receiver::{ACCEPTS, Manner, Moment, Receiver, Refusal};
use super::scene::{Endpoint, create_intents, events, heard, ids, text};
use crate::crash::dice::Dice;
use crate::harness::{Gateway, folder, until};

/// How many events a healthy endpoint is told beside those who are stuck.
const EVENTS: usize = 200;

#[test]
fn one_who_is_healthy_is_told_everything_while_others_are_stuck() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let (hanging, refusal) = (Receiver::start(Manner::Hangs), Refusal::start());
    let healthy = Receiver::start(Manner::Says(ACCEPTS));
    let chosen = ["payment_intent.*", "escrow_order.*"];
    let [stuck, refused, _served] =
        [hanging.url(), refusal.url(), healthy.url()].map(|url| Endpoint::create(&client, &url, &chosen));
    while healthy.count() < EVENTS {
        create_intents(&client, 10);
        let count = events(&client, &format!("&type={}", chosen.join(","))).len();
        let told = heard(&healthy, count);
        assert_eq!(told.len(), count, "once each");
    }
    let held = hanging.count();
    assert!((1..=CALLS_AT_ONCE).contains(&held), "{held} calls were made to the one who hangs");
    assert_eq!(stuck.show(&client)["status"], "enabled");
    assert!(refused.show(&client)["failingSince"].is_string());
    gateway.stop();
}

/// Each intent's events, by their place in it.
fn sequence(body: &str) -> (String, u64) {
    let event: Value = serde_json::from_str(body).expect("JSON");
    (text(&event, "paymentIntentId"), event["sequence"].as_u64().expect("a number"))
}

#[test]
fn each_intents_events_come_in_order_one_at_a_time_however_late_the_answers() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let receiver = Receiver::start(Manner::TakesLate(Dice::new(), 40));
    Endpoint::create(&client, &receiver.url(), &["*"]);
    let intents = create_intents(&client, 12);
    for share in 0..4 {
        let milestones: Vec<String> =
            intents.iter().map(|intent| client.create_milestone(intent, share, "250.00")).collect();
        intents.iter().zip(&milestones).for_each(|(intent, milestone)| client.complete(intent, milestone));
    }
    for intent in &intents {
        until("the settlement", || (client.status(intent) == "SETTLED").then_some(()));
    }
    let stored: usize = intents.iter().map(|intent| events(&client, &format!("&paymentIntentId={intent}")).len()).sum();
    let calls: Vec<(String, u64)> = heard(&receiver, stored).iter().map(|call| sequence(&call.body)).collect();
    gateway.stop();
    assert_eq!(calls.len(), stored, "once each");

    let (mut last, mut under_way, mut most) = (BTreeMap::new(), BTreeMap::new(), 0);
    for moment in receiver.moments() {
        match moment {
            Moment::Heard(call) => {
                let (intent, sequence) = &calls[call];
                let before = last.insert(intent, *sequence).unwrap_or(0);
                assert_eq!(*sequence, before + 1, "in order");
                assert_eq!(under_way.insert(intent, call), None, "one at a time for each intent");
                most = most.max(under_way.len());
            }
            Moment::Answered(call) => drop(under_way.remove(&calls[call].0)),
        }
    }
    println!("{stored} events in order, at most {most} calls at once");
    assert!((2..=CALLS_AT_ONCE).contains(&most), "{most} calls at once");
}

#[test]
fn a_burst_is_told_to_the_end_without_anything_new() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let slow = Receiver::start(Manner::TakesLate(Dice::new(), 60));
    Endpoint::create(&client, &slow.url(), &["payment_intent.created"]);
    let intents = create_intents(&client, 150);
    let mut told = heard(&slow, intents.len()).iter().map(|call| call.id().to_owned()).collect::<Vec<_>>();
    told.sort();
    let mut stored = ids(&events(&client, "&type=payment_intent.created"));
    stored.sort();
    assert_eq!(told, stored);
    gateway.stop();
}
