//! Telling webhook endpoints what happens: which calls are made, when, and what comes of them. A test answers each.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use engine::webhooks::{CALLS_AT_ONCE, RETRIES};
use engine::{
    Act, AdvanceClock, Call, Courier, Done, EndpointEdit, Host, Keyring, NewEndpoint, Post, Reached, Registry,
    Rendered, Verdict,
};
use escrow::{EndpointId, Span, Timestamp};
use store::{
    AccountEvent, Delivery, DeliveryFilter, DeliveryState, Disabled, Endpoint, EndpointState, EventFilter, EventType,
    PageRequest, Position,
};

use crate::world::{Asking, OWNER, Question, Questions, START_MS, World, ask, complete, questions};

/// Calls of which a test says what they come to. One that it lets drop fails.
pub(crate) struct ScriptedPost(pub(crate) Asking<Call, Reached>);

#[async_trait]
impl Post for ScriptedPost {
    async fn call(&self, call: Call) -> Reached {
        ask(&self.0, call).await.unwrap_or(failed(None))
    }
}

pub(crate) type Calls = Questions<Call, Reached>;

fn reached(verdict: Verdict, status: Option<u16>) -> Reached {
    Reached { verdict, status, body: status.map(|_| "thanks".to_owned()), problem: None }
}

pub(crate) fn accepted() -> Reached {
    reached(Verdict::Accepted, Some(200))
}

pub(crate) fn failed(retry_after: Option<Span>) -> Reached {
    let problem = Some("connection refused".to_owned());
    Reached { problem, ..reached(Verdict::Failed { retry_after }, None) }
}

pub(crate) fn keyring() -> Keyring {
    Keyring::new(&[7; 32])
}

pub(crate) fn courier(world: &World) -> (Courier, Calls) {
    let (asking, calls) = questions();
    (world.engine.courier(keyring(), Arc::new(ScriptedPost(asking))), calls)
}

fn registry(world: &World) -> Registry {
    world.engine.registry(keyring())
}

pub(crate) async fn act(world: &World, act: Act) -> Done {
    registry(world).act(&act).await.expect("a store").unwrap_or_else(|refused| panic!("{refused}"))
}

pub(crate) async fn endpoint(world: &World, events: &[&str]) -> EndpointId {
    endpoint_at(world, "https://shop.example/hooks", events).await
}

pub(crate) async fn endpoint_at(world: &World, url: &str, events: &[&str]) -> EndpointId {
    let events = events.iter().map(|text| (*text).to_owned()).collect();
    let new = NewEndpoint { owner: OWNER, url: url.to_owned(), description: None, events };
    let Done::Endpoint(endpoint, Some(_)) = act(world, Act::CreateEndpoint(new)).await else { panic!("no endpoint") };
    endpoint.id
}

pub(crate) async fn found(world: &World, id: EndpointId) -> Endpoint {
    world.store.endpoint(id).await.expect("a store").expect("an endpoint")
}

/// What was delivered, the oldest event first.
pub(crate) async fn deliveries(world: &World, endpoint: EndpointId) -> Vec<Delivery> {
    let page = PageRequest { limit: 10_000, position: Position::Offset(0) };
    let mut found = world.store.deliveries(endpoint, DeliveryFilter::default(), page).await.expect("a store").items;
    found.reverse();
    found
}

/// Waits until what is stored of an endpoint's deliveries fits.
pub(crate) async fn until(world: &World, endpoint: EndpointId, holds: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
    for _ in 0..1000 {
        let found = deliveries(world, endpoint).await;
        if holds(&found) {
            return found;
        }
        world.host.sleep(Span::from_ms(100)).await;
    }
    panic!("it never came true: {:#?}", deliveries(world, endpoint).await);
}

/// The next call, for which nothing else has to happen first.
pub(crate) async fn next_without_a_pause(world: &World, calls: &mut Calls) -> Question<Call, Reached> {
    tokio::select! {
        biased;
        question = calls.next(world) => question,
        () = world.host.sleep(Span::from_seconds(1)) => panic!("no call comes by itself"),
    }
}

