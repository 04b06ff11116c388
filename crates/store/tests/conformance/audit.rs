//! The walk over everything.

use escrow::{Account, Chain, Command, Duty, Hash, Mode, Owner, Rail};
use store::{Audited, Balance, Store};

use crate::world::{World, at, audit, confirm, owner, released, stored, transaction};

pub(crate) async fn everything_is_walked_over_in_order(store: &dyn Store) {
    let world = World::default();
    assert_eq!(audit(store).await, []);
    let bare = stored(store, world.open(owner(2), at(1000))).await;
    let mut bare = bare;
    for hash in [transaction(2), transaction(1)] {
        bare = stored(store, world.after(&bare, confirm(&bare, Some(hash)), at(1000))).await;
        let failed = Command::FailPayment(None, "reverted".to_owned());
        bare = stored(store, world.after(&bare, failed, at(1000))).await;
    }
    let full = released(store, &world, owner(1), at(1000)).await;
    let live = stored(store, world.open(Owner { mode: Mode::Live, ..owner(1) }, at(1000))).await;
    let found = audit(store).await;
    let [one, two, three, balances @ ..] = found.as_slice() else { panic!("{found:?}") };
    let mut positions = Vec::new();
    // In the order of their hashes.
    let named = [vec![transaction(1), transaction(2)], full.escrow.transactions(), Vec::new()];
    for ((audited, expected), named) in [one, two, three].into_iter().zip([&bare, &full, &live]).zip(named) {
        let Audited::Escrow { stored, events, transfers, jobs, claims } = audited else { panic!("{audited:?}") };
        assert_eq!(stored.as_ref(), expected);
        let mut chain = Chain::EMPTY;
        for (whose, position, event) in events {
            chain = chain.followed_by(&event.body);
            assert_eq!((event.sequence, event.hash, *whose), (chain.count, chain.head, expected.escrow.owner));
            positions.push((*whose, *position));
        }
        assert_eq!(chain, expected.escrow.chain);
        assert!(transfers.is_sorted_by_key(|(_, stored)| stored.transfer.id));
        assert!(
            transfers
                .iter()
                .all(|(whose, stored)| { (*whose, stored.intent) == (expected.escrow.owner, expected.escrow.id) })
        );
        let mut duties = expected.escrow.duties();
        duties.sort_unstable_by_key(|(duty, _): &(Duty, _)| *duty);
        assert_eq!(jobs, &duties);
        assert_eq!(
            claims,
            &named.into_iter().map(|hash| (expected.escrow.owner, hash)).collect::<Vec<(Owner, Hash)>>()
        );
    }
    let counts = [bare.escrow.chain.count, full.escrow.chain.count, live.escrow.chain.count];
    let numbered = [bare, full, live].into_iter().zip(counts);
    let expected: Vec<_> =
        numbered.flat_map(|(stored, count)| (1..=count).map(move |n| (stored.escrow.owner, n))).collect();
    assert_eq!(positions, expected);
    let accounts: Vec<_> = balances
        .iter()
        .map(|audited| match audited {
            Audited::Balance(whose, Balance { account, minor, .. }) => (*whose, *account, *minor),
            Audited::Escrow { .. } | Audited::Journal { .. } | Audited::Stray { .. } | Audited::Account(..) => {
                panic!("{audited:?}")
            }
        })
        .collect();
    assert_eq!(
        accounts,
        [
            (owner(1), Account::Rail(Rail::Sandbox), -1_000_000_000),
            (owner(1), Account::Escrow, 0),
            (owner(1), Account::Payable, 975_000_000),
            (owner(1), Account::Fees, 25_000_000),
        ]
    );
}
