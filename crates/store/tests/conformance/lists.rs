//! Lists and their pages.

use escrow::{
    Command, Currency, IntentStatus, Mode, Owner, PaymentType, PurposeKind, Rail, RawId, RefundId, SettlementId,
    Timestamp,
};
use store::{EscrowFilter, PageRequest, Position, Store, StoreError, TransferFilter};

use crate::world::{World, at, owner, pay, receive, refund, released, stored, terms};

const EVERYTHING: PageRequest = PageRequest { limit: 100, position: Position::Offset(0) };

fn page(limit: usize, position: Position) -> PageRequest {
    PageRequest { limit, position }
}

/// Five escrows of the first owner with one of the second in between; their ids, newest first.
async fn five(store: &dyn Store, world: &World) -> Vec<RawId> {
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.insert(0, stored(store, world.open(owner(1), at(number))).await.escrow.id.raw());
        stored(store, world.open(owner(2), at(number))).await;
    }
    ids
}

/// The ids of a page of the first owner's escrows, and whether there are more.
async fn ids(store: &dyn Store, request: PageRequest) -> (Vec<RawId>, bool) {
    let page = store.escrows(owner(1), EscrowFilter::default(), request).await.expect("a page");
    (page.items.iter().map(|escrow| escrow.id.raw()).collect(), page.has_more)
}

pub(crate) async fn pages_lead_through_everything_in_both_directions(store: &dyn Store) {
    let all = five(store, &World::default()).await;
    for (limit, position, expected, has_more) in [
        (5, Position::Offset(0), &all[..], false),
        (9, Position::Offset(0), &all[..], false),
        (2, Position::Offset(0), &all[..2], true),
        (2, Position::After(all[1]), &all[2..4], true),
        (2, Position::After(all[3]), &all[4..], false),
        (2, Position::After(all[2]), &all[3..], false),
        (2, Position::After(all[4]), &[], false),
        (2, Position::Before(all[4]), &all[2..4], true),
        (2, Position::Before(all[2]), &all[..2], false),
        (2, Position::Before(all[1]), &all[..1], false),
        (2, Position::Before(all[0]), &[], false),
        (0, Position::Offset(0), &[], true),
    ] {
        assert_eq!(ids(store, page(limit, position)).await, (expected.to_vec(), has_more), "{limit} {position:?}");
    }
}

pub(crate) async fn offsets_leave_out_the_newest(store: &dyn Store) {
    let all = five(store, &World::default()).await;
    for (limit, offset, expected, has_more) in
        [(2, 1, &all[1..3], true), (2, 3, &all[3..], false), (2, 5, &[][..], false), (2, u64::MAX, &[], false)]
    {
        assert_eq!(ids(store, page(limit, Position::Offset(offset))).await, (expected.to_vec(), has_more), "{offset}");
    }
}

pub(crate) async fn cursors_of_others_are_unknown(store: &dyn Store) {
    let world = World::default();
    let others = released(store, &world, owner(2), at(1000)).await;
    let others = stored(store, world.after(&others, receive(Rail::Card, None), at(1000))).await.escrow;
    let others_live = Owner { mode: Mode::Live, ..owner(2) };
    let transfers = store.transfers(owner(2), TransferFilter::default(), EVERYTHING).await.expect("a page").items;
    for position in [Position::After, Position::Before] {
        for stranger in [owner(1), others_live] {
            let cursor = page(1, position(others.id.raw()));
            let escrows = store.escrows(stranger, EscrowFilter::default(), cursor).await.map(drop);
            let cursor = page(1, position(others.settlements[0].id.raw()));
            let settlements = store.settlements(stranger, cursor).await.map(drop);
            let cursor = page(1, position(others.refunds[0].id.raw()));
            let refunds = store.refunds(stranger, None, cursor).await.map(drop);
            let cursor = page(1, position(transfers[0].transfer.id.raw()));
            let transfers = store.transfers(stranger, TransferFilter::default(), cursor).await.map(drop);
            for answer in [escrows, settlements, refunds, transfers] {
                assert!(matches!(answer, Err(StoreError::UnknownCursor)), "{answer:?}");
            }
        }
    }
    // An id of another list is no cursor either.
    let settlement = others.settlements[0].id.raw();
    let elsewhere = [
        store.settlements(owner(2), page(1, Position::After(others.id.raw()))).await.map(drop),
        store.settlements(owner(2), page(1, Position::After(others.refunds[0].id.raw()))).await.map(drop),
        store.refunds(owner(2), None, page(1, Position::After(settlement))).await.map(drop),
    ];
    for answer in elsewhere {
        assert!(matches!(answer, Err(StoreError::UnknownCursor)), "{answer:?}");
    }
}

