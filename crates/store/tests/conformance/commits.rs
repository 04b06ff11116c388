//! Commits: all of a unit or nothing of it, and neighbours unharmed.

use escrow::{
    Account, Amount, Command, Currency, Duty, Escrow, Purpose, Rail, ReleaseType, Shipping, Transfer, TransferId,
};
use store::{Outcome, PageRequest, Position, Store, TransferFilter, TransferRow, Unit, Wanted};

use crate::world::{
    World, at, audit, commit, complete, intent, load, load_reply, milestone, milestones, owner, pay, prove, released,
    reply, stored, terms, with_lease, with_reply,
};

pub(crate) async fn what_was_committed_is_read_back(store: &dyn Store) {
    let world = World::default();
    let opened = world.open(owner(1), at(1000));
    let (id, ids) = (intent(&opened), milestones(&opened));
    let mut expected = opened.change.as_ref().expect("a change").next.clone();
    let mut base = stored(store, opened).await;
    assert_eq!((base.version, &base.escrow), (1, &expected));
    let commands = [pay(), complete(ids[0]), complete(ids[1])];
    for (version, command) in (2..).zip(commands) {
        let unit = world.after(&base, command, at(2000));
        expected = unit.change.as_ref().expect("a change").next.clone();
        base = stored(store, unit).await;
        assert_eq!((base.version, &base.escrow), (version, &expected));
    }
    for settlement in expected.settlements.clone() {
        base = stored(store, world.after(&base, Command::StartSettlement(settlement.id), at(20_000))).await;
        let confirmed = Command::ConfirmSettlement(settlement.id, "paid".to_owned());
        base = stored(store, world.after(&base, confirmed, at(30_000))).await;
    }
    assert_eq!(base.escrow.status(), escrow::IntentStatus::Settled);
    assert_eq!(store.escrow(id).await.expect("a read"), Some(base.escrow));
}

pub(crate) async fn an_older_version_loses(store: &dyn Store) {
    let world = World::default();
    let opened = stored(store, world.open(owner(1), at(1000))).await;
    let fund = world.after(&opened, pay(), at(2000));
    let cancel = world.after(&opened, Command::Cancel, at(2000));
    let outcomes = store.commit(vec![fund, cancel.clone()]).await.expect("a commit");
    assert_eq!(outcomes, [Outcome::Committed, Outcome::Lost]);
    let before = audit(store).await;
    assert_eq!(commit(store, cancel).await, Outcome::Lost);
    let never_opened = stored_elsewhere(&world);
    assert_eq!(commit(store, never_opened).await, Outcome::Lost);
    assert_eq!(audit(store).await, before);
}

/// A change of an escrow that the store never saw.
fn stored_elsewhere(world: &World) -> Unit {
    let opened = world.open(owner(1), at(1000)).change.expect("a change").next;
    world.after(&store::Versioned { version: 1, escrow: opened }, Command::Cancel, at(2000))
}

pub(crate) async fn of_two_that_create_the_same_the_first_wins(store: &dyn Store) {
    let world = World::default();
    let opened = world.open(owner(1), at(1000));
    let outcomes = store.commit(vec![opened.clone(), opened.clone()]).await.expect("a commit");
    assert_eq!(outcomes, [Outcome::Committed, Outcome::Lost]);
    assert_eq!(commit(store, opened).await, Outcome::Lost);
}

pub(crate) async fn a_taken_key_loses_the_whole_unit(store: &dyn Store) {
    let world = World::default();
    let first = with_reply(world.open(owner(1), at(1000)), reply(owner(1), "key", at(1000)));
    let second = with_reply(world.open(owner(1), at(1000)), reply(owner(1), "key", at(2000)));
    let twice = reply(owner(1), "twice", at(1000));
    let third = with_reply(with_reply(world.open(owner(1), at(1000)), twice.clone()), twice);
    let outcomes = store.commit(vec![first, second.clone(), third.clone()]).await.expect("a commit");
    assert_eq!(outcomes, [Outcome::Committed, Outcome::Lost, Outcome::Lost]);
    assert_eq!(commit(store, second.clone()).await, Outcome::Lost);
    assert_eq!(load(store, intent(&second)).await, None);
    assert_eq!(load(store, intent(&third)).await, None);
    assert_eq!(load_reply(store, owner(1), "key").await, Some(reply(owner(1), "key", at(1000))));
    assert_eq!(load_reply(store, owner(1), "twice").await, None);
}

