//! Who may call which webhook endpoint and move which clock, and how far streams have come.

use escrow::{EndpointId, KeyId, MerchantId, RawId, Span};
use store::{
    ClockClaim, ClockMove, DeliveryState, Disabled, Endpoint, EndpointChange, EndpointClaim, EndpointState, Head,
    Outcome, Progress, Store, Tally, Told, Unit, Wanted,
};

use crate::webhooks::{add, change, delivery, outbox};
use crate::world::{World, at, commit, merchant, owner, stored};

const ONE: RawId = RawId::from_bits(1 << 60);
const TWO: RawId = RawId::from_bits(2 << 60);

/// Has somebody claim up to so many until a time, and gives what they hold then, each with its token.
async fn claim(store: &dyn Store, by: RawId, (now_ms, until_ms): (i64, i64), limit: usize) -> Vec<(EndpointId, u64)> {
    let claim = EndpointClaim { by, now: at(now_ms), until: at(until_ms), limit };
    let held = store.claim_endpoints(claim).await.expect("a write");
    assert!(held.iter().all(|lease| lease.owner == owner(1)), "{held:?}");
    held.into_iter().map(|lease| (lease.endpoint, lease.token)).collect()
}

fn ids(held: &[(EndpointId, u64)]) -> Vec<EndpointId> {
    held.iter().map(|(endpoint, _)| *endpoint).collect()
}

/// The newest lease of an endpoint alone.
async fn token(store: &dyn Store, endpoint: &Endpoint, by: RawId, (now_ms, until_ms): (i64, i64)) -> u64 {
    let held = claim(store, by, (now_ms, until_ms), 9).await;
    held.into_iter().find(|(id, _)| *id == endpoint.id).expect("theirs").1
}

async fn note(store: &dyn Store, to: &Endpoint, token: u64, cursor: u64) {
    let progress = Progress { cursor, failing_since: None };
    store.note_told(vec![Told { endpoint: to.id, token, progress, deliveries: vec![] }]).await.expect("noted");
}

async fn cursor(store: &dyn Store, to: &Endpoint) -> u64 {
    store.endpoint(to.id).await.expect("a read").expect("an endpoint").progress.cursor
}

pub(crate) async fn an_endpoint_is_called_by_one_at_a_time(store: &dyn Store) {
    // Whatever the order in which they were made, they are listed by their ids.
    let (two, one) = (add(store, 2, &["*"]).await, add(store, 1, &["*"]).await);
    let held = claim(store, ONE, (10, 40), 9).await;
    assert_eq!(ids(&held), [one.id, two.id]);
    assert!(held.iter().all(|(_, token)| *token > 0), "{held:?}");
    assert_eq!(claim(store, TWO, (10, 40), 9).await, []);
    assert_eq!(claim(store, ONE, (20, 60), 9).await, held, "who holds them renews them under the same tokens");
    assert_eq!(claim(store, TWO, (59, 99), 9).await, [], "they were renewed");
    let three = add(store, 3, &["*"]).await;
    assert_eq!(ids(&claim(store, TWO, (20, 60), 9).await), [three.id]);
    assert_eq!(claim(store, ONE, (20, 60), 9).await, held);
}

pub(crate) async fn no_more_are_taken_than_wanted(store: &dyn Store) {
    for number in 1..=5 {
        add(store, number, &["*"]).await;
    }
    assert_eq!(claim(store, ONE, (10, 40), 0).await, []);
    let held = claim(store, ONE, (10, 40), 2).await;
    assert_eq!(held.len(), 2);
    let others = claim(store, TWO, (10, 40), 2).await;
    assert_eq!(others.len(), 2);
    assert!(held.iter().all(|lease| !others.contains(lease)));
    assert_eq!(claim(store, ONE, (10, 40), 0).await, held, "those that they hold are no new ones");
    let more = claim(store, ONE, (10, 40), 9).await;
    assert_eq!(more.len(), 3);
    assert!(held.iter().all(|lease| more.contains(lease)));
    assert_eq!(claim(store, TWO, (40, 80), 1).await.len(), 3, "of those that ended no more are taken either");
}

pub(crate) async fn a_lease_that_ended_can_be_taken_and_one_that_nobody_took_goes_on(store: &dyn Store) {
    let to = add(store, 1, &["*"]).await;
    let first = token(store, &to, ONE, (10, 40)).await;
    assert_eq!(claim(store, TWO, (39, 80), 9).await, [], "it ends at its end, and not before");
    assert_eq!(claim(store, ONE, (70, 90), 0).await, [(to.id, first)], "it ran out, and nobody has taken it");
    assert_eq!(claim(store, TWO, (89, 120), 9).await, []);
    let second = token(store, &to, TWO, (90, 120)).await;
    assert!(second > first);
    assert_eq!(claim(store, ONE, (91, 121), 9).await, [], "it was taken");
    let third = token(store, &to, ONE, (120, 150)).await;
    assert!(third > second, "whoever had it before gets another one");
}

