//! Duties are done when they fall due, once, whoever does them.

use std::sync::Arc;

use engine::{Config, Host};
use escrow::{IntentStatus, PurposeKind, Span};
use store::MemoryStore;

use crate::faulty::faulty;
use crate::world::{World, complete, status};

fn count(transfers: &[store::StoredTransfer], kind: PurposeKind) -> usize {
    transfers.iter().filter(|stored| stored.transfer.purpose.kind() == kind).count()
}

#[tokio::test(start_paused = true)]
async fn a_release_is_settled_after_the_delay_and_final_after_the_period() {
    let world = World::new();
    let settings = Config::default().settings;
    let (intent, milestones) = world.open(&["100"]).await;
    assert_eq!(status(&world.ask(complete(intent, milestones[0]), None).await), 200);
    world.host.advance(Span::from_ms(settings.settlement_delay.ms() - 1));
    world.host.sleep(Span::from_seconds(60)).await;
    assert_eq!(world.escrow(intent).await.funds.payable.to_string(), "100.00", "not before its time");
    world.host.advance(Span::from_ms(1));
    world.until(intent, |escrow| escrow.status() == IntentStatus::Settled).await;
    world.host.advance(settings.finality_period);
    world.until(intent, |escrow| escrow.status() == IntentStatus::Final).await;
    let report = world.assert_clean().await;
    assert_eq!((report.jobs, report.settlements), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_an_engine_leaves_behind_the_next_one_does() {
    let first = World::new();
    let (intent, milestones) = first.open(&["30", "70"]).await;
    for milestone in milestones {
        assert_eq!(status(&first.ask(complete(intent, milestone), None).await), 200);
    }
    let next = first.another();
    drop(first);
    next.host.advance(Config::default().settings.settlement_delay);
    next.until(intent, |escrow| escrow.status() == IntentStatus::Settled).await;
    next.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn engines_that_share_the_work_pay_nothing_twice() {
    let one = World::shared();
    let two = one.another();
    let mut intents = Vec::new();
    for _ in 0..200 {
        let (intent, milestones) = one.open(&["30", "70"]).await;
        for milestone in milestones {
            one.ask(complete(intent, milestone), None).await.expect("an answer");
        }
        intents.push(intent);
    }
    let delay = Config::default().settings.settlement_delay;
    one.host.advance(delay);
    two.host.advance(delay);
    for intent in intents {
        one.until(intent, |escrow| escrow.status() == IntentStatus::Settled).await;
    }
    let transfers = one.transfers().await;
    assert_eq!(count(&transfers, PurposeKind::Reserve), 400);
    assert_eq!(count(&transfers, PurposeKind::Settle), 400);
    one.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ran_out_cannot_report_any_more() {
    let world = World::new();
    let (intent, milestones) = world.open(&["100"]).await;
    world.ask(complete(intent, milestones[0]), None).await.expect("an answer");
    let due = world.store.next_job().await.expect("a store").expect("a job");
    let slow = world.store.claim_jobs(due, due.after(Span::from_ms(1)), 10).await.expect("a store");
    let after = due.after(Span::from_ms(1));
    let quick = world.store.claim_jobs(after, after.after(Span::from_ms(1)), 10).await.expect("a store");
    assert_eq!((slow.len(), quick.len()), (1, 1));
    assert!(quick[0].lease.token > slow[0].lease.token);
    let nothing = world.store.claim_jobs(after, after.after(Span::from_ms(1)), 10).await.expect("a store");
    assert!(nothing.is_empty(), "it is leased");
    world.store.postpone_job(slow[0].lease, due).await.expect("a store");
    let still = world.store.claim_jobs(after, after.after(Span::from_ms(1)), 10).await.expect("a store");
    assert!(still.is_empty(), "a lost lease gives nothing back");
}

/// Claims are made in the time of the store, which another machine may have.
#[tokio::test(start_paused = true)]
async fn an_engine_whose_clock_is_ahead_of_the_stores_waits_and_asks_now_and_then() {
    let store = faulty(Arc::new(MemoryStore::new()));
    let world = World::over(store.clone(), Config::default());
    store.line().fall_behind(Span::from_seconds(5));
    let (intent, milestones) = world.open(&["100"]).await;
    assert_eq!(status(&world.ask(complete(intent, milestones[0]), None).await), 200);
    world.host.advance(Config::default().settings.settlement_delay);
    let before = store.line().claims();
    world.host.sleep(Span::from_seconds(1)).await;
    let claims = store.line().claims() - before;
    assert!((10..=100).contains(&claims), "{claims} in a second");
    assert_ne!(world.escrow(intent).await.status(), IntentStatus::Settled);
    store.line().fall_behind(Span::from_ms(0));
    world.until(intent, |escrow| escrow.status() == IntentStatus::Settled).await;
}
