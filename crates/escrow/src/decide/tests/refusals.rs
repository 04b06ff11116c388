//! What is refused, in which order of precedence, and in which words; and the main job, cent by cent.

use super::world::{World, complete, decimal, milestone_id, new_milestone, receive, terms, usdc};
use crate::authority::{Actor, Role};
use crate::command::{Command, CommandKind, MilestonePatch, NewMilestone};
use crate::ledger::Rail;
use crate::limits::MAX_MILESTONES;
use crate::rejection::Rejection;
use crate::state::{IntentStatus, MilestoneStatus, OrderStatus};
use crate::terms::{Mode, PaymentType, ReleaseType, Terms};
use crate::time::Span;

/// What the world says to a command.
fn refusal(world: &World, command: Command) -> String {
    world.ask(command).expect_err("a refusal").to_string()
}

fn add(index: u32, amount: &str) -> Command {
    Command::AddMilestone(new_milestone(99, index, amount))
}

#[test]
fn a_milestone_is_refused_for_the_first_reason_that_holds() {
    let proof = World::new(Terms { release_type: ReleaseType::DeliveryProof, ..terms() }, &[]);
    let pull = World::new(Terms { payment_type: PaymentType::ConsentedPull, ..terms() }, &[]);
    let mut split = World::new(terms(), &[(0, "30"), (5, "60")]);
    split.run(complete(1)).expect("the first milestone");
    let mut cancelled = World::new(terms(), &[(0, "30")]);
    cancelled.run(Command::Cancel).expect("it can be cancelled");
    let mut done = World::new(terms(), &[(0, "100")]);
    done.run(complete(1)).expect("the only milestone");
    for (world, command, words) in [
        (&pull, add(0, "1"), "Payment intent is not of type DELIVERY_VS_PAYMENT"),
        (&proof, add(0, "101"), "Cannot create milestone for order with release type: DELIVERY_PROOF"),
        (&split, add(0, "101"), "Milestone with index 0 already exists"),
        (&split, add(5, "1"), "Milestone with index 5 already exists"),
        (&done, add(0, "1"), "Milestone with index 0 already exists"),
        (&cancelled, add(0, "101"), "Cannot create milestone: order is CANCELLED"),
        (&done, add(1, "1"), "Cannot create milestone: order is COMPLETED"),
        (&split, add(6, "10.000001"), "Total milestone amounts exceed escrow order amount"),
        (&split, add(6, "0.0000001"), "amount must have at most 6 decimals for USDC"),
    ] {
        assert_eq!(refusal(world, command), words);
    }
    assert!(split.ask(add(3, "10")).is_ok(), "a gap above the completed one may be filled, to the last cent");
}

#[test]
fn an_intent_without_an_order_has_no_milestones_to_speak_of() {
    let pull = World::new(Terms { payment_type: PaymentType::ConsentedPull, ..terms() }, &[]);
    let patch = Command::UpdateMilestone(milestone_id(1), MilestonePatch::default());
    let release = Command::ReleaseMilestone(milestone_id(1), None);
    for command in [complete(1), release, patch, Command::DeleteMilestone(milestone_id(1))] {
        assert_eq!(pull.ask(command), Err(Rejection::NoOrder));
    }
}

#[test]
fn a_milestone_may_not_be_put_below_one_that_is_done() {
    let mut world = World::new(terms(), &[(3, "30"), (5, "30")]);
    world.run(complete(1)).expect("the first milestone");
    assert_eq!(world.ask(add(2, "1")), Err(Rejection::IndexBelowCompleted(3)));
    assert!(world.ask(add(4, "1")).is_ok());
}

#[test]
fn the_index_of_a_deleted_milestone_is_free_again_but_its_place_is_not() {
    let mut world = World::new(terms(), &[]);
    for id in 1..=MAX_MILESTONES as u128 {
        world.run(Command::AddMilestone(new_milestone(id, 0, "100"))).expect("a free index");
        world.run(Command::DeleteMilestone(milestone_id(id))).expect("a pending milestone");
    }
    assert_eq!(world.ask(add(0, "1")), Err(Rejection::TooManyMilestones));
}