pub(crate) async fn what_was_given_back_can_be_taken_at_once(store: &dyn Store) {
    let to = add(store, 1, &["*"]).await;
    let first = token(store, &to, ONE, (10, 40)).await;
    store.release_endpoints(TWO).await.expect("nothing was theirs");
    assert_eq!(claim(store, TWO, (11, 41), 9).await, []);
    store.release_endpoints(ONE).await.expect("given back");
    let cursor_before = cursor(store, &to).await;
    note(store, &to, first, cursor_before + 1).await;
    assert_eq!(cursor(store, &to).await, cursor_before + 1, "nobody has taken it yet");
    let second = token(store, &to, TWO, (11, 41)).await;
    assert!(second > first);
    store.release_endpoints(TWO).await.expect("given back");
    let third = token(store, &to, TWO, (11, 41)).await;
    assert!(third > second, "whoever gave it back takes it anew");
}

pub(crate) async fn endpoints_that_are_told_nothing_are_nobodys(store: &dyn Store) {
    let (one, two) = (add(store, 1, &["*"]).await, add(store, 2, &["*"]).await);
    let held = claim(store, ONE, (10, 40), 9).await;
    assert_eq!(ids(&held), [one.id, two.id]);
    let disabled = Endpoint { state: EndpointState::Disabled(Disabled::Requested), ..one.clone() };
    assert_eq!(change(store, EndpointChange::Changed(disabled), 3).await, Outcome::Committed);
    assert_eq!(claim(store, ONE, (10, 40), 9).await, held[1..]);
    let deleted = Endpoint { state: EndpointState::Deleted, ..two.clone() };
    assert_eq!(change(store, EndpointChange::Changed(deleted), 4).await, Outcome::Committed);
    assert_eq!(claim(store, ONE, (10, 40), 9).await, []);
    assert_eq!(claim(store, TWO, (90, 120), 9).await, []);
    // What came of calls that were under way is noted all the same.
    let before = cursor(store, &one).await;
    note(store, &one, held[0].1, before + 1).await;
    assert_eq!(cursor(store, &one).await, before + 1);
    let enabled = Endpoint { state: EndpointState::Enabled, ..one.clone() };
    assert_eq!(change(store, EndpointChange::Resumed(enabled), 5).await, Outcome::Committed);
    assert!(token(store, &one, TWO, (90, 120)).await > held[0].1);
}

pub(crate) async fn what_is_noted_under_an_older_lease_changes_nothing(store: &dyn Store) {
    let world = World::default();
    let (to, other) = (add(store, 1, &["*"]).await, add(store, 2, &["*"]).await);
    stored(store, world.open(owner(1), at(1))).await;
    let events = outbox(store, &to, 0).await.fresh;
    let old = token(store, &to, ONE, (10, 40)).await;
    let new = token(store, &to, TWO, (40, 80)).await;
    let others = token(store, &other, TWO, (40, 80)).await;
    let told = |to: &Endpoint, token, number, state| Told {
        endpoint: to.id,
        token,
        progress: Progress { cursor: events[0].position, failing_since: Some(at(u32::from(number).into())) },
        deliveries: vec![delivery(u128::from(number), to, &events[0], state)],
    };
    let before = store.endpoint(to.id).await.expect("a read");
    for stale in [old, 0, new + 1] {
        let late = told(&to, stale, 1_u8, DeliveryState::Failed);
        let beside = told(&other, others, 2, DeliveryState::Succeeded);
        store.note_told(vec![late.clone(), beside.clone()]).await.expect("noted");
        assert_eq!(store.delivery(late.deliveries[0].id).await.expect("a read"), None, "under {stale}");
        assert_eq!(store.endpoint(to.id).await.expect("a read"), before);
        let found = store.delivery(beside.deliveries[0].id).await.expect("a read");
        assert_eq!(found, beside.deliveries.first().cloned(), "what comes with it counts");
    }
    let own = told(&to, new, 3, DeliveryState::Succeeded);
    store.note_told(vec![own.clone()]).await.expect("noted");
    let late = Told { deliveries: own.deliveries.clone(), ..told(&to, old, 4, DeliveryState::Failed) };
    store.note_told(vec![late]).await.expect("noted");
    let found = store.endpoint(to.id).await.expect("a read").expect("an endpoint");
    assert_eq!(found.progress, own.progress);
    assert_eq!(store.delivery(own.deliveries[0].id).await.expect("a read"), own.deliveries.first().cloned());
}

/// Has somebody claim the clock of a merchant until a time, and gives the token.
async fn claim_clock(
    store: &dyn Store,
    merchant: MerchantId,
    by: RawId,
    (now_ms, until_ms): (i64, i64),
) -> Option<u64> {
    store.claim_clock(ClockClaim { merchant, by, now: at(now_ms), until: at(until_ms) }).await.expect("a write")
}

