//! Money on its way in: asked about until its rail knows, and booked once, or sent back.

use engine::{Ask, Config, Host, Incoming, IncomingAnswer, PaymentAnswer, Repayment};
use escrow::state::RefundStatus;
use escrow::{Account, Command, Hash, IntentId, IntentStatus, Mode, PaymentState, PurposeKind, Rail, Span, Timestamp};

use crate::world::{OWNER, Scripted, World, confirm, status};

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
    let Scripted { world, mut incoming, mut repayments } = Scripted::new();
    let (intent, expected) = pay(&world).await;
    let question = incoming.next(&world).await;
    assert_eq!(status(&world.ask(Ask::Decide(intent, Command::Cancel), None).await), 200);
    assert_eq!(world.escrow(intent).await.status(), IntentStatus::Canceled);
    question.answer(IncomingAnswer::Final);

    let question = repayments.next(&world).await;
    let escrow = world.escrow(intent).await;
    let [refund] = &escrow.refunds[..] else { panic!("{:?}", escrow.refunds) };
    let repayment = Repayment { id: refund.id, mode: Mode::Sandbox, amount: expected.amount, rail: Rail::Sandbox };
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
    let Scripted { world, mut incoming, mut repayments } = Scripted::new();
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
