//! How money comes in or fails to, who may say so, and what becomes of money that nobody waits for.

use super::world::{
    WALLET, World, actor, complete, confirm, decimal, milestone_id, new_milestone, pay_by_card, receive, refund, ring,
    terms, usdc,
};
use crate::authority::{Actor, Role, may_ask};
use crate::chain::Hash;
use crate::command::{CardOutcome, Command, CommandKind, Confirmation, MilestonePatch, Receipt};
use crate::duty::Duty;
use crate::event::EventKind;
use crate::ledger::{Purpose, Rail};
use crate::limits::{MAX_PAYMENTS, MAX_SIMULATED_UNAPPLIED};
use crate::payment::{Consent, Means, Payer, PaymentState};
use crate::refund::{RefundSource, Unapplied};
use crate::rejection::Rejection;
use crate::state::IntentStatus;
use crate::terms::{Mode, PaymentType, Terms};

const FIVE_BLOCKS_MS: i64 = 10_000;

fn kinds(decision: &crate::Decision) -> Vec<EventKind> {
    decision.events.iter().map(|event| event.kind).collect()
}

/// The only duty of the world's payment, and when it falls due.
fn awaited(world: &World) -> (crate::PaymentId, i64) {
    let duties = world.state.duties();
    let is_awaited = |(duty, due): &(Duty, crate::Timestamp)| {
        if let Duty::AwaitPayment(id) = duty { Some((*id, due.ms())) } else { None }
    };
    duties.iter().find_map(is_awaited).expect("a payment is awaited")
}

#[test]
fn a_consented_payment_is_booked_five_blocks_later() {
    let mut world = World::new(terms(), &[(0, "100")]);
    let seen = world.run(confirm(1)).expect("the first terms");
    assert_eq!(kinds(&seen), [EventKind::IntentStatusChanged, EventKind::TransactionSubmitted]);
    assert!(seen.transfers.is_empty(), "nothing is booked before it is final");
    let (payment, due_ms) = awaited(&world);
    assert_eq!(due_ms, FIVE_BLOCKS_MS);
    world.now_ms = FIVE_BLOCKS_MS - 1;
    assert!(matches!(world.ask(Command::SettlePayment(payment)), Err(Rejection::NotDue(at)) if at.ms() == due_ms));
    world.now_ms = FIVE_BLOCKS_MS;
    let booked = world.run(Command::SettlePayment(payment)).expect("five blocks later");
    assert_eq!(booked.next.status(), IntentStatus::Succeeded);
    assert_eq!(booked.next.funds.held, usdc("100"));
    assert!(matches!(booked.next.payer(), Some(Payer::Wallet(_))));
    assert_eq!(booked.next.funding_card(), None);
    assert_eq!(world.ask(Command::SettlePayment(payment)), Err(Rejection::PaymentNotUnderWay), "once");
}

#[test]
fn consent_is_to_the_terms_as_they_stand() {
    let mut world = World::new(terms(), &[(0, "30")]);
    let signed = world.state.revision;
    world.run(Command::AddMilestone(new_milestone(2, 1, "70"))).expect("before consent");
    assert_eq!(world.ask(confirm(signed)), Err(Rejection::TermsChanged));
    for change in [
        Command::UpdateMilestone(
            milestone_id(1),
            MilestonePatch { amount: Some(decimal("20")), ..MilestonePatch::default() },
        ),
        Command::DeleteMilestone(milestone_id(2)),
    ] {
        let before = world.state.revision;
        world.run(change).expect("before consent");
        assert_eq!(world.state.revision, before + 1, "every change counts");
    }
    let bad = Confirmation { consent: Err("no".to_owned()), revision: world.state.revision, transaction: None };
    assert_eq!(world.ask(Command::Confirm(bad.clone())), Err(Rejection::Signature("no".to_owned())));
    let deadline_ms = world.state.consent_deadline().ms();
    world.now_ms = deadline_ms + 1_000;
    assert!(matches!(world.ask(confirm(world.state.revision)), Err(Rejection::ConsentExpired(_))));
    world.now_ms = deadline_ms;
    world.run(confirm(world.state.revision)).expect("the last moment");
    let words = world.ask(Command::Confirm(bad)).expect_err("consented already").to_string();
    assert_eq!(words, "Cannot confirm payment intent in status: PROCESSING");
}