pub(crate) async fn a_lost_lease_loses_the_whole_unit(store: &dyn Store) {
    let world = World::default();
    let base = released(store, &world, owner(1), at(1000)).await;
    let early = store.claim_jobs(at(20_000), at(30_000), 2).await.expect("a claim")[0];
    let late = store.claim_jobs(at(30_000), at(40_000), 2).await.expect("a claim")[0];
    assert_eq!((early.lease.duty, early.attempts, late.attempts), (late.lease.duty, 0, 1));
    let Duty::StartSettlement(settlement) = late.lease.duty else { panic!("{late:?}") };
    let unit = world.after(&base, Command::StartSettlement(settlement), at(30_000));
    let refused = with_reply(Unit::default(), reply(owner(1), "refused", at(1000)));
    let outcomes = store.commit(vec![
        with_lease(unit.clone(), early.lease),
        with_lease(refused.clone(), early.lease),
        with_lease(unit, late.lease),
        // The job is done with the unit before.
        with_lease(refused, late.lease),
    ]);
    let expected = [Outcome::Lost, Outcome::Lost, Outcome::Committed, Outcome::Lost];
    assert_eq!(outcomes.await.expect("a commit"), expected);
    assert_eq!(load_reply(store, owner(1), "refused").await, None);
}

pub(crate) async fn who_drops_out_drops_out_alone(store: &dyn Store) {
    let world = World::default();
    let opened = stored(store, world.open(owner(1), at(1000))).await;
    let fund = |now| world.after(&opened, pay(), at(now));
    let mut units = vec![world.open(owner(1), at(2000)), fund(2000), fund(2000), world.open(owner(2), at(2000))];
    units.push(with_reply(Unit::default(), reply(owner(2), "refused", at(2000))));
    units.push(Unit::default());
    let ids: Vec<_> = units.iter().take(4).map(intent).collect();
    let expected = [
        Outcome::Committed,
        Outcome::Committed,
        Outcome::Lost,
        Outcome::Committed,
        Outcome::Committed,
        Outcome::Committed,
    ];
    assert_eq!(store.commit(units).await.expect("a commit"), expected);
    let loaded =
        store.load(Wanted { escrows: ids, replies: vec![(owner(2), "refused".to_owned())], ..Wanted::default() }).await;
    let loaded = loaded.expect("a read");
    let versions: Vec<_> = loaded.escrows.iter().map(|stored| stored.as_ref().map(|stored| stored.version)).collect();
    assert_eq!(versions, [Some(1), Some(2), Some(2), Some(1)]);
    assert!(loaded.replies[0].is_some());
}

pub(crate) async fn balances_are_exact_after_every_transfer_of_a_batch(store: &dyn Store) {
    let world = World::default();
    let mut bases = Vec::new();
    for _ in 0..3 {
        bases.push(stored(store, world.open(owner(1), at(1000))).await);
    }
    let others = stored(store, world.open(owner(2), at(1000))).await;
    let fund = |base| world.after(base, pay(), at(2000));
    let mut units: Vec<Unit> = bases.iter().map(fund).collect();
    units.insert(1, fund(&others));
    // The one in the middle drops out, and the totals go on as if it had never been there.
    units.insert(2, fund(&bases[0]));
    let ids: Vec<_> = bases[0].escrow.milestones().iter().map(|milestone| milestone.id).collect();
    store.commit(units).await.expect("a commit");
    let funded = load(store, bases[0].escrow.id).await.expect("an escrow");
    commit(store, world.after(&funded, complete(ids[0]), at(3000))).await;
    let page = PageRequest { limit: 10, position: Position::Offset(0) };
    let transfers = store.transfers(owner(1), TransferFilter::default(), page).await.expect("a read").items;
    let lines: Vec<_> = transfers
        .iter()
        .rev()
        .map(|stored| (stored.transfer.amount.minor() / 1_000_000, stored.from_after, stored.to_after))
        .collect();
    assert_eq!(
        lines,
        [
            (1000, -1_000_000_000, 1_000_000_000),
            (1000, -2_000_000_000, 2_000_000_000),
            (1000, -3_000_000_000, 3_000_000_000),
            (500, 2_500_000_000, 500_000_000),
            (12, 487_500_000, 12_500_000),
        ]
    );
    let balances = store.balances(owner(1)).await.expect("a read");
    let totals: Vec<_> = balances.iter().map(|balance| (balance.account, balance.minor)).collect();
    assert_eq!(
        totals,
        [
            (Account::Rail(Rail::Sandbox), -3_000_000_000),
            (Account::Escrow, 2_500_000_000),
            (Account::Payable, 487_500_000),
            (Account::Fees, 12_500_000),
        ]
    );
}

