//! Payments: attempts, their duties, and money that came without a purpose.

use escrow::refund::RefundStatus;
use escrow::{Account, CardOutcome, Command, Duty, IntentStatus, Payment, PaymentState, Purpose, PurposeKind, Rail};
use store::{Outcome, PageRequest, Position, Store, TransferFilter};

use crate::world::{World, at, commit, confirm, load, owner, pay_by_card, receive, stored, transaction, with_lease};

pub(crate) async fn attempts_to_pay_are_read_back_in_their_order(store: &dyn Store) {
    let world = World::default();
    let mut base = stored(store, world.open(owner(1), at(1000))).await;
    for command in [
        pay_by_card(CardOutcome::Declined("insufficient funds".to_owned())),
        confirm(&base, Some(transaction(1))),
        Command::FailPayment(None, "reverted".to_owned()),
        pay_by_card(CardOutcome::Authorized),
        receive(Rail::Card, None),
    ] {
        let unit = world.after(&base, command, at(2000));
        let expected = unit.change.as_ref().expect("a change").next.clone();
        base = stored(store, unit).await;
        assert_eq!(base.escrow, expected);
    }
    let attempts = &base.escrow.payments;
    assert_eq!(attempts.iter().map(Payment::has_failed).collect::<Vec<_>>(), [true, true, false]);
    assert!(attempts.is_sorted_by_key(|payment| payment.id));
    assert!(matches!(attempts[2].state, PaymentState::Final { .. }));
}

pub(crate) async fn a_change_of_the_terms_is_counted(store: &dyn Store) {
    let world = World::default();
    let base = stored(store, world.open(owner(1), at(1000))).await;
    let before = base.escrow.revision;
    let milestone = base.escrow.milestones()[0].id;
    let base = stored(store, world.after(&base, Command::DeleteMilestone(milestone), at(1000))).await;
    assert_eq!(base.escrow.revision, before + 1);
}

pub(crate) async fn a_payment_is_awaited_until_it_is_final(store: &dyn Store) {
    let world = World::default();
    let base = stored(store, world.open(owner(1), at(1000))).await;
    let base = stored(store, world.after(&base, confirm(&base, None), at(1000))).await;
    let payment = base.escrow.payments[0].id;
    assert_eq!(store.next_job().await.expect("a read"), Some(at(11_000)));
    assert_eq!(store.claim_jobs(at(10_999), at(60_000), 9).await.expect("a claim"), []);
    let jobs = store.claim_jobs(at(11_000), at(60_000), 9).await.expect("a claim");
    assert_eq!(jobs.iter().map(|job| job.lease.duty).collect::<Vec<_>>(), [Duty::AwaitPayment(payment)]);
    let settled = with_lease(world.after(&base, Command::SettlePayment(payment), at(11_000)), jobs[0].lease);
    assert_eq!(commit(store, settled).await, Outcome::Committed);
    assert_eq!(store.next_job().await.expect("a read"), None);
    let base = load(store, base.escrow.id).await.expect("an escrow");
    assert_eq!(base.escrow.status(), IntentStatus::Succeeded);
}

pub(crate) async fn money_without_a_purpose_comes_and_goes_back(store: &dyn Store) {
    let world = World::default();
    let mut base = stored(store, world.open(owner(1), at(1000))).await;
    base = stored(store, world.after(&base, receive(Rail::Sandbox, Some("1200")), at(2000))).await;
    base = stored(store, world.after(&base, receive(Rail::Card, None), at(3000))).await;
    let unapplied = async || {
        let balances = store.balances(owner(1)).await.expect("a read");
        balances.iter().find(|balance| balance.account == Account::Unapplied).map(|balance| balance.minor)
    };
    assert_eq!(unapplied().await, Some(1_200_000_000));
    for refund in base.escrow.refunds.clone() {
        let duty = Duty::PayBack(refund.id);
        let jobs = store.claim_jobs(at(9000), at(60_000), 1).await.expect("a claim");
        assert_eq!(jobs[0].lease.duty, duty);
        let back = world.after(&base, Command::ConfirmRefund(refund.id, "back".to_owned()), at(9000));
        base = stored(store, with_lease(back, jobs[0].lease)).await;
        assert_eq!(base.escrow.refund(refund.id).expect("a refund").status(), RefundStatus::Succeeded);
    }
    assert_eq!(unapplied().await, Some(0));
    let [excess, double] = base.escrow.refunds.as_slice() else { panic!("{base:?}") };
    let newest = PageRequest { limit: 10, position: Position::Offset(0) };
    let booked = async |kind| {
        let filter = TransferFilter { kinds: Some(vec![kind]), ..TransferFilter::default() };
        let found = store.transfers(owner(1), filter, newest).await.expect("a page").items;
        found.iter().map(|stored| stored.transfer.purpose).collect::<Vec<_>>()
    };
    let came = [Purpose::Receive(double.id, Rail::Card), Purpose::Receive(excess.id, Rail::Sandbox)];
    assert_eq!(booked(PurposeKind::Receive).await, came);
    let went = [Purpose::SendBack(double.id, Rail::Card), Purpose::SendBack(excess.id, Rail::Sandbox)];
    assert_eq!(booked(PurposeKind::SendBack).await, went);
}
