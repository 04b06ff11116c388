//! What whoever watches over the gateway sees of everybody.

use std::collections::BTreeMap;

use escrow::{
    Amount, Command, Currency, Duty, Effect, IntentId, NewDispute, Owner, Purpose, Rail, RawId, Resolving, Ruling,
    Span, Transfer, TransferId,
};
use store::{Backlog, Page, PageRequest, Position, Store, StoreError, Survey, TransferRow, Versioned, Which};

use crate::jobs::only;

use crate::world::{World, at, milestones, owner, pay, released, stored};

const EVERYTHING: PageRequest = PageRequest { limit: 100, position: Position::Offset(0) };

fn whose<T>(page: &Page<(Owner, IntentId, T)>) -> Vec<(Owner, IntentId)> {
    page.items.iter().map(|(owner, intent, _)| (*owner, *intent)).collect()
}

/// An escrow of this owner's with a dispute over it.
async fn disputed(store: &dyn Store, world: &World, owner: Owner) -> Versioned {
    let opened = world.open(owner, at(1000));
    let first = milestones(&opened)[0];
    let base = stored(store, opened).await;
    let base = stored(store, world.after(&base, pay(), at(1000))).await;
    let dispute = NewDispute {
        milestone: Some(first),
        raised_by: "buyer".to_owned(),
        reason: "late".to_owned(),
        window: None,
        count: None,
    };
    stored(store, world.after(&base, Command::RaiseDispute(dispute), at(1000))).await
}

pub(crate) async fn open_disputes_wait_and_decided_ones_are_listed(store: &dyn Store) {
    let world = World::default();
    let one = disputed(store, &world, owner(1)).await;
    let two = disputed(store, &world, owner(2)).await;
    let list = async |which, page| store.disputes(which, page).await.expect("a page");
    let places = |all: &[&Versioned]| -> Vec<_> { all.iter().map(|it| (it.escrow.owner, it.escrow.id)).collect() };
    for which in [Which::Waiting, Which::All] {
        assert_eq!(whose(&list(which, EVERYTHING).await), places(&[&two, &one]));
    }
    let newest = two.escrow.disputes()[0].id;
    let older = PageRequest { limit: 1, position: Position::After(newest.raw()) };
    let resolving = Resolving {
        dispute: Some(newest),
        milestone: None,
        ruling: Ruling::BuyerWon,
        by: "judge".to_owned(),
        note: None,
    };
    let two = stored(store, world.after(&two, Command::ResolveDispute(resolving), at(2000))).await;
    assert_eq!(whose(&list(Which::Waiting, EVERYTHING).await), places(&[&one]));
    // A cursor goes on leading somewhere when what it names has left the list.
    assert_eq!(whose(&list(Which::Waiting, older).await), places(&[&one]));
    let all = list(Which::All, EVERYTHING).await;
    assert_eq!(whose(&all), places(&[&two, &one]));
    assert_eq!(all.items[0].2, two.escrow.disputes()[0]);
    let unknown = PageRequest { limit: 1, position: Position::After(RawId::from_bits(9 << 90)) };
    assert!(matches!(store.disputes(Which::All, unknown).await, Err(StoreError::UnknownCursor)));
}

pub(crate) async fn settlements_that_did_not_arrive_wait_until_they_are_tried_again(store: &dyn Store) {
    let world = World::default();
    let mut base = released(store, &world, owner(1), at(1000)).await;
    released(store, &world, owner(2), at(1000)).await;
    let first = base.escrow.settlements[0].id;
    let list = async |which| store.everybodys_settlements(which, EVERYTHING).await.expect("a page").items;
    assert_eq!((list(Which::Waiting).await.len(), list(Which::All).await.len()), (0, 4));
    for command in [Command::StartSettlement(first), Command::FailSettlement(first, "closed".to_owned())] {
        base = stored(store, world.after(&base, command, at(20_000))).await;
    }
    let waiting = list(Which::Waiting).await;
    let expected = base.escrow.settlement(first).cloned().expect("a settlement");
    assert_eq!(waiting, [(owner(1), base.escrow.id, expected)]);
    stored(store, world.after(&base, Command::RetrySettlement(first), at(30_000))).await;
    assert_eq!((list(Which::Waiting).await.len(), list(Which::All).await.len()), (0, 4));
}