#[test]
fn a_completion_is_refused_for_the_first_reason_that_holds() {
    let mut world = World::new(Terms { auto_release: false, ..terms() }, &[(0, "30"), (1, "20"), (2, "10"), (3, "5")]);
    let cannot = |status| Rejection::MilestoneStatus { action: "complete", status };
    assert_eq!(world.ask(complete(77)), Err(Rejection::MilestoneNotFound));
    assert_eq!(world.ask(complete(3)), Err(Rejection::PreviousNotCompleted(1)), "the highest open one below");
    world.run(complete(1)).expect("in order");
    assert_eq!(world.ask(complete(1)), Err(Rejection::MilestoneCompleted));
    world.run(Command::ReleaseMilestone(milestone_id(1), None)).expect("a completed one");
    assert_eq!(world.ask(complete(1)), Err(Rejection::MilestoneReleased));
    world.run(Command::DeleteMilestone(milestone_id(2))).expect("a pending one");
    assert_eq!(world.ask(complete(2)), Err(cannot(MilestoneStatus::Cancelled)));
    assert!(world.ask(complete(3)).is_ok(), "a deleted one below does not hold it back");
}

#[test]
fn a_release_by_hand_keeps_the_order() {
    let mut world = World::new(Terms { auto_release: false, ..terms() }, &[(0, "30"), (1, "20")]);
    let release = |id| Command::ReleaseMilestone(milestone_id(id), Some("payer".to_owned()));
    assert_eq!(refusal(&world, release(1)), "Cannot release milestone in status: PENDING");
    world.run(complete(1)).expect("in order");
    world.run(complete(2)).expect("in order");
    assert_eq!(world.ask(release(2)), Err(Rejection::PreviousNotReleased(0)));
    world.run(release(1)).expect("in order");
    assert_eq!(world.ask(release(1)), Err(Rejection::MilestoneReleased));
    world.run(release(2)).expect("in order");
    assert_eq!(world.state.funds.payable, usdc("50"));
}

#[test]
fn live_money_is_never_simulated() {
    let world = World::in_mode(Mode::Live, terms(), &[(0, "30")]);
    assert_eq!(world.ask(complete(1)), Err(Rejection::NotFunded));
    let by_merchant = world.ask_as(&Actor::Merchant, receive(Rail::Sandbox, None));
    let not_allowed = Rejection::NotAllowed { who: Role::Merchant, action: CommandKind::ReceivePayment };
    assert_eq!(by_merchant, Err(not_allowed));
    let mut funded = world.funded();
    funded.run(complete(1)).expect("real money is there");
    assert_eq!(funded.state.funds.payable, usdc("30"));
}

#[test]
fn a_cancellation_gives_everything_back_until_something_was_released() {
    let unpaid = World::new(terms(), &[(0, "30")]);
    assert!(unpaid.ask(Command::Cancel).expect("unpaid").transfers.is_empty());
    let mut paid = World::new(terms(), &[(0, "30")]).funded();
    let decision = paid.run(Command::Cancel).expect("nothing was released");
    assert_eq!(decision.next.funds.refunding, usdc("100"));
    assert_eq!(decision.next.milestones()[0].status(), MilestoneStatus::Cancelled);
    let order = decision.next.order.as_ref().expect("an order");
    assert_eq!(order.state.status(), OrderStatus::Cancelled);
    assert_eq!(refusal(&paid, Command::Cancel), "Cannot cancel payment intent in status: CANCELED");
    let refund = decision.next.refunds[0].id;
    paid.run(Command::ConfirmRefund(refund, "repaid".to_owned())).expect("pending");
    assert!(paid.state.funds.refunding.is_zero());
    let mut released = World::new(terms(), &[(0, "30"), (1, "70")]);
    released.run(complete(1)).expect("in order");
    assert_eq!(released.ask(Command::Cancel), Err(Rejection::CancelAfterRelease));
}

#[test]
fn a_change_that_changes_nothing_is_none() {
    let world = World::new(terms(), &[(0, "30")]);
    let patch = |patch| world.ask(Command::UpdateMilestone(milestone_id(1), patch)).expect("pending");
    let same = patch(MilestonePatch { amount: Some(decimal("30.00")), ..MilestonePatch::default() });
    assert_eq!((same.events.len(), &same.next), (0, &world.state));
    let informative = patch(MilestonePatch { percentage: Some(Some("30".to_owned())), ..MilestonePatch::default() });
    assert_eq!((informative.events.len(), informative.next.revision), (1, world.state.revision));
}