pub(crate) async fn filters_hold_together(store: &dyn Store) {
    let world = World::default();
    let mut expected = Vec::new();
    for (payment_type, currency, created, is_funded) in [
        (PaymentType::DeliveryVsPayment, Currency::Usdc, 10, true),
        (PaymentType::DeliveryVsPayment, Currency::Usdc, 20, false),
        (PaymentType::Conditional, Currency::Usd, 30, true),
        (PaymentType::Conditional, Currency::Usdc, 40, true),
    ] {
        let mut terms = terms(100_000_000, currency);
        terms.payment_type = payment_type;
        let mut base = stored(store, world.open_with(owner(1), terms, Vec::new(), at(created))).await;
        if is_funded {
            base = stored(store, world.after(&base, pay(), at(50))).await;
        }
        expected.insert(0, base.escrow);
    }
    let any = EscrowFilter::default();
    let filters = [
        any.clone(),
        EscrowFilter { status: Some(IntentStatus::Succeeded), ..any.clone() },
        EscrowFilter { payment_type: Some(PaymentType::Conditional), ..any.clone() },
        EscrowFilter { currency: Some(Currency::Usd), ..any.clone() },
        EscrowFilter { created_from: Some(at(20)), created_to: Some(at(30)), ..any.clone() },
        EscrowFilter {
            status: Some(IntentStatus::Succeeded),
            currency: Some(Currency::Usdc),
            created_from: Some(at(11)),
            ..any.clone()
        },
        EscrowFilter { status: Some(IntentStatus::Final), ..any },
    ];
    for (filter, count) in filters.into_iter().zip([4, 3, 2, 1, 2, 1, 0]) {
        let found = store.escrows(owner(1), filter.clone(), EVERYTHING).await.expect("a page");
        let passes = |escrow: &&escrow::Escrow| passes(&filter, escrow);
        assert_eq!(found.items, expected.iter().filter(passes).cloned().collect::<Vec<_>>(), "{filter:?}");
        assert_eq!(found.items.len(), count, "{filter:?}");
    }
    // The cursor itself need not pass the filter.
    let usd = EscrowFilter { currency: Some(Currency::Usd), ..EscrowFilter::default() };
    let before = page(1, Position::Before(expected[2].id.raw()));
    let found = store.escrows(owner(1), usd, before).await.expect("a page");
    assert_eq!((found.items.as_slice(), found.has_more), (&expected[1..2], false));
}

fn passes(filter: &EscrowFilter, escrow: &escrow::Escrow) -> bool {
    let is_within = |from: Option<Timestamp>, to: Option<Timestamp>| {
        escrow.created >= from.unwrap_or(at(i64::MIN)) && escrow.created <= to.unwrap_or(at(i64::MAX))
    };
    filter.status.unwrap_or(escrow.status()) == escrow.status()
        && filter.payment_type.unwrap_or(escrow.terms.payment_type) == escrow.terms.payment_type
        && filter.currency.unwrap_or(escrow.terms.amount.currency()) == escrow.terms.amount.currency()
        && is_within(filter.created_from, filter.created_to)
}

pub(crate) async fn settlements_are_listed_and_lead_to_their_escrow(store: &dyn Store) {
    let world = World::default();
    let one = released(store, &world, owner(1), at(1000)).await.escrow;
    released(store, &world, owner(2), at(1000)).await;
    let two = released(store, &world, owner(1), at(1000)).await;
    let first = two.escrow.settlements[0].id;
    let two = stored(store, world.after(&two, Command::StartSettlement(first), at(20_000))).await.escrow;
    let mut expected = Vec::new();
    for escrow in [&one, &two] {
        expected.extend(escrow.settlements.iter().map(|settlement| (escrow.id, settlement.clone())));
    }
    expected.reverse();
    let found = store.settlements(owner(1), EVERYTHING).await.expect("a page");
    assert_eq!((&found.items, found.has_more), (&expected, false));
    let found = store.settlements(owner(1), page(2, Position::After(expected[0].1.id.raw()))).await.expect("a page");
    assert_eq!((found.items.as_slice(), found.has_more), (&expected[1..3], true));
    for (intent, settlement) in expected {
        let escrow = store.escrow_of_settlement(settlement.id).await.expect("a read").expect("an escrow");
        assert_eq!(escrow.id, intent);
        assert_eq!(escrow.settlement(settlement.id), Some(&settlement));
    }
    let none = store.escrow_of_settlement(SettlementId::new(one.id.raw())).await.expect("a read");
    assert_eq!(none, None);
}