pub(crate) fn body(question: &Question<Call, Reached>) -> String {
    String::from_utf8(question.asked.body.to_vec()).expect("text")
}

fn header<'q>(question: &'q Question<Call, Reached>, name: &str) -> &'q str {
    question.asked.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str()).expect("a header")
}

/// The bodies of all events of the owner's stream that are about intents.
pub(crate) async fn bodies(world: &World) -> Vec<String> {
    let stream = world.store.events_after(OWNER, EventFilter::default(), 0, 10_000).await.expect("a store");
    let of_intents = stream.events.into_iter().filter(|stored| stored.intent.is_some());
    of_intents.map(|stored| String::from_utf8(stored.event.body).expect("text")).collect()
}

async fn happened(world: &World, kind: AccountEvent) -> usize {
    let filter = EventFilter { types: Some(vec![EventType::Account(kind)]), intent: None };
    world.store.events_after(OWNER, filter, 0, 100).await.expect("a store").events.len()
}

#[tokio::test(start_paused = true)]
async fn every_event_is_told_once_and_those_of_an_intent_in_their_order() {
    let world = World::new();
    let to = endpoint(&world, &["*"]).await;
    let (courier, mut calls) = courier(&world);
    let mut intents = Vec::new();
    for _ in 0..3 {
        intents.push(world.open(&["100"]).await);
    }
    for (intent, milestones) in &intents {
        world.ask(complete(*intent, milestones[0]), None).await.expect("completed");
    }
    let expected = bodies(&world).await;
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut count = 0;
    while count < expected.len() {
        let question = calls.next(&world).await;
        assert_eq!(question.asked.url, "https://shop.example/hooks");
        let text = body(&question);
        let intent = text.split(' ').next().expect("an intent").to_owned();
        told.entry(intent).or_default().push(text);
        count += 1;
        question.answer(accepted());
    }
    for (intent, told) in told {
        let of_intent: Vec<String> = expected.iter().filter(|body| body.starts_with(&intent)).cloned().collect();
        assert_eq!(told, of_intent);
    }
    calls.assert_none(&world).await;
    let all = until(&world, to, |all| all.len() == expected.len()).await;
    for delivery in &all {
        assert_eq!((delivery.state, delivery.tries), (DeliveryState::Succeeded, 1));
        let [attempt] = delivery.attempts.as_slice() else { panic!("{delivery:?}") };
        assert_eq!((attempt.status, attempt.body.as_deref(), attempt.is_manual), (Some(200), Some("thanks"), false));
    }
    courier.stop().await;
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_is_signed_and_a_retry_is_the_same_but_for_its_time() {
    let world = World::new();
    let to = endpoint(&world, &["payment_intent.created"]).await;
    let (_courier, mut calls) = courier(&world);
    world.open(&["100"]).await;
    let secret = keyring().webhook_secret(to, 1);
    let mut seen = Vec::new();
    for _ in 0..2 {
        let question = calls.next(&world).await;
        let at = world.host.now();
        assert_eq!(header(&question, "webhook-timestamp"), at.seconds().to_string());
        let signed = secret.sign(header(&question, "webhook-id"), at, &question.asked.body);
        assert_eq!(header(&question, "webhook-signature"), signed);
        for name in ["finternet-signature", "x-finternet-signature"] {
            assert_eq!(header(&question, name), secret.sign_body(&question.asked.body));
        }
        seen.push((header(&question, "webhook-id").to_owned(), body(&question)));
        question.answer(failed(None));
        until(&world, to, |all| all.first().is_some_and(|it| it.attempts.len() == seen.len())).await;
        world.host.advance(Span::from_seconds(70));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(deliveries(&world, to).await[0].event.event.id.to_string(), seen[0].0);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_was_replaced_signs_as_long_as_its_grace_lasts() {
    let world = World::new();
    let to = endpoint(&world, &["payment_intent.created"]).await;
    let (_courier, mut calls) = courier(&world);
    let grace = Span::from_seconds(60);
    let Done::Endpoint(_, Some(new)) = act(&world, Act::RotateSecret { id: to, grace }).await else {
        panic!("no secret")
    };
    assert_eq!(new.reveal(), keyring().webhook_secret(to, 2).reveal());
    for signatures in [2, 1] {
        world.open(&["100"]).await;
        let question = calls.next(&world).await;
        let sign = |number| {
            let secret = keyring().webhook_secret(to, number);
            secret.sign(header(&question, "webhook-id"), world.host.now(), &question.asked.body)
        };
        let both = [sign(2), sign(1)];
        assert_eq!(header(&question, "webhook-signature"), both[..signatures].join(" "));
        question.answer(accepted());
        world.host.advance(grace);
    }
}

/// Whoever is behind is not told longer under a secret that may have leaked.
#[tokio::test(start_paused = true)]
async fn what_waits_until_the_grace_of_a_secret_is_over_is_signed_by_the_new_one_alone() {
    let world = World::new();
    let to = endpoint(&world, &["payment_intent.created"]).await;
    let grace = Span::from_seconds(60);
    act(&world, Act::RotateSecret { id: to, grace }).await;
    for _ in 0..=CALLS_AT_ONCE {
        world.open(&["100"]).await;
    }
    let (_courier, mut calls) = courier(&world);
    let mut under_way = Vec::new();
    while under_way.len() < CALLS_AT_ONCE {
        under_way.push(calls.next(&world).await);
    }
    world.host.advance(grace);
    under_way.into_iter().for_each(|question| question.answer(accepted()));
    let last = calls.next(&world).await;
    let new = keyring().webhook_secret(to, 2);
    let alone = new.sign(header(&last, "webhook-id"), world.host.now(), &last.asked.body);
    assert_eq!(header(&last, "webhook-signature"), alone);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_is_tried_again_on_schedule_and_given_up_at_last() {
    let world = World::new();
    let to = endpoint(&world, &["payment_intent.created"]).await;
    let (_courier, mut calls) = courier(&world);
    world.open(&["100"]).await;
    for (number, wait) in RETRIES.into_iter().map(Some).chain([None]).enumerate() {
        calls.next(&world).await.answer(failed(None));
        let all = until(&world, to, |all| all.first().is_some_and(|it| it.attempts.len() > number)).await;
        let now = world.host.now();
        match (all[0].state, wait) {
            (DeliveryState::Pending(due), Some(wait)) => {
                let late = due.ms() - now.ms() - wait.ms();
                assert!((0..=wait.ms() / 10).contains(&late), "{number}: {late}");
                calls.assert_none(&world).await;
                world.host.set_ms(due.ms());
            }
            (DeliveryState::Failed, None) => {}
            other => panic!("{other:?}"),
        }
    }
    world.host.advance(Span::from_seconds(24 * 3600));
    calls.assert_none(&world).await;
    assert_eq!(found(&world, to).await.progress.failing_since, Some(Timestamp::from_ms(START_MS)));
    // Somebody asks for it, and it works.
    let id = deliveries(&world, to).await[0].id;
    act(&world, Act::Redeliver { id }).await;
    calls.next(&world).await.answer(accepted());
    let all = until(&world, to, |all| all[0].state == DeliveryState::Succeeded).await;
    assert_eq!((all[0].tries, all[0].asked, all[0].heard, all[0].attempts.len()), (6, 1, 1, 7));
    assert!(all[0].attempts[6].is_manual);
    assert_eq!(found(&world, to).await.progress.failing_since, None);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_is_left_alone_for_as_long_as_it_asks() {
    let world = World::new();
    let to = endpoint(&world, &["payment_intent.created"]).await;
    let (_courier, mut calls) = courier(&world);
    world.open(&["100"]).await;
    calls.next(&world).await.answer(failed(Some(Span::from_seconds(3600))));
    let all = until(&world, to, |all| all.len() == 1).await;
    assert_eq!(all[0].state.due(), Some(Timestamp::from_ms(START_MS + 3_600_000)));
}

/// A test clock that jumps leads through all retries that were due on the way, and no further.
#[tokio::test(start_paused = true)]
async fn a_test_clock_takes_retries_along() {
    let world = World::new();
    let to = endpoint(&world, &["payment_intent.created"]).await;
    let (_courier, mut calls) = courier(&world);
    world.open(&["100"]).await;
    calls.next(&world).await.answer(failed(None));
    until(&world, to, |all| all.len() == 1).await;
    calls.assert_none(&world).await;
    let render = Arc::new(|_: Result<engine::Clock, engine::TooFarAhead>| Rendered {
        status: 200,
        body: Vec::new(),
        kept: None,
    });
    let by = Span::from_seconds(3600);
    let advance = AdvanceClock { merchant: OWNER.merchant, by, idempotency: None, render };
    world.engine.advance_clock(advance).await.expect("moved");
    for _ in 0..3 {
        let question = next_without_a_pause(&world, &mut calls).await;
        assert_eq!(header(&question, "webhook-timestamp"), (START_MS / 1000).to_string(), "real time");
        question.answer(failed(None));
    }
    let all = until(&world, to, |all| all[0].attempts.len() == 4).await;
    calls.assert_none(&world).await;
    let due = all[0].state.due().expect("a retry").ms() - START_MS;
    let waits_s = 60 + 300 + 1800 + 7200;
    assert!((waits_s * 1000..=waits_s * 1100).contains(&due), "{due}");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_gone_is_told_no_more_and_an_event_says_so() {
    let world = World::new();
    let to = endpoint(&world, &["payment_intent.created"]).await;
    let (_courier, mut calls) = courier(&world);
    world.open(&["100"]).await;
    calls.next(&world).await.answer(reached(Verdict::Gone, Some(410)));
    let all = until(&world, to, |all| all.len() == 1).await;
    assert_eq!(all[0].state, DeliveryState::Failed);
    world.open(&["100"]).await;
    calls.assert_none(&world).await;
    assert_eq!(found(&world, to).await.state, EndpointState::Disabled(Disabled::Gone));
    assert_eq!(happened(&world, AccountEvent::EndpointDisabled).await, 1);
    // Enabled again, it is told what happens from then on.
    let edit = EndpointEdit { is_enabled: Some(true), ..EndpointEdit::default() };
    act(&world, Act::ChangeEndpoint { id: to, edit }).await;
    let (third, _) = world.open(&["100"]).await;
    let question = calls.next(&world).await;
    assert!(body(&question).starts_with(&third.to_string()));
    question.answer(accepted());
    calls.assert_none(&world).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_fails_for_five_days_is_told_no_more() {
    let world = World::new();
    let to = endpoint(&world, &["payment_intent.created"]).await;
    let (_courier, mut calls) = courier(&world);
    for day in 0..=5 {
        assert_eq!(found(&world, to).await.state, EndpointState::Enabled, "day {day}");
        world.open(&["100"]).await;
        calls.next(&world).await.answer(failed(None));
        until(&world, to, |all| all.len() == day + 1 && all[day].attempts.len() == 1).await;
        // What fell due meanwhile is tried again as well, and fails.
        world.host.advance(Span::from_seconds(24 * 3600));
        loop {
            let before = deliveries(&world, to).await;
            if before.iter().all(|it| it.state.due().is_none_or(|due| due > world.host.now())) || day == 5 {
                break;
            }
            calls.next(&world).await.answer(failed(None));
            until(&world, to, |all| all != before.as_slice()).await;
        }
    }
    calls.assert_none(&world).await;
    assert_eq!(found(&world, to).await.state, EndpointState::Disabled(Disabled::Failing));
    assert_eq!(happened(&world, AccountEvent::EndpointDisabled).await, 1);
}

#[tokio::test(start_paused = true)]
async fn one_who_never_answers_delays_nobody_and_is_not_called_without_end() {
    let world = World::new();
    let hangs = endpoint(&world, &["*"]).await;
    let works = endpoint_at(&world, "https://other.example/hooks", &["*"]).await;
    let (_courier, mut calls) = courier(&world);
    for _ in 0..100 {
        world.open(&["100"]).await;
    }
    let expected = bodies(&world).await.len();
    let mut stuck = Vec::new();
    let mut told = 0;
    while told < expected {
        let question = calls.next(&world).await;
        if question.asked.url.contains("other") {
            told += 1;
            question.answer(accepted());
        } else {
            stuck.push(question);
        }
    }
    calls.assert_none(&world).await;
    assert!(stuck.len() <= CALLS_AT_ONCE, "{}", stuck.len());
    until(&world, works, |all| all.len() == expected).await;
    assert_eq!(deliveries(&world, hangs).await, []);
    // It fails at last, and from then on is called once at a time.
    for question in stuck.drain(..) {
        question.answer(failed(None));
    }
    let next = calls.next(&world).await;
    calls.assert_none(&world).await;
    next.answer(accepted());
    for _ in 0..CALLS_AT_ONCE {
        stuck.push(calls.next(&world).await);
    }
}

/// Has so many more calls accepted, which come one after the other.
async fn accept_without_a_pause(world: &World, calls: &mut Calls, count: usize) {
    for _ in 0..count {
        next_without_a_pause(world, calls).await.answer(accepted());
    }
}

/// What happens while an endpoint is behind is heard of when there is no room for it, and must not wait until something else happens.
#[tokio::test(start_paused = true)]
async fn one_who_is_behind_is_told_everything_without_a_pause() {
    let world = World::new();
    let to = endpoint(&world, &["*"]).await;
    let (_courier, mut calls) = courier(&world);
    let mut open = Vec::new();
    // Far more than is read at once, while nothing is answered.
    for _ in 0..100 {
        world.open(&["100"]).await;
    }
    while open.len() < CALLS_AT_ONCE {
        open.push(calls.next(&world).await);
    }
    world.open(&["100"]).await;
    world.host.sleep(Span::from_ms(100)).await;
    let expected = bodies(&world).await.len();
    let rest = expected - open.len();
    open.into_iter().for_each(|question| question.answer(accepted()));
    accept_without_a_pause(&world, &mut calls, rest).await;
    until(&world, to, |all| all.len() == expected).await;
}

/// Retries that fall due together are more than are read at once, and yet none waits for anything else.
#[tokio::test(start_paused = true)]
async fn many_retries_that_are_due_at_once_come_without_a_pause() {
    let world = World::new();
    let to = endpoint(&world, &["*"]).await;
    let (_courier, mut calls) = courier(&world);
    for _ in 0..100 {
        world.open(&["100"]).await;
    }
    let expected = bodies(&world).await.len();
    for _ in 0..expected {
        calls.next(&world).await.answer(failed(None));
    }
    until(&world, to, |all| all.len() == expected).await;
    world.host.advance(Span::from_ms(RETRIES[0].ms() * 2));
    calls.next(&world).await.answer(accepted());
    accept_without_a_pause(&world, &mut calls, expected - 1).await;
    until(&world, to, |all| all.iter().all(|delivery| delivery.state == DeliveryState::Succeeded)).await;
}

/// Whatever was under way when the process ended is told again, and nothing is left out.
#[tokio::test(start_paused = true)]
async fn a_crash_loses_nothing() {
    let world = World::new();
    let to = endpoint(&world, &["*"]).await;
    for _ in 0..30 {
        world.open(&["100"]).await;
    }
    let expected = bodies(&world).await;
    let mut told: Vec<String> = Vec::new();
    for round in 0.. {
        // The old courier is dropped without a word, and with it what it had not noted.
        let (courier, mut calls) = courier(&world);
        for _ in 0..7 + round % 5 {
            let question = tokio::select! {
                biased;
                question = calls.next(&world) => question,
                () = world.host.sleep(Span::from_seconds(30)) => break,
            };
            told.push(body(&question));
            question.answer(accepted());
        }
        drop(courier);
        world.host.sleep(Span::from_seconds(5)).await;
        let done = deliveries(&world, to).await.iter().filter(|it| it.state == DeliveryState::Succeeded).count();
        if done == expected.len() {
            break;
        }
        assert!(round < 100, "it never ends: {done} of {}", expected.len());
    }
    for body in &expected {
        assert!(told.contains(body), "{body} was lost");
    }
    let doubled = told.len() - expected.len();
    assert!(doubled <= told.len() / 2, "{doubled}");
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn a_test_is_told_to_its_endpoint_whatever_it_has_chosen() {
    let world = World::new();
    let to = endpoint(&world, &["dispute.*"]).await;
    endpoint(&world, &["payment_intent.*"]).await;
    let (_courier, mut calls) = courier(&world);
    let Done::Delivery(asked) = act(&world, Act::TestEndpoint { id: to }).await else { panic!("no delivery") };
    let question = calls.next(&world).await;
    assert!(body(&question).contains("webhook_endpoint.test"));
    question.answer(accepted());
    calls.assert_none(&world).await;
    let all = until(&world, to, |all| all[0].state == DeliveryState::Succeeded).await;
    assert_eq!((all.len(), all[0].id), (1, asked.id));
    // What happened before an endpoint was made is told when somebody asks for it.
    let (intent, _) = world.open(&["100"]).await;
    calls.next(&world).await.answer(accepted());
    let filter = EventFilter { intent: Some(intent), types: None };
    let event = world.store.events_after(OWNER, filter, 0, 1).await.expect("a store").events[0].event.id;
    let Done::Deliveries(to_one) = act(&world, Act::Resend { event, to: Some(to) }).await else {
        panic!("no deliveries")
    };
    assert_eq!(to_one.len(), 1);
    calls.next(&world).await.answer(accepted());
    let Done::Deliveries(to_all) = act(&world, Act::Resend { event, to: None }).await else { panic!("no deliveries") };
    assert_eq!(to_all.len(), 1, "those that have chosen it");
    calls.next(&world).await.answer(accepted());
    calls.assert_none(&world).await;
}

/// However many are slow, whoever is not is called at once: one call is every endpoint's own.
#[tokio::test(start_paused = true)]
async fn however_many_are_slow_nobody_else_waits() {
    let world = World::new();
    for _ in 0..60 {
        endpoint(&world, &["payment_intent.created"]).await;
    }
    let (_courier, mut calls) = courier(&world);
    for _ in 0..10 {
        world.open(&["100"]).await;
    }
    let mut slow = Vec::new();
    for _ in 0..60 + 256 {
        slow.push(calls.next(&world).await);
    }
    calls.assert_none(&world).await;
    endpoint_at(&world, "https://other.example/hooks", &["payment_intent.created"]).await;
    for _ in 0..3 {
        world.open(&["100"]).await;
        let question = calls.next(&world).await;
        assert_eq!(question.asked.url, "https://other.example/hooks");
        question.answer(accepted());
    }
}

/// What a call comes to is noted even if its endpoint was disabled meanwhile, however long it takes.
#[tokio::test(start_paused = true)]
async fn a_call_that_outlasts_its_endpoint_is_noted() {
    let world = World::new();
    let to = endpoint(&world, &["payment_intent.created"]).await;
    let (_courier, mut calls) = courier(&world);
    world.open(&["100"]).await;
    let question = calls.next(&world).await;
    let edit = EndpointEdit { is_enabled: Some(false), ..EndpointEdit::default() };
    act(&world, Act::ChangeEndpoint { id: to, edit }).await;
    world.host.sleep(Span::from_seconds(14)).await;
    question.answer(accepted());
    let all = until(&world, to, |all| all.len() == 1).await;
    assert_eq!(all[0].state, DeliveryState::Succeeded);
}

/// A call that is asked for while another one of the same delivery is under way comes right after it.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_asked_for_while_one_is_under_way_comes_right_after_it() {
    let world = World::new();
    let to = endpoint(&world, &["payment_intent.created"]).await;
    let (_courier, mut calls) = courier(&world);
    world.open(&["100"]).await;
    calls.next(&world).await.answer(accepted());
    let id = until(&world, to, |all| all.len() == 1).await[0].id;
    act(&world, Act::Redeliver { id }).await;
    let under_way = calls.next(&world).await;
    act(&world, Act::Redeliver { id }).await;
    world.host.sleep(Span::from_seconds(5)).await;
    under_way.answer(accepted());
    next_without_a_pause(&world, &mut calls).await.answer(accepted());
    let all = until(&world, to, |all| all[0].attempts.len() == 3).await;
    assert_eq!((all[0].state, all[0].asked, all[0].heard), (DeliveryState::Succeeded, 2, 2));
}
