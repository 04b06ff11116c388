//! Money on its way in, out and back: asked about until whoever moves it knows, and booked once.

use std::sync::mpsc;

use engine::{Ask, Config, Host, Incoming, IncomingAnswer, PaymentAnswer, Payout, Repayment};
use escrow::refund::{RefundState, RefundStatus};
use escrow::settlement::{SettlementState, SettlementStatus};
use escrow::{
    Account, Command, Decimal, Escrow, Hash, IntentId, IntentStatus, Means, Mode, NewRefund, PaymentState, PurposeKind,
    Rail, Receipt, SettlementMethod, Span, Timestamp,
};
use store::Audited;

use crate::world::{OWNER, Scripted, World, complete, confirm, status};

const TRANSACTION: Hash = Hash::from_bytes([2; 32]);

/// Opens an intent that a wallet pays, and moves the clock to when its rail is asked; returns what it must be asked.
async fn pay(world: &World) -> (IntentId, Incoming) {
    let (intent, _) = world.open(&[]).await;
    (intent, pay_for(world, intent, TRANSACTION).await)
}

async fn pay_for(world: &World, intent: IntentId, transaction: Hash) -> Incoming {
    let asked = confirm(world, intent, Some(transaction), None).await;
    assert_eq!(status(&world.engine.submit(asked).await), 200);
    let escrow = world.escrow(intent).await;
    assert_eq!(escrow.status(), IntentStatus::Processing);
    let [(_, due)] = escrow.duties()[..] else { panic!("{:?}", escrow.duties()) };
    world.host.set_ms(due.ms());
    let payment = escrow.payments.last().expect("a payment");
    let amount = escrow.terms.amount;
    Incoming { id: payment.id, mode: Mode::Sandbox, amount, rail: Rail::Sandbox, transaction: Some(transaction) }
}

/// What moved so far, from the first to the last.
async fn moved(world: &World) -> Vec<(PurposeKind, String)> {
    let transfers = world.transfers().await.into_iter().rev().map(|stored| stored.transfer);
    transfers.map(|transfer| (transfer.purpose.kind(), transfer.amount.to_string())).collect()
}

/// A balance of the owner in minor units.
async fn balance(world: &World, account: Account) -> i64 {
    let balances = world.store.balances(OWNER).await.expect("a store");
    balances.iter().find(|balance| balance.account == account).map_or(0, |balance| balance.minor)
}

fn payment_state(escrow: &escrow::Escrow) -> &PaymentState {
    &escrow.payments.last().expect("a payment").state
}

