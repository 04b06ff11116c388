//! Webhook endpoints, and what they are told.

use escrow::{DeliveryId, EndpointId, EventId, RawId, Span};
use store::{
    Attempt, ClockMove, Delivery, DeliveryAsk, DeliveryFilter, DeliveryState, Disabled, Endpoint, EndpointChange,
    EndpointState, EventType, Journal, JournalChange, KeyHolder, Outbox, Outcome, PageRequest, Position, Progress,
    Store, StoredEvent, Told, Unit, Wanted,
};

use crate::people::{of, told};
use crate::world::{World, at, commit, merchant, owner, stored};

const EVERYTHING: PageRequest = PageRequest { limit: 100, position: Position::Offset(0) };

pub(crate) fn endpoint(number: u128, events: &[&str]) -> Endpoint {
    Endpoint {
        id: EndpointId::new(RawId::from_bits(number << 90)),
        owner: owner(1),
        url: "https://shop.example/hooks".to_owned(),
        description: Some("the shop".to_owned()),
        events: events.iter().map(|text| (*text).to_owned()).collect(),
        state: EndpointState::Enabled,
        secret: 1,
        previous_until: None,
        created: at(5),
        updated: at(5),
        progress: Progress::default(),
    }
}

async fn journal(store: &dyn Store, holder: KeyHolder) -> Option<Journal> {
    let wanted = Wanted { journals: vec![holder], ..Wanted::default() };
    store.load(wanted).await.expect("a read").journals.pop().flatten()
}

/// Commits a change of an endpoint, with an event of its owner's journal.
pub(crate) async fn change(store: &dyn Store, change: EndpointChange, number: u128) -> Outcome {
    let holder = KeyHolder::Owner(owner(1));
    let base = journal(store, holder).await;
    let told = told(holder, base, number << 50);
    commit(store, of(vec![JournalChange { endpoint: Some(change), ..told }])).await
}

pub(crate) async fn add(store: &dyn Store, number: u128, events: &[&str]) -> Endpoint {
    let endpoint = endpoint(number, events);
    assert_eq!(change(store, EndpointChange::Added(endpoint.clone()), number).await, Outcome::Committed);
    store.endpoint(endpoint.id).await.expect("a read").expect("added")
}

pub(crate) async fn outbox(store: &dyn Store, endpoint: &Endpoint, position: u64) -> Outbox {
    store.outbox(endpoint.id, position, at(10), 100).await.expect("a read").expect("enabled")
}

fn places(events: &[StoredEvent]) -> Vec<u64> {
    events.iter().map(|event| event.position).collect()
}

fn attempt(number: i64) -> Attempt {
    Attempt {
        at: at(number),
        url: "https://shop.example/hooks".to_owned(),
        status: Some(503),
        body: Some("later".to_owned()),
        problem: None,
        latency_ms: 12,
        is_manual: false,
    }
}

pub(crate) fn delivery(number: u128, to: &Endpoint, event: &StoredEvent, state: DeliveryState) -> Delivery {
    Delivery {
        id: DeliveryId::new(RawId::from_bits(number << 70)),
        endpoint: to.id,
        event: event.clone(),
        state,
        tries: 1,
        asked: 0,
        heard: 0,
        attempts: vec![attempt(9)],
        created: at(9),
        updated: at(9),
    }
}

async fn note(store: &dyn Store, to: &Endpoint, cursor: u64, deliveries: Vec<Delivery>) {
    let progress = Progress { cursor, failing_since: None };
    store.note_told(vec![Told { endpoint: to.id, token: 0, progress, deliveries }]).await.expect("noted");
}

fn ask(number: u128, to: &Endpoint, event: EventId, base: Option<DeliveryId>) -> Unit {
    let id = DeliveryId::new(RawId::from_bits(number << 70));
    let ask = DeliveryAsk { endpoint: to.id, owner: to.owner, event, base, id, due: at(8), now: at(7) };
    Unit { deliveries: vec![ask], ..Unit::default() }
}

async fn found(store: &dyn Store, id: DeliveryId) -> Delivery {
    store.delivery(id).await.expect("a read").expect("a delivery")
}

