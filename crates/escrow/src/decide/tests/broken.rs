//! What is found in states that no decision leads to: what a defect, or somebody with access to the store, could have left there.

use super::world::{
    World, complete, confirm, milestone_id, raise, receive, refund, reject, release, resolve, submit_proof, terms, usdc,
};
use crate::command::{Command, Ruling};
use crate::dispute::{Dispute, DisputeState};
use crate::id::{DisputeId, RawId, RefundId};
use crate::ledger::Rail;
use crate::limits::MAX_MILESTONES;
use crate::money::{Amount, Currency};
use crate::payment::{Payment, PaymentState};
use crate::state::{Escrow, IntentState, Milestone, MilestoneState, Order, OrderState};
use crate::terms::{ReleaseType, SettlementMethod, Terms};
use crate::time::Timestamp;

const AT: Timestamp = Timestamp::from_ms(0);
const RAW: RawId = RawId::from_bits(77);

/// A good world, what somebody does to its state, and what is said of the first invariant that is found broken.
type Row = (World, fn(&mut Escrow), &'static str);

fn check<const ROWS: usize>(table: [Row; ROWS]) {
    for (world, spoil, words) in table {
        let mut state = world.state;
        assert_eq!(state.check(), Ok(()), "before: {words}");
        spoil(&mut state);
        let found = state.check().expect_err(words);
        assert!(found.contains(words), "{found:?} instead of {words:?}");
    }
}

fn by_hand() -> Terms {
    Terms { auto_release: false, ..terms() }
}

/// 100.00 of which 30.00 and 50.00 are shares and 20.00 belong to none.
fn unpaid() -> World {
    World::new(by_hand(), &[(0, "30"), (1, "50")])
}

fn paid() -> World {
    unpaid().funded()
}

/// The same, with the first share released.
fn released() -> World {
    paid().after([complete(1), release(1)])
}

/// The same, with the first share paid out and the rest on its way back.
fn settled() -> World {
    let mut world = released().after([Command::DeleteMilestone(milestone_id(2)), refund(None)]);
    world.now_ms = 10_000;
    let payout = world.state.settlements[0].id;
    world.after([Command::StartSettlement(payout), Command::ConfirmSettlement(payout, "paid".to_owned())])
}

fn whole() -> World {
    World::new(Terms { release_type: ReleaseType::DeliveryProof, ..by_hand() }, &[])
}

fn order(state: &mut Escrow) -> &mut Order {
    state.order.as_mut().expect("an order")
}

fn milestone(state: &mut Escrow, place: usize) -> &mut Milestone {
    &mut order(state).milestones[place]
}

/// Disputes a milestone, or the whole order, whatever is disputed already.
fn dispute(state: &mut Escrow, milestone: Option<u128>) {
    let known = order(state).disputes[0].clone();
    let id = DisputeId::new(RAW);
    let milestone = milestone.map(milestone_id);
    let state_of_it = DisputeState::Open { due: AT };
    order(state).disputes.push(Dispute { id, milestone, state: state_of_it, ..known });
}

/// Makes a milestone look released that was only completed, with money that is there.
fn release_ahead(state: &mut Escrow) {
    let (first, second) = (milestone(state, 0).state.clone(), milestone(state, 1).state.clone());
    (milestone(state, 0).state, milestone(state, 1).state) = (second, first);
    let (first, second) = (milestone(state, 0).amount, milestone(state, 1).amount);
    (milestone(state, 0).amount, milestone(state, 1).amount) = (second, first);
}

#[test]
fn balances_that_do_not_add_up_are_found() {
    check([
        (paid(), |state| state.funds.held = usdc("99.999999"), "held 99.999999 is not funded 100.00 - released 0.00"),
        (paid(), |state| state.funds.refunded = usdc("101"), "held 100.00 is not funded 100.00 - released 0.00"),
        (paid(), |state| state.funds.payable = Amount::zero(Currency::Eur), "payable is in EUR"),
        (
            paid(),
            |state| {
                let stored = r#"{"minor":-1,"currency":"USDC"}"#;
                state.funds.reserved = serde_json::from_str(stored).expect("what the store has");
            },
            "reserved is negative: -0.000001",
        ),
    ]);
}

#[test]
fn an_intent_that_is_not_where_its_money_is_is_found() {
    check([
        (paid(), |state| state.funding = None, "SUCCEEDED, and funding is None"),
        (paid(), |state| state.state = IntentState::Initiated, "INITIATED, and funding is Some"),
        (paid(), |state| state.terms.amount = usdc("99"), "funded 100000000 instead of 99000000"),
        (paid(), |state| state.state = IntentState::Settled { at: AT, final_due: AT }, "SETTLED with Funds"),
        (settled(), |state| state.state = IntentState::Succeeded, "SUCCEEDED with Funds"),
        (
            paid(),
            |state| state.state = IntentState::PayoutFailed { at: AT },
            "REQUIRES_ACTION, and something did not arrive: false",
        ),
        (
            settled(),
            |state| state.state = IntentState::Final { settled_at: AT, at: AT },
            "a refund is on its way after the end",
        ),
        (released(), |state| state.state = IntentState::Canceled { at: AT }, "canceled after a release"),
    ]);
}

#[test]
fn payments_that_are_not_what_funded_the_intent_are_found() {
    let again: fn(&mut Escrow) = |state| {
        let payment = state.payments[0].clone();
        state.payments.push(payment);
    };
    let unfunded: fn(&mut Escrow) = |state| {
        state.payments[0].state = PaymentState::Final { at: AT };
        state.state = IntentState::Initiated;
    };
    check([
        (paid(), again, "2 payments are final, and funding is Some"),
        (unpaid().after([confirm(2)]), unfunded, "1 payments are final, and funding is None"),
        (paid(), |state| state.payments[0].rail = Rail::Evm, "the final payment came on Some(Evm), funding is Some"),
        (paid(), |state| state.payments[0].revision += 1, "a payment consents to what is not yet"),
        (unpaid(), |state| state.state = IntentState::Processing { since: AT }, "PROCESSING with 0 payments under way"),
        (unpaid().after([confirm(2)]), again, "PROCESSING with 2 payments under way"),
        (
            paid(),
            |state| {
                let state_of_it = PaymentState::Confirming { due: AT };
                state.payments.push(Payment { state: state_of_it, ..state.payments[0].clone() });
            },
            "SUCCEEDED with 1 payments under way",
        ),
        (
            paid().after([receive(Rail::Evm, Some("1")), refund(Some("1"))]),
            |state| {
                let refund = state.refunds[1].id;
                let state_of_it = PaymentState::Unapplied { at: AT, refund };
                state.payments.push(Payment { state: state_of_it, ..state.payments[0].clone() });
            },
            "an unapplied payment has no way back",
        ),
    ]);
    let mut given_up = unpaid().after([confirm(2), Command::Cancel]);
    given_up.now_ms = 10_000;
    let payment = given_up.state.payments[0].id;
    check([(
        given_up.after([Command::SettlePayment(payment)]),
        |state| state.refunds[0].id = RefundId::new(RAW),
        "an unapplied payment has no way back",
    )]);
}

#[test]
fn money_that_is_on_its_way_twice_or_not_at_all_is_found() {
    let started = || {
        let mut world = released();
        world.now_ms = 10_000;
        let payout = world.state.settlements[0].id;
        world.after([Command::StartSettlement(payout)])
    };
    check([
        (
            released(),
            |state| state.settlements[0].amount = usdc("29"),
            "payable settlements are Some(29000000), the balance is 30.00",
        ),
        (
            started(),
            |state| state.settlements[0].amount = usdc("31"),
            "reserved settlements are Some(31000000), the balance is 30.00",
        ),
        (
            released(),
            |state| state.settlements[0].destination = "another account".to_owned(),
            "goes to another account by OFF_RAMP_MOCK, which was not agreed",
        ),
        (
            released(),
            |state| state.settlements[0].method = SettlementMethod::OffRampToWire,
            "by OFF_RAMP_TO_WIRE, which was not agreed",
        ),
        (started(), |state| state.settlements.clear(), "reserved settlements are Some(0), the balance is 30.00"),
        (
            paid().after([refund(Some("5"))]),
            |state| state.refunds[0].amount = usdc("6"),
            "pending refunds are Some(6000000), the balance is 5.00",
        ),
    ]);
}

#[test]
fn an_order_that_is_not_what_its_milestones_are_is_found() {
    check([
        (
            unpaid(),
            |state| {
                let ended = Milestone { state: MilestoneState::Cancelled { at: AT }, ..milestone(state, 0).clone() };
                order(state).milestones.splice(0..0, std::iter::repeat_n(ended, MAX_MILESTONES - 1));
            },
            "too many milestones",
        ),
        (unpaid(), |state| order(state).milestones.reverse(), "milestones out of order"),
        (unpaid(), |state| milestone(state, 0).amount = usdc("50.000001"), "milestones of 100000001 exceed 100.00"),
        (
            paid(),
            |state| {
                state.state = IntentState::Canceled { at: AT };
                order(state).state = OrderState::Completed { at: AT };
            },
            "order is COMPLETED and holds 100.00",
        ),
        (
            paid(),
            |state| {
                state.state = IntentState::Canceled { at: AT };
                order(state).state = OrderState::Cancelled { at: AT };
            },
            "order is CANCELLED and holds 100.00",
        ),
        (settled(), |state| order(state).state = OrderState::Pending, "order is PENDING and holds 0.00"),
        (unpaid(), |state| order(state).state = OrderState::Completed { at: AT }, "order is COMPLETED and holds 0.00"),
    ]);
}

#[test]
fn disputes_that_overlap_or_freeze_nothing_are_found() {
    check([
        (paid(), |state| order(state).state = OrderState::Disputed { at: AT }, "order is DISPUTED, dispute: false"),
        (
            paid().after([raise(None)]),
            |state| order(state).state = OrderState::Pending,
            "order is PENDING, dispute: true",
        ),
        (paid().after([raise(None)]), |state| dispute(state, Some(1)), "a disputed order has other open disputes"),
        (paid().after([raise(Some(2))]), |state| dispute(state, Some(2)), " is not the only one about its milestone"),
        (
            released().after([raise(Some(2))]),
            |state| dispute(state, Some(1)),
            "dispute_000000000000000000001F freezes what has ended",
        ),
        (
            released().after([raise(Some(2))]),
            |state| dispute(state, Some(9)),
            "dispute_000000000000000000001F freezes what has ended",
        ),
    ]);
}

#[test]
fn milestones_that_are_ahead_of_those_below_them_are_found() {
    let second_decided = || {
        let world = World::new(by_hand(), &[(0, "20"), (1, "20"), (2, "20")]).funded();
        world.after([complete(1), release(1), raise(Some(3)), resolve(None, Ruling::MerchantWon)])
    };
    let rejected = || paid().after([complete(1), complete(2), reject(1)]);
    check([
        (released(), release_ahead, "milestone 1 is ahead of one below it"),
        (second_decided(), release_ahead, "milestone 1 is ahead of one below it"),
        (paid().after([complete(1)]), release_ahead, "milestone 1 is ahead of one below it"),
        (rejected(), |state| milestone(state, 0).rejected = None, "milestone 1 is ahead of one below it"),
        (paid(), |state| milestone(state, 1).index = 0, "two milestones of index 0"),
        (
            rejected(),
            |state| milestone(state, 1).rejected = milestone(state, 0).rejected.clone(),
            "milestone 1 is completed and rejected",
        ),
    ]);
}

#[test]
fn releases_that_no_share_accounts_for_are_found() {
    let proven = || whole().after([submit_proof(1), Command::ReleaseOrder(None)]);
    let decided = |ruling| paid().after([raise(Some(1)), resolve(None, ruling)]);
    check([
        (
            released(),
            |state| milestone(state, 0).amount = usdc("29"),
            "released milestones are Some(29000000), the total is 30000000",
        ),
        (
            decided(Ruling::MerchantWon),
            |state| milestone(state, 0).amount = usdc("29"),
            "released milestones are Some(29000000), the total is 30000000",
        ),
        (
            released().after([raise(None)]),
            |state| milestone(state, 0).amount = usdc("29"),
            "released milestones are Some(29000000), the total is 30000000",
        ),
        (
            paid().after([raise(None), resolve(None, Ruling::MerchantWon)]),
            |state| milestone(state, 0).amount = usdc("51"),
            "released milestones are Some(101000000), the total is 100000000",
        ),
        (
            released(),
            |state| state.terms.release_type = ReleaseType::DeliveryProof,
            "30.00 released and 70.00 held of an order without shares",
        ),
        (
            unpaid(),
            |state| state.terms.release_type = ReleaseType::TimeLocked,
            "0.00 released and 0.00 held of an order without shares",
        ),
        (
            proven(),
            |state| state.terms.release_type = ReleaseType::MilestoneLocked,
            "released milestones are Some(0), the total is 100000000",
        ),
    ]);
}
