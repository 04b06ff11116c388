//! What is refused, in which order of precedence, and in which words; and the main job, cent by cent.

use super::world::{
    WALLET, World, approve, complete, decimal, milestone_id, new_milestone, partly, raise, receive, refund, reject,
    release, resolve, submit_evidence, submit_proof, terms, usdc,
};
use crate::authority::{Actor, Role};
use crate::chain::Hash;
use crate::command::{
    Approving, Command, CommandKind, MilestonePatch, NewDispute, NewEvidence, NewMilestone, NewProof, Rejecting,
    Ruling, Shipping,
};
use crate::id::{DisputeId, RawId, RefundId, SettlementId};
use crate::ledger::Rail;
use crate::limits::{MAX_EVIDENCE, MAX_MILESTONES, MAX_REFUNDS};
use crate::rejection::Rejection;
use crate::state::{IntentStatus, MilestoneStatus, OrderStatus};
use crate::terms::{Mode, PaymentType, ReleaseType, Terms};
use crate::time::{Span, Timestamp};

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
    let loose = World::new(terms(), &[(0, "30"), (1, "60")]);
    assert_eq!(loose.ask(amount("40.000001")), Err(Rejection::TotalExceeded));
    assert!(loose.ask(amount("40")).is_ok(), "what belonged to none");
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
fn a_change_of_a_milestone_says_what_it_was_before() {
    let mut world = World::new(terms(), &[(0, "30")]);
    let text = |text: &str| Some(Some(text.to_owned()));
    let described = || MilestonePatch { description: text("a roof"), ..MilestonePatch::default() };
    let all = MilestonePatch { amount: Some(decimal("20")), description: Some(None), percentage: text("20") };
    let informative = MilestonePatch { percentage: Some(None), ..MilestonePatch::default() };
    for (patch, previous, counts) in [
        (described(), vec![("description", "")], 1),
        (described(), vec![], 0),
        (all, vec![("amount", "30.00"), ("description", "a roof"), ("percentage", "")], 1),
        (informative, vec![("percentage", "20")], 0),
    ] {
        let revision = world.state.revision;
        let decision = world.run(Command::UpdateMilestone(milestone_id(1), patch)).expect("pending");
        let told = decision.events.iter().flat_map(|event| &event.previous);
        let told: Vec<(&str, &str)> = told.map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(told, previous);
        assert_eq!(world.state.revision - revision, counts, "what is agreed has changed so often: {previous:?}");
    }
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

fn by_hand() -> Terms {
    Terms { auto_release: false, ..terms() }
}

fn whole(release_type: ReleaseType) -> Terms {
    Terms { release_type, ..by_hand() }
}

/// Every refusal in its words.
fn check(table: &[(&World, Command, &str)]) {
    for (world, command, words) in table {
        assert_eq!(refusal(world, command.clone()), *words, "{command:?}");
    }
}

const RAW: RawId = RawId::from_bits(77);
const NO_ORDER: &str = "Payment intent is not of type DELIVERY_VS_PAYMENT";
const NOT_FOUND: &str = "Milestone not found";
const ORDER_DISPUTED: &str = "The order is disputed; what it holds moves by the resolution of the dispute";
const MILESTONE_DISPUTED: &str = "The milestone is disputed; what it holds moves by the resolution of the dispute";
const NOTHING_DUE: &str = "Nothing waits for this any more";

#[test]
fn an_intent_without_an_order_has_nothing_to_deliver_or_dispute() {
    let pull = World::new(Terms { payment_type: PaymentType::ConsentedPull, ..terms() }, &[]).funded();
    let ship = Command::Ship(Shipping::default());
    for command in [ship, submit_proof(1), Command::ReleaseOrder(None), raise(None), submit_evidence(None)] {
        check(&[(&pull, command, NO_ORDER)]);
    }
    for command in [approve(1), reject(1), resolve(None, Ruling::BuyerWon), Command::Reclaim(None)] {
        check(&[(&pull, command, NO_ORDER)]);
    }
}

#[test]
fn a_delivery_is_refused_for_the_first_reason_that_holds() {
    let new = || World::new(whole(ReleaseType::DeliveryProof), &[]);
    let ship = || Command::Ship(Shipping::default());
    let in_milestones = World::new(by_hand(), &[]);
    let (shipped, proven) = (new().after([ship()]), new().after([submit_proof(1)]));
    let (disputed, cancelled) = (new().after([raise(None)]), new().after([Command::Cancel]));
    let released = new().after([submit_proof(1), Command::ReleaseOrder(None)]);
    let locked = Terms { time_lock_until: Some(Timestamp::from_ms(99)), ..whole(ReleaseType::TimeLocked) };
    let locked = World::new(locked, &[]).after([submit_proof(1)]);
    let proof = |status| {
        format!("Cannot submit delivery proof: order status is {status}, must be Created (0) or InTransit (1)")
    };
    check(&[
        (&shipped, ship(), "Cannot ship order in status: SHIPPED"),
        (&proven, ship(), "Cannot ship order in status: DELIVERED"),
        (&disputed, ship(), "Cannot ship order in status: DISPUTED"),
        (&in_milestones, submit_proof(1), "Cannot submit delivery proof for order with release type: MILESTONE_LOCKED"),
        (&proven, submit_proof(2), &proof("2")),
        (&released, submit_proof(2), &proof("4")),
        (&disputed, submit_proof(2), &proof("DISPUTED")),
        (&cancelled, submit_proof(2), &proof("CANCELLED")),
        (&in_milestones, Command::ReleaseOrder(None), "Cannot release order with release type: MILESTONE_LOCKED"),
        (&locked, Command::ReleaseOrder(None), "Cannot release order with release type: TIME_LOCKED"),
        (&shipped, Command::ReleaseOrder(None), "Cannot release order in status: SHIPPED"),
        (&released, Command::ReleaseOrder(None), "Cannot release order in status: COMPLETED"),
        (&disputed, Command::ReleaseOrder(None), ORDER_DISPUTED),
        (&proven, Command::ReleaseOrder(Some(usdc("99"))), "What is held has changed since; get it again"),
        (&locked, Command::OpenTimeLock, "Not due before 99 (Unix milliseconds)"),
        (&proven, Command::OpenTimeLock, NOTHING_DUE),
    ]);
    let again = released.ask(submit_proof(1)).expect("the same proof again");
    assert!(again.events.is_empty() && again.next == released.state, "it changes nothing, whatever came of it");
    assert!(proven.ask(Command::ReleaseOrder(Some(usdc("100")))).is_ok());
}

#[test]
fn a_proof_is_the_one_that_was_agreed_and_the_oracles() {
    let expecting = |text: String| Terms { expected_delivery_hash: Some(text), ..whole(ReleaseType::DeliveryProof) };
    let of_ones = World::new(expecting(format!("0x{}", "01".repeat(32))), &[]);
    let of_zeros = World::new(expecting(format!("0x{}", Hash::ZERO)), &[]);
    let oracle = Terms { delivery_oracle: WALLET.parse().ok(), ..whole(ReleaseType::DeliveryProof) };
    let sandbox = World::new(oracle.clone(), &[]);
    let live = World::in_mode(Mode::Live, oracle, &[]).funded();
    let unpaid = World::in_mode(Mode::Live, whole(ReleaseType::DeliveryProof), &[]);
    let proof = |submitted_by: &str, oracle_signature| {
        let Command::SubmitProof(proof) = submit_proof(1) else { unreachable!() };
        Command::SubmitProof(NewProof { submitted_by: submitted_by.to_owned(), oracle_signature, ..proof })
    };
    let wrong = || Some(Err("oracleSignature is not the oracle's".to_owned()));
    check(&[
        (&of_ones, submit_proof(2), "proofHash does not match expectedDeliveryHash"),
        (&sandbox, proof("somebody", None), &format!("submittedBy must be the delivery oracle {WALLET}")),
        (&sandbox, proof(WALLET, wrong()), "oracleSignature is not the oracle's"),
        (&live, proof(WALLET, None), "oracleSignature is required: the delivery oracle must sign"),
        (&live, proof(WALLET, wrong()), "oracleSignature is not the oracle's"),
        (&unpaid, submit_proof(1), "Payment intent is not funded"),
    ]);
    for (world, command) in [
        (&of_ones, submit_proof(1)),
        (&of_zeros, submit_proof(2)),
        (&sandbox, proof(&WALLET.to_lowercase(), None)),
        (&live, proof("somebody", Some(Ok("0x01".to_owned())))),
    ] {
        assert!(world.ask(command).is_ok());
    }
}

#[test]
fn an_approval_is_of_one_completion_and_a_rejection_voids_it() {
    let waiting = World::new(Terms { require_approval: true, ..terms() }, &[(0, "30"), (1, "20"), (2, "10")]);
    let done = waiting.after([complete(1), complete(2)]);
    let ahead = World::at(done.state.clone(), done.settings).after([approve(2)]);
    let again = World::at(ahead.state.clone(), ahead.settings).after([reject(2), complete(2)]);
    let released = World::at(done.state.clone(), done.settings).after([approve(1)]);
    let frozen = World::at(done.state.clone(), done.settings).after([raise(Some(1))]);
    let attempt = |attempt| {
        let approving = Approving { milestone: milestone_id(2), attempt: Some(attempt), by: "the payer".to_owned() };
        let rejecting = Rejecting { milestone: milestone_id(2), attempt: Some(attempt), reason: "bad".to_owned() };
        [Command::ApproveMilestone(approving), Command::RejectMilestone(rejecting)]
    };
    let stale = "The completion of the milestone has changed since; get it again";
    check(&[
        (&done, approve(77), NOT_FOUND),
        (&done, approve(3), "Cannot approve milestone in status: PENDING"),
        (&done, reject(3), "Cannot reject milestone in status: PENDING"),
        (&ahead, approve(2), "Milestone already approved"),
        (&released, approve(1), "Milestone already released"),
        (&released, reject(1), "Milestone already released"),
        (&frozen, approve(1), MILESTONE_DISPUTED),
        (&frozen, reject(1), MILESTONE_DISPUTED),
        (&done, release(2), "Previous milestone (index 0) must be released first"),
        (
            &done,
            release(1),
            "Only the payer's approval, or their silence for the approval period, releases this milestone",
        ),
    ]);
    for command in attempt(1) {
        assert_eq!(refusal(&again, command), stale);
    }
    for command in attempt(2) {
        assert!(again.ask(command).is_ok());
    }
    assert_eq!(again.after([approve(1)]).state.funds.released, usdc("30"), "what was approved of the second is void");
    assert_eq!(ahead.after([approve(1)]).state.funds.released, usdc("50"), "approved ahead, released in order");
}

#[test]
fn what_a_deleted_milestone_held_back_is_released() {
    let split = World::new(Terms { require_approval: true, ..terms() }, &[(0, "30"), (1, "70")]);
    let world = split.after([complete(1), complete(2), approve(2), reject(1)]);
    let deleted = world.after([Command::DeleteMilestone(milestone_id(1))]);
    assert_eq!(deleted.state.funds.released, usdc("70"), "nothing lies below what was approved");
}

#[test]
fn silence_and_rejections_wait_for_their_time() {
    let terms = Terms { approval_period: Span::from_seconds(60), ..by_hand() };
    let mut world = World::new(terms, &[(0, "30"), (1, "20")]).after([complete(1), complete(2)]);
    let silence = |id| Command::EndSilence(Some(milestone_id(id)));
    check(&[
        (&world, silence(1), "Not due before 60000 (Unix milliseconds)"),
        (&world, silence(2), NOTHING_DUE),
        (&world, Command::EndSilence(None), NOTHING_DUE),
        (&world, Command::DisputeRejection(milestone_id(1)), NOTHING_DUE),
        (&world, Command::EndDispute(DisputeId::new(RAW)), NOTHING_DUE),
    ]);
    world.run(reject(1)).expect("completed");
    check(&[
        (&world, silence(1), NOTHING_DUE),
        (&world, Command::DisputeRejection(milestone_id(1)), "Not due before 3600000 (Unix milliseconds)"),
    ]);
    world.now_ms = 3_600_000;
    world.run(Command::DisputeRejection(milestone_id(1))).expect("the deadline has passed");
    let dispute = world.state.disputes()[0].clone();
    assert_eq!((dispute.by, dispute.reason.as_str()), (Role::Gateway, "not done"));
    check(&[(&world, Command::EndDispute(dispute.id), "Not due before 7200000 (Unix milliseconds)")]);
    world.now_ms = 7_200_000;
    world.run(Command::EndDispute(dispute.id)).expect("nobody has decided");
    check(&[(&world, Command::EndDispute(dispute.id), NOTHING_DUE)]);
    assert_eq!(world.state.funds.refunded, usdc("30"));
    world.run(silence(2)).expect("nothing lies below it any more");
    assert_eq!(world.state.funds.released, usdc("20"));
}

#[test]
fn a_dispute_is_refused_for_the_first_reason_that_holds() {
    let split = || World::new(by_hand(), &[(0, "30"), (1, "50")]);
    let unpaid = World::in_mode(Mode::Live, by_hand(), &[(0, "30")]);
    let (whole_order, first) = (split().after([raise(None)]), split().after([raise(Some(1))]));
    let released = split().after([complete(1), release(1)]);
    let completed = World::new(terms(), &[(0, "100")]).after([complete(1)]);
    let cancelled = split().after([Command::Cancel]);
    let with = |window_s: Option<i64>, count| {
        let Command::RaiseDispute(new) = raise(None) else { unreachable!() };
        Command::RaiseDispute(NewDispute { window: window_s.map(Span::from_seconds), count, ..new })
    };
    check(&[
        (&whole_order, raise(None), "Dispute already raised for this order"),
        (&whole_order, raise(Some(1)), "Dispute already raised for this order"),
        (
            &first,
            raise(None),
            "Dispute already raised for a milestone of this order; dispute the other milestones by milestoneId",
        ),
        (&first, raise(Some(1)), "Dispute already raised for this milestone"),
        (&completed, raise(None), "Cannot raise dispute: order is already completed"),
        (&cancelled, raise(None), "Cannot dispute order in status: CANCELLED"),
        (&split(), raise(Some(77)), NOT_FOUND),
        (&released, raise(Some(1)), "Cannot dispute milestone in status: RELEASED"),
        (&split(), with(Some(1), Some(1)), "The number of disputes has changed since; get it again"),
        (
            &split(),
            with(Some(3_599), Some(0)),
            "disputeWindow may lengthen the dispute window of the order, which is 3600 seconds, but not shorten it",
        ),
        (&unpaid, raise(None), "Payment intent is not funded"),
    ]);
    assert!(first.ask(raise(Some(2))).is_ok(), "another milestone");
    let same = split().after([with(Some(3_600), Some(0))]);
    assert_eq!(same.state.order.as_ref().map(|order| order.longer_window), Some(None), "no longer than it was");
    let longer = split().after([with(Some(7_200), Some(0))]);
    assert_eq!(longer.state.dispute_window(), Span::from_seconds(7_200));
    check(&[(
        &longer,
        Command::EndDispute(longer.state.disputes()[0].id),
        "Not due before 7200000 (Unix milliseconds)",
    )]);
}

#[test]
fn a_disputed_milestone_or_order_is_left_alone() {
    let split = || World::new(by_hand(), &[(0, "30"), (1, "50")]).after([complete(1)]);
    let (order, second) = (split().after([raise(None)]), split().after([raise(Some(2))]));
    let patch = MilestonePatch { amount: Some(decimal("1")), ..MilestonePatch::default() };
    for (world, words) in [(&order, ORDER_DISPUTED), (&second, MILESTONE_DISPUTED)] {
        check(&[
            (world, complete(2), words),
            (world, Command::UpdateMilestone(milestone_id(2), patch.clone()), words),
            (world, Command::DeleteMilestone(milestone_id(2)), words),
            (world, Command::Cancel, ORDER_DISPUTED),
        ]);
    }
    check(&[
        (&order, release(1), ORDER_DISPUTED),
        (&order, add(7, "1"), ORDER_DISPUTED),
        (&order, refund(Some("1")), ORDER_DISPUTED),
        (&order, Command::Reclaim(None), ORDER_DISPUTED),
    ]);
    assert!(second.ask(release(1)).is_ok(), "only one of them is frozen");
}

#[test]
fn evidence_and_resolutions_need_one_open_dispute() {
    let split = || World::new(by_hand(), &[(0, "30"), (1, "50")]);
    let (calm, first) = (split().funded(), split().after([raise(Some(1))]));
    let both = split().after([raise(Some(1)), raise(Some(2))]);
    let decided = split().after([raise(Some(1)), resolve(None, Ruling::BuyerWon)]);
    let argue = |dispute| {
        let Command::SubmitEvidence(new) = submit_evidence(Some(1)) else { unreachable!() };
        Command::SubmitEvidence(NewEvidence { dispute: Some(dispute), ..new })
    };
    let say = |number: usize| {
        let Command::SubmitEvidence(new) = submit_evidence(None) else { unreachable!() };
        Command::SubmitEvidence(NewEvidence { text: Some(number.to_string()), ..new })
    };
    let (none, none_for_it) = ("No open dispute found", "No open dispute found for this milestone");
    let which = "Several disputes are open; say which one by milestoneId";
    let partial = "refundAmount must be greater than zero and less than what is disputed, 30.00";
    check(&[
        (&calm, submit_evidence(None), none),
        (&calm, resolve(None, Ruling::BuyerWon), none),
        (&decided, resolve(None, Ruling::BuyerWon), none),
        (&first, submit_evidence(Some(2)), none_for_it),
        (&first, resolve(Some(2), Ruling::BuyerWon), none_for_it),
        (&both, submit_evidence(None), which),
        (&both, resolve(None, Ruling::BuyerWon), which),
        (&first, argue(DisputeId::new(RAW)), "The dispute has changed since; get it again"),
        (&first, resolve(None, partly("30")), partial),
        (&first, resolve(None, partly("30.000001")), partial),
        (&first, resolve(None, partly("0.0000001")), "refundAmount must have at most 6 decimals for USDC"),
    ]);
    let full = split().after([raise(Some(1))]).after((0..MAX_EVIDENCE).map(say));
    check(&[(
        &full,
        submit_evidence(None),
        "At most 20 pieces of evidence can be submitted by one party of a dispute",
    )]);
    let payers = full.ask_as(&super::world::payer(), submit_evidence(None));
    assert_eq!(payers, Err(Rejection::NotThePayer), "the simulated payer has no name");
    let again = full.ask(say(0)).expect("the same again is no more evidence");
    assert_eq!((again.next, again.events), (full.state, Vec::new()), "and changes nothing");
    let Command::SubmitEvidence(new) = submit_evidence(None) else { unreachable!() };
    let other = |text: &str| Some(text.to_owned());
    for different in [
        NewEvidence { text: other("another"), ..new.clone() },
        NewEvidence { uri: other("https://example.com"), ..new.clone() },
        NewEvidence { hash: Some(Hash::ZERO), ..new.clone() },
    ] {
        let said = split().after([raise(Some(1)), Command::SubmitEvidence(new.clone())]);
        let said = said.after([Command::SubmitEvidence(different)]);
        assert_eq!(said.state.disputes()[0].evidence.len(), 2, "something else was said");
    }
    let paid = World::in_mode(Mode::Live, by_hand(), &[(0, "30")]).funded().after([raise(Some(1))]);
    let full = paid.after((0..MAX_EVIDENCE).map(say));
    let payers = full.ask_as(&super::world::payer(), say(0)).expect("each party is counted by itself");
    assert_eq!(payers.events.len(), 1, "and what one has said, the other may say too");
}

#[test]
fn a_refund_is_refused_for_the_first_reason_that_holds() {
    let split = || World::new(by_hand(), &[(0, "30"), (1, "50")]);
    let (paid, unpaid) = (split().funded(), split());
    let done = split().after([complete(1), complete(2)]);
    let first = split().after([raise(Some(1)), raise(Some(2))]);
    let cancelled = split().funded().after([Command::Cancel]);
    let delete = |index, id| {
        let milestone = milestone_id(id);
        format!("At most 20.00 can be refunded; for more, delete the milestone with index {index} first ({milestone})")
    };
    let often = split().funded().after(std::iter::repeat_n(refund(Some("0.01")), MAX_REFUNDS));
    check(&[
        (&unpaid, refund(None), "Payment intent is not funded"),
        (&cancelled, refund(None), "Cannot refund payment intent in status: CANCELED"),
        (&paid, refund(Some("20.000001")), &delete(1, 2)),
        (&paid, refund(Some("0.0000001")), "amount must have at most 6 decimals for USDC"),
        (&done, refund(Some("21")), "At most 20.00 can be refunded"),
        (&first, refund(Some("21")), "At most 20.00 can be refunded"),
        (&often, refund(Some("0.01")), "At most 100 refunds of one payment intent can be asked for"),
    ]);
    let last = often.state.refunds[0].id;
    let came_back = often.after([Command::FailRefund(last, "card expired".to_owned())]);
    assert!(came_back.ask(refund(Some("0.01"))).is_ok(), "what came back can be sent again");
    let strangers = std::iter::repeat_n(receive(Rail::Evm, Some("1")), MAX_REFUNDS);
    let flooded = World::in_mode(Mode::Live, by_hand(), &[]).funded().after(strangers);
    assert!(flooded.ask(refund(Some("0.01"))).is_ok(), "nobody asked for what came without a purpose");
    let all = World::new(by_hand(), &[(0, "100")]).funded();
    check(&[(&all, refund(None), &delete(0, 1).replace("20.00", "0.00"))]);
}

#[test]
fn a_payer_takes_nothing_back_that_is_early_done_or_disputed() {
    let unpaid = World::new(by_hand(), &[(0, "100")]);
    let mut paid = World::new(by_hand(), &[(0, "100")]).funded();
    let early = "Nothing can be reclaimed before 7200 (Unix seconds), a dispute window after the delivery deadline";
    check(&[
        (&unpaid, Command::Reclaim(None), "Payment intent is not funded"),
        (&paid, Command::Reclaim(Some(usdc("99"))), early),
    ]);
    paid.now_ms = 7_199_999;
    check(&[(&paid, Command::Reclaim(None), early)]);
    paid.now_ms = 7_200_000;
    let stale = "What is held has changed since; get it again";
    check(&[(&paid, Command::Reclaim(Some(usdc("99"))), stale)]);
    assert!(paid.ask(Command::Reclaim(Some(usdc("100")))).is_ok());
    let proven = World::new(whole(ReleaseType::DeliveryProof), &[]).after([submit_proof(1)]);
    let split = || World::new(by_hand(), &[(0, "100")]);
    let done = split().after([complete(1)]);
    let rejected = split().after([complete(1), reject(1)]);
    let frozen = split().after([raise(Some(1))]);
    for mut world in [proven, done, rejected, frozen] {
        world.now_ms = 7_200_000;
        let nothing = "Nothing can be reclaimed: what is held was completed, proven or rejected, or is disputed";
        check(&[(&world, Command::Reclaim(None), nothing)]);
    }
}

#[test]
fn what_a_payer_is_offered_is_what_is_not_refused() {
    let approved = || World::new(Terms { require_approval: true, ..terms() }, &[(0, "30"), (1, "50")]).funded();
    let proof = || World::new(whole(ReleaseType::DeliveryProof), &[]);
    for (world, is_to_be_approved, is_to_be_released, is_reclaimable_later) in [
        (World::new(by_hand(), &[(0, "30")]), false, false, false),
        (approved(), false, false, true),
        (approved().after([complete(1)]), true, false, true),
        (approved().after([complete(1), reject(1)]), false, false, true),
        (approved().after([complete(1), complete(2), approve(2), raise(Some(1))]), false, false, true),
        (approved().after([complete(1), raise(Some(1))]), false, false, true),
        (approved().after([complete(1), raise(None)]), false, false, false),
        (approved().after([complete(1), approve(1)]), false, false, true),
        (World::new(by_hand(), &[(0, "100")]).after([complete(1)]), true, false, false),
        (proof().funded(), false, false, true),
        (proof().after([submit_proof(1)]), false, true, false),
        (proof().after([submit_proof(1), raise(None)]), false, false, false),
        (proof().after([submit_proof(1), Command::ReleaseOrder(None)]), false, false, false),
        (proof().funded().after([Command::Cancel]), false, false, false),
    ] {
        for (now_ms, is_reclaimable) in [(7_199_999, false), (7_200_000, is_reclaimable_later)] {
            let mut world = World::at(world.state.clone(), world.settings);
            world.now_ms = now_ms;
            let offered = world.state.milestones().iter().any(|milestone| world.state.awaits_approval(milestone));
            let taken = (1..=2).any(|id| world.ask(approve(id)).is_ok());
            assert_eq!((offered, taken), (is_to_be_approved, is_to_be_approved));
            let (offered, taken) = (world.state.releasable_proof(), world.ask(Command::ReleaseOrder(None)));
            assert_eq!((offered.is_some(), taken.is_ok()), (is_to_be_released, is_to_be_released));
            let (offered, taken) =
                (world.state.is_reclaimable(Timestamp::from_ms(now_ms)), world.ask(Command::Reclaim(None)));
            assert_eq!((offered, taken.is_ok()), (is_reclaimable, is_reclaimable), "{now_ms}: {taken:?}");
        }
    }
}

#[test]
fn payouts_and_refunds_go_one_way() {
    let new = || World::new(terms(), &[(0, "100")]).after([complete(1)]);
    let (fail, back) = (Command::FailSettlement, Command::ReturnSettlement);
    let mut world = new();
    let id = world.state.settlements[0].id;
    let (no, why, unknown) = (SettlementId::new(RAW), || "closed".to_owned(), RefundId::new(RAW));
    world.now_ms = 10_000;
    check(&[
        (&world, Command::StartSettlement(no), "Settlement not found"),
        (&world, Command::RetrySettlement(no), "Settlement not found"),
        (&world, Command::ConfirmSettlement(id, why()), "Settlement is in status: SCHEDULED"),
        (&world, back(id, why()), "Settlement is in status: SCHEDULED"),
        (&world, Command::RetrySettlement(id), "Settlement is in status: SCHEDULED"),
        (&world, Command::ConfirmRefund(unknown, why()), "Refund not found"),
        (&world, Command::FailRefund(unknown, why()), "Refund not found"),
    ]);
    let gateways = world.ask_as(&Actor::Gateway, fail(id, why())).expect_err("it was not asked").to_string();
    assert_eq!(gateways, "Settlement is in status: SCHEDULED", "only the simulated one refuses before it is asked");
    world.run(Command::StartSettlement(id)).expect("due");
    check(&[
        (&world, Command::StartSettlement(id), "Settlement is in status: EXECUTED"),
        (&world, refund(Some("1")), "At most 0.00 can be refunded"),
    ]);
    world.run(Command::ConfirmSettlement(id, why())).expect("started");
    check(&[(&world, fail(id, why()), "Settlement is in status: CONFIRMED")]);
    world.now_ms += world.settings.finality_period.ms();
    world.run(Command::Finalize).expect("due");
    check(&[(&world, back(id, why()), "Cannot return a settlement of payment intent in status: FINAL")]);
    let refunded = new().after([refund(None)]);
    let refund = refunded.state.refunds[0].id;
    let arrived = refunded.after([Command::ConfirmRefund(refund, why())]);
    check(&[
        (&arrived, Command::ConfirmRefund(refund, why()), "Refund is in status: SUCCEEDED"),
        (&arrived, Command::FailRefund(refund, why()), "Refund is in status: SUCCEEDED"),
    ]);
    let twice = new().after([receive(Rail::Sandbox, None)]);
    let unapplied = Command::FailRefund(twice.state.refunds[0].id, why());
    check(&[(&twice, unapplied, "A refund of money that is not the payment intent's own cannot fail")]);
}
