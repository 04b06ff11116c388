//! Who gets how much: resolutions, refunds and what a payer takes back, to the last cent.

use super::world::{
    World, approve, complete, milestone_id, partly, raise, refund, reject, release, resolve, submit_proof, terms, usdc,
};
use crate::command::{Command, Ruling, Shipping};
use crate::dispute::Resolution;
use crate::duty::Duty;
use crate::event::EventKind;
use crate::ledger::PurposeKind;
use crate::rejection::Rejection;
use crate::state::{Escrow, IntentStatus, OrderSettlement, OrderStatus, SettlementProgress};
use crate::terms::{ReleaseType, Terms};
use crate::time::{Span, Timestamp};

fn by_hand() -> Terms {
    Terms { auto_release: false, ..terms() }
}

/// 100.00 of which 30.00 and 50.00 are shares and 20.00 belong to none, all held.
fn split(fee_basis_points: u16) -> World {
    World::new(Terms { fee_basis_points, ..by_hand() }, &[(0, "30"), (1, "50")]).funded()
}

/// 100.00 that are released whole.
fn whole(fee_basis_points: u16) -> World {
    World::new(Terms { release_type: ReleaseType::DeliveryProof, fee_basis_points, ..by_hand() }, &[]).funded()
}

/// What became of every milestone, and how much of it went back where that was not all or nothing.
fn shares(state: &Escrow) -> Vec<String> {
    let share = |milestone: &crate::Milestone| {
        let refunded = milestone.release().and_then(|release| release.refunded);
        refunded.map_or(milestone.status().to_string(), |refunded| format!("{} less {refunded}", milestone.status()))
    };
    state.milestones().iter().map(share).collect()
}

/// Every payout with its state.
fn payouts(state: &Escrow) -> Vec<String> {
    state.settlements.iter().map(|settlement| format!("{} {}", settlement.amount, settlement.status())).collect()
}

fn order_status(state: &Escrow) -> OrderStatus {
    state.order.as_ref().expect("an order").state.status()
}

#[test]
fn a_resolution_of_a_whole_order_divides_all_that_is_held() {
    let (all, none) = (Ruling::MerchantWon, Ruling::BuyerWon);
    for (world, ruling, released, refunded, fees, expected_shares, expected_payouts) in [
        (whole(250), all, "100", "0", "2.5", vec![], vec!["97.50"]),
        (whole(250), none, "0", "100", "0", vec![], vec![]),
        (whole(250), partly("40"), "60", "40", "1.5", vec![], vec!["58.50"]),
        (whole(0), partly("99.999999"), "0.000001", "99.999999", "0", vec![], vec!["0.000001"]),
        (split(0), all, "100", "0", "0", vec!["RELEASED", "RELEASED"], vec!["30.00", "50.00", "20.00"]),
        (split(0), none, "0", "100", "0", vec!["CANCELLED", "CANCELLED"], vec![]),
        (split(0), partly("10"), "90", "10", "0", vec!["RELEASED", "RELEASED"], vec!["30.00", "50.00", "10.00"]),
        (split(0), partly("20"), "80", "20", "0", vec!["RELEASED", "RELEASED"], vec!["30.00", "50.00"]),
        (split(250), partly("60"), "40", "60", "1", vec!["RELEASED", "RELEASED less 40.00"], vec!["29.25", "9.75"]),
        (split(0), partly("70"), "30", "70", "0", vec!["RELEASED", "CANCELLED"], vec!["30.00"]),
        (split(0), partly("80"), "20", "80", "0", vec!["RELEASED less 10.00", "CANCELLED"], vec!["20.00"]),
    ] {
        let minor = |text: &str| crate::Decimal::parse(text).map_or(0, |_| usdc(text).minor());
        let mut world = world.after([raise(None)]);
        let decision = world.run(resolve(None, ruling)).expect("an open dispute");
        let funds = world.state.funds;
        assert!(funds.held.is_zero(), "{ruling:?}");
        let moved = [funds.released, funds.refunded].map(crate::Amount::minor);
        assert_eq!(moved, [released, refunded].map(minor), "{ruling:?}");
        let kept = decision.transfers.iter().filter(|transfer| transfer.purpose.kind() == PurposeKind::Fee);
        assert_eq!(kept.map(|transfer| transfer.amount.minor()).sum::<i64>(), minor(fees), "{ruling:?}");
        assert_eq!(shares(&world.state), expected_shares, "{ruling:?}");
        let expected: Vec<String> = expected_payouts.iter().map(|amount| format!("{amount} SCHEDULED")).collect();
        assert_eq!(payouts(&world.state), expected, "{ruling:?}");
        assert_eq!(order_status(&world.state), OrderStatus::Completed, "a whole resolution completes the order");
        let status = if funds.released.is_zero() { IntentStatus::Canceled } else { IntentStatus::Succeeded };
        assert_eq!(world.state.status(), status, "{ruling:?}");
        assert!(decision.events.iter().any(|event| event.kind == EventKind::DisputeResolved));
    }
}