#[test]
fn a_change_of_a_milestone_stays_within_the_whole() {
    let mut world = World::new(terms(), &[(0, "30"), (1, "70")]);
    let amount = |text| {
        Command::UpdateMilestone(
            milestone_id(1),
            MilestonePatch { amount: Some(decimal(text)), ..MilestonePatch::default() },
        )
    };
    assert_eq!(world.ask(amount("30.000001")), Err(Rejection::TotalExceeded));
    let decision = world.run(amount("20")).expect("smaller");
    assert_eq!(decision.events[0].previous, [("amount", "30.00".to_owned())]);
    world.run(complete(1)).expect("in order");
    assert_eq!(refusal(&world, amount("10")), "Cannot update milestone in status: RELEASED");
    assert_eq!(
        refusal(&world, Command::DeleteMilestone(milestone_id(1))),
        "Cannot delete milestone in status: RELEASED"
    );
}

#[test]
fn timers_that_ring_early_change_nothing() {
    let mut world = World::new(terms(), &[(0, "100")]);
    world.now_ms = 5_000;
    world.run(complete(1)).expect("in order");
    let settlement = world.state.settlements[0].id;
    world.now_ms = 14_999;
    let early = world.ask(Command::StartSettlement(settlement));
    assert!(matches!(early, Err(Rejection::NotDue(at)) if at.ms() == 15_000));
    world.now_ms = 15_000;
    world.run(Command::StartSettlement(settlement)).expect("due");
    world.now_ms = 1_000;
    world.run(Command::ConfirmSettlement(settlement, "paid".to_owned())).expect("started");
    assert_eq!(world.state.updated.ms(), 15_000, "updated never decreases, wherever the clock steps");
    assert!(matches!(world.ask(Command::Finalize), Err(Rejection::NotDue(_))));
    world.now_ms = 15_000 + Span::from_seconds(7 * 24 * 3600).ms();
    world.run(Command::Finalize).expect("due");
    assert_eq!(world.state.status(), IntentStatus::Final);
}

#[test]
fn the_main_job_cent_by_cent() {
    let thousand = Terms { amount: usdc("1000"), ..terms() };
    let mut world = World::new(thousand, &[(0, "300"), (1, "500"), (2, "200")]);
    for (id, released, held) in [(1, "300", "700"), (2, "800", "200")] {
        world.run(complete(id)).expect("in order");
        assert_eq!((world.state.funds.released, world.state.funds.held), (usdc(released), usdc(held)));
    }
    world.run(complete(3)).expect("in order");
    assert!(world.state.funds.held.is_zero());
    assert_eq!(world.state.status(), IntentStatus::Succeeded);
    world.now_ms = 10_000;
    for settlement in world.state.settlements.clone() {
        world.run(Command::StartSettlement(settlement.id)).expect("due");
        world.run(Command::ConfirmSettlement(settlement.id, "paid".to_owned())).expect("started");
    }
    assert_eq!(world.state.status(), IntentStatus::Settled);
}

#[test]
fn a_fee_is_kept_of_every_release() {
    let mut world = World::new(Terms { fee_basis_points: 250, ..terms() }, &[(0, "30"), (1, "70")]);
    world.run(complete(1)).expect("in order");
    assert_eq!((world.state.funds.released, world.state.funds.payable), (usdc("30"), usdc("29.25")));
    assert_eq!(world.state.settlements[0].amount, usdc("29.25"));
}

#[test]
fn milestones_of_another_precision_are_refused_in_the_intents_currency() {
    let euros = Terms { amount: crate::Amount::parse("100", crate::Currency::Eur).expect("euros"), ..terms() };
    let world = World::new(euros, &[]);
    let new = NewMilestone { amount: decimal("1.001"), ..new_milestone(1, 0, "1") };
    assert_eq!(refusal(&world, Command::AddMilestone(new)), "amount must have at most 2 decimals for EUR");
}
