//! Whatever ends the gateway, and when: no endpoint misses anything, and nobody is told much twice.

use std::collections::BTreeSet;

use engine::webhooks::CALLS_AT_ONCE;
use engine::{Host, System};
use serde_json::json;

use super::ARGS;
use super::receiver::{ACCEPTS, Manner, Receiver};
use super::scene::{Endpoint, create_intents, events, heard, ids};
use crate::crash::api::Api;
use crate::crash::dice::Dice;
use crate::crash::ordeal::Ordeal;
use crate::harness::{Client, Environment, Gateway, folder, run_json, until};

/// How often the gateway is killed, and how many clients keep it busy meanwhile.
const ROUNDS: usize = 4;
const CLIENTS: usize = 8;

/// How many calls may be told again after a blow: those that were under way, and those that had come to something which was not noted
/// yet. A lane holds no more than this in hand.
const MOST_AGAIN: usize = 256 + 64;

/// The ids of all events that happened behind the creation of endpoints.
fn behind_creations(client: &Client, creations: usize) -> BTreeSet<String> {
    let all = events(client, "");
    let created = |event: &&serde_json::Value| event["type"] == "webhook_endpoint.created";
    assert_eq!(all.iter().filter(created).count(), creations);
    let first = all.iter().rposition(|event| created(&event)).map_or(0, |last| last + 1);
    ids(&all[first..]).into_iter().collect()
}

#[test]
fn endpoints_of_a_gateway_that_is_killed_again_and_again_miss_nothing() {
    let mut ordeal = Ordeal::new(CLIENTS, Dice::new());
    let mut gateway = ordeal.start(&Environment::new());
    let receivers = [
        Receiver::start(Manner::Says(ACCEPTS)),
        Receiver::start(Manner::TakesLate(Dice::new(), 5)),
        Receiver::start(Manner::TakesLate(Dice::new(), 20)),
    ];
    for receiver in &receivers {
        Endpoint::create(&gateway.client(), &receiver.url(), &["*"]);
    }
    for _ in 0..ROUNDS {
        ordeal.strike(&Api::of(&gateway), || gateway.kill());
        gateway = ordeal.start(&Environment::new());
        ordeal.retry(&Api::of(&gateway));
    }
    ordeal.wait_for_settlements(&gateway);
    let client = gateway.client();
    for receiver in &receivers {
        until("every event to be told", || behind_creations(&client, 3).is_subset(&receiver.ids()).then_some(()));
        let again = receiver.count() - receiver.ids().len();
        println!("{} events told, {again} of them again, after {ROUNDS} blows", receiver.ids().len());
        assert!(again <= ROUNDS * MOST_AGAIN, "{again} calls were made again");
    }
    ordeal.conclude(gateway);
}

#[test]
fn a_gateway_that_is_asked_to_stop_does_not_wait_for_endpoints_and_goes_on_where_it_was() {
    let folder = folder();
    let args = [&ARGS[..], &["--test-key", "sk_test_development"]].concat();
    let gateway = Gateway::start(folder.path(), &args);
    let client = gateway.client();
    let (hanging, late) = (Receiver::start(Manner::Hangs), Receiver::start(Manner::TakesLate(Dice::new(), 40)));
    for receiver in [&hanging, &late] {
        Endpoint::create(&client, &receiver.url(), &["payment_intent.created"]);
    }
    let intents = create_intents(&client, 60).len();
    heard(&hanging, 1);
    heard(&late, 5);
    let host = System::new();
    gateway.stop();
    let took_ms = host.ticks_ms();
    assert!(took_ms < 15_000, "it took {took_ms} ms, as if it had waited for a call to be given up");
    let before = late.count();

    hanging.change(Manner::Says(ACCEPTS));
    let gateway = Gateway::start(folder.path(), &args);
    let client = gateway.client();
    let all: BTreeSet<String> = ids(&events(&client, "&type=payment_intent.created")).into_iter().collect();
    assert_eq!(all.len(), intents);
    for receiver in [&hanging, &late] {
        until("every event to be told", || (receiver.ids() == all).then_some(()));
    }
    println!("it stopped in {took_ms} ms; {before} of {intents} events were told before");
    gateway.stop();
    assert_eq!(run_json(folder.path(), &["verify", "--data", "data"])["ok"], json!(true));
    let again = late.count() - intents;
    assert!(
        again <= CALLS_AT_ONCE,
        "{again} calls were made again: those under way are waited for a little, and noted"
    );
}