pub(crate) async fn jobs_are_shown_in_the_order_in_which_they_can_be_done(store: &dyn Store) {
    let world = World::default();
    for number in [1, 2] {
        released(store, &world, owner(number), at(1000 * i64::try_from(number).expect("small"))).await;
    }
    let all = store.jobs(0, 100).await.expect("a read");
    assert!(all.is_sorted_by_key(|job| job.run_at) && all.len() == 4, "{all:?}");
    assert!(all.iter().all(|job| !job.is_leased && job.attempts == 0 && job.due == job.run_at), "{all:?}");
    assert_eq!(store.jobs(1, 2).await.expect("a read"), all[1..3]);
    assert_eq!(store.jobs(4, 2).await.expect("a read"), []);
    let claimed = store.claim_jobs(at(1_000_000), at(2_000_000), 1).await.expect("a claim");
    let leased = store.jobs(3, 1).await.expect("a read");
    assert_eq!((leased[0].intent, leased[0].duty), (claimed[0].lease.intent, claimed[0].lease.duty));
    assert!(leased[0].is_leased && leased[0].attempts == 1 && leased[0].run_at == at(2_000_000), "{leased:?}");
}

pub(crate) async fn a_survey_counts_what_is_to_be_done_and_sums_what_there_is(store: &dyn Store) {
    assert_eq!(store.survey(at(0)).await.expect("a read"), Survey::default());
    let world = World::default();
    released(store, &world, owner(1), at(1000)).await;
    released(store, &world, owner(2), at(5000)).await;
    let base = stored(store, world.open(owner(2), at(1000))).await;
    stored(store, only(&base, Effect::Schedule(Duty::Finalize, at(7)))).await;
    let jobs = store.jobs(0, 100).await.expect("a read");
    let settlements: Vec<_> = jobs.iter().filter(|job| job.duty.name() == "start_settlement").collect();
    assert_eq!(settlements.len(), 4);
    let (early, late) = (settlements[0].run_at, settlements[3].run_at);
    for (now, due, finals_due) in [(at(6), 0, 0), (at(7), 0, 1), (early, 2, 1), (late, 4, 1)] {
        let backlog = store.survey(now).await.expect("a read").backlog;
        let expected = [
            Backlog { duty: "finalize", waiting: 1, due: finals_due, first: at(7) },
            Backlog { duty: "start_settlement", waiting: 4, due, first: early },
        ];
        assert_eq!(backlog, expected, "{now:?}");
    }
    // Whoever has a lease is at it: until it ends, the job cannot be claimed.
    store.claim_jobs(late, late.after(Span::from_seconds(60)), 100).await.expect("a claim");
    assert!(store.survey(late).await.expect("a read").backlog.iter().all(|duty| duty.due == 0));

    let mut sums = BTreeMap::new();
    for number in [1, 2] {
        for balance in store.balances(owner(number)).await.expect("a read") {
            *sums.entry((owner(number).mode, balance.account, balance.currency)).or_default() +=
                i128::from(balance.minor);
        }
    }
    let totals = store.survey(at(0)).await.expect("a read").totals;
    assert!(totals.is_sorted() && totals.len() > 2, "{totals:?}");
    let shown: BTreeMap<_, i128> =
        totals.iter().map(|total| ((total.mode, total.account, total.currency), total.minor)).collect();
    assert_eq!(shown, sums);
}

pub(crate) async fn what_everybody_has_may_be_more_than_one_may_have(store: &dyn Store) {
    let world = World::default();
    for number in [1, 2, 3] {
        let mut unit = world.open(owner(number), at(1000));
        let amount = Amount::from_minor(i64::MAX, Currency::Usdc).expect("not negative");
        let transfer = Transfer { id: TransferId::fresh(&world.ids), purpose: Purpose::Fund(Rail::Sandbox), amount };
        unit.change.as_mut().expect("a change").transfers = vec![TransferRow { transfer, created: at(1000) }];
        stored(store, unit).await;
    }
    let totals = store.survey(at(0)).await.expect("a read").totals;
    let most = 3 * i128::from(i64::MAX);
    assert_eq!(totals.iter().map(|total| total.minor).collect::<Vec<_>>(), [-most, most]);
}