#[tokio::test(start_paused = true)]
async fn a_payment_of_which_nobody_knows_is_asked_about_later_and_booked_once_when_it_is_final() {
    let Scripted { world, mut incoming, .. } = Scripted::new();
    let (intent, expected) = pay(&world).await;
    for wait_ms in [1_000, 2_000, 4_000] {
        let question = incoming.next(&world).await;
        assert_eq!(question.asked, expected);
        question.answer(IncomingAnswer::Unknown);
        world.host.sleep(Span::from_seconds(1)).await;
        world.host.advance(Span::from_ms(wait_ms - 1));
        incoming.assert_none(&world).await;
        assert_eq!(world.escrow(intent).await.status(), IntentStatus::Processing);
        world.host.advance(Span::from_ms(1));
    }
    assert_eq!(moved(&world).await, [], "nothing is booked before it is final");
    let question = incoming.next(&world).await;
    assert_eq!(question.asked, expected);
    question.answer(IncomingAnswer::Final);
    let escrow = world.until(intent, |escrow| escrow.status() == IntentStatus::Succeeded).await;
    assert!(matches!(payment_state(&escrow), PaymentState::Final { .. }), "{:?}", escrow.payments);
    world.host.advance(Span::from_seconds(3600));
    incoming.assert_none(&world).await;
    assert_eq!(moved(&world).await, [(PurposeKind::Fund, "100.00".to_owned())]);
    let report = world.assert_clean().await;
    assert_eq!(report.jobs, 0);
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_not_asked_about_before_its_time() {
    let Scripted { world, mut incoming, .. } = Scripted::new();
    let (intent, _) = world.open(&[]).await;
    let due_of = |escrow: &escrow::Escrow| escrow.duties().iter().map(|(_, due)| *due).collect::<Vec<Timestamp>>();
    world.engine.submit(confirm(&world, intent, None, None).await).await.expect("an answer");
    let due = due_of(&world.escrow(intent).await);
    world.host.set_ms(due[0].ms() - 1);
    incoming.assert_none(&world).await;
    world.host.advance(Span::from_ms(1));
    assert_eq!(incoming.next(&world).await.asked.transaction, None);
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_two_ask_about_is_booked_once() {
    for is_slow_one_first in [true, false] {
        let Scripted { world, mut incoming, .. } = Scripted::new();
        let (intent, expected) = pay(&world).await;
        let slow = incoming.next(&world).await;
        world.host.advance(Config::default().lease);
        let quick = incoming.next(&world).await;
        assert_eq!((slow.asked, quick.asked), (expected, expected));
        let (first, second) = if is_slow_one_first { (slow, quick) } else { (quick, slow) };
        first.answer(IncomingAnswer::Final);
        world.host.sleep(Span::from_seconds(5)).await;
        let after_first = world.escrow(intent).await.status();
        let expected = if is_slow_one_first { IntentStatus::Processing } else { IntentStatus::Succeeded };
        assert_eq!(after_first, expected, "a lost lease reports nothing");
        second.answer(IncomingAnswer::Final);
        world.until(intent, |escrow| escrow.status() == IntentStatus::Succeeded).await;
        world.host.advance(Span::from_seconds(3600));
        incoming.assert_none(&world).await;
        assert_eq!(moved(&world).await, [(PurposeKind::Fund, "100.00".to_owned())]);
        world.assert_clean().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_its_rail_refuses_asks_for_another_one() {
    let Scripted { world, mut incoming, .. } = Scripted::new();
    let (intent, expected) = pay(&world).await;
    let question = incoming.next(&world).await;
    assert_eq!(question.asked, expected);
    question.answer(IncomingAnswer::Refused("the transaction was reverted".to_owned()));
    let escrow = world.until(intent, |escrow| escrow.status() == IntentStatus::RequiresAction).await;
    let PaymentState::Failed { reason, .. } = payment_state(&escrow) else { panic!("{:?}", escrow.payments) };
    assert_eq!(reason, "the transaction was reverted");
    world.host.advance(Span::from_seconds(3600));
    incoming.assert_none(&world).await;
    assert_eq!(moved(&world).await, []);
    assert_eq!(world.assert_clean().await.jobs, 0);

    let again = pay_for(&world, intent, Hash::from_bytes([3; 32])).await;
    let question = incoming.next(&world).await;
    assert_eq!(question.asked, again);
    assert_ne!(again.id, expected.id);
    question.answer(IncomingAnswer::Final);
    world.until(intent, |escrow| escrow.status() == IntentStatus::Succeeded).await;
    assert_eq!(moved(&world).await, [(PurposeKind::Fund, "100.00".to_owned())]);
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn money_for_an_intent_that_was_given_up_between_question_and_answer_is_sent_back() {
    let Scripted { world, mut incoming, mut repayments, .. } = Scripted::new();
    let (intent, expected) = pay(&world).await;
    let question = incoming.next(&world).await;
    assert_eq!(status(&world.ask(Ask::Decide(intent, Command::Cancel), None).await), 200);
    assert_eq!(world.escrow(intent).await.status(), IntentStatus::Canceled);
    question.answer(IncomingAnswer::Final);

    let question = repayments.next(&world).await;
    let escrow = world.escrow(intent).await;
    let [refund] = &escrow.refunds[..] else { panic!("{:?}", escrow.refunds) };
    let repayment = Repayment {
        id: refund.id,
        mode: Mode::Sandbox,
        amount: expected.amount,
        rail: Rail::Sandbox,
        card: None,
        must_arrive: true,
    };
    assert_eq!(question.asked, repayment);
    let PaymentState::Unapplied { refund: way_back, .. } = payment_state(&escrow) else { panic!("{escrow:?}") };
    assert_eq!((*way_back, refund.status()), (refund.id, RefundStatus::Pending));
    assert_eq!(escrow.status(), IntentStatus::Canceled);
    assert!(escrow.funding.is_none());
    assert_eq!(moved(&world).await, [(PurposeKind::Receive, "100.00".to_owned())]);
    assert_eq!(balance(&world, Account::Unapplied).await, expected.amount.minor());
    assert_eq!(balance(&world, Account::Rail(Rail::Sandbox)).await, -expected.amount.minor());
    world.assert_clean().await;

    question.answer(PaymentAnswer::Unknown);
    world.host.sleep(Span::from_seconds(1)).await;
    world.host.advance(Span::from_seconds(1));
    let question = repayments.next(&world).await;
    assert_eq!(question.asked, repayment, "under the same id");
    question.answer(PaymentAnswer::Arrived("back".to_owned()));
    let is_back = |escrow: &escrow::Escrow| escrow.refunds[0].status() == RefundStatus::Succeeded;
    assert_eq!(world.until(intent, is_back).await.status(), IntentStatus::Canceled);
    world.host.advance(Span::from_seconds(3600));
    incoming.assert_none(&world).await;
    repayments.assert_none(&world).await;
    let both = [PurposeKind::Receive, PurposeKind::SendBack].map(|kind| (kind, "100.00".to_owned()));
    assert_eq!(moved(&world).await, both);
    assert_eq!(balance(&world, Account::Unapplied).await, 0);
    assert_eq!(balance(&world, Account::Rail(Rail::Sandbox)).await, 0);
    assert_eq!(world.assert_clean().await.jobs, 0);
}

#[tokio::test(start_paused = true)]
async fn a_payment_refused_after_its_intent_was_given_up_leaves_nothing_to_do() {
    let Scripted { world, mut incoming, mut repayments, .. } = Scripted::new();
    let (intent, _) = pay(&world).await;
    let question = incoming.next(&world).await;
    assert_eq!(status(&world.ask(Ask::Decide(intent, Command::Cancel), None).await), 200);
    question.answer(IncomingAnswer::Refused("no funds".to_owned()));
    let has_failed = |escrow: &escrow::Escrow| matches!(payment_state(escrow), PaymentState::Failed { .. });
    assert_eq!(world.until(intent, has_failed).await.status(), IntentStatus::Canceled);
    world.host.advance(Span::from_seconds(3600));
    incoming.assert_none(&world).await;
    repayments.assert_none(&world).await;
    assert_eq!(moved(&world).await, []);
    assert_eq!(world.assert_clean().await.jobs, 0);
}

/// Opens an intent of one milestone, completes it, and moves the clock to when the payout is asked for; returns what must be asked.
async fn release(world: &World) -> (IntentId, Payout) {
    let (intent, milestones) = world.open(&["100"]).await;
    assert_eq!(status(&world.ask(complete(intent, milestones[0]), None).await), 200);
    let escrow = world.escrow(intent).await;
    let [settlement] = &escrow.settlements[..] else { panic!("{:?}", escrow.settlements) };
    let SettlementState::Scheduled { due } = settlement.state else { panic!("{settlement:?}") };
    world.host.set_ms(due.ms());
    let payout = Payout {
        id: settlement.id,
        retry: 0,
        mode: Mode::Sandbox,
        amount: escrow.terms.amount,
        method: SettlementMethod::OffRampMock,
        destination: "bank".to_owned(),
    };
    (intent, payout)
}

async fn decided(world: &World, intent: IntentId, command: Command) {
    assert_eq!(status(&world.ask(Ask::Decide(intent, command), None).await), 200);
}

fn hundred(kinds: &[PurposeKind]) -> Vec<(PurposeKind, String)> {
    kinds.iter().map(|kind| (*kind, "100.00".to_owned())).collect()
}

/// What is the merchant's and not on its way, and what is, in minor units.
async fn payable_and_reserved(world: &World) -> (i64, i64) {
    (balance(world, Account::Payable).await, balance(world, Account::Reserved).await)
}

/// The last of what happened to an intent, in words.
async fn last_event(world: &World) -> String {
    let (found, all) = mpsc::channel();
    let visit = move |audited| drop(found.send(audited));
    world.store.audit(Box::new(visit)).await.expect("a store");
    let bodies = all.iter().filter_map(|audited| match audited {
        Audited::Escrow { events, .. } => events.into_iter().next_back().map(|(_, _, event)| event.body),
        Audited::Journal { .. } | Audited::Stray { .. } | Audited::Account(..) | Audited::Balance(..) => None,
    });
    bodies.map(|body| String::from_utf8(body).expect("text")).next().expect("an event")
}

#[tokio::test(start_paused = true)]
async fn a_payout_refused_for_good_is_not_asked_again_until_somebody_retries_it() {
    let Scripted { world, mut payouts, .. } = Scripted::new();
    let (intent, expected) = release(&world).await;
    let whole = expected.amount.minor();
    let question = payouts.next(&world).await;
    assert_eq!(question.asked, expected);
    assert_eq!(payable_and_reserved(&world).await, (0, whole));
    question.answer(PaymentAnswer::Refused("the account is closed".to_owned()));

    let escrow = world.until(intent, |escrow| escrow.status() == IntentStatus::RequiresAction).await;
    let SettlementState::Failed { reason, .. } = &escrow.settlements[0].state else { panic!("{escrow:?}") };
    assert_eq!(reason, "the account is closed");
    world.host.advance(Span::from_seconds(3600));
    payouts.assert_none(&world).await;
    let mut kinds = vec![PurposeKind::Fund, PurposeKind::Release, PurposeKind::Reserve, PurposeKind::Unreserve];
    assert_eq!(moved(&world).await, hundred(&kinds));
    assert_eq!(payable_and_reserved(&world).await, (whole, 0));
    assert_eq!(world.assert_clean().await.jobs, 0);

    decided(&world, intent, Command::RetrySettlement(expected.id)).await;
    let question = payouts.next(&world).await;
    assert_eq!(question.asked, Payout { retry: 1, ..expected }, "a payment of its own");
    question.answer(PaymentAnswer::Arrived("paid".to_owned()));
    world.until(intent, |escrow| escrow.status() == IntentStatus::Settled).await;
    world.host.advance(Span::from_seconds(3600));
    payouts.assert_none(&world).await;
    kinds.extend([PurposeKind::Reserve, PurposeKind::Settle]);
    assert_eq!(moved(&world).await, hundred(&kinds));
    assert_eq!(payable_and_reserved(&world).await, (0, 0));
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn a_payout_without_an_answer_stays_under_way_and_is_asked_again_as_the_same() {
    let Scripted { world, mut payouts, .. } = Scripted::new();
    let (intent, expected) = release(&world).await;
    for wait_ms in [1_000, 2_000, 4_000] {
        let question = payouts.next(&world).await;
        assert_eq!(question.asked, expected);
        // Not even a word of not knowing.
        drop(question);
        world.host.sleep(Span::from_seconds(1)).await;
        world.host.advance(Span::from_ms(wait_ms - 1));
        payouts.assert_none(&world).await;
        assert_eq!(world.escrow(intent).await.settlements[0].status(), SettlementStatus::Executed);
        assert_eq!(payable_and_reserved(&world).await, (0, expected.amount.minor()));
        world.host.advance(Span::from_ms(1));
    }
    let question = payouts.next(&world).await;
    assert_eq!(question.asked, expected);
    question.answer(PaymentAnswer::Arrived("paid".to_owned()));
    world.until(intent, |escrow| escrow.status() == IntentStatus::Settled).await;
    world.host.advance(Span::from_seconds(3600));
    payouts.assert_none(&world).await;
    let kinds = [PurposeKind::Fund, PurposeKind::Release, PurposeKind::Reserve, PurposeKind::Settle];
    assert_eq!(moved(&world).await, hundred(&kinds));
    world.assert_clean().await;
}

/// Simulated money comes in for an intent.
fn receive() -> Command {
    let means = Means::Deposit(None);
    Command::ReceivePayment(Receipt { rail: Rail::Sandbox, means, amount: None, transaction: None })
}

#[tokio::test(start_paused = true)]
async fn a_refund_refused_for_good_is_held_again() {
    let Scripted { world, mut repayments, .. } = Scripted::new();
    let (intent, _) = world.open(&[]).await;
    decided(&world, intent, receive()).await;
    let forty = || NewRefund { amount: Decimal::parse("40").ok(), reason: None };
    decided(&world, intent, Command::Refund(forty())).await;
    let question = repayments.next(&world).await;
    let refused = question.asked.clone();
    assert_eq!(balance(&world, Account::Refunding).await, refused.amount.minor());
    question.answer(PaymentAnswer::Refused("the card has expired".to_owned()));

    let has_failed = |escrow: &Escrow| escrow.refunds[0].status() == RefundStatus::Failed;
    let escrow = world.until(intent, has_failed).await;
    let RefundState::Failed { reason, .. } = &escrow.refunds[0].state else { panic!("{escrow:?}") };
    assert_eq!(reason, "the card has expired");
    assert_eq!(escrow.status(), IntentStatus::Succeeded);
    assert_eq!(escrow.funds.held, escrow.terms.amount);
    assert_eq!(balance(&world, Account::Refunding).await, 0);
    let event = last_event(&world).await;
    assert!(event.contains(" refund.failed "), "{event}");
    world.host.advance(Span::from_seconds(600));
    repayments.assert_none(&world).await;
    world.assert_clean().await;

    decided(&world, intent, Command::Refund(forty())).await;
    let question = repayments.next(&world).await;
    assert_ne!(question.asked.id, refused.id, "another one");
    question.answer(PaymentAnswer::Arrived("back".to_owned()));
    world.until(intent, |escrow| escrow.refunds[1].status() == RefundStatus::Succeeded).await;
    let kinds = [PurposeKind::Refund, PurposeKind::Restore, PurposeKind::Refund, PurposeKind::Return];
    assert_eq!(moved(&world).await[1..], kinds.map(|kind| (kind, "40.00".to_owned())));
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_refund_of_what_was_released_is_paid_out_after_all() {
    let Scripted { world, mut payouts, mut repayments, .. } = Scripted::new();
    let (intent, milestones) = world.open(&["100"]).await;
    assert_eq!(status(&world.ask(complete(intent, milestones[0]), None).await), 200);
    decided(&world, intent, Command::Refund(NewRefund::default())).await;
    assert_eq!(world.escrow(intent).await.settlements[0].status(), SettlementStatus::Cancelled);
    let question = repayments.next(&world).await;
    question.answer(PaymentAnswer::Refused("the card has expired".to_owned()));
    let has_failed = |escrow: &Escrow| escrow.refunds[0].status() == RefundStatus::Failed;
    let escrow = world.until(intent, has_failed).await;
    let [_, again] = &escrow.settlements[..] else { panic!("{:?}", escrow.settlements) };
    let SettlementState::Scheduled { due } = again.state else { panic!("{again:?}") };
    world.assert_clean().await;
    world.host.set_ms(due.ms());
    let question = payouts.next(&world).await;
    assert_eq!((question.asked.id, question.asked.amount), (again.id, escrow.terms.amount));
    question.answer(PaymentAnswer::Arrived("paid".to_owned()));
    world.until(intent, |escrow| escrow.status() == IntentStatus::Settled).await;
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_refund_of_money_without_a_purpose_is_asked_again_until_it_arrives() {
    let Scripted { world, mut repayments, .. } = Scripted::new();
    let (intent, _) = world.open(&[]).await;
    decided(&world, intent, receive()).await;
    decided(&world, intent, receive()).await;
    let mut asked = Vec::new();
    for wait_ms in [1_000, 2_000] {
        let question = repayments.next(&world).await;
        asked.push(question.asked.clone());
        question.answer(PaymentAnswer::Refused("the card has expired".to_owned()));
        world.host.sleep(Span::from_seconds(1)).await;
        assert_eq!(world.escrow(intent).await.refunds[0].status(), RefundStatus::Pending);
        assert_eq!(balance(&world, Account::Unapplied).await, asked[0].amount.minor());
        world.assert_clean().await;
        world.host.advance(Span::from_ms(wait_ms));
    }
    let question = repayments.next(&world).await;
    assert!(asked.iter().all(|asked| *asked == question.asked), "under the same id");
    question.answer(PaymentAnswer::Arrived("back".to_owned()));
    world.until(intent, |escrow| escrow.refunds[0].status() == RefundStatus::Succeeded).await;
    assert_eq!(balance(&world, Account::Unapplied).await, 0);
    let kinds = [PurposeKind::Fund, PurposeKind::Receive, PurposeKind::SendBack];
    assert_eq!(moved(&world).await, hundred(&kinds));
    world.assert_clean().await;
}
