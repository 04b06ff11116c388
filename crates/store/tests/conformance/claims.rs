//! Transactions that payers name: each belongs to the first intent of its owner for which one did.

use escrow::{Amount, Command, Currency, Hash, Mode, Owner, Purpose, Rail, Transfer, TransferId};
use store::{Audited, Outcome, Store, TransferRow, Unit, Versioned};

use crate::world::{
    World, at, audit, commit, confirm, intent, load, load_reply, owner, pay, reply, stored, transaction, with_reply,
};

fn paid_with(world: &World, base: &Versioned, hash: Hash) -> Unit {
    world.after(base, confirm(base, Some(hash)), at(2000))
}

async fn opened(store: &dyn Store, world: &World, owner: Owner) -> Versioned {
    stored(store, world.open(owner, at(1000))).await
}

/// Whose claims there are, by the order of their escrows.
async fn claims(store: &dyn Store) -> Vec<(Owner, Hash)> {
    let of_escrow = |audited| match audited {
        Audited::Escrow { claims, .. } => claims,
        Audited::Journal { .. } | Audited::Stray { .. } | Audited::Account(..) | Audited::Balance(..) => Vec::new(),
    };
    audit(store).await.into_iter().flat_map(of_escrow).collect()
}

pub(crate) async fn a_transaction_of_another_intent_stores_nothing(store: &dyn Store) {
    let world = World::default();
    let mut bases = Vec::new();
    for _ in 0..3 {
        bases.push(opened(store, &world, owner(1)).await);
    }
    let taken = with_reply(paid_with(&world, &bases[1], transaction(1)), reply(owner(1), "taken", at(2000)));
    let units = vec![paid_with(&world, &bases[0], transaction(1)), taken, paid_with(&world, &bases[2], transaction(2))];
    let outcomes = store.commit(units).await.expect("a commit");
    assert_eq!(outcomes, [Outcome::Committed, Outcome::TransactionTaken, Outcome::Committed]);
    let before = audit(store).await;
    // Nor later.
    for hash in [transaction(1), transaction(2)] {
        assert_eq!(commit(store, paid_with(&world, &bases[1], hash)).await, Outcome::TransactionTaken);
    }
    assert_eq!(audit(store).await, before);
    assert_eq!(load(store, bases[1].escrow.id).await.as_ref(), Some(&bases[1]));
    assert_eq!(load_reply(store, owner(1), "taken").await, None);
    assert_eq!(claims(store).await, [(owner(1), transaction(1)), (owner(1), transaction(2))]);
    // With a transaction of its own it goes on.
    let unit = paid_with(&world, &bases[1], transaction(3));
    assert_eq!(commit(store, unit).await, Outcome::Committed);
}

pub(crate) async fn a_transaction_stays_whose_it_was(store: &dyn Store) {
    let world = World::default();
    let mut base = opened(store, &world, owner(1)).await;
    let other = opened(store, &world, owner(1)).await;
    let is_taken = async || {
        let outcome = commit(store, paid_with(&world, &other, transaction(1))).await;
        assert_eq!(outcome, Outcome::TransactionTaken);
    };
    let failed = || Command::FailPayment(None, "reverted".to_owned());
    // Paid with, failed, paid with another, with the first again, and given up.
    for command in [
        confirm(&base, Some(transaction(1))),
        failed(),
        confirm(&base, Some(transaction(2))),
        failed(),
        confirm(&base, Some(transaction(1))),
        Command::Cancel,
    ] {
        base = stored(store, world.after(&base, command, at(2000))).await;
        is_taken().await;
    }
    assert_eq!(claims(store).await, [(owner(1), transaction(1)), (owner(1), transaction(2))]);
}

pub(crate) async fn other_owners_name_what_they_like(store: &dyn Store) {
    let world = World::default();
    let owners = [owner(1), owner(2), Owner { mode: Mode::Live, ..owner(1) }];
    let mut units = Vec::new();
    for owner in owners {
        units.push(paid_with(&world, &opened(store, &world, owner).await, transaction(1)));
    }
    assert_eq!(store.commit(units).await.expect("a commit"), [Outcome::Committed; 3]);
    assert_eq!(claims(store).await, owners.map(|owner| (owner, transaction(1))));
}

pub(crate) async fn of_two_reasons_to_drop_out_the_first_is_told(store: &dyn Store) {
    let world = World::default();
    let (first, second) = (opened(store, &world, owner(1)).await, opened(store, &world, owner(1)).await);
    let first = stored(store, paid_with(&world, &first, transaction(1))).await;
    stored(store, world.after(&first, pay(), at(2000))).await;
    let mut unit = paid_with(&world, &second, transaction(1));
    let amount = Amount::from_minor(i64::MAX, Currency::Usdc).expect("not negative");
    let transfer = Transfer { id: TransferId::fresh(&world.ids), purpose: Purpose::Fund(Rail::Sandbox), amount };
    unit.change.as_mut().expect("a change").transfers = vec![TransferRow { transfer, created: at(2000) }];
    assert_eq!(commit(store, unit.clone()).await, Outcome::TransactionTaken);
    let id = intent(&unit);
    stored(store, world.after(&second, Command::Cancel, at(2000))).await;
    assert_eq!(commit(store, unit).await, Outcome::Lost);
    assert_eq!(load(store, id).await.map(|stored| stored.version), Some(2));
}
