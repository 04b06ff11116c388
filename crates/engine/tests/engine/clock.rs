//! The sandbox's clock: whatever is timed follows it, and nobody else does.

use std::sync::Arc;

use engine::{
    AdvanceClock, Answer, Ask, Clock, Config, Host, Idempotency, PaymentAnswer, Rendered, Repayment, TooFarAhead,
    Unavailable,
};
use escrow::limits::{MAX_CLOCK_AHEAD_S, MAX_CLOCK_STEP_S};
use escrow::{
    Command, IntentId, IntentState, IntentStatus, Means, MerchantId, Mode, NewIntent, Owner, Rail, RawId, Receipt,
    Span, Timestamp,
};
use store::{Audited, MemoryStore, Store};
use tokio::sync::oneshot;

use crate::faulty::{Faulty, faulty};
use crate::world::{
    OWNER, Question, START_MS, Scripted, World, complete, key, new_intent, new_milestone, request, status,
};

const DAY_S: i64 = 24 * 3600;

fn moving(merchant: MerchantId, seconds: i64, idempotency: Option<Idempotency>) -> AdvanceClock {
    let render = |moved: Result<Clock, TooFarAhead>| match moved {
        Ok(Clock { now, ahead }) => {
            Rendered { status: 200, body: format!("{} {}", now.ms(), ahead.ms()).into_bytes(), kept: None }
        }
        Err(TooFarAhead { ahead }) => {
            Rendered { status: 400, body: format!("{} already", ahead.ms()).into_bytes(), kept: None }
        }
    };
    AdvanceClock { merchant, by: Span::from_seconds(seconds), idempotency, render: Arc::new(render) }
}

async fn advance(world: &World, seconds: i64) -> String {
    let answer = world.engine.advance_clock(moving(OWNER.merchant, seconds, None)).await;
    body(&answer)
}

fn body(answer: &Result<Answer, Unavailable>) -> String {
    match answer {
        Ok(Answer::Decided(rendered) | Answer::Replayed(rendered)) => {
            String::from_utf8(rendered.body.clone()).expect("text")
        }
        other => panic!("no answer: {other:?}"),
    }
}

/// What a move by so many seconds from the start ends with.
fn arrived(seconds: i64) -> String {
    format!("{} {}", START_MS + seconds * 1000, seconds * 1000)
}

async fn ahead_s(world: &World, merchant: MerchantId) -> i64 {
    world.engine.clock(merchant).await.expect("a store").ahead.seconds()
}

/// Moves a clock beside the test.
fn advance_beside(
    world: &World,
    seconds: i64,
    sent: Option<Idempotency>,
) -> oneshot::Receiver<Result<Answer, Unavailable>> {
    let (engine, (answer, answered)) = (world.engine.clone(), oneshot::channel());
    let asked = moving(OWNER.merchant, seconds, sent);
    world.host.spawn(Box::pin(async move { drop(answer.send(engine.advance_clock(asked).await)) }));
    answered
}

/// An intent whose whole amount is released.
async fn released(world: &World) -> IntentId {
    let (intent, milestones) = world.open(&["100"]).await;
    assert_eq!(status(&world.ask(complete(intent, milestones[0]), None).await), 200);
    intent
}

/// The intent is paid and given up: what was paid is to be sent back.
async fn give_up(world: &World, intent: IntentId) {
    let receipt = Receipt { rail: Rail::Sandbox, means: Means::Deposit(None), amount: None, transaction: None };
    for command in [Command::ReceivePayment(receipt), Command::Cancel] {
        assert_eq!(status(&world.ask(Ask::Decide(intent, command), None).await), 200);
    }
}

/// An intent of any owner whose whole amount is released.
async fn released_of(world: &World, owner: Owner) -> IntentId {
    let new = NewIntent { owner, ..new_intent(&world.engine, &["100"]) };
    let (intent, milestone) = (new.id, new.milestones[0].id);
    for ask in [Ask::Open(Box::new(new)), complete(intent, milestone)] {
        assert_eq!(status(&world.engine.submit(request(owner, ask, None)).await), 200);
    }
    intent
}

