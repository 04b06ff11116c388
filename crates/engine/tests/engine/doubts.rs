//! The store does not say whether it has committed: nobody is told that nothing happened, and nothing happens twice.

use std::sync::Arc;

use engine::{
    Act, ActRequest, AdvanceClock, Answer, Ask, By, Clock, Config, Done, Host, Idempotency, Keyring, Refused, Rendered,
    TooFarAhead, Unavailable,
};
use escrow::{Hash, IntentStatus, PurposeKind, Span};
use store::{MemoryStore, StoreError};

use crate::faulty::{Fate, Faulty, faulty};
use crate::world::{OWNER, World, complete, confirm, key, new_intent, status};

const DOUBTS: [Fate; 2] = [Fate::DoneInDoubt, Fate::LostInDoubt];

fn world() -> (World, Arc<Faulty>) {
    let store = faulty(Arc::new(MemoryStore::new()));
    (World::over(store.clone(), Config::default()), store)
}

/// The answer to the same request under the same key is that of the first one if it was done, and one of its own if not.
fn assert_told(again: &Result<Answer, Unavailable>, doubt: Fate) {
    match doubt {
        Fate::DoneInDoubt => assert!(matches!(again, Ok(Answer::Replayed(_))), "{again:?}"),
        Fate::LostInDoubt | Fate::Answered => assert!(matches!(again, Ok(Answer::Decided(_))), "{again:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_is_told_that_it_may_have_happened_and_their_key_tells_what_did() {
    for doubt in DOUBTS {
        let (world, store) = world();
        let new = || Ask::Open(Box::new(new_intent(&world.engine, &[])));
        store.line().doom(&[doubt]);
        assert_eq!(world.ask(new(), key("open", 1)).await, Err(Unavailable::TimedOut), "{doubt:?}");
        assert_told(&world.ask(new(), key("open", 1)).await, doubt);
        let (intent, milestones) = world.open(&["30", "70"]).await;
        store.line().doom(&[doubt]);
        let completing = || world.ask(complete(intent, milestones[0]), key("complete", 1));
        assert_eq!(completing().await, Err(Unavailable::TimedOut), "{doubt:?}");
        assert_told(&completing().await, doubt);
        let released =
            world.transfers().await.iter().filter(|it| it.transfer.purpose.kind() == PurposeKind::Release).count();
        assert_eq!((released, store.line().is_done()), (1, true));
        world.assert_clean().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_in_doubt_is_no_exception() {
    for doubt in DOUBTS {
        let (world, store) = world();
        let (first, second) = (world.open(&[]).await.0, world.open(&[]).await.0);
        let taken = Hash::from_bytes([2; 32]);
        let accepted = world.engine.submit(confirm(&world, first, Some(taken), None).await).await;
        assert_eq!(status(&accepted), 200);
        // The store refuses it first, and what becomes of the note of that is in doubt.
        store.line().doom(&[Fate::Answered, doubt]);
        let asked = confirm(&world, second, Some(taken), key("second", 1)).await;
        assert_eq!(world.engine.submit(asked.clone()).await, Err(Unavailable::TimedOut), "{doubt:?}");
        let again = world.engine.submit(asked).await;
        assert_told(&again, doubt);
        assert_eq!(status(&again), 400);
    }
}

/// There are two jobs: one starts the settlement, the other brings the answer to the payout.
#[tokio::test(start_paused = true)]
async fn a_job_in_doubt_is_done_once_and_tried_again_when_its_lease_has_ended() {
    let Config { settings, lease, .. } = Config::default();
    for (fates, tried_again) in [
        (&[Fate::DoneInDoubt, Fate::DoneInDoubt][..], 0),
        (&[Fate::LostInDoubt], 1),
        (&[Fate::Answered, Fate::LostInDoubt], 1),
        (&[Fate::LostInDoubt, Fate::DoneInDoubt, Fate::LostInDoubt], 2),
    ] {
        let (world, store) = world();
        let (intent, milestones) = world.open(&["100"]).await;
        assert_eq!(status(&world.ask(complete(intent, milestones[0]), None).await), 200);
        store.line().doom(fates);
        world.host.advance(settings.settlement_delay);
        for _ in 0..tried_again {
            world.host.sleep(Span::from_seconds(10)).await;
            assert_ne!(world.escrow(intent).await.status(), IntentStatus::Settled, "{fates:?}: it is still leased");
            world.host.advance(lease);
        }
        world.until(intent, |escrow| escrow.status() == IntentStatus::Settled).await;
        let transfers = world.transfers().await;
        for kind in [PurposeKind::Reserve, PurposeKind::Settle] {
            assert_eq!(transfers.iter().filter(|it| it.transfer.purpose.kind() == kind).count(), 1, "{fates:?}");
        }
        assert!(store.line().is_done());
        world.assert_clean().await;
    }
}

fn moving(seconds: i64, idempotency: Option<Idempotency>) -> AdvanceClock {
    let render = |moved: Result<Clock, TooFarAhead>| Rendered {
        status: 200,
        body: format!("{}", moved.map_or(-1, |clock| clock.ahead.seconds())).into_bytes(),
        kept: None,
    };
    AdvanceClock { merchant: OWNER.merchant, by: Span::from_seconds(seconds), idempotency, render: Arc::new(render) }
}

async fn ahead_s(world: &World) -> i64 {
    world.engine.clock(OWNER.merchant).await.expect("a store").ahead.seconds()
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_moves_in_one_step_moved_or_not_and_its_key_tells() {
    for doubt in DOUBTS {
        let (world, store) = world();
        store.line().doom(&[doubt]);
        let asked = || moving(60, key("one", 1));
        assert_eq!(world.engine.advance_clock(asked()).await, Err(Unavailable::TimedOut), "{doubt:?}");
        assert_told(&world.engine.advance_clock(asked()).await, doubt);
        assert_eq!(ahead_s(&world).await, 60);
        // Without a key nobody could tell.
        store.line().doom(&[doubt]);
        assert_eq!(world.engine.advance_clock(moving(60, None)).await, Err(Unavailable::Interrupted), "{doubt:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_has_come_a_part_of_its_way_is_to_be_looked_at_first() {
    let delay_s = Config::default().settings.settlement_delay.seconds();
    for (fates, doubted_s) in [
        // The first step, the settlement that starts and arrives there, and the rest of the way.
        (&[Fate::DoneInDoubt][..], delay_s),
        (&[Fate::LostInDoubt], 0),
        (&[Fate::Answered, Fate::Answered, Fate::Answered, Fate::DoneInDoubt], delay_s + 60),
        (&[Fate::Answered, Fate::Answered, Fate::Answered, Fate::LostInDoubt], delay_s),
    ] {
        let (world, store) = world();
        let (intent, milestones) = world.open(&["100"]).await;
        assert_eq!(status(&world.ask(complete(intent, milestones[0]), None).await), 200);
        store.line().doom(fates);
        let answer = world.engine.advance_clock(moving(delay_s + 60, key("one", 1))).await;
        assert_eq!(answer, Err(Unavailable::Interrupted), "{fates:?}");
        assert_eq!((ahead_s(&world).await, store.line().is_done()), (doubted_s, true), "{fates:?}");
        world.assert_clean().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_merchant_in_doubt_is_added_once() {
    for doubt in DOUBTS {
        let (world, store) = world();
        let registry = world.engine.registry(Keyring::new(&[7; 32]));
        let request = || ActRequest {
            by: By::Operator,
            act: Act::AddMerchant { name: "one".to_owned(), with_key: false },
            idempotency: key("add", 1),
            render: Arc::new(|result: Result<&Done, &Refused>| Rendered {
                status: if result.is_ok() { 200 } else { 400 },
                body: Vec::new(),
                kept: None,
            }),
        };
        store.line().doom(&[doubt]);
        assert_eq!(registry.perform(request()).await, Err(Unavailable::TimedOut), "{doubt:?}");
        let again = registry.perform(request()).await;
        assert_told(&again, doubt);
        assert_eq!(status(&again), 200);
        store.line().doom(&[doubt]);
        let other = Act::AddMerchant { name: "two".to_owned(), with_key: false };
        assert!(matches!(registry.act(&other).await, Err(StoreError::InDoubt)));
        let is_there = world.store.merchant_named("two").await.expect("a store").is_some();
        assert_eq!(is_there, doubt == Fate::DoneInDoubt);
        world.assert_clean().await;
    }
}
