//! What one gateway commits is heard by those who listen at another.

use std::sync::Arc;

use engine::{AdvanceClock, Host, Rendered};
use escrow::{MerchantId, Owner, RawId, Span};
use store::DeliveryState;
use tokio::sync::watch;

use crate::faulty::faulty;
use crate::webhooks::{accepted, courier, endpoint, failed, next_without_a_pause, until};
use crate::world::{OWNER, World};

/// Waits for a ring, as long as what others commit may take to be seen.
async fn is_rung(world: &World, bell: &mut watch::Receiver<()>) -> bool {
    tokio::select! {
        rung = bell.changed() => rung.is_ok(),
        () = world.host.sleep(Span::from_ms(500)) => false,
    }
}

async fn move_clock(world: &World, by: Span) {
    let render = Arc::new(|_: Result<engine::Clock, engine::TooFarAhead>| Rendered {
        status: 200,
        body: Vec::new(),
        kept: None,
    });
    let advance = AdvanceClock { merchant: OWNER.merchant, by, idempotency: None, render };
    world.engine.advance_clock(advance).await.expect("moved");
}

#[tokio::test(start_paused = true)]
async fn whoever_follows_a_stream_hears_what_another_gateway_commits() {
    let one = World::shared();
    let two = one.another();
    let strangers = Owner { merchant: MerchantId::new(RawId::from_bits(2)), ..OWNER };
    let (mut bell, mut other) = (two.engine.bells().listen(OWNER), two.engine.bells().listen(strangers));
    for bell in [&mut bell, &mut other] {
        // What was committed before it was first looked at may not have been read by whoever listens.
        assert!(is_rung(&two, bell).await);
        assert!(!is_rung(&two, bell).await, "nothing has happened since");
    }
    for _ in 0..3 {
        one.open(&["100"]).await;
        assert!(is_rung(&two, &mut bell).await);
        assert!(!is_rung(&two, &mut bell).await, "it rings once");
    }
    move_clock(&one, Span::from_seconds(10)).await;
    assert!(is_rung(&two, &mut bell).await);
    assert!(!is_rung(&two, &mut other).await, "nothing happens in that one");
}

#[tokio::test(start_paused = true)]
async fn a_ring_that_was_missed_while_the_store_was_away_is_made_up_for() {
    let one = World::shared();
    let store = faulty(one.store.clone());
    let two = one.another_through(store.clone());
    let mut bell = two.engine.bells().listen(OWNER);
    assert!(is_rung(&two, &mut bell).await);
    store.line().freeze();
    one.open(&["100"]).await;
    assert!(!is_rung(&two, &mut bell).await);
    store.line().thaw();
    assert!(is_rung(&two, &mut bell).await);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_another_gateway_moves_brings_due_retries_along_at_once() {
    let one = World::shared();
    let two = one.another();
    let to = endpoint(&one, &["payment_intent.created"]).await;
    let (_courier, mut calls) = courier(&two);
    one.open(&["100"]).await;
    calls.next(&two).await.answer(failed(None));
    until(&two, to, |all| all.len() == 1).await;
    calls.assert_none(&two).await;
    move_clock(&one, Span::from_seconds(100)).await;
    next_without_a_pause(&two, &mut calls).await.answer(accepted());
    until(&two, to, |all| all[0].state == DeliveryState::Succeeded).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_drops_an_engine_ends_all_its_tasks() {
    let one = World::shared();
    let store = faulty(one.store.clone());
    let two = one.another_through(store.clone());
    let host = two.host.clone();
    assert!(two.engine.is_running());
    host.sleep(Span::from_seconds(5)).await;
    drop(two);
    host.sleep(Span::from_seconds(5)).await;
    assert_eq!(Arc::strong_count(&store), 1, "nobody holds its store any more");
    let third = one.another();
    third.engine.shut_down().await;
    assert!(!third.engine.is_running());
    assert!(one.store.ping().await.is_err(), "it closes the store");
}