pub(crate) async fn an_endpoint_is_told_what_happens_behind_its_making(store: &dyn Store) {
    let world = World::default();
    stored(store, world.open(owner(1), at(1))).await;
    let all = add(store, 1, &["*"]).await;
    let position = all.progress.cursor;
    assert_eq!(all, Endpoint { progress: Progress { cursor: position, failing_since: None }, ..endpoint(1, &["*"]) });
    let some = add(store, 2, &["escrow_order.*", "milestone.created"]).await;
    assert_eq!(some.progress.cursor, position + 1, "each event of the journal is one");
    let nothing = outbox(store, &some, 0).await;
    assert_eq!((nothing.fresh.len(), nothing.position, nothing.has_more), (0, position + 1, false));
    stored(store, world.open(owner(2), at(2))).await;
    stored(store, world.open(owner(1), at(2))).await;
    let told = outbox(store, &all, 0).await;
    assert_eq!(places(&told.fresh), (position + 1..=position + 5).collect::<Vec<_>>());
    let told = outbox(store, &some, 0).await;
    assert_eq!(places(&told.fresh), [position + 3, position + 4, position + 5]);
    assert_eq!(told.fresh[0].event.kind, EventType::from_name("escrow_order.created").expect("a type"));
    assert_eq!((told.position, told.has_more, told.due.len(), told.next_due), (position + 5, false, 0, None));
    let first = store.outbox(all.id, 0, at(10), 2).await.expect("a read").expect("enabled");
    assert_eq!(
        (places(&first.fresh), first.position, first.has_more),
        (vec![position + 1, position + 2], position + 2, true)
    );
    assert_eq!(places(&outbox(store, &all, position + 4).await.fresh), [position + 5]);
    let nothing = store.outbox(all.id, 0, at(10), 0).await.expect("a read").expect("enabled");
    assert_eq!(
        (nothing.position, nothing.has_more, nothing.fresh.len()),
        (position, false, 0),
        "nothing was looked at"
    );
    let nobody = EndpointId::new(RawId::from_bits(7));
    assert!(store.outbox(nobody, 0, at(10), 1).await.expect("a read").is_none());
    assert!(store.endpoint(nobody).await.expect("a read").is_none());
}

pub(crate) async fn endpoints_change_with_the_journal_of_their_owner(store: &dyn Store) {
    let world = World::default();
    let one = add(store, 1, &["*"]).await;
    let two = add(store, 2, &["*"]).await;
    assert_eq!(change(store, EndpointChange::Added(endpoint(1, &[])), 3).await, Outcome::Lost, "the id is taken");
    assert_eq!(change(store, EndpointChange::Changed(endpoint(9, &[])), 3).await, Outcome::Lost, "there is none");
    let event = outbox(store, &one, 0).await.fresh[0].clone();
    let failed = DeliveryState::Pending(at(1));
    note(store, &one, event.position, vec![delivery(1, &one, &event, failed)]).await;
    let changed = Endpoint {
        url: "http://127.0.0.1:9/".to_owned(),
        description: None,
        events: vec!["dispute.*".to_owned()],
        state: EndpointState::Disabled(Disabled::Gone),
        secret: 2,
        previous_until: Some(at(99)),
        updated: at(6),
        progress: Progress { cursor: event.position, failing_since: None },
        ..one.clone()
    };
    assert_eq!(change(store, EndpointChange::Changed(changed.clone()), 4).await, Outcome::Committed);
    assert_eq!(store.endpoint(one.id).await.expect("a read").as_ref(), Some(&changed));
    assert!(store.outbox(one.id, 0, at(10), 9).await.expect("a read").is_none(), "it is told nothing");
    stored(store, world.open(owner(1), at(2))).await;
    let resumed = Endpoint { state: EndpointState::Enabled, events: vec!["*".to_owned()], ..changed };
    assert_eq!(change(store, EndpointChange::Resumed(resumed), 5).await, Outcome::Committed);
    let told = outbox(store, &one, 0).await;
    assert_eq!((told.fresh.len(), told.due.len()), (0, 1), "what was before is left out, but for what is pending");
    assert_eq!(told.position, told.endpoint.progress.cursor);
    let page = store.endpoints(owner(1), EVERYTHING).await.expect("a page").items;
    assert_eq!(page.iter().map(|endpoint| endpoint.id).collect::<Vec<_>>(), [two.id, one.id]);
    let deleted = Endpoint { state: EndpointState::Deleted, ..two.clone() };
    assert_eq!(change(store, EndpointChange::Changed(deleted), 6).await, Outcome::Committed);
    let page = store.endpoints(owner(1), EVERYTHING).await.expect("a page").items;
    assert_eq!(page.iter().map(|endpoint| endpoint.id).collect::<Vec<_>>(), [one.id]);
    assert_eq!(store.endpoints(owner(2), EVERYTHING).await.expect("a page").items, []);
    assert_eq!(store.endpoint(two.id).await.expect("a read").expect("known").state, EndpointState::Deleted);
    let waiting = DeliveryId::new(RawId::from_bits(1 << 70));
    assert_eq!(found(store, waiting).await.state, failed);
    let one_deleted = Endpoint { state: EndpointState::Deleted, ..one.clone() };
    assert_eq!(change(store, EndpointChange::Changed(one_deleted), 8).await, Outcome::Committed);
    assert_eq!(found(store, waiting).await.state, DeliveryState::Failed, "nobody will call");
    assert!(store.outbox(two.id, 0, at(10), 9).await.expect("a read").is_none());
}