#[test]
fn a_refused_payment_may_be_made_again() {
    let mut world = World::new(terms(), &[(0, "100")]);
    world.run(pay_by_card(CardOutcome::Declined("insufficient funds".to_owned()))).expect("an answer of the processor");
    assert_eq!(world.state.status(), IntentStatus::RequiresAction);
    assert!(!world.state.has_consent() && world.state.payer().is_none());
    world.run(confirm(world.state.revision)).expect("another attempt");
    world.run(Command::FailPayment(None, "dropped".to_owned())).expect("under way");
    assert_eq!(world.state.status(), IntentStatus::RequiresAction);
    assert!(world.state.duties().is_empty(), "nothing is awaited any more");
    world.run(pay_by_card(CardOutcome::Authorized)).expect("a third");
    world.now_ms = FIVE_BLOCKS_MS;
    world.run(Command::SettlePayment(awaited(&world).0)).expect("due");
    assert_eq!(world.state.payer(), Some(Payer::Bearer(Hash::from_bytes([7; 32]))));
    assert_eq!(world.state.funding_card().map(|card| card.last_four.as_str()), Some("4242"));
    assert_eq!(world.state.funding.map(|funding| funding.rail), Some(Rail::Card));
}

#[test]
fn attempts_to_pay_are_counted_each_kind_by_itself() {
    let mut world = World::new(terms(), &[]);
    let declined = || pay_by_card(CardOutcome::Declined("no".to_owned()));
    for _ in 0..MAX_PAYMENTS {
        world.run(declined()).expect("an attempt");
    }
    assert_eq!(world.ask(declined()), Err(Rejection::TooManyPayments));
    assert_eq!(world.state.revision, 0, "a card that is declined makes nobody's signature void");
    for _ in 0..MAX_PAYMENTS {
        world.run(confirm(world.state.revision)).expect("cards keep nobody from signing");
        world.run(Command::FailPayment(None, "dropped".to_owned())).expect("under way");
    }
    assert_eq!(world.ask(confirm(world.state.revision)), Err(Rejection::TooManyPayments));
    assert!(world.ask(receive(Rail::Sandbox, None)).is_ok(), "money that comes is never turned away");
}

#[test]
fn simulated_payers_do_not_try_for_ever_and_real_money_is_never_turned_away() {
    let mut world = World::new(terms(), &[(0, "100")]);
    world.run(confirm(world.state.revision)).expect("consent");
    world.run(Command::Cancel).expect("not final");
    for _ in 0..MAX_SIMULATED_UNAPPLIED {
        world.run(receive(Rail::Sandbox, None)).expect("a late payment");
    }
    assert_eq!(world.ask(receive(Rail::Sandbox, None)), Err(Rejection::TooManyUnapplied));
    world.now_ms = FIVE_BLOCKS_MS;
    world.run(Command::SettlePayment(awaited(&world).0)).expect("what was under way arrives all the same");
    let mut short = World::new(terms(), &[(0, "100")]);
    for _ in 0..MAX_SIMULATED_UNAPPLIED {
        short.run(receive(Rail::Sandbox, Some("1"))).expect("too little");
    }
    assert_eq!(short.ask(receive(Rail::Sandbox, Some("1"))), Err(Rejection::TooManyUnapplied));
    assert!(short.ask(receive(Rail::Sandbox, None)).is_ok(), "the funding is what all the others were not");
    assert!(short.ask(complete(1)).is_ok(), "nor is a completion kept from simulating it");
    let mut live = World::in_mode(Mode::Live, terms(), &[]).funded();
    for _ in 0..=MAX_SIMULATED_UNAPPLIED {
        live.run(receive(Rail::Evm, Some("1"))).expect("real money");
    }
}

#[test]
fn only_whoever_paid_acts_as_the_payer() {
    let by_hand = Terms { auto_release: false, ..terms() };
    let release = || Command::ReleaseMilestone(milestone_id(1), None);
    let wallet = |text: &str| Actor::Payer(Payer::Wallet(text.parse().expect("an address")));
    let (payer, stranger) = (wallet(WALLET), wallet(&WALLET.replace('7', "8")));
    let mut world = World::in_mode(Mode::Live, by_hand, &[(0, "100")]);
    assert_eq!(world.ask_as(&payer, release()), Err(Rejection::NotThePayer), "nobody has paid");
    world = world.funded();
    world.run(complete(1)).expect("in order");
    for by in [stranger, Actor::Payer(Payer::Bearer(Hash::ZERO))] {
        assert_eq!(world.ask_as(&by, release()), Err(Rejection::NotThePayer));
    }
    assert!(world.ask_as(&payer, release()).is_ok());
}

