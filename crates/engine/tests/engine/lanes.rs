//! Several lanes side by side: what one queue would settle, the store settles.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{Answer, Ask, Config, Request, Unavailable};
use escrow::settlement::SettlementStatus;
use escrow::{Command, IntentId, MilestoneStatus, Span};
use store::{EscrowFilter, MemoryStore, PageRequest, Position, SqliteStore};

use crate::faulty::faulty;
use crate::world::{OWNER, World, at_once, complete, key, new_intent, new_milestone, request, status};

const LANES: usize = 4;

/// Small batches, so that the lanes meet often.
fn config() -> Config {
    Config { lanes: LANES, batch_limit: 8, ..Config::default() }
}

/// The memory store answers at once, and lanes would never meet in it.
fn in_memory(config: Config) -> World {
    World::over(faulty(Arc::new(MemoryStore::new())), config)
}

/// Requests of which so many each share a key: they open intents, or change one of several.
async fn sharing_keys(world: &World, keys: u8, each: u32) -> Vec<(u8, u8, Request)> {
    let mut intents = Vec::new();
    for _ in 0..each {
        intents.push(world.open(&[]).await.0);
    }
    let mut requests = Vec::new();
    for number in 0..keys {
        for (index, intent) in (0..).zip(&intents) {
            let milestone = new_milestone(&world.engine, u32::from(number), "1");
            for (kind, ask) in [
                (1, Ask::Open(Box::new(new_intent(&world.engine, &[])))),
                (10 + index, Ask::Decide(*intent, Command::AddMilestone(milestone))),
            ] {
                requests.push((number, kind, request(OWNER, ask, key(&format!("key {number}"), kind))));
            }
        }
    }
    requests
}