pub(crate) async fn what_was_told_is_not_told_again(store: &dyn Store) {
    let world = World::default();
    let to = add(store, 1, &["*"]).await;
    stored(store, world.open(owner(1), at(1))).await;
    let events = outbox(store, &to, 0).await.fresh;
    assert_eq!(events.len(), 4);
    // The third is done before the first: the cursor stays, and the third is left out all the same.
    note(store, &to, to.progress.cursor, vec![delivery(3, &to, &events[2], DeliveryState::Succeeded)]).await;
    let left = outbox(store, &to, 0).await;
    assert_eq!(places(&left.fresh), [events[0].position, events[1].position, events[3].position]);
    let later = DeliveryState::Pending(at(60));
    let done = vec![delivery(1, &to, &events[0], later), delivery(2, &to, &events[1], DeliveryState::Failed)];
    note(store, &to, events[2].position, done.clone()).await;
    let left = outbox(store, &to, 0).await;
    assert_eq!((places(&left.fresh), left.next_due), (vec![events[3].position], Some(at(60))));
    note(store, &to, 1, Vec::new()).await;
    assert_eq!(outbox(store, &to, 0).await.endpoint.progress.cursor, events[2].position, "it never goes back");
    assert_eq!(found(store, done[0].id).await, done[0]);
    // Somebody else's delivery of the same event comes too late.
    let other = delivery(9, &to, &events[0], DeliveryState::Succeeded);
    note(store, &to, 0, vec![other.clone()]).await;
    assert_eq!(store.delivery(other.id).await.expect("a read"), None);
    assert_eq!(found(store, done[0].id).await, done[0]);
    let again = Delivery { tries: 2, attempts: vec![attempt(9), attempt(60)], updated: at(61), ..done[0].clone() };
    let again = Delivery { state: DeliveryState::Succeeded, ..again };
    let mut bare = again.clone();
    bare.event.event.body = Vec::new();
    note(store, &to, 0, vec![bare]).await;
    assert_eq!(found(store, again.id).await, again, "only the place of the event is looked at");
    let failing = Progress { cursor: 0, failing_since: Some(at(3)) };
    store
        .note_told(vec![Told { endpoint: to.id, token: 0, progress: failing, deliveries: vec![] }])
        .await
        .expect("noted");
    assert_eq!(outbox(store, &to, 0).await.endpoint.progress.failing_since, Some(at(3)));
}

pub(crate) async fn deliveries_come_due_by_the_clock_of_their_owner(store: &dyn Store) {
    let world = World::default();
    let to = add(store, 1, &["*"]).await;
    stored(store, world.open(owner(1), at(1))).await;
    let events = outbox(store, &to, 0).await.fresh;
    let pending = |number, event, due| delivery(number, &to, event, DeliveryState::Pending(at(due)));
    note(store, &to, 0, vec![pending(1, &events[0], 200), pending(2, &events[1], 100)]).await;
    let told = outbox(store, &to, 0).await;
    assert_eq!((told.due.len(), told.next_due, told.ahead), (0, Some(at(100)), Span::from_ms(0)));
    let clock = ClockMove { merchant: merchant(1), by: Span::from_ms(140), token: 0 };
    commit(store, Unit { clock: Some(clock), ..Unit::default() }).await;
    let told = outbox(store, &to, 0).await;
    assert_eq!((told.due.len(), told.next_due, told.ahead), (1, Some(at(200)), Span::from_ms(140)));
    let later = store.outbox(to.id, 0, at(60), 9).await.expect("a read").expect("enabled");
    let due: Vec<_> = later.due.iter().map(|delivery| delivery.state.due()).collect();
    assert_eq!((due, later.next_due), (vec![Some(at(100)), Some(at(200))], None), "the earliest first");
    let one = store.outbox(to.id, 0, at(60), 1).await.expect("a read").expect("enabled");
    assert_eq!((one.due.len(), one.due[0].state.due()), (1, Some(at(100))));
}