#[test]
fn somebody_elses_money_does_not_finish_the_payment_under_way() {
    let mut world = World::in_mode(Mode::Live, terms(), &[(0, "100")]);
    world.run(confirm(world.state.revision)).expect("consent");
    let from = WALLET.replace('7', "8").parse().ok();
    let receipt = Receipt { rail: Rail::Evm, means: Means::Deposit(from), amount: None, transaction: None };
    world.run(Command::ReceivePayment(receipt)).expect("money");
    assert_eq!(world.state.status(), IntentStatus::Processing);
    assert_eq!(world.state.refunds[0].source, RefundSource::Unapplied(Unapplied::Double));
    world.run(receive(Rail::Evm, None)).expect("the payer's own");
    assert_eq!(world.state.status(), IntentStatus::Succeeded);
}

#[test]
fn money_that_is_said_to_be_a_payment_is_that_payment_or_anothers() {
    let Command::Confirm(Confirmation { consent, .. }) = confirm(1) else { unreachable!() };
    let consent = consent.expect("a consent");
    let other = Consent { signature: "0x02".to_owned(), ..consent.clone() };
    for (consent, status) in [(consent, IntentStatus::Succeeded), (other, IntentStatus::Processing)] {
        let mut world = World::in_mode(Mode::Live, terms(), &[(0, "100")]);
        world.run(confirm(1)).expect("consent");
        let means = Means::Wallet(consent);
        let receipt = Receipt { rail: Rail::Evm, means, amount: None, transaction: None };
        world.run(Command::ReceivePayment(receipt)).expect("money");
        assert_eq!(world.state.status(), status);
    }
}

#[test]
fn what_the_simulated_payer_does_is_told_apart() {
    for (mode, rail, is_simulated) in [(Mode::Sandbox, Rail::Sandbox, true), (Mode::Live, Rail::Evm, false)] {
        let new = || World::in_mode(mode, terms(), &[(0, "50")]);
        let flags =
            |decision: &crate::Decision| -> Vec<bool> { decision.events.iter().map(|event| event.simulated).collect() };
        let mut world = new();
        let funded = world.run(receive(rail, Some("101"))).expect("the funding, and more");
        assert_eq!(flags(&funded), vec![is_simulated; funded.events.len()]);
        let back = world.state.refunds[0].id;
        let returned = world.run(Command::ConfirmRefund(back, "returned".to_owned())).expect("it arrives");
        assert_eq!(flags(&returned), [is_simulated]);
        world.run(refund(Some("1"))).expect("free");
        let own = world.state.refunds[1].id;
        let refunded = world.run(Command::ConfirmRefund(own, "repaid".to_owned())).expect("it arrives");
        assert_eq!(flags(&refunded), [false], "the merchant asked for this one");
        let mut confirmed = new();
        confirmed.run(confirm(1)).expect("consent");
        confirmed.now_ms = FIVE_BLOCKS_MS;
        let payment = awaited(&confirmed).0;
        let settled = confirmed.ask(Command::SettlePayment(payment)).expect("due");
        assert_eq!(flags(&settled), vec![is_simulated; settled.events.len()]);
        confirmed.run(Command::Cancel).expect("not final");
        let late = confirmed.ask(Command::SettlePayment(payment)).expect("due");
        assert_eq!(flags(&late), [is_simulated]);
    }
    let completed = World::new(terms(), &[(0, "50")]).ask(complete(1)).expect("the simulated payer pays");
    for event in &completed.events {
        let is_payers = event.simulated;
        let is_merchants = matches!(event.kind, EventKind::MilestoneCompleted | EventKind::MilestoneReleased);
        assert_eq!(is_payers, !is_merchants, "{:?}", event.kind);
    }
}

#[test]
fn what_was_announced_is_only_a_wallets_payment() {
    let hash = Hash::from_bytes([1; 32]);
    let announced = || World::new(terms(), &[(0, "100")]).after([Command::AnnounceTransaction(hash)]);
    assert_eq!(announced().after([confirm(1)]).state.hint, Some(hash));
    let card = || pay_by_card(CardOutcome::Authorized);
    for command in [card(), pay_by_card(CardOutcome::Declined("no".to_owned())), receive(Rail::Evm, None)] {
        assert_eq!(announced().after([command]).state.hint, None);
    }
    let seen = announced().ask(card()).expect("authorized");
    assert!(kinds(&seen).contains(&EventKind::TransactionSubmitted));
    let declined = announced().ask(pay_by_card(CardOutcome::Declined("no".to_owned()))).expect("an answer");
    assert!(!kinds(&declined).contains(&EventKind::TransactionSubmitted), "nothing was seen on its rail");
}