#[test]
fn a_resolution_of_a_milestone_divides_its_share_and_leaves_the_rest() {
    for (ruling, released, refunded, second) in [
        (Ruling::MerchantWon, Some("50"), None, "RELEASED"),
        (Ruling::BuyerWon, None, Some("50"), "CANCELLED"),
        (partly("20"), Some("30"), Some("20"), "RELEASED less 20.00"),
        (partly("0.000001"), Some("49.999999"), Some("0.000001"), "RELEASED less 0.000001"),
    ] {
        let world = split(0).after([raise(Some(2)), resolve(Some(2), ruling)]);
        let funds = world.state.funds;
        let expected = [released, refunded].map(|text| text.map_or(0, |text| usdc(text).minor()));
        assert_eq!([funds.released, funds.refunded].map(crate::Amount::minor), expected, "{ruling:?}");
        assert_eq!(funds.held, usdc("50"), "the other share and the rest");
        assert_eq!(shares(&world.state), ["PENDING", second], "whatever the order of the milestones says");
        assert_eq!(order_status(&world.state), OrderStatus::Pending);
    }
}

#[test]
fn when_a_dispute_ends_what_it_held_back_is_released() {
    let world = World::new(Terms { require_approval: true, ..terms() }, &[(0, "30"), (1, "50")]);
    let waiting = world.after([complete(1), complete(2), approve(2), raise(Some(1))]);
    assert!(waiting.state.funds.released.is_zero(), "the second one waits for the first");
    let decided = waiting.after([resolve(None, Ruling::BuyerWon)]);
    assert_eq!(shares(&decided.state), ["CANCELLED", "RELEASED"]);
}

#[test]
fn nobody_deciding_is_deciding_for_the_payer() {
    let mut world = split(0).after([raise(None)]);
    world.now_ms = world.state.dispute_window().ms();
    world.run(Command::EndDispute(world.state.disputes()[0].id)).expect("the window has ended");
    assert_eq!((world.state.funds.refunded, world.state.status()), (usdc("100"), IntentStatus::Canceled));
    let resolved = world.state.disputes()[0].resolved().expect("a resolution");
    assert_eq!((resolved.resolution, resolved.by.clone()), (Resolution::BuyerWon, None));
}