pub(crate) async fn a_call_that_was_asked_for_is_made_whatever_was_under_way(store: &dyn Store) {
    let world = World::default();
    let to = add(store, 1, &["*"]).await;
    stored(store, world.open(owner(1), at(1))).await;
    let event = outbox(store, &to, 0).await.fresh[0].clone();
    let done = delivery(1, &to, &event, DeliveryState::Succeeded);
    note(store, &to, event.position, vec![done.clone()]).await;
    assert_eq!(commit(store, ask(5, &to, event.event.id, Some(done.id))).await, Outcome::Committed);
    let asked = Delivery { state: DeliveryState::Pending(at(8)), asked: 1, updated: at(7), ..done.clone() };
    assert_eq!(found(store, done.id).await, asked);
    assert_eq!(outbox(store, &to, 0).await.due, std::slice::from_ref(&asked));
    // A call that began before comes to its end: it is noted, and the other one is still to come.
    let late = Delivery { attempts: vec![attempt(9), attempt(9)], tries: 2, updated: at(10), ..done.clone() };
    note(store, &to, 0, vec![late.clone()]).await;
    let expected = Delivery { state: DeliveryState::Pending(at(8)), asked: 1, ..late.clone() };
    assert_eq!(found(store, done.id).await, expected);
    let heard = Delivery { asked: 1, heard: 1, ..late };
    note(store, &to, 0, vec![heard.clone()]).await;
    assert_eq!(found(store, done.id).await, heard);
    assert_eq!(outbox(store, &to, 0).await.due, []);
}

pub(crate) async fn an_ask_is_lost_when_another_delivery_is_there(store: &dyn Store) {
    let world = World::default();
    let to = add(store, 1, &["dispute.*"]).await;
    stored(store, world.open(owner(1), at(1))).await;
    let stream = store.events_after(owner(1), store::EventFilter::default(), 0, 9).await.expect("a read").events;
    let event = stream[1].event.id;
    let nobody = DeliveryId::new(RawId::from_bits(3));
    assert_eq!(commit(store, ask(5, &to, event, Some(nobody))).await, Outcome::Lost);
    assert_eq!(commit(store, ask(5, &to, event, None)).await, Outcome::Committed);
    assert_eq!(commit(store, ask(6, &to, event, None)).await, Outcome::Lost);
    assert_eq!(commit(store, ask(5, &to, stream[2].event.id, None)).await, Outcome::Lost, "the id is taken");
    let first = DeliveryId::new(RawId::from_bits(5 << 70));
    assert_eq!(commit(store, ask(6, &to, event, Some(first))).await, Outcome::Committed);
    let delivery = found(store, first).await;
    assert_eq!((delivery.asked, delivery.heard, delivery.tries), (2, 0, 0));
    assert_eq!(delivery.event, stream[1], "whatever the endpoint has chosen");
}

pub(crate) async fn a_test_is_told_to_its_endpoint_alone(store: &dyn Store) {
    let (one, two) = (add(store, 1, &["dispute.*"]).await, add(store, 2, &["*"]).await);
    let holder = KeyHolder::Owner(owner(1));
    let mut told = told(holder, journal(store, holder).await, 3 << 50);
    told.events[0].kind = EventType::from_name("webhook_endpoint.test").expect("a type");
    let unit = ask(5, &one, told.events[0].id, None);
    let unit = Unit { journals: vec![told], ..unit };
    assert_eq!(commit(store, unit).await, Outcome::Committed);
    let (of_one, of_two) = (outbox(store, &one, 0).await, outbox(store, &two, 0).await);
    assert_eq!((of_one.fresh.len(), of_one.due.len()), (0, 1));
    assert_eq!((of_two.fresh.len(), of_two.due.len()), (0, 0));
    assert_eq!(of_two.position, of_one.position);
}