#[test]
fn an_announced_transaction_moves_no_money_and_claims_nothing() {
    let hash = |byte| Hash::from_bytes([byte; 32]);
    let hint = |byte| Command::AnnounceTransaction(hash(byte));
    let mut world = World::new(terms(), &[(0, "100")]);
    let announced = world.run(hint(1)).expect("a hint");
    assert!(announced.transfers.is_empty() && announced.next.duties().is_empty());
    assert_eq!(announced.next.status(), IntentStatus::RequiresSignature);
    let again = world.ask(hint(1)).expect("the same again");
    assert_eq!((again.events.len(), again.next), (0, world.state.clone()));
    assert_eq!(world.ask(hint(2)), Err(Rejection::TransactionNamed), "nobody takes another's place");
    world.run(confirm(world.state.revision)).expect("consent");
    assert_eq!((world.state.transaction(), world.state.transactions()), (Some(hash(1)), Vec::new()));
    world.run(Command::FailPayment(None, "dropped".to_owned())).expect("under way");
    let Command::Confirm(confirmation) = confirm(world.state.revision) else { unreachable!() };
    world.run(Command::Confirm(Confirmation { transaction: Some(hash(3)), ..confirmation })).expect("consent");
    assert_eq!(world.ask(hint(4)), Err(Rejection::TransactionNamed), "the payer's word counts more");
    assert_eq!((world.state.transaction(), world.state.transactions()), (Some(hash(3)), vec![hash(3)]));
    let mut signed = World::new(terms(), &[]).after([confirm(0)]);
    let hinted = signed.run(hint(5)).expect("the payer has named none");
    assert_eq!(kinds(&hinted), [EventKind::TransactionSubmitted]);
    assert_eq!((signed.state.status(), signed.state.transaction()), (IntentStatus::Processing, Some(hash(5))));
    let mut by_card = World::new(terms(), &[]);
    by_card.run(pay_by_card(CardOutcome::Authorized)).expect("authorized");
    assert!(by_card.ask(hint(1)).is_err(), "a card's payment is carried by no transaction of theirs");
    world.now_ms = FIVE_BLOCKS_MS;
    world.run(Command::SettlePayment(awaited(&world).0)).expect("due");
    let words = world.ask(hint(4)).expect_err("too late").to_string();
    assert_eq!(words, "Cannot announce a transaction for payment intent in status: SUCCEEDED");
}

#[test]
fn money_that_nobody_waits_for_goes_back() {
    let whole = usdc("100");
    let unpaid = || World::new(terms(), &[(0, "100")]);
    let mut paid = unpaid();
    paid.run(receive(Rail::Evm, None)).expect("the funding");
    let mut canceled = unpaid();
    canceled.run(Command::Cancel).expect("unpaid");
    for (mut world, amount, held, unapplied) in [
        (unpaid(), "99.999999", usdc("0.000001"), (Unapplied::Short, usdc("99.999999"))),
        (unpaid(), "100.000001", whole, (Unapplied::Excess, usdc("0.000001"))),
        (paid, "100", whole, (Unapplied::Double, whole)),
        (canceled, "100", usdc("0.000001"), (Unapplied::Late, whole)),
    ] {
        let decision = world.run(receive(Rail::Evm, Some(amount))).expect("money is never turned away");
        let funded = !world.state.funds.held.is_zero();
        assert_eq!(funded, held == whole, "{unapplied:?}");
        let refund = world.state.refunds[0].clone();
        assert_eq!((refund.source, refund.amount), (RefundSource::Unapplied(unapplied.0), unapplied.1));
        assert_eq!(world.state.unapplied_minor(), unapplied.1.minor());
        assert!(kinds(&decision).contains(&EventKind::PaymentUnapplied));
        let back = world.run(Command::ConfirmRefund(refund.id, "returned".to_owned())).expect("it arrives");
        assert_eq!(back.transfers[0].purpose, Purpose::SendBack(refund.id, Rail::Evm));
        assert_eq!(kinds(&back), [EventKind::PaymentReturned]);
        assert_eq!(world.state.unapplied_minor(), 0);
    }
}

#[test]
fn a_payment_still_under_way_when_the_intent_is_given_up_goes_back() {
    let mut world = World::new(terms(), &[(0, "100")]);
    world.run(confirm(world.state.revision)).expect("consent");
    world.run(Command::Cancel).expect("not final");
    let (payment, due_ms) = awaited(&world);
    world.now_ms = due_ms;
    let late = world.run(Command::SettlePayment(payment)).expect("it arrives all the same");
    assert_eq!(late.next.status(), IntentStatus::Canceled);
    assert!(late.next.funds.funded.is_zero(), "never counted as funding");
    let refund = late.next.refunds[0].id;
    assert!(matches!(late.next.payments[0].state, PaymentState::Unapplied { refund: id, .. } if id == refund));
}