#[test]
fn a_refund_takes_what_is_free_then_what_is_released_the_newest_first() {
    let some = || split(0).after([complete(1), release(1)]);
    let all = || World::new(terms(), &[(0, "30"), (1, "50"), (2, "20")]).after([complete(1), complete(2), complete(3)]);
    let failed = || {
        let world = some();
        let payout = world.state.settlements[0].id;
        world.after([Command::FailSettlement(payout, "closed".to_owned())])
    };
    for (world, asked, from_escrow, from_payable, expected) in [
        (some(), Some("5"), "5", None, vec!["30.00 SCHEDULED"]),
        (some(), None, "20", None, vec!["30.00 SCHEDULED"]),
        (some(), Some("20"), "20", None, vec!["30.00 SCHEDULED"]),
        (some(), Some("25"), "20", Some("5"), vec!["25.00 SCHEDULED"]),
        (some(), Some("50"), "20", Some("30"), vec!["30.00 CANCELLED"]),
        (all(), Some("20"), "", Some("20"), vec!["30.00 SCHEDULED", "50.00 SCHEDULED", "20.00 CANCELLED"]),
        (all(), Some("60"), "", Some("60"), vec!["30.00 SCHEDULED", "10.00 SCHEDULED", "20.00 CANCELLED"]),
        (all(), None, "", Some("100"), vec!["30.00 CANCELLED", "50.00 CANCELLED", "20.00 CANCELLED"]),
        (failed(), Some("25"), "20", Some("5"), vec!["25.00 FAILED"]),
        (failed(), Some("50"), "20", Some("30"), vec!["30.00 CANCELLED"]),
    ] {
        let before = world.state.funds;
        let world = world.after([refund(asked)]);
        let (funds, made) = (world.state.funds, world.state.refunds[0].clone());
        let taken_minor = if from_escrow.is_empty() { 0 } else { usdc(from_escrow).minor() };
        assert_eq!(made.from_payable, from_payable.map(usdc), "{asked:?}");
        assert_eq!(before.held.minor() - funds.held.minor(), taken_minor, "{asked:?}");
        assert_eq!(funds.refunding, made.amount, "{asked:?}");
        assert_eq!(payouts(&world.state), expected, "{asked:?}");
        let refused = world.after([Command::FailRefund(made.id, "card expired".to_owned())]);
        let after = refused.state.funds;
        assert_eq!((after.held, after.payable), (before.held, before.payable), "refused, it is back where it was");
    }
}

#[test]
fn a_refused_refund_of_all_that_was_released_is_paid_out_again() {
    let world = World::new(terms(), &[(0, "100")]).after([complete(1), refund(None)]);
    assert_eq!(world.state.status(), IntentStatus::Settled, "nothing is left");
    let mut world = world;
    let refund = world.state.refunds[0].id;
    let decision = world.run(Command::FailRefund(refund, "card expired".to_owned())).expect("pending");
    let steps = decision.events.iter().filter(|event| event.kind == EventKind::IntentStatusChanged);
    let previous: Vec<&str> = steps.map(|event| event.previous[0].1.as_str()).collect();
    assert_eq!(previous, ["SETTLED", "REQUIRES_ACTION"], "no transition but those there are");
    assert_eq!(world.state.status(), IntentStatus::Succeeded);
    assert_eq!(payouts(&world.state), ["100.00 CANCELLED", "100.00 SCHEDULED"]);
}

#[test]
fn what_comes_back_after_the_end_can_be_sent_again_by_either() {
    let cancelled = split(0).after([Command::Cancel]);
    let proven = whole(0).after([refund(Some("10")), submit_proof(1), Command::ReleaseOrder(None)]);
    for (world, status, came_back) in
        [(cancelled, IntentStatus::Canceled, "100"), (proven, IntentStatus::RequiresAction, "10")]
    {
        let first = world.state.refunds[0].id;
        let world = world.after([Command::FailRefund(first, "card expired".to_owned())]);
        assert_eq!((world.state.funds.held, world.state.status()), (usdc(came_back), status));
        for again in [refund(None), Command::Reclaim(None)] {
            let decision = world.ask(again).expect("by the merchant, or the payer at once");
            assert!(decision.next.funds.held.is_zero());
            assert_eq!(decision.next.refunds.last().map(|refund| refund.amount), Some(usdc(came_back)));
        }
    }
}

#[test]
fn a_payer_takes_back_what_is_neither_done_nor_disputed() {
    let reclaimed = |mut world: World| {
        world.now_ms = 7_200_000;
        world.after([Command::Reclaim(None)]).state
    };
    for (world, back, expected, order, intent) in [
        (whole(250), "100", vec![], OrderStatus::Cancelled, IntentStatus::Canceled),
        (split(250), "100", vec!["CANCELLED", "CANCELLED"], OrderStatus::Cancelled, IntentStatus::Canceled),
        (
            split(0).after([complete(1)]),
            "70",
            vec!["COMPLETED", "CANCELLED"],
            OrderStatus::Delivered,
            IntentStatus::Succeeded,
        ),
        (
            split(0).after([complete(1), release(1)]),
            "70",
            vec!["RELEASED", "CANCELLED"],
            OrderStatus::Completed,
            IntentStatus::Succeeded,
        ),
        (
            split(0).after([raise(Some(2))]),
            "50",
            vec!["CANCELLED", "PENDING"],
            OrderStatus::Pending,
            IntentStatus::Succeeded,
        ),
        (
            split(0).after([complete(1), reject(1)]),
            "70",
            vec!["PENDING", "CANCELLED"],
            OrderStatus::Pending,
            IntentStatus::Succeeded,
        ),
    ] {
        let state = reclaimed(world);
        assert_eq!(state.funds.refunding, usdc(back), "{expected:?}");
        assert_eq!((shares(&state), order_status(&state), state.status()), (to_owned(&expected), order, intent));
    }
}