async fn one_is_decided_under_each_key(world: &World) {
    let (keys, each) = (12, 10);
    let sent = sharing_keys(world, keys, each).await;
    let answers = at_once(world, sent.iter().map(|(.., request)| request.clone()).collect()).await;
    let mut decided: BTreeMap<u8, (u8, Vec<u8>)> = BTreeMap::new();
    for ((number, kind, _), answer) in sent.iter().zip(&answers) {
        if let Ok(Answer::Decided(rendered)) = answer {
            let before = decided.insert(*number, (*kind, rendered.body.clone()));
            assert_eq!(before, None, "two were decided under one key");
        }
    }
    assert_eq!(decided.len(), usize::from(keys), "{answers:?}");
    for ((number, kind, _), answer) in sent.iter().zip(&answers) {
        let (of, body) = &decided[number];
        match answer {
            Ok(Answer::Decided(_)) => {}
            Ok(Answer::Replayed(rendered)) => assert_eq!((kind, &rendered.body), (of, body)),
            Ok(Answer::KeyReused) => assert_ne!(kind, of),
            other => panic!("{other:?}"),
        }
    }
    let page = PageRequest { limit: 1000, position: Position::Offset(0) };
    let all = world.store.escrows(OWNER, EscrowFilter::default(), page).await.expect("a store").items;
    let milestones: usize = all.iter().map(|escrow| escrow.milestones().len()).sum();
    let effects = all.len() - usize::try_from(each).expect("few") + milestones;
    assert_eq!(effects, usize::from(keys), "each key has one effect");
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn of_many_under_one_key_in_several_lanes_one_is_decided_in_memory() {
    one_is_decided_under_each_key(&in_memory(config())).await;
}

#[tokio::test]
async fn of_many_under_one_key_in_several_lanes_one_is_decided_in_sqlite() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = Arc::new(SqliteStore::open(dir.path()).expect("a store"));
    let world = World::over(store, config());
    one_is_decided_under_each_key(&world).await;
    world.engine.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn of_many_under_one_key_at_several_gateways_one_is_decided() {
    let one = World::over(faulty(Arc::new(MemoryStore::shared())), config());
    let two = one.another();
    let sent = sharing_keys(&one, 12, 10).await;
    let (of_one, of_two): (Vec<_>, Vec<_>) = (0..).zip(sent).partition(|(place, _)| place % 3 == 0);
    let requests = |sent: &[(i32, (u8, u8, Request))]| sent.iter().map(|(_, (.., request))| request.clone()).collect();
    let (answers, others) = tokio::join!(at_once(&one, requests(&of_one)), at_once(&two, requests(&of_two)));
    let mut decided: BTreeMap<u8, usize> = BTreeMap::new();
    for ((_, (number, ..)), answer) in of_one.iter().zip(&answers).chain(of_two.iter().zip(&others)) {
        assert!(matches!(answer, Ok(Answer::Decided(_) | Answer::Replayed(_) | Answer::KeyReused)), "{answer:?}");
        *decided.entry(*number).or_default() += usize::from(matches!(answer, Ok(Answer::Decided(_))));
    }
    assert!(decided.values().all(|count| *count == 1), "{decided:?}");
    one.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_of_one_intent_and_what_its_jobs_come_to_is_decided_in_order_whatever_its_lane() {
    let world = in_memory(config());
    let mut opened = Vec::new();
    for _ in 0..16 {
        opened.push(world.open(&["10", "20", "30"]).await);
    }
    let completions = opened.iter().flat_map(|(intent, milestones)| {
        milestones.iter().map(|milestone| request(OWNER, complete(*intent, *milestone), None))
    });
    // In this order they are only accepted if none overtakes another of the same intent.
    for answer in at_once(&world, completions.collect()).await {
        assert_eq!(status(&answer), 200);
    }
    world.host.advance(Span::from_seconds(3600));
    for (intent, _) in &opened {
        let settled = world.until(*intent, |escrow| {
            escrow.settlements.iter().filter(|it| it.status() == SettlementStatus::Confirmed).count() == 3
        });
        let escrow = settled.await;
        assert!(escrow.milestones().iter().all(|milestone| milestone.status() == MilestoneStatus::Released));
    }
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn shutting_down_waits_for_every_lane() {
    let world = in_memory(config());
    assert!(world.engine.is_running());
    let requests =
        (0..200).map(|_| request(OWNER, Ask::Open(Box::new(new_intent(&world.engine, &["1"]))), None)).collect();
    let (answers, ()) = tokio::join!(at_once(&world, requests), async {
        tokio::task::yield_now().await;
        world.engine.shut_down().await;
    });
    for answer in &answers {
        assert!(matches!(answer, Ok(Answer::Decided(_)) | Err(Unavailable::Closing)), "{answer:?}");
    }
    assert!(!world.engine.is_running());
    let late = world.ask(Ask::Open(Box::new(new_intent(&world.engine, &["1"]))), None).await;
    assert_eq!(late, Err(Unavailable::Closing));
}

/// The room is shared out, so that what crowds one lane leaves the others theirs.
#[tokio::test(start_paused = true)]
async fn a_lane_that_is_full_leaves_the_others_their_room() {
    let world = in_memory(Config { queue_limit: 8, ..config() });
    let (intent, _) = world.open(&[]).await;
    let crowd = (0..50)
        .map(|index| Command::AddMilestone(new_milestone(&world.engine, index, "1")))
        .map(|command| request(OWNER, Ask::Decide(intent, command), None));
    let lane = |id: IntentId| id.raw().bits() % 4;
    let other = std::iter::repeat_with(|| new_intent(&world.engine, &[])).find(|new| lane(new.id) != lane(intent));
    let other = request(OWNER, Ask::Open(Box::new(other.expect("one"))), None);
    let answers = at_once(&world, crowd.chain([other]).collect()).await;
    let overloaded = answers.iter().filter(|answer| **answer == Err(Unavailable::Overloaded)).count();
    assert!(overloaded > 0, "{answers:?}");
    assert_eq!(status(answers.last().expect("the other one")), 200);
}