pub(crate) async fn a_total_that_does_not_fit_stores_nothing(store: &dyn Store) {
    let world = World::default();
    let paying = |minor: i64| {
        let opened = stored_new(&world);
        let base = opened.change.as_ref().expect("a change").next.clone();
        let amount = Amount::from_minor(minor, Currency::Usdc).expect("not negative");
        let transfer = Transfer { id: TransferId::fresh(&world.ids), purpose: Purpose::Fund(Rail::Sandbox), amount };
        (base, with_transfer(opened, transfer))
    };
    let (_, all) = paying(i64::MAX);
    let (too_much, one_more) = paying(1);
    let one_more = with_reply(one_more, reply(owner(1), "too much", at(1000)));
    let neighbour = world.open(owner(1), at(1000));
    let outcomes = store.commit(vec![all, one_more.clone(), neighbour]).await.expect("a commit");
    assert_eq!(outcomes, [Outcome::Committed, Outcome::TotalTooLarge, Outcome::Committed]);
    let before = audit(store).await;
    assert_eq!(commit(store, one_more).await, Outcome::TotalTooLarge);
    assert_eq!(audit(store).await, before);
    assert_eq!(store.escrow(too_much.id).await.expect("a read"), None);
    assert_eq!(load_reply(store, owner(1), "too much").await, None);
    let balances = store.balances(owner(1)).await.expect("a read");
    assert_eq!(balances.iter().map(|balance| balance.minor).collect::<Vec<_>>(), [-i64::MAX, i64::MAX]);
}

fn stored_new(world: &World) -> Unit {
    world.open_with(owner(1), terms(1_000_000, Currency::Usdc), Vec::new(), at(1000))
}

fn with_transfer(mut unit: Unit, transfer: Transfer) -> Unit {
    unit.change.as_mut().expect("a change").transfers = vec![TransferRow { transfer, created: at(1000) }];
    unit
}

/// Ids come from whoever asks, so that a milestone with a smaller one may be added later.
pub(crate) async fn milestones_of_one_index_keep_their_order(store: &dyn Store) {
    let world = World::default();
    let (older, newer) = (milestone(&world, 0, "100"), milestone(&world, 0, "200"));
    let (another, last) = (milestone(&world, 7, "300"), milestone(&world, 0, "100"));
    let first = newer.id;
    let opened = world.open_with(owner(1), terms(1_000_000_000, Currency::Usdc), vec![another, newer], at(1000));
    let base = stored(store, opened).await;
    let base = stored(store, world.after(&base, Command::DeleteMilestone(first), at(1000))).await;
    let older_id = older.id;
    let base = stored(store, world.after(&base, Command::AddMilestone(older), at(1000))).await;
    let base = stored(store, world.after(&base, Command::DeleteMilestone(older_id), at(1000))).await;
    let unit = world.after(&base, Command::AddMilestone(last), at(1000));
    let expected = unit.change.as_ref().expect("a change").next.clone();
    let places = |escrow: &Escrow| escrow.milestones().iter().map(|milestone| milestone.id).collect::<Vec<_>>();
    assert_eq!(places(&expected)[..2], [first, older_id]);
    assert_eq!(stored(store, unit).await.escrow, expected);
}

pub(crate) async fn how_a_delivery_went_is_read_back(store: &dyn Store) {
    let world = World::default();
    let mut terms = terms(1_000, Currency::Usd);
    (terms.release_type, terms.auto_release) = (ReleaseType::DeliveryProof, false);
    let mut base = stored(store, world.open_with(owner(1), terms, Vec::new(), at(1000))).await;
    let shipping = Shipping { carrier: Some("by sea".to_owned()), tracking_number: Some("7".to_owned()) };
    for command in [Command::Ship(shipping), prove(&world)] {
        let unit = world.after(&base, command, at(2000));
        let expected = unit.change.as_ref().expect("a change").next.clone();
        base = stored(store, unit).await;
        assert_eq!(base.escrow, expected);
    }
    let order = base.escrow.order.expect("an order");
    assert!(order.shipment.is_some() && order.proof.is_some(), "{order:?}");
    let jobs = store.claim_jobs(at(1_000_000), at(2_000_000), 9).await.expect("a claim");
    assert_eq!(jobs.iter().map(|job| job.lease.duty).collect::<Vec<_>>(), [Duty::EndSilence(None)]);
}