fn to_owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn what_is_held_whole_is_released_by_what_was_agreed() {
    let (by_proof, by_itself, by_time) =
        (ReleaseType::DeliveryProof, ReleaseType::AutoRelease, ReleaseType::TimeLocked);
    let (proven, shipped) = (|| vec![submit_proof(1)], || vec![Command::Ship(Shipping::default())]);
    let (silent, opened) = (Command::EndSilence(None), Command::OpenTimeLock);
    let early = Err(Rejection::NotDue(Timestamp::from_ms(5_000)));
    let nothing = Err(Rejection::NothingDue);
    let at_once = Some(usdc("100"));
    for (release_type, auto_release, approved, delivered, before, released, timer, at_its_time) in [
        (by_proof, true, false, false, proven(), at_once, silent.clone(), nothing.clone()),
        (by_proof, false, false, false, proven(), None, silent.clone(), early.clone()),
        (by_proof, true, true, false, proven(), None, silent.clone(), early.clone()),
        (by_proof, false, false, false, shipped(), None, silent.clone(), nothing.clone()),
        (by_itself, false, false, false, proven(), at_once, silent.clone(), nothing.clone()),
        (by_itself, false, true, false, proven(), None, silent.clone(), early.clone()),
        (by_time, true, false, false, vec![], None, opened.clone(), early.clone()),
        (by_time, true, true, false, proven(), None, opened.clone(), early.clone()),
        (by_time, true, false, false, proven(), None, silent, nothing.clone()),
        (by_time, true, false, true, vec![], None, opened.clone(), nothing),
        (by_time, true, false, true, shipped(), None, opened.clone(), early.clone()),
        (by_time, true, false, true, proven(), None, opened, early),
    ] {
        let agreed = Terms {
            release_type,
            auto_release,
            require_approval: approved,
            require_delivery: delivered,
            time_lock_until: Some(Timestamp::from_ms(5_000)),
            approval_period: Span::from_ms(5_000),
            ..terms()
        };
        let words = format!("{release_type}: {before:?}, then {timer:?}");
        let mut world = World::new(agreed, &[]).funded().after(before);
        assert_eq!(Some(world.state.funds.released).filter(|amount| !amount.is_zero()), released, "{words}");
        world.now_ms = 4_999;
        assert_eq!(world.ask(timer.clone()).map(|decision| decision.next), at_its_time, "{words}");
        if matches!(at_its_time, Err(Rejection::NotDue(_))) {
            world.now_ms = 5_000;
            assert_eq!(world.after([timer]).state.funds.released, usdc("100"), "{words}");
        }
    }
}

#[test]
fn a_time_lock_that_is_open_when_the_money_comes_releases_it_at_once() {
    for (until_ms, released) in [(5_000, "100"), (5_001, "0")] {
        let time_lock_until = Some(Timestamp::from_ms(until_ms));
        let locked = Terms { release_type: ReleaseType::TimeLocked, time_lock_until, ..terms() };
        let mut world = World::new(locked, &[]);
        world.now_ms = 5_000;
        let state = world.funded().state;
        assert_eq!(state.funds.released.to_string(), format!("{released}.00"));
    }
}

