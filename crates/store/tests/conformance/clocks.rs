//! The sandbox's clocks: what falls due by them can be claimed in real time.

use std::collections::BTreeMap;

use escrow::{Duty, Effect, MerchantId, Mode, Owner, Span, Timestamp};
use store::{ClockMove, Job, Outcome, Store, Unit, Waiting, Wanted};

use crate::jobs::{claim, next, only, showing};
use crate::sqlite::{folder, open};
use crate::world::{World, at, commit, merchant, owner, released, reply, stored, with_reply};

fn moving(merchant: MerchantId, by_ms: i64) -> Unit {
    Unit { clock: Some(ClockMove { merchant, by: Span::from_ms(by_ms), token: 0 }), ..Unit::default() }
}

async fn advance(store: &dyn Store, by_ms: i64) {
    assert_eq!(commit(store, moving(merchant(1), by_ms)).await, Outcome::Committed);
}

async fn clocks(store: &dyn Store, wanted: Wanted) -> BTreeMap<Owner, Span> {
    store.load(wanted).await.expect("a read").clocks
}

async fn jobs(store: &dyn Store, until_ms: i64, limit: usize) -> Vec<Waiting> {
    store.sandbox_jobs(merchant(1), at(until_ms), limit).await.expect("a read")
}

/// When the jobs of the first merchant fall due by its clock, and can be claimed in real time.
async fn times(store: &dyn Store) -> Vec<(Timestamp, Option<Timestamp>)> {
    jobs(store, i64::MAX, 9).await.iter().map(|job| (job.due, job.run_at)).collect()
}

pub(crate) async fn a_clock_is_as_far_ahead_as_all_its_moves(store: &dyn Store) {
    let world = World::default();
    let live = Owner { mode: Mode::Live, ..owner(1) };
    let of_escrow = stored(store, world.open(owner(1), at(1))).await.escrow.id;
    let wanted = Wanted { clocks: vec![owner(1), owner(2), live], ..Wanted::default() };
    assert_eq!(clocks(store, wanted.clone()).await, BTreeMap::new());
    advance(store, 5000).await;
    advance(store, 1).await;
    let ahead = BTreeMap::from([(owner(1), Span::from_ms(5001))]);
    assert_eq!(clocks(store, wanted).await, ahead, "nobody else's clock moves");
    let by_escrow = Wanted { escrows: vec![of_escrow], ..Wanted::default() };
    assert_eq!(clocks(store, by_escrow).await, ahead, "an escrow brings its owner's clock along");
    assert_eq!(clocks(store, Wanted::default()).await, BTreeMap::new());
}

pub(crate) async fn a_clock_does_not_move_where_its_reply_is_taken(store: &dyn Store) {
    let replying = |key| with_reply(moving(merchant(1), 10), reply(owner(1), key, at(1)));
    assert_eq!(commit(store, replying("key")).await, Outcome::Committed);
    assert_eq!(commit(store, replying("key")).await, Outcome::Lost);
    let wanted = Wanted { clocks: vec![owner(1)], ..Wanted::default() };
    assert_eq!(clocks(store, wanted).await, BTreeMap::from([(owner(1), Span::from_ms(10))]));
}

pub(crate) async fn jobs_follow_the_clock_of_their_owner(store: &dyn Store) {
    let world = World::default();
    let base = stored(store, world.open(owner(1), at(1))).await;
    let others = stored(store, world.open(owner(2), at(1))).await;
    let live = stored(store, world.open(Owner { mode: Mode::Live, ..owner(1) }, at(1))).await;
    for base in [&base, &others, &live] {
        stored(store, only(base, Effect::Schedule(Duty::Finalize, at(10_000)))).await;
    }
    advance(store, 4000).await;
    assert_eq!(times(store).await, [(at(10_000), Some(at(6000)))]);
    assert_eq!(next(store).await, Some(at(6000)));
    assert_eq!(claim(store, 5999, 90_000, 9).await, []);
    let claimed = claim(store, 6000, 90_000, 9).await;
    let told: Vec<_> = claimed.iter().map(|job: &Job| (job.lease.intent, job.due)).collect();
    assert_eq!(told, [(base.escrow.id, at(10_000))]);
    assert_eq!(next(store).await, Some(at(10_000)), "other merchants and live money have real time");
    assert_eq!(claim(store, 10_000, 90_000, 9).await.len(), 2);
}

