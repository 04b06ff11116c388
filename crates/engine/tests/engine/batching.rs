//! Group commit: many at once, each by itself.

use engine::{Answer, Ask, Config, Unavailable};
use escrow::{
    Amount, Command, Currency, IntentId, MilestoneStatus, Mode, Owner, Purpose, PurposeKind, Rail, Transfer, TransferId,
};
use store::{Change, Outcome, TransferRow, Unit, Wanted};

use crate::world::{OWNER, World, at_once, complete, key, new_intent, new_milestone, request, status};

#[tokio::test(start_paused = true)]
async fn of_twenty_parallel_completions_one_releases() {
    let world = World::new();
    let (intent, milestones) = world.open(&["30", "70"]).await;
    let requests = (0..20).map(|_| request(OWNER, complete(intent, milestones[0]), None)).collect();
    let answers = at_once(&world, requests).await;
    assert_eq!(answers.iter().filter(|answer| status(answer) == 200).count(), 1);
    let refused = answers.iter().filter(|answer| match answer {
        Ok(Answer::Decided(rendered)) => rendered.body == b"Milestone already released",
        _ => false,
    });
    assert_eq!(refused.count(), 19);
    let transfers = world.transfers().await;
    assert_eq!(transfers.iter().filter(|stored| stored.transfer.purpose.kind() == PurposeKind::Release).count(), 1);
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn of_fifty_parallel_creations_of_one_index_one_wins() {
    let world = World::new();
    let (intent, _) = world.open(&[]).await;
    let requests = (0..50)
        .map(|_| Command::AddMilestone(new_milestone(&world.engine, 0, "1")))
        .map(|command| request(OWNER, Ask::Decide(intent, command), None))
        .collect();
    let answers = at_once(&world, requests).await;
    assert_eq!(answers.iter().filter(|answer| status(answer) == 200).count(), 1);
    assert_eq!(world.escrow(intent).await.milestones().len(), 1);
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn commands_on_one_escrow_see_each_other_and_a_refused_one_disturbs_nobody() {
    let world = World::new();
    let (intent, milestones) = world.open(&["10", "20", "30"]).await;
    let (other, others) = world.open(&["10"]).await;
    let asks = [
        complete(intent, milestones[0]),
        complete(intent, milestones[2]), // out of order
        complete(intent, milestones[1]),
        complete(other, others[0]),
        complete(intent, milestones[2]),
    ];
    let answers = at_once(&world, asks.into_iter().map(|ask| request(OWNER, ask, None)).collect()).await;
    assert_eq!(answers.iter().map(status).collect::<Vec<_>>(), [200, 400, 200, 200, 200]);
    let escrow = world.escrow(intent).await;
    assert!(escrow.milestones().iter().all(|milestone| milestone.status() == MilestoneStatus::Released));
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn engines_that_share_a_store_decide_again_when_another_came_first() {
    let one = World::shared();
    let two = one.another();
    let (intent, milestones) = one.open(&["10", "20", "30", "40"]).await;
    let asks = |world: &World| {
        let adds = (10..30).map(|index| Command::AddMilestone(new_milestone(&world.engine, index, "1")));
        let adds = adds.map(|command| Ask::Decide(intent, command));
        let completions = milestones.iter().map(|milestone| complete(intent, *milestone));
        adds.chain(completions).map(|ask| request(OWNER, ask, None)).collect::<Vec<_>>()
    };
    let (of_one, of_two) = tokio::join!(at_once(&one, asks(&one)), at_once(&two, asks(&two)));
    let accepted = of_one.iter().chain(&of_two).filter(|answer| status(answer) == 200).count();
    let escrow = one.escrow(intent).await;
    let released = escrow.milestones().iter().filter(|milestone| milestone.status() == MilestoneStatus::Released);
    assert_eq!(released.count(), 4);
    assert_eq!(accepted, 4 + escrow.milestones().len() - 4, "every accepted command took effect once");
    one.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_in_the_queue_is_refused_and_not_done() {
    let world = World::with(Config { queue_limit: 8, ..Config::default() });
    let intents: Vec<_> = (0..64).map(|_| new_intent(&world.engine, &["1"])).collect();
    let ids: Vec<IntentId> = intents.iter().map(|new| new.id).collect();
    let requests = intents.into_iter().map(|new| request(OWNER, Ask::Open(Box::new(new)), None)).collect();
    let answers = at_once(&world, requests).await;
    let mut overloaded = 0;
    for (id, answer) in ids.iter().zip(&answers) {
        let exists = world.store.escrow(*id).await.expect("a store").is_some();
        assert_eq!(exists, answer.is_ok());
        overloaded += usize::from(*answer == Err(Unavailable::Overloaded));
    }
    assert!(overloaded > 0 && overloaded < 64, "{overloaded} of 64");
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_caller_went_away_happened_or_not_and_its_key_tells() {
    let world = World::new();
    let (intent, milestones) = world.open(&["10", "20"]).await;
    for polls in 0..6 {
        let name = format!("key {polls}");
        let mut asked = Box::pin(world.ask(complete(intent, milestones[0]), key(&name, 1)));
        for _ in 0..polls {
            tokio::select! { biased; _ = &mut asked => break, () = tokio::task::yield_now() => {} }
        }
        drop(asked);
        let again = world.ask(complete(intent, milestones[0]), key(&name, 1)).await;
        assert!(matches!(again, Ok(Answer::Decided(_) | Answer::Replayed(_))), "{again:?}");
    }
    let transfers = world.transfers().await;
    assert_eq!(transfers.iter().filter(|stored| stored.transfer.purpose.kind() == PurposeKind::Release).count(), 1);
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn others_are_told_that_it_is_not_theirs_or_not_there() {
    let world = World::new();
    let (intent, milestones) = world.open(&["10"]).await;
    let stranger = Owner { merchant: escrow::MerchantId::fresh(world.engine.ids()), ..OWNER };
    let other_mode = Owner { mode: Mode::Live, ..OWNER };
    let unknown = IntentId::fresh(world.engine.ids());
    for (owner, intent, expected) in [
        (stranger, intent, Answer::Forbidden),
        (other_mode, intent, Answer::NotFound),
        (OWNER, unknown, Answer::NotFound),
    ] {
        let ask = request(owner, complete(intent, milestones[0]), key("mine", 1));
        assert_eq!(world.engine.submit(ask).await, Ok(expected));
    }
    let answer = world.ask(complete(intent, milestones[0]), key("mine", 1)).await;
    assert!(matches!(answer, Ok(Answer::Decided(_))), "none of it was remembered: {answer:?}");
}

#[tokio::test(start_paused = true)]
async fn shutting_down_answers_what_waits_and_takes_nothing_new() {
    let world = World::new();
    let requests =
        (0..100).map(|_| request(OWNER, Ask::Open(Box::new(new_intent(&world.engine, &["1"]))), None)).collect();
    let (answers, ()) = tokio::join!(at_once(&world, requests), async {
        tokio::task::yield_now().await;
        world.engine.shut_down().await;
    });
    for answer in &answers {
        assert!(matches!(answer, Ok(Answer::Decided(_)) | Err(Unavailable::Closing)), "{answer:?}");
    }
    let late = world.ask(Ask::Open(Box::new(new_intent(&world.engine, &["1"]))), None).await;
    assert_eq!(late, Err(Unavailable::Closing));
}

#[tokio::test(start_paused = true)]
async fn a_total_that_would_not_fit_is_refused_to_the_command_that_caused_it() {
    let world = World::new();
    let (rich, _) = world.open(&["100"]).await;
    fill(&world, rich, "100").await;
    let (intent, milestones) = world.open(&["60", "40"]).await;
    let asks = [
        Ask::Decide(intent, Command::AddMilestone(new_milestone(&world.engine, 9, "1"))), // refused by the domain
        Ask::Decide(intent, Command::UpdateMilestone(milestones[1], escrow::MilestonePatch::default())),
        complete(intent, milestones[0]),
    ];
    let requests = asks.into_iter().map(|ask| request(OWNER, ask, None)).collect();
    let answers = at_once(&world, requests).await;
    assert_eq!(answers.iter().map(status).collect::<Vec<_>>(), [400, 200, 400]);
    let Ok(Answer::Decided(refusal)) = &answers[2] else { panic!("{answers:?}") };
    assert_eq!(refusal.body, escrow::Rejection::BalanceTooLarge.to_string().into_bytes());
    assert!(world.escrow(intent).await.funding.is_none());
}

/// Books so much to an intent that its owner's totals have room for less than `room` more.
async fn fill(world: &World, intent: IntentId, room: &str) {
    let room = Amount::parse(room, Currency::Usdc).expect("an amount");
    let most = Amount::from_minor(i64::MAX - room.minor() + 1, Currency::Usdc).expect("an amount");
    let wanted = Wanted { escrows: vec![intent], ..Wanted::default() };
    let base = world.store.load(wanted).await.expect("a store").escrows.pop().flatten().expect("the intent");
    let purpose = Purpose::Fund(Rail::Sandbox);
    let transfer = Transfer { id: TransferId::fresh(world.engine.ids()), purpose, amount: most };
    let transfers = vec![TransferRow { transfer, created: base.escrow.created }];
    let next = base.escrow.clone();
    let change = Change { base: Some(base), next, transfers, events: Vec::new(), effects: Vec::new() };
    let unit = Unit { change: Some(change), ..Unit::default() };
    assert_eq!(world.store.commit(vec![unit]).await.expect("a store"), [Outcome::Committed]);
}

#[tokio::test(start_paused = true)]
async fn the_ledger_lists_in_the_order_in_which_it_was_booked() {
    let world = World::new();
    let mut asks = Vec::new();
    for _ in 0..20 {
        asks.push(world.open(&["30", "70"]).await);
    }
    asks.reverse();
    let first = asks.iter().map(|(intent, milestones)| complete(*intent, milestones[0]));
    let second = asks.iter().map(|(intent, milestones)| complete(*intent, milestones[1]));
    at_once(&world, first.chain(second).map(|ask| request(OWNER, ask, None)).collect()).await;
    let mut balances = std::collections::BTreeMap::new();
    for stored in world.transfers().await.into_iter().rev() {
        let (from, to) = stored.transfer.purpose.accounts();
        let minor = stored.transfer.amount.minor();
        for (account, change, after) in [(from, -minor, stored.from_after), (to, minor, stored.to_after)] {
            let before = balances.insert(account, after).unwrap_or(0);
            assert_eq!(before + change, after, "{account} after {}", stored.transfer.id);
        }
    }
}