#[test]
fn a_completion_in_the_sandbox_finishes_the_payment_under_way() {
    let mut world = World::new(terms(), &[(0, "100")]);
    world.run(confirm(world.state.revision)).expect("consent");
    world.run(complete(1)).expect("the simulated chain hurries");
    assert!(matches!(world.state.payments[..], [crate::Payment { state: PaymentState::Final { .. }, .. }]));
    assert_eq!(world.state.funds.released, usdc("100"));
}

#[test]
fn a_pull_goes_from_consent_to_final() {
    let mut world = World::new(Terms { payment_type: PaymentType::ConsentedPull, ..terms() }, &[]);
    world.run(confirm(0)).expect("consent");
    world.now_ms = FIVE_BLOCKS_MS;
    world.run(Command::SettlePayment(awaited(&world).0)).expect("due");
    while let Some((duty, due)) = world.state.duties().first().copied() {
        world.now_ms = due.ms();
        world.run(ring(duty)).expect("due");
    }
    assert_eq!(world.state.status(), IntentStatus::Final);
}

#[test]
fn a_live_share_that_came_after_consent_is_not_released_without_approval() {
    let mut world = World::in_mode(Mode::Live, terms(), &[(0, "30")]).funded();
    world.run(Command::AddMilestone(new_milestone(2, 1, "20"))).expect("the merchant may add it");
    world.run(Command::AddMilestone(new_milestone(3, 2, "50"))).expect("the merchant may add it");
    for id in 1..=3 {
        world.run(complete(id)).expect("in order");
    }
    assert_eq!(world.state.funds.released, usdc("30"), "only what the payer consented to is released by itself");
    assert_eq!(world.ask(Command::ReleaseMilestone(milestone_id(2), None)), Err(Rejection::NeedsApproval));
    let signed = World::in_mode(Mode::Live, terms(), &[(0, "30")]).after([confirm(1)]);
    let late = signed.after([Command::AddMilestone(new_milestone(2, 1, "20")), receive(Rail::Evm, None)]);
    let released = late.after([complete(1), complete(2)]).state.funds.released;
    assert_eq!(released, usdc("30"), "a payer has consented as soon as the payment is under way");
    let patched = |patch| {
        let patched = World::in_mode(Mode::Live, terms(), &[(0, "30")]).funded();
        patched.after([Command::UpdateMilestone(milestone_id(1), patch), complete(1)]).state.funds.released
    };
    let less = MilestonePatch { amount: Some(decimal("20")), ..MilestonePatch::default() };
    let informative = MilestonePatch { percentage: Some(Some("30".to_owned())), ..MilestonePatch::default() };
    assert!(patched(less).is_zero(), "nor what was changed since");
    assert_eq!(patched(informative), usdc("30"), "a percentage is nothing that was agreed");
    let mut sandbox = World::new(terms(), &[(0, "30")]).funded();
    sandbox.run(Command::AddMilestone(new_milestone(2, 1, "20"))).expect("the merchant may add it");
    sandbox.run(complete(1)).expect("in order");
    sandbox.run(complete(2)).expect("in order");
    assert_eq!(sandbox.state.funds.released, usdc("50"), "in the sandbox no approval is needed");
}

#[test]
fn whoever_may_not_ask_is_refused_before_anything_else() {
    let payer = Actor::Payer(Payer::Bearer(Hash::ZERO));
    for mode in [Mode::Sandbox, Mode::Live] {
        let world = World::in_mode(mode, terms(), &[(0, "30")]);
        let commands = [
            confirm(77),
            pay_by_card(CardOutcome::Authorized),
            Command::AnnounceTransaction(Hash::ZERO),
            receive(Rail::Sandbox, None),
            Command::FailPayment(None, String::new()),
            Command::Cancel,
            complete(77),
            Command::ReleaseMilestone(milestone_id(77), None),
            Command::DeleteMilestone(milestone_id(77)),
            Command::Finalize,
        ];
        for command in commands {
            for by in [Actor::Merchant, payer.clone(), Actor::Anyone, Actor::Gateway] {
                let (who, action) = (by.role(), command.kind());
                let is_refused = world.ask_as(&by, command.clone()) == Err(Rejection::NotAllowed { who, action });
                assert_eq!(is_refused, !may_ask(who, action, mode), "{who}: {action} ({mode:?})");
            }
            let _somebody_may = actor(&command, mode);
        }
    }
    let nobody = |kind: &&CommandKind| !Role::ALL.iter().any(|who| may_ask(*who, **kind, Mode::Sandbox));
    assert_eq!(CommandKind::ALL.iter().find(nobody), None, "a command that nobody may ask for");
}
