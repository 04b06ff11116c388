//! Events: read one by one, as lists, and as streams that are followed.

use escrow::{EventId, EventKind, Hash, RawId};
use store::{
    AccountEvent, EventFilter, EventType, KeyHolder, PageRequest, Position, Store, StoreError, StoredEvent, Versioned,
};

use crate::people::{of, told};
use crate::world::{World, at, commit, owner, pay, released, stored};

const EVERYTHING: EventFilter = EventFilter { types: None, intent: None };

fn types(kinds: &[EventKind]) -> EventFilter {
    EventFilter { types: Some(kinds.iter().copied().map(EventType::Intent).collect()), intent: None }
}

fn about(escrow: &Versioned) -> EventFilter {
    EventFilter { intent: Some(escrow.escrow.id), types: None }
}

/// Two escrows of the first owner, which is told of a key in between; one of the second owner.
async fn history(store: &dyn Store, world: &World) -> [Versioned; 3] {
    let one = stored(store, world.open(owner(1), at(1))).await;
    let other = stored(store, world.open(owner(2), at(1))).await;
    commit(store, of(vec![told(KeyHolder::Owner(owner(1)), None, 1 << 40)])).await;
    let two = released(store, world, owner(1), at(2)).await;
    let one = stored(store, world.after(&one, pay(), at(3))).await;
    [one, two, other]
}

async fn stream(store: &dyn Store, number: u128) -> Vec<StoredEvent> {
    store.events_after(owner(number), EVERYTHING, 0, 1000).await.expect("a stream").events
}

pub(crate) async fn a_stream_is_read_from_any_place_on(store: &dyn Store) {
    let world = World::default();
    let nothing = store.events_after(owner(1), EVERYTHING, 0, 10).await.expect("a stream");
    assert_eq!((nothing.events.len(), nothing.position), (0, 0));
    let [one, two, _] = history(store, &world).await;
    let all = stream(store, 1).await;
    let count = one.escrow.chain.count + two.escrow.chain.count + 1;
    assert_eq!(all.iter().map(|event| event.position).collect::<Vec<_>>(), (1..=count).collect::<Vec<_>>());
    assert_eq!(all.iter().filter(|event| event.intent.is_none()).count(), 1);
    let funded = types(&[EventKind::OrderFunded, EventKind::IntentCreated]);
    let rare = EventFilter { types: Some(vec![EventType::Account(AccountEvent::KeyCreated)]), intent: None };
    let both = EventFilter { types: funded.types.clone(), ..about(&two) };
    for filter in [EVERYTHING, funded, rare, about(&one), about(&two), both, types(&[EventKind::RefundFailed])] {
        let fits = |event: &&StoredEvent| {
            filter.types.as_ref().is_none_or(|types| types.contains(&event.event.kind))
                && filter.intent.is_none_or(|intent| event.intent == Some(intent))
        };
        let expected: Vec<StoredEvent> = all.iter().filter(fits).cloned().collect();
        for limit in [1, 2, 100] {
            for start in [0, 1, 4, count - 1, count, count + 5, u64::MAX] {
                let tail = store.events_after(owner(1), filter.clone(), start, limit).await.expect("a stream");
                let behind = expected.iter().filter(|event| event.position > start).take(limit);
                assert_eq!(tail.events, behind.cloned().collect::<Vec<_>>(), "{filter:?} {start} {limit}");
                let is_full = tail.events.len() == limit;
                let last = tail.events.last().filter(|_| is_full).map_or(count.max(start), |event| event.position);
                assert_eq!(tail.position, last, "{filter:?} {start} {limit}");
            }
        }
    }
}

pub(crate) async fn lists_of_events_are_in_the_order_of_the_commits(store: &dyn Store) {
    let world = World::default();
    let [one, two, _] = history(store, &world).await;
    let mut newest_first = stream(store, 1).await;
    newest_first.reverse();
    let kinds = [EventKind::OrderFunded, EventKind::IntentCreated, EventKind::MilestoneReleased];
    let of_two = EventFilter { types: types(&kinds).types, ..about(&two) };
    for filter in [EVERYTHING, types(&kinds), types(&kinds[..1]), about(&one), of_two] {
        let fits = |event: &&StoredEvent| {
            filter.types.as_ref().is_none_or(|types| types.contains(&event.event.kind))
                && filter.intent.is_none_or(|intent| event.intent == Some(intent))
        };
        let expected: Vec<StoredEvent> = newest_first.iter().filter(fits).cloned().collect();
        let mut seen = Vec::new();
        let mut position = Position::Offset(0);
        loop {
            let page =
                store.events(owner(1), filter.clone(), PageRequest { limit: 2, position }).await.expect("a page");
            let Some(last) = page.items.last() else { break };
            position = Position::After(last.event.id.raw());
            let (has_more, first) = (page.has_more, page.items[0].event.id.raw());
            if !seen.is_empty() {
                let before = PageRequest { limit: 1, position: Position::Before(first) };
                let before = store.events(owner(1), filter.clone(), before).await.expect("a page");
                assert_eq!(before.items.last(), seen.last(), "{filter:?}");
            }
            seen.extend(page.items);
            if !has_more {
                break;
            }
        }
        assert_eq!(seen, expected, "{filter:?}");
    }
}

pub(crate) async fn an_event_knows_its_place_and_the_one_before_it(store: &dyn Store) {
    let world = World::default();
    history(store, &world).await;
    for number in [1, 2] {
        let all = stream(store, number).await;
        for event in &all {
            let found = store.event(event.event.id).await.expect("a read");
            assert_eq!(found.as_ref(), Some(event));
            let of_chain =
                |other: &&StoredEvent| other.intent == event.intent && other.event.sequence + 1 == event.event.sequence;
            let previous = all.iter().find(of_chain).map_or(Hash::ZERO, |previous| previous.event.hash);
            assert_eq!(event.previous, previous);
            assert_eq!(event.previous.following(&event.event.body), event.event.hash);
        }
    }
    let nobody = EventId::new(RawId::from_bits(1));
    assert_eq!(store.event(nobody).await.expect("a read"), None);
}

pub(crate) async fn a_cursor_is_an_event_of_the_stream(store: &dyn Store) {
    let world = World::default();
    let [one, ..] = history(store, &world).await;
    let others = stream(store, 2).await[0].event.id.raw();
    for position in [Position::After(others), Position::Before(others), Position::After(one.escrow.id.raw())] {
        for filter in [EVERYTHING, about(&one)] {
            let page = store.events(owner(1), filter, PageRequest { limit: 1, position }).await;
            assert!(matches!(page, Err(StoreError::UnknownCursor)), "{page:?}");
        }
    }
}
