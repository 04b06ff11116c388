//! Who takes what it is told is told everything it has chosen, once.

use std::collections::BTreeSet;

use crate::harness::{Gateway, folder, until};

use super::ARGS;
use super::receiver::{ACCEPTS, Manner, Receiver};
use super::scene::{Endpoint, assert_genuine, events, heard, ids};

#[test]
fn an_intents_whole_life_is_told_once_in_order_byte_for_byte_and_signed() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let receiver = Receiver::start(Manner::Says(ACCEPTS));
    let endpoint = Endpoint::create(&client, &receiver.url(), &["*"]);
    let intent = client.create_intent();
    let milestones =
        [(0, "400.00"), (1, "600.00")].map(|(index, share)| client.create_milestone(&intent, index, share));
    milestones.iter().for_each(|milestone| client.complete(&intent, milestone));
    until("the settlement", || (client.status(&intent) == "SETTLED").then_some(()));

    let stored = events(&client, &format!("&paymentIntentId={intent}"));
    let calls = heard(&receiver, stored.len());
    assert_eq!(calls.iter().map(|call| call.id().to_owned()).collect::<Vec<_>>(), ids(&stored), "in order, once each");
    for (number, event) in (1..).zip(&stored) {
        assert_eq!(event["sequence"], number);
    }
    calls.iter().for_each(|call| assert_genuine(&client, call, &[&endpoint.secret]));
    let deliveries = until("all of it to be noted", || {
        Some(endpoint.deliveries(&client)).filter(|deliveries| deliveries.len() == stored.len())
    });
    assert!(deliveries.iter().all(|it| it["status"] == "succeeded" && it["attemptCount"] == 1), "{deliveries:?}");
    gateway.stop();
    assert_eq!(receiver.count(), stored.len(), "nothing was told twice");
}

#[test]
fn an_endpoint_is_told_what_it_has_chosen_and_nothing_else() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let choices: [&[&str]; 4] =
        [&["*"], &["milestone.*"], &["escrow_order.created"], &["dispute.*", "milestone.created"]];
    let receivers = choices.map(|_| Receiver::start(Manner::Says(ACCEPTS)));
    let endpoints: Vec<Endpoint> =
        receivers.iter().zip(choices).map(|(at, chosen)| Endpoint::create(&client, &at.url(), chosen)).collect();
    let intent = client.create_intent();
    let milestone = client.create_milestone(&intent, 0, "1000.00");
    client.complete(&intent, &milestone);
    until("the settlement", || (client.status(&intent) == "SETTLED").then_some(()));

    for ((receiver, endpoint), chosen) in receivers.iter().zip(&endpoints).zip(choices) {
        let all = format!("&type={}", chosen.join(","));
        let expected = ids(&events(&client, &format!("&paymentIntentId={intent}{all}")));
        let told = || receiver.heard().into_iter().filter(|call| call.body.contains(&intent)).collect::<Vec<_>>();
        let calls = until("its calls", || Some(told()).filter(|calls| calls.len() >= expected.len()));
        assert_eq!(calls.iter().map(|call| call.id().to_owned()).collect::<Vec<_>>(), expected, "{chosen:?}");
        let chosen_ever: BTreeSet<String> = ids(&events(&client, &all)).into_iter().collect();
        assert!(receiver.ids().is_subset(&chosen_ever), "{chosen:?}");
        calls.iter().for_each(|call| assert_genuine(&client, call, &[&endpoint.secret]));
    }
    gateway.stop();
}