#[test]
fn a_payout_that_fails_or_comes_back_is_tried_again() {
    let mut world = World::new(terms(), &[(0, "100")]).after([complete(1)]);
    world.now_ms = 10_000;
    let id = world.state.settlements[0].id;
    let arrive = || [Command::StartSettlement(id), Command::ConfirmSettlement(id, "paid".to_owned())];
    let refused = || [Command::StartSettlement(id), Command::FailSettlement(id, "closed".to_owned())];
    let sent_back = || Command::ReturnSettlement(id, "closed".to_owned());
    let world = world.after(refused());
    assert_eq!((world.state.status(), world.state.funds.payable), (IntentStatus::RequiresAction, usdc("100")));
    let world = world.after([Command::RetrySettlement(id)]).after(arrive());
    assert_eq!((world.state.status(), world.state.settlements[0].retries), (IntentStatus::Settled, 1));
    let world = world.after([sent_back()]);
    assert_eq!((world.state.status(), world.state.funds.payable), (IntentStatus::RequiresAction, usdc("100")));
    let again = world.after([Command::RetrySettlement(id)]).after(arrive());
    assert_eq!(again.state.status(), IntentStatus::Settled, "and the finality period begins again");
}

#[test]
fn nothing_is_final_while_a_refund_may_still_come_back() {
    let mut world = split(0).after([complete(1), release(1), Command::DeleteMilestone(milestone_id(2)), refund(None)]);
    world.now_ms = 10_000;
    let (payout, back) = (world.state.settlements[0].id, world.state.refunds[0].id);
    let arrived = Command::ConfirmSettlement(payout, "paid".to_owned());
    let mut world = world.after([Command::StartSettlement(payout), arrived]);
    assert_eq!(world.state.status(), IntentStatus::Settled);
    assert_eq!(world.state.duties(), [(Duty::PayBack(back), world.state.refunds[0].created)]);
    let due_ms = world.now_ms + world.settings.finality_period.ms();
    world.now_ms = due_ms;
    assert_eq!(world.ask(Command::Finalize), Err(Rejection::NothingDue));
    let world = world.after([Command::ConfirmRefund(back, "repaid".to_owned())]);
    assert_eq!(world.state.duties(), [(Duty::Finalize, Timestamp::from_ms(due_ms))]);
    assert_eq!(world.after([Command::Finalize]).state.status(), IntentStatus::Final);
}

#[test]
fn how_far_the_payouts_are_is_told_by_those_that_are_left() {
    let world = || {
        let mut world = split(0).after([complete(1), release(1)]);
        world.now_ms = 10_000;
        world
    };
    let id = world().state.settlements[0].id;
    let (start, why) = (Command::StartSettlement(id), || "closed".to_owned());
    let (fail, arrive) = (Command::FailSettlement(id, why()), Command::ConfirmSettlement(id, why()));
    let (calm, cancelled) = (split(0), split(0).after([Command::Cancel]));
    assert_eq!((calm.state.settlement_progress(), calm.state.order_settlement()), (None, OrderSettlement::None));
    assert_eq!(cancelled.state.order_settlement(), OrderSettlement::Cancelled);
    let (pending, in_progress) = (Some(SettlementProgress::Pending), Some(SettlementProgress::InProgress));
    for (commands, expected, of_the_order) in [
        (vec![], pending, OrderSettlement::Scheduled),
        (vec![refund(Some("25"))], pending, OrderSettlement::Scheduled),
        (vec![refund(Some("50"))], None, OrderSettlement::None),
        (vec![start.clone()], in_progress, OrderSettlement::Executed),
        (vec![fail.clone()], Some(SettlementProgress::Failed), OrderSettlement::Executed),
        (vec![fail, refund(Some("50"))], None, OrderSettlement::None),
        (vec![start.clone(), arrive.clone()], in_progress, OrderSettlement::Confirmed),
        (vec![start.clone(), arrive.clone(), complete(2), release(2)], in_progress, OrderSettlement::Scheduled),
        (
            vec![refund(Some("20")), Command::DeleteMilestone(milestone_id(2)), refund(Some("50")), start, arrive],
            Some(SettlementProgress::Completed),
            OrderSettlement::Confirmed,
        ),
    ] {
        let words = format!("{commands:?}");
        let state = world().after(commands).state;
        assert_eq!((state.settlement_progress(), state.order_settlement()), (expected, of_the_order), "{words}");
    }
}