async fn move_clock(store: &dyn Store, token: u64) -> Outcome {
    let moved = ClockMove { merchant: merchant(1), by: Span::from_ms(5), token };
    commit(store, Unit { clock: Some(moved), ..Unit::default() }).await
}

async fn ahead_ms(store: &dyn Store) -> i64 {
    store.heads(vec![owner(1)]).await.expect("a read")[0].ahead.ms()
}

pub(crate) async fn a_clock_is_moved_by_one_at_a_time(store: &dyn Store) {
    assert_eq!(move_clock(store, 0).await, Outcome::Committed, "nobody has ever claimed it");
    let first = claim_clock(store, merchant(1), ONE, (10, 40)).await.expect("nobody's");
    assert!(first > 0);
    assert_eq!(claim_clock(store, merchant(1), TWO, (39, 80)).await, None);
    assert!(claim_clock(store, merchant(2), TWO, (39, 80)).await.is_some(), "another one");
    assert_eq!(claim_clock(store, merchant(1), ONE, (39, 60)).await, Some(first), "renewed");
    assert_eq!(claim_clock(store, merchant(1), TWO, (59, 80)).await, None);
    assert_eq!(move_clock(store, first).await, Outcome::Committed);
    let second = claim_clock(store, merchant(1), TWO, (60, 90)).await.expect("it has ended");
    assert!(second > first);
    assert_eq!(claim_clock(store, merchant(1), ONE, (61, 90)).await, None);
    for stale in [0, first, second + 1] {
        assert_eq!(move_clock(store, stale).await, Outcome::Lost);
    }
    assert_eq!(move_clock(store, second).await, Outcome::Committed);
    assert_eq!(ahead_ms(store).await, 15, "by those who held it");
    // One that ran out and that nobody took goes on.
    assert_eq!(claim_clock(store, merchant(1), TWO, (200, 230)).await, Some(second));
    store.release_clock(merchant(1), ONE).await.expect("it is not theirs");
    assert_eq!(claim_clock(store, merchant(1), ONE, (201, 230)).await, None);
    store.release_clock(merchant(1), TWO).await.expect("given back");
    assert_eq!(move_clock(store, second).await, Outcome::Committed, "nobody has taken it yet");
    assert!(claim_clock(store, merchant(1), TWO, (201, 230)).await > Some(second), "it is taken anew");
}

pub(crate) async fn a_clock_that_was_leased_alone_is_not_ahead(store: &dyn Store) {
    assert!(claim_clock(store, merchant(1), ONE, (10, 40)).await.is_some());
    let wanted = Wanted { clocks: vec![owner(1)], ..Wanted::default() };
    assert!(store.load(wanted).await.expect("a read").clocks.is_empty());
    assert_eq!(ahead_ms(store).await, 0);
}

pub(crate) async fn heads_are_told_in_the_order_asked(store: &dyn Store) {
    let world = World::default();
    let still = Head { last: 0, ahead: Span::from_ms(0) };
    assert_eq!(store.heads(vec![]).await.expect("a read"), []);
    assert_eq!(store.heads(vec![owner(2), owner(1)]).await.expect("a read"), [still, still]);
    stored(store, world.open(owner(1), at(1))).await;
    let clock = ClockMove { merchant: merchant(2), by: Span::from_ms(140), token: 0 };
    commit(store, Unit { clock: Some(clock), ..Unit::default() }).await;
    let last = store.events_after(owner(1), store::EventFilter::default(), 0, 9).await.expect("a read").position;
    let (one, two) = (Head { last, ..still }, Head { ahead: Span::from_ms(140), ..still });
    assert!(last > 0);
    let asked = vec![owner(2), owner(3), owner(1), owner(2)];
    assert_eq!(store.heads(asked).await.expect("a read"), [two, still, one, two]);
    // What happens to a holder of keys is in the stream as well.
    add(store, 1, &["*"]).await;
    assert_eq!(store.heads(vec![owner(1)]).await.expect("a read"), [Head { last: last + 1, ..still }]);
}

pub(crate) async fn what_gateways_count_is_added_up(store: &dyn Store) {
    let tally = |key: u128, window, since_ms, count| Tally {
        key: KeyId::new(RawId::from_bits(key)),
        window,
        since: at(since_ms),
        count,
    };
    let first = store.tally(vec![tally(1, 0, 1000, 3), tally(1, 1, 0, 3), tally(2, 0, 1000, 1)], at(0)).await;
    assert_eq!(first.expect("a write"), [3, 3, 1]);
    let second = store.tally(vec![tally(2, 0, 1000, 0), tally(1, 0, 1000, 2), tally(1, 0, 2000, 9)], at(1000)).await;
    assert_eq!(second.expect("a write"), [1, 5, 9]);
    let third = store.tally(vec![tally(1, 1, 0, 1), tally(1, 0, 2000, 1)], at(0)).await;
    assert_eq!(third.expect("a write"), [1, 10], "what began before was forgotten");
}
