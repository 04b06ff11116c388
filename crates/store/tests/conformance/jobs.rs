//! Jobs and their leases.

use escrow::{Duty, Effect, Timestamp};
use store::{Change, Job, Outcome, Store, Unit, Versioned};

use crate::world::{World, at, commit, owner, released, reply, stored, with_lease, with_reply};

pub(crate) async fn claim(store: &dyn Store, now: i64, until: i64, limit: usize) -> Vec<Job> {
    store.claim_jobs(at(now), at(until), limit).await.expect("a claim")
}

pub(crate) async fn next(store: &dyn Store) -> Option<Timestamp> {
    store.next_job().await.expect("a read")
}

/// A unit that does nothing but show a lease.
pub(crate) fn showing(job: Job, key: &str) -> Unit {
    with_lease(with_reply(Unit::default(), reply(owner(1), key, at(0))), job.lease)
}

pub(crate) async fn due_jobs_are_claimed_in_order_and_once(store: &dyn Store) {
    let world = World::default();
    assert_eq!((next(store).await, claim(store, i64::MAX, i64::MAX, 9).await), (None, Vec::new()));
    let late = released(store, &world, owner(1), at(5000)).await.escrow;
    let early = released(store, &world, owner(2), at(1000)).await.escrow;
    assert_eq!(next(store).await, Some(at(11_000)));
    assert_eq!(claim(store, 10_999, 60_000, 9).await, []);
    let duties = |jobs: &[Job]| jobs.iter().map(|job| (job.owner, job.lease.duty, job.due)).collect::<Vec<_>>();
    let start = |escrow: &escrow::Escrow, place: usize, due: i64| {
        (escrow.owner, Duty::StartSettlement(escrow.settlements[place].id), at(due))
    };
    let jobs = claim(store, 20_000, 60_000, 3).await;
    assert_eq!(duties(&jobs), [start(&early, 0, 11_000), start(&early, 1, 11_000), start(&late, 0, 15_000)]);
    assert_eq!(jobs[0].lease.intent, early.id);
    assert_eq!(next(store).await, Some(at(15_000)));
    assert_eq!(duties(&claim(store, 20_000, 60_000, 3).await), [start(&late, 1, 15_000)]);
    assert_eq!(claim(store, 59_999, 90_000, 3).await, []);
    assert_eq!(next(store).await, Some(at(60_000)));
}

pub(crate) async fn a_lease_ends_and_the_next_one_has_a_higher_token(store: &dyn Store) {
    let world = World::default();
    released(store, &world, owner(1), at(1000)).await;
    let first = claim(store, 20_000, 60_000, 1).await[0];
    // Nobody else has claimed it, so that the lease holds although its time is over.
    assert_eq!(commit(store, showing(first, "first")).await, Outcome::Committed);
    claim(store, 20_000, 90_000, 1).await;
    let second = claim(store, 60_000, 90_000, 1).await[0];
    assert_eq!((second.lease.intent, second.lease.duty), (first.lease.intent, first.lease.duty));
    assert_eq!((first.attempts, second.attempts), (0, 1));
    assert!(second.lease.token > first.lease.token);
    assert_eq!(commit(store, showing(first, "again")).await, Outcome::Lost);
    assert_eq!(commit(store, showing(second, "second")).await, Outcome::Committed);
}

pub(crate) async fn a_postponed_job_waits(store: &dyn Store) {
    let world = World::default();
    released(store, &world, owner(1), at(1000)).await;
    let jobs = claim(store, 20_000, 60_000, 2).await;
    store.postpone_job(jobs[0].lease, at(30_000)).await.expect("a write");
    assert_eq!(next(store).await, Some(at(30_000)));
    assert_eq!(commit(store, showing(jobs[0], "given back")).await, Outcome::Lost);
    store.postpone_job(jobs[0].lease, at(1)).await.expect("a write");
    assert_eq!(claim(store, 29_999, 60_000, 2).await, []);
    let again = claim(store, 30_000, 60_000, 2).await;
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].lease.duty, again[0].attempts, again[0].due), (jobs[0].lease.duty, 1, jobs[0].due));
    // Whoever lost the lease cannot postpone what another one is at.
    store.postpone_job(jobs[0].lease, at(1)).await.expect("a write");
    assert_eq!(next(store).await, Some(at(60_000)));
}

pub(crate) async fn a_lease_of_a_dropped_job_never_fits_again(store: &dyn Store) {
    let world = World::default();
    let mut base = stored(store, world.open(owner(1), at(1000))).await;
    let mut jobs = Vec::new();
    for effect in [Effect::Schedule(Duty::Finalize, at(5)), Effect::Drop(Duty::Finalize)].into_iter().cycle().take(4) {
        base = stored(store, only(&base, effect)).await;
        jobs.extend(claim(store, 10, 20, 1).await);
    }
    assert_eq!(jobs.len(), 2);
    assert_eq!(jobs[1].attempts, 0);
    assert!(jobs[1].lease.token > jobs[0].lease.token);
}

pub(crate) async fn a_job_that_is_scheduled_again_is_nobodys(store: &dyn Store) {
    let world = World::default();
    let base = stored(store, world.open(owner(1), at(1000))).await;
    let base = stored(store, only(&base, Effect::Schedule(Duty::Finalize, at(5)))).await;
    let leased = claim(store, 10, 20, 1).await[0];
    stored(store, only(&base, Effect::Schedule(Duty::Finalize, at(7)))).await;
    assert_eq!(commit(store, showing(leased, "old")).await, Outcome::Lost);
    assert_eq!(next(store).await, Some(at(7)));
    assert_eq!(claim(store, 7, 20, 1).await[0].attempts, 0);
}

/// A unit that leaves the escrow as it is and changes its jobs alone.
pub(crate) fn only(base: &Versioned, effect: Effect) -> Unit {
    let (next, effects) = (base.escrow.clone(), vec![effect]);
    let change = Change { base: Some(base.clone()), next, transfers: Vec::new(), events: Vec::new(), effects };
    Unit { change: Some(change), ..Unit::default() }
}