/// The events of the first merchant's sandbox in the order in which they happened: type and when, in milliseconds since the start.
async fn events(world: &World) -> Vec<(String, i64)> {
    let (found, all) = std::sync::mpsc::channel();
    let visit = move |audited| found.send(audited).expect("somebody who looks");
    world.store.audit(Box::new(visit)).await.expect("a store");
    let of_escrow = |audited| match audited {
        Audited::Escrow { events, .. } => events,
        Audited::Balance(..) | Audited::Account(..) | Audited::Journal { .. } | Audited::Stray { .. } => Vec::new(),
    };
    let mut events: Vec<_> = all.iter().flat_map(of_escrow).filter(|(owner, ..)| *owner == OWNER).collect();
    events.sort_by_key(|(_, position, _)| *position);
    let told = |body: &[u8]| {
        let text = String::from_utf8(body.to_vec()).expect("text");
        let words: Vec<&str> = text.split(' ').collect();
        (words[2].to_owned(), words[3].parse::<i64>().expect("a time") - START_MS)
    };
    events.iter().map(|(_, _, event)| told(&event.body)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_falls_due_on_the_way_is_done_in_due_order_at_its_own_time() {
    let world = World::new();
    let first = released(&world).await;
    world.host.advance(Span::from_seconds(3));
    let second = released(&world).await;
    let far = 30 * DAY_S;
    assert_eq!(advance(&world, far).await, format!("{} {}", START_MS + (far + 3) * 1000, far * 1000));
    assert_eq!(world.host.now().ms(), START_MS + 3000, "real time stands still");
    let Config { settings, .. } = Config::default();
    let (delay_ms, finality_ms) = (settings.settlement_delay.ms(), settings.finality_period.ms());
    for (intent, begun_ms) in [(first, 0), (second, 3000)] {
        let settled_ms = START_MS + begun_ms + delay_ms;
        let expected = IntentState::Final {
            settled_at: Timestamp::from_ms(settled_ms),
            at: Timestamp::from_ms(settled_ms + finality_ms),
        };
        assert_eq!(world.escrow(intent).await.state, expected);
    }
    let events = events(&world).await;
    assert!(events.is_sorted_by_key(|(_, at_ms)| *at_ms), "{events:?}");
    let when = |kind: &str| events.iter().filter(|(other, _)| other == kind).map(|(_, at)| *at).collect::<Vec<_>>();
    assert_eq!(when("payment_intent.settlement_initiated"), [0, 3000].map(|begun_ms| begun_ms + delay_ms));
    assert_eq!(when("payment_intent.settled"), [0, 3000].map(|begun_ms| begun_ms + delay_ms));
    let report = world.assert_clean().await;
    assert_eq!(report.jobs, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_reached_yet_is_not_done() {
    let world = World::new();
    let intent = released(&world).await;
    let delay_s = Config::default().settings.settlement_delay.seconds();
    assert_eq!(advance(&world, delay_s - 1).await, arrived(delay_s - 1));
    assert_eq!(world.escrow(intent).await.status(), IntentStatus::Succeeded);
    assert_eq!(advance(&world, 1).await, arrived(delay_s));
    assert_eq!(world.escrow(intent).await.status(), IntentStatus::Settled);
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_decided_under_a_moved_clock_is_of_its_time_and_falls_due_by_it() {
    let world = World::new();
    advance(&world, DAY_S).await;
    let intent = released(&world).await;
    let created = world.escrow(intent).await.created;
    assert_eq!(created.ms(), START_MS + DAY_S * 1000);
    assert!(world.transfers().await.iter().all(|stored| stored.created == created));
    world.host.advance(Config::default().settings.settlement_delay);
    let settled = world.until(intent, |escrow| escrow.status() == IntentStatus::Settled).await;
    assert_eq!(settled.updated, created.after(Config::default().settings.settlement_delay), "real time counts as well");
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn the_clocks_of_others_and_live_ones_stand() {
    let world = World::new();
    let other = Owner { merchant: MerchantId::new(RawId::from_bits(2)), mode: Mode::Sandbox };
    let own = released(&world).await;
    let theirs = released_of(&world, other).await;
    let live = NewIntent { owner: Owner { mode: Mode::Live, ..OWNER }, ..new_intent(&world.engine, &[]) };
    advance(&world, 30 * DAY_S).await;
    let (owner, id) = (live.owner, live.id);
    assert_eq!(status(&world.engine.submit(request(owner, Ask::Open(Box::new(live)), None)).await), 200);
    assert_eq!(world.escrow(id).await.created.ms(), START_MS);
    assert_eq!(world.escrow(own).await.status(), IntentStatus::Final);
    assert_eq!(world.escrow(theirs).await.status(), IntentStatus::Succeeded);
    assert_eq!((ahead_s(&world, OWNER.merchant).await, ahead_s(&world, other.merchant).await), (30 * DAY_S, 0));
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn what_must_be_tried_again_holds_nobody_up() {
    let Scripted { world, mut repayments, mut payouts, .. } = Scripted::new();
    let intent = released(&world).await;
    let (given_up, _) = world.open(&[]).await;
    give_up(&world, given_up).await;
    // Nobody knows yet what became of the repayment; it is asked for again while the clock goes on.
    drop(repayments.next(&world).await);
    let moving = advance_beside(&world, 30 * DAY_S, None);
    drop(repayments.next(&world).await);
    // Unanswered, this one keeps its lease, until the clock no longer waits for it.
    let unanswered = repayments.next(&world).await;
    payouts.next(&world).await.answer(PaymentAnswer::Arrived("paid".to_owned()));
    assert_eq!(body(&moving.await.expect("an answer")), arrived(30 * DAY_S));
    assert_eq!(world.escrow(intent).await.status(), IntentStatus::Final);
    unanswered.answer(PaymentAnswer::Arrived("back".to_owned()));
    world.until(given_up, |escrow| escrow.duties().is_empty()).await;
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn one_key_moves_a_clock_once() {
    let world = World::new();
    let both = [(); 2].map(|()| advance_beside(&world, 60, key("one", 1)));
    let mut answers = Vec::new();
    for moving in both {
        answers.push(moving.await.expect("an answer"));
    }
    assert_eq!(answers.iter().map(body).collect::<Vec<_>>(), [arrived(60), arrived(60)]);
    assert!(matches!(answers.as_slice(), [Ok(Answer::Decided(_)), Ok(Answer::Replayed(_))]), "{answers:?}");
    let other = world.engine.advance_clock(moving(OWNER.merchant, 61, key("one", 2))).await;
    assert_eq!(other, Ok(Answer::KeyReused));
    let (intent, _) = world.open(&[]).await;
    let command = Ask::Decide(intent, Command::AddMilestone(new_milestone(&world.engine, 0, "1")));
    assert_eq!(world.ask(command, key("one", 3)).await, Ok(Answer::KeyReused), "keys are one for all requests");
    assert_eq!(ahead_s(&world, OWNER.merchant).await, 60);
}

#[tokio::test(start_paused = true)]
async fn a_clock_goes_on_when_nobody_waits_for_it_and_its_key_tells() {
    let Scripted { world, mut repayments, .. } = Scripted::new();
    let (given_up, _) = world.open(&[]).await;
    give_up(&world, given_up).await;
    let unanswered = repayments.next(&world).await;
    tokio::select! {
        answer = world.engine.advance_clock(moving(OWNER.merchant, 60, key("one", 1))) => panic!("{answer:?}"),
        () = world.host.sleep(Span::from_ms(1)) => {}
    }
    unanswered.answer(PaymentAnswer::Arrived("back".to_owned()));
    let again = world.engine.advance_clock(moving(OWNER.merchant, 60, key("one", 1))).await;
    assert_eq!((body(&again), matches!(again, Ok(Answer::Replayed(_)))), (arrived(60), true));
    assert_eq!(ahead_s(&world, OWNER.merchant).await, 60);
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn keys_live_in_real_time() {
    let world = World::new();
    let day = world.engine.advance_clock(moving(OWNER.merchant, 2 * DAY_S, key("daily", 1))).await;
    let again = world.engine.advance_clock(moving(OWNER.merchant, 2 * DAY_S, key("daily", 1))).await;
    assert!(matches!((&day, &again), (Ok(Answer::Decided(_)), Ok(Answer::Replayed(_)))), "{day:?} {again:?}");
    world.host.advance(Config::default().reply_lifetime);
    world.host.advance(Span::from_ms(1));
    let later = world.engine.advance_clock(moving(OWNER.merchant, 2 * DAY_S, key("daily", 1))).await;
    assert!(matches!(later, Ok(Answer::Decided(_))), "{later:?}");
    assert_eq!(ahead_s(&world, OWNER.merchant).await, 4 * DAY_S);
}

#[tokio::test(start_paused = true)]
async fn moves_at_the_same_time_add_up() {
    let world = World::new();
    let intent = released(&world).await;
    let moves = [4, 5, 6, 7].map(|seconds| advance_beside(&world, seconds, None));
    for moving in moves {
        body(&moving.await.expect("an answer"));
    }
    assert_eq!(ahead_s(&world, OWNER.merchant).await, 22);
    let escrow = world.escrow(intent).await;
    let delay = Config::default().settings.settlement_delay;
    assert_eq!((escrow.status(), escrow.updated.ms()), (IntentStatus::Settled, START_MS + delay.ms()));
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn no_clock_goes_too_far_ahead() {
    let world = World::new();
    for step in 1..=MAX_CLOCK_AHEAD_S / MAX_CLOCK_STEP_S {
        assert_eq!(advance(&world, MAX_CLOCK_STEP_S).await, arrived(step * MAX_CLOCK_STEP_S));
    }
    let refusal = format!("{} already", MAX_CLOCK_AHEAD_S * 1000);
    for expected_replay in [false, true] {
        let answer = world.engine.advance_clock(moving(OWNER.merchant, 1, key("far", 1))).await;
        assert_eq!((body(&answer), status(&answer)), (refusal.clone(), 400));
        assert_eq!(matches!(answer, Ok(Answer::Replayed(_))), expected_replay, "a refusal is remembered");
    }
    let intent = released(&world).await;
    assert_eq!(world.escrow(intent).await.created.ms(), START_MS + MAX_CLOCK_AHEAD_S * 1000);
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_waits_for_what_another_engine_has_taken_on() {
    let world = World::shared();
    let intents = [released(&world).await, released(&world).await];
    let other = world.another();
    for _ in 0..20 {
        advance(&world, 1).await;
        advance(&other, 1).await;
    }
    for intent in intents {
        let settled = world.escrow(intent).await;
        assert_eq!((settled.status(), settled.updated.ms() - START_MS), (IntentStatus::Settled, 10_000));
    }
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_shut_down_moves_no_clock() {
    let world = World::new();
    world.engine.shut_down().await;
    let answer = world.engine.advance_clock(moving(OWNER.merchant, 1, None)).await;
    assert_eq!(answer, Err(Unavailable::Closing));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_stopped_on_its_way_stays_there_and_no_key_remembers_it() {
    let Scripted { world, mut repayments, .. } = Scripted::new();
    let (given_up, _) = world.open(&[]).await;
    give_up(&world, given_up).await;
    let unanswered = repayments.next(&world).await;
    let moving = advance_beside(&world, 60, key("one", 1));
    world.host.sleep(Span::from_ms(1)).await;
    let engine = world.engine.clone();
    world.host.spawn(Box::pin(async move { engine.shut_down().await }));
    assert_eq!(moving.await.expect("an answer"), Err(Unavailable::Interrupted));
    let next = world.another();
    drop(unanswered);
    assert_eq!(ahead_s(&next, OWNER.merchant).await, 0);
}

/// Two gateways on one store.
fn two_gateways() -> (World, World) {
    let one = World::shared();
    let two = one.another();
    (one, two)
}

#[tokio::test(start_paused = true)]
async fn one_key_moves_a_clock_once_whatever_gateway_is_asked() {
    let (one, two) = two_gateways();
    let intent = released(&one).await;
    let both = [&one, &two].map(|world| advance_beside(world, 60, key("one", 1)));
    let mut answers = Vec::new();
    for moving in both {
        answers.push(moving.await.expect("an answer"));
    }
    assert_eq!(answers.iter().map(body).collect::<Vec<_>>(), [arrived(60), arrived(60)]);
    let decided = answers.iter().filter(|answer| matches!(answer, Ok(Answer::Decided(_)))).count();
    assert_eq!(decided, 1, "{answers:?}");
    assert_eq!(ahead_s(&one, OWNER.merchant).await, 60);
    assert_eq!(one.escrow(intent).await.status(), IntentStatus::Settled);
    one.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn moves_at_several_gateways_add_up_and_all_on_the_way_is_done_at_its_own_time() {
    let (one, two) = two_gateways();
    let mut intents = Vec::new();
    for _ in 0..3 {
        intents.push(released(&one).await);
        for world in [&one, &two] {
            world.host.advance(Span::from_seconds(1));
        }
    }
    let worlds = [&one, &two, &two, &one, &two, &one];
    let moves = worlds.map(|world| advance_beside(world, 5, None));
    for moving in moves {
        body(&moving.await.expect("an answer"));
    }
    assert_eq!(ahead_s(&two, OWNER.merchant).await, 30);
    let delay = Config::default().settings.settlement_delay;
    for (second, intent) in (0..).zip(intents) {
        let escrow = one.escrow(intent).await;
        let settled = START_MS + second * 1000 + delay.ms();
        assert_eq!((escrow.status(), escrow.updated.ms()), (IntentStatus::Settled, settled));
    }
    one.assert_clean().await;
}

/// A gateway whose clock waits on its way for a repayment that is not answered.
struct OnItsWay {
    one: Scripted,
    /// Between it and the store that it shares with the other one.
    store: Arc<Faulty>,
    two: World,
    moving: oneshot::Receiver<Result<Answer, Unavailable>>,
    unanswered: Question<Repayment, PaymentAnswer>,
}

async fn on_its_way() -> OnItsWay {
    let shared: Arc<dyn Store> = Arc::new(MemoryStore::shared());
    let store = faulty(shared.clone());
    let mut one = Scripted::over(store.clone());
    let two = one.world.another_through(shared);
    let (given_up, _) = one.world.open(&[]).await;
    give_up(&one.world, given_up).await;
    let unanswered = one.repayments.next(&one.world).await;
    let moving = advance_beside(&one.world, 60, key("one", 1));
    one.world.host.sleep(Span::from_ms(1)).await;
    OnItsWay { one, store, two, moving, unanswered }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_froze_moves_no_clock_that_another_has_taken_over() {
    let OnItsWay { one, store, two, moving: late, unanswered } = on_its_way().await;
    store.line().freeze();
    let waiting = advance_beside(&two, 7, None);
    two.host.sleep(Span::from_seconds(5)).await;
    for world in [&one.world, &two] {
        world.host.advance(Span::from_seconds(40));
    }
    assert_eq!(status(&waiting.await.expect("an answer")), 200);
    assert_eq!(ahead_s(&two, OWNER.merchant).await, 7);
    store.line().thaw();
    assert_eq!(late.await.expect("an answer"), Err(Unavailable::Interrupted));
    assert_eq!(ahead_s(&two, OWNER.merchant).await, 7);
    unanswered.answer(PaymentAnswer::Arrived("back".to_owned()));
    advance(&one.world, 3).await;
    assert_eq!(ahead_s(&two, OWNER.merchant).await, 10, "it may go on when it is asked again");
    two.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_shut_down_leaves_its_clocks_to_others_at_once() {
    let OnItsWay { one, two, moving: late, unanswered, .. } = on_its_way().await;
    let waiting = advance_beside(&two, 60, key("one", 1));
    two.host.sleep(Span::from_ms(100)).await;
    let engine = one.world.engine.clone();
    two.host.spawn(Box::pin(async move { engine.shut_down().await }));
    assert_eq!(late.await.expect("an answer"), Err(Unavailable::Interrupted));
    unanswered.answer(PaymentAnswer::Arrived("back".to_owned()));
    assert_eq!(body(&waiting.await.expect("an answer")).split(' ').nth(1), Some("60000"));
    assert_eq!(ahead_s(&two, OWNER.merchant).await, 60);
}