pub(crate) async fn what_is_scheduled_falls_due_by_the_clock(store: &dyn Store) {
    advance(store, 4000).await;
    released(store, &World::default(), owner(1), at(5000)).await;
    assert_eq!(times(store).await, [(at(15_000), Some(at(11_000))); 2]);
}

pub(crate) async fn a_lease_ends_in_real_time(store: &dyn Store) {
    released(store, &World::default(), owner(1), at(1000)).await;
    let leased = claim(store, 11_000, 60_000, 1).await[0];
    advance(store, 20_000).await;
    assert_eq!(times(store).await, [(at(11_000), None), (at(11_000), Some(at(-9000)))]);
    assert_eq!(claim(store, 59_999, 90_000, 9).await.len(), 1, "the other one");
    assert_eq!(commit(store, showing(leased, "still held")).await, Outcome::Committed);
    assert_eq!(claim(store, 60_000, 90_000, 9).await[0].lease.duty, leased.lease.duty);
}

pub(crate) async fn a_job_that_waits_for_another_try_follows_as_well(store: &dyn Store) {
    released(store, &World::default(), owner(1), at(1000)).await;
    let leased = claim(store, 11_000, 60_000, 1).await[0];
    store.postpone_job(leased.lease, at(30_000)).await.expect("a write");
    advance(store, 5000).await;
    assert_eq!(times(store).await, [(at(11_000), Some(at(6000))), (at(11_000), Some(at(25_000)))]);
}

pub(crate) async fn a_job_that_was_returned_waits_for_its_due_time(store: &dyn Store) {
    released(store, &World::default(), owner(1), at(1000)).await;
    let leased = claim(store, 11_000, 60_000, 2).await;
    advance(store, 5000).await;
    store.return_job(leased[0].lease).await.expect("a write");
    assert_eq!(times(store).await, [(at(11_000), None), (at(11_000), Some(at(6000)))]);
    assert_eq!(commit(store, showing(leased[0], "given back")).await, Outcome::Lost);
    let again = claim(store, 6000, 70_000, 9).await;
    store.return_job(leased[0].lease).await.expect("a write");
    assert_eq!(commit(store, showing(again[0], "whoever lost a lease returns nothing")).await, Outcome::Committed);
}

pub(crate) async fn jobs_of_a_sandbox_are_listed_leased_ones_first(store: &dyn Store) {
    let world = World::default();
    for (number, now_ms) in [(1, 3000), (1, 1000), (2, 1)] {
        released(store, &world, owner(number), at(now_ms)).await;
    }
    claim(store, 11_000, 60_000, 3).await;
    let run_at: Vec<_> = jobs(store, 13_000, 9).await.iter().map(|job| job.run_at).collect();
    assert_eq!(run_at, [None, Some(at(11_000)), Some(at(13_000)), Some(at(13_000))]);
    assert_eq!(jobs(store, 12_999, 9).await.len(), 2, "not before their time");
    assert_eq!(jobs(store, 13_000, 3).await.len(), 3);
}

#[tokio::test]
async fn clocks_and_what_follows_them_are_there_after_it_was_opened_again() {
    let dir = folder();
    let store = open(dir.path());
    released(&store, &World::default(), owner(1), at(1000)).await;
    claim(&store, 11_000, i64::MAX, 1).await;
    advance(&store, 4000).await;
    store.close().await;
    let store = open(dir.path());
    assert_eq!(times(&store).await, [(at(11_000), Some(at(7000))); 2], "leases have ended, and count by the clock");
    advance(&store, 1).await;
    let wanted = Wanted { clocks: vec![owner(1)], ..Wanted::default() };
    assert_eq!(clocks(&store, wanted).await, BTreeMap::from([(owner(1), Span::from_ms(4001))]));
}