pub(crate) async fn refunds_are_listed_and_lead_to_their_escrow(store: &dyn Store) {
    let world = World::default();
    let (mut escrows, mut expected) = (Vec::new(), Vec::new());
    for whose in [owner(1), owner(2), owner(1)] {
        let mut base = stored(store, world.open_with(whose, terms(1_000, Currency::Usd), Vec::new(), at(1))).await;
        // What was given back, and what came in without a purpose and goes back.
        for command in [pay(), refund(Some("4")), receive(Rail::Card, Some("2"))] {
            base = stored(store, world.after(&base, command, at(1))).await;
        }
        let first = Command::ConfirmRefund(base.escrow.refunds[0].id, "back".to_owned());
        let escrow = stored(store, world.after(&base, first, at(1))).await.escrow;
        let refunds = escrow.refunds.iter().map(|refund| (escrow.id, refund.clone()));
        expected.extend(refunds.filter(|_| whose == owner(1)));
        escrows.push(escrow);
    }
    expected.reverse();
    let found = store.refunds(owner(1), None, EVERYTHING).await.expect("a page");
    assert_eq!((&found.items, found.has_more), (&expected, false));
    let newest = expected[0].1.id.raw();
    let found = store.refunds(owner(1), None, page(2, Position::After(newest))).await.expect("a page");
    assert_eq!((found.items.as_slice(), found.has_more), (&expected[1..3], true));
    let of_one = async |whose, escrow: &escrow::Escrow, request| {
        store.refunds(whose, Some(escrow.id), request).await.expect("a page").items
    };
    assert_eq!(of_one(owner(1), &escrows[0], EVERYTHING).await, expected[2..]);
    assert_eq!(of_one(owner(1), &escrows[0], page(9, Position::After(newest))).await, expected[2..]);
    assert_eq!(of_one(owner(1), &escrows[1], EVERYTHING).await, []);
    for (intent, refund) in expected {
        let escrow = store.escrow_of_refund(refund.id).await.expect("a read").expect("an escrow");
        assert_eq!((escrow.id, escrow.refund(refund.id)), (intent, Some(&refund)));
    }
    let none = store.escrow_of_refund(RefundId::new(escrows[0].id.raw())).await.expect("a read");
    assert_eq!(none, None);
}

pub(crate) async fn transfers_are_filtered(store: &dyn Store) {
    let world = World::default();
    let one = released(store, &world, owner(1), at(1000)).await.escrow;
    let two = released(store, &world, owner(1), at(2000)).await.escrow;
    let any = TransferFilter::default();
    let all = store.transfers(owner(1), any.clone(), EVERYTHING).await.expect("a page").items;
    assert!(all.is_sorted_by(|newer, older| newer.transfer.id > older.transfer.id));
    for (filter, count) in [
        (any.clone(), 10),
        (TransferFilter { intent: Some(one.id), ..any.clone() }, 5),
        (TransferFilter { kinds: Some(vec![PurposeKind::Fund, PurposeKind::Fee]), ..any.clone() }, 6),
        (TransferFilter { kinds: Some(Vec::new()), ..any.clone() }, 0),
        (TransferFilter { currency: Some(Currency::Usd), ..any.clone() }, 0),
        (
            TransferFilter {
                intent: Some(two.id),
                kinds: Some(vec![PurposeKind::Release]),
                currency: Some(Currency::Usdc),
            },
            2,
        ),
    ] {
        let found = store.transfers(owner(1), filter.clone(), EVERYTHING).await.expect("a page").items;
        assert_eq!(found.len(), count, "{filter:?}");
        assert!(found.iter().all(|stored| all.contains(stored)), "{filter:?}");
        assert!(found.iter().all(|stored| filter.intent.is_none_or(|intent| stored.intent == intent)), "{filter:?}");
    }
    let before = page(2, Position::Before(all[4].transfer.id.raw()));
    let found = store.transfers(owner(1), TransferFilter { intent: Some(two.id), ..any }, before).await;
    let found = found.expect("a page");
    assert_eq!((found.items.as_slice(), found.has_more), (&all[2..4], true));
}
