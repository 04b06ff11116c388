//! Several gateways on one store: who of them tells an endpoint, and what becomes of one that stops or stands still.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{Call, Courier, Host, Reached};
use escrow::Span;
use store::DeliveryState;

use crate::faulty::{Faulty, faulty};
use crate::webhooks::{
    Calls, ScriptedPost, accepted, bodies, body, courier, deliveries, endpoint, endpoint_at, failed, found, keyring,
    until,
};
use crate::world::{Question, World, complete, questions};

/// Longer than any lease.
const LONG: Span = Span::from_seconds(60);

/// What happens in these tests, but for what happens to endpoints.
const ABOUT_INTENTS: [&str; 3] = ["payment_intent.*", "escrow_order.*", "milestone.*"];

/// The next call, which comes as soon as a gateway has looked who holds its endpoint.
async fn soon(world: &World, calls: &mut Calls) -> Question<Call, Reached> {
    tokio::select! {
        biased;
        question = calls.next(world) => question,
        () = world.host.sleep(Span::from_seconds(2)) => panic!("nobody has taken over"),
    }
}

/// A gateway that reaches the store of another one through something that can stand still.
fn frozen_at_times(world: &World) -> (World, Arc<Faulty>) {
    let store = faulty(world.store.clone());
    (world.another_through(store.clone()), store)
}

#[tokio::test(start_paused = true)]
async fn every_event_is_told_by_one_of_several_gateways() {
    let one = World::shared();
    let two = one.another();
    // More than one gateway takes at once.
    let urls: Vec<String> = (0..60).map(|number| format!("https://shop.example/{number}")).collect();
    for url in &urls {
        endpoint_at(&one, url, &ABOUT_INTENTS).await;
    }
    let ((to_one, mut of_one), (to_two, mut of_two)) = (questions(), questions());
    let _couriers: [Courier; 2] = [
        one.engine.courier(keyring(), Arc::new(ScriptedPost(to_one))),
        two.engine.courier(keyring(), Arc::new(ScriptedPost(to_two))),
    ];
    for world in [&one, &two, &one] {
        let (intent, milestones) = world.open(&["100"]).await;
        world.ask(complete(intent, milestones[0]), None).await.expect("completed");
    }
    let expected = bodies(&one).await;
    let mut told: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut shares = [0, 0];
    for _ in 0..expected.len() * urls.len() {
        let (question, share) = tokio::select! {
            question = of_one.next(&one) => (question, &mut shares[0]),
            question = of_two.next(&two) => (question, &mut shares[1]),
        };
        *told.entry((question.asked.url.clone(), body(&question))).or_default() += 1;
        *share += 1;
        question.answer(accepted());
    }
    assert!(told.values().all(|count| *count == 1), "{told:?}");
    assert_eq!(told.len(), expected.len() * urls.len());
    assert!(shares.iter().all(|share| *share > 0), "{shares:?}");
    of_one.assert_none(&one).await;
    of_two.assert_none(&two).await;
    one.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn when_a_gateway_stops_another_takes_over_at_once() {
    let one = World::shared();
    let two = one.another();
    let to = endpoint(&one, &["payment_intent.created"]).await;
    let (of_one, mut calls_of_one) = courier(&one);
    one.open(&["100"]).await;
    calls_of_one.next(&one).await.answer(accepted());
    let (_of_two, mut calls_of_two) = courier(&two);
    two.open(&["100"]).await;
    soon(&one, &mut calls_of_one).await.answer(accepted());
    calls_of_two.assert_none(&two).await;
    of_one.stop().await;
    one.open(&["100"]).await;
    soon(&two, &mut calls_of_two).await.answer(accepted());
    let all = until(&two, to, |all| all.len() == 3).await;
    assert!(all.iter().all(|it| (it.state, it.tries) == (DeliveryState::Succeeded, 1)), "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn when_a_gateway_freezes_another_takes_over_and_the_first_is_not_heard_any_more() {
    let two = World::shared();
    let (one, store_of_one) = frozen_at_times(&two);
    let to = endpoint(&two, &["*"]).await;
    let (_of_one, mut calls_of_one) = courier(&one);
    two.open(&["100"]).await;
    let expected = bodies(&two).await;
    // The rest of the intent's events waits for this one.
    let late = calls_of_one.next(&one).await;
    let (of_two, mut calls_of_two) = courier(&two);
    calls_of_two.assert_none(&two).await;
    store_of_one.line().freeze();
    for world in [&one, &two] {
        world.host.advance(LONG);
    }
    for body_expected in &expected {
        let question = soon(&two, &mut calls_of_two).await;
        assert_eq!(&body(&question), body_expected);
        question.answer(accepted());
    }
    let told = until(&two, to, |all| all.len() == expected.len()).await;
    late.answer(failed(None));
    // It knows by its own clock that its time is over.
    calls_of_one.assert_none(&one).await;
    store_of_one.line().thaw();
    calls_of_one.assert_none(&one).await;
    assert_eq!(deliveries(&two, to).await, told, "its late note changes nothing");
    assert_eq!(found(&two, to).await.progress.failing_since, None);
    // It is there again, and takes over in its turn.
    of_two.stop().await;
    two.open(&["100"]).await;
    for body_expected in &bodies(&two).await[expected.len()..] {
        let question = soon(&one, &mut calls_of_one).await;
        assert_eq!(&body(&question), body_expected);
        question.answer(accepted());
    }
    two.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_froze_while_nobody_took_over_goes_on_where_it_was() {
    let two = World::shared();
    let (one, store_of_one) = frozen_at_times(&two);
    let to = endpoint(&two, &["*"]).await;
    let (_of_one, mut calls_of_one) = courier(&one);
    two.open(&["100"]).await;
    let expected = bodies(&two).await;
    let late = calls_of_one.next(&one).await;
    store_of_one.line().freeze();
    one.host.advance(LONG);
    late.answer(accepted());
    calls_of_one.assert_none(&one).await;
    store_of_one.line().thaw();
    for body_expected in &expected[1..] {
        let question = soon(&one, &mut calls_of_one).await;
        assert_eq!(&body(&question), body_expected);
        question.answer(accepted());
    }
    let all = until(&two, to, |all| all.len() == expected.len()).await;
    assert!(all.iter().all(|it| (it.state, it.tries) == (DeliveryState::Succeeded, 1)), "{all:?}");
    calls_of_one.assert_none(&one).await;
}