pub(crate) async fn deliveries_are_listed_by_the_places_of_their_events(store: &dyn Store) {
    let world = World::default();
    let to = add(store, 1, &["*"]).await;
    let other = add(store, 2, &["*"]).await;
    for _ in 0..3 {
        stored(store, world.open(owner(1), at(1))).await;
    }
    let events = outbox(store, &to, 0).await.fresh;
    let states = [DeliveryState::Failed, DeliveryState::Succeeded, DeliveryState::Pending(at(7))];
    let all: Vec<Delivery> = events
        .iter()
        .zip(states.iter().cycle())
        .zip(1..)
        .map(|((event, state), number)| {
            // Ids need not be in the order of the events.
            delivery(20 - number, &to, event, *state)
        })
        .collect();
    note(store, &to, 0, all.clone()).await;
    note(store, &other, 0, vec![delivery(40, &other, &events[3], DeliveryState::Failed)]).await;
    let newest_first: Vec<Delivery> = all.iter().rev().cloned().collect();
    let page = |filter, position| store.deliveries(to.id, filter, PageRequest { limit: 2, position });
    let mut seen = Vec::new();
    let mut position = Position::Offset(0);
    while let Some(last) = {
        let found = page(DeliveryFilter::default(), position).await.expect("a page").items;
        seen.extend(found.clone());
        found.last().map(|delivery| delivery.id.raw())
    } {
        position = Position::After(last);
    }
    assert_eq!(seen, newest_first);
    for state in DeliveryState::NAMES {
        let filter = DeliveryFilter { state: Some(state), event: None };
        let expected: Vec<Delivery> = newest_first.iter().filter(|it| it.state.name() == state).cloned().collect();
        let found = store.deliveries(to.id, filter, EVERYTHING).await.expect("a page").items;
        assert_eq!(found, expected, "{state}");
        let filter = DeliveryFilter { state: Some(state), event: Some(events[2].event.id) };
        let found = store.deliveries(to.id, filter, EVERYTHING).await.expect("a page").items.len();
        assert_eq!(found, usize::from(state == all[2].state.name()));
    }
    let nothing = DeliveryFilter { event: Some(EventId::new(RawId::from_bits(3))), state: None };
    assert_eq!(store.deliveries(to.id, nothing, EVERYTHING).await.expect("a page").items, []);
    let others = Position::After(DeliveryId::new(RawId::from_bits(40 << 70)).raw());
    assert!(page(DeliveryFilter::default(), others).await.is_err(), "a cursor of another endpoint");
}

pub(crate) async fn deliveries_that_are_over_are_forgotten_after_a_while(store: &dyn Store) {
    let world = World::default();
    let to = add(store, 1, &["*"]).await;
    stored(store, world.open(owner(1), at(1))).await;
    let events = outbox(store, &to, 0).await.fresh;
    let drawn_at = |ms: u128, event, state| Delivery {
        id: DeliveryId::new(RawId::from_bits(ms << 80)),
        ..delivery(1, &to, event, state)
    };
    let all = [
        drawn_at(10, &events[0], DeliveryState::Succeeded),
        drawn_at(11, &events[1], DeliveryState::Pending(at(99))),
        drawn_at(12, &events[2], DeliveryState::Failed),
        drawn_at(20, &events[3], DeliveryState::Succeeded),
    ];
    note(store, &to, events[3].position, all.to_vec()).await;
    let left = || async {
        let found = store.deliveries(to.id, DeliveryFilter::default(), EVERYTHING).await.expect("a page").items;
        found.into_iter().map(|delivery| delivery.id.raw().bits() >> 80).collect::<Vec<_>>()
    };
    assert!(!store.forget_deliveries(at(20)).await.expect("forgotten"));
    assert_eq!(left().await, [20, 11], "one that is still to come is kept");
    assert_eq!(places(&outbox(store, &to, 0).await.fresh), [] as [u64; 0], "and nothing is told again");
    let disabled = Endpoint { state: EndpointState::Disabled(Disabled::Requested), ..to.clone() };
    assert_eq!(change(store, EndpointChange::Changed(disabled), 7).await, Outcome::Committed);
    assert!(!store.forget_deliveries(at(20)).await.expect("forgotten"));
    assert_eq!(left().await, [20]);
}
