//! A transaction is one intent's, and naming it again is nothing new.

use engine::{Answer, Ask, Reach, Request, Unavailable};
use escrow::{Actor, Command, Hash, IntentId, IntentStatus, MerchantId, Owner, Rejection, Resolving, Ruling};

use crate::world::{
    OWNER, World, at_once, complete, confirm, key, new_intent, new_milestone, request, request_by, status,
};

const TRANSACTION: Hash = Hash::from_bytes([2; 32]);

fn is_taken(answer: &Result<Answer, Unavailable>) -> bool {
    let refusal = Rejection::TransactionTaken.to_string().into_bytes();
    matches!(answer, Ok(Answer::Decided(rendered)) if rendered.status == 400 && rendered.body == refusal)
}

/// The same answer, as its key tells it.
fn replayed(answer: &Result<Answer, Unavailable>) -> Result<Answer, Unavailable> {
    match answer {
        Ok(Answer::Decided(rendered)) => Ok(Answer::Replayed(rendered.clone())),
        other => panic!("{other:?}"),
    }
}

fn announce(intent: IntentId, transaction: Hash, name: Option<&str>) -> Request {
    let ask = Ask::Decide(intent, Command::AnnounceTransaction(transaction));
    request_by(Actor::Anyone, ask, name.and_then(|name| key(name, 1)))
}

#[tokio::test(start_paused = true)]
async fn of_two_intents_that_name_one_transaction_one_after_the_other_the_second_is_refused() {
    let world = World::new();
    let (first, _) = world.open(&[]).await;
    let (second, _) = world.open(&[]).await;
    let accepted = world.engine.submit(confirm(&world, first, Some(TRANSACTION), key("first", 1)).await).await;
    assert_eq!(status(&accepted), 200);
    let before = world.versioned(second).await;
    let asked = confirm(&world, second, Some(TRANSACTION), key("second", 1)).await;
    let refused = world.engine.submit(asked.clone()).await;
    assert!(is_taken(&refused), "{refused:?}");
    assert_eq!(world.versioned(second).await, before);
    assert_eq!(world.engine.submit(asked.clone()).await, replayed(&refused));

    // The refused one may name another, and its key still tells of the refusal.
    let other = confirm(&world, second, Some(Hash::from_bytes([3; 32])), key("other", 1)).await;
    assert_eq!(status(&world.engine.submit(other).await), 200);
    assert_eq!(world.escrow(second).await.status(), IntentStatus::Processing);
    assert_eq!(world.engine.submit(asked).await, replayed(&refused));
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn of_two_intents_that_name_one_transaction_at_once_one_is_refused_and_no_neighbour_is_harmed() {
    let world = World::new();
    let (one, _) = world.open(&[]).await;
    let (two, _) = world.open(&[]).await;
    let (neighbour, milestones) = world.open(&["100"]).await;
    let (payer, _) = world.open(&[]).await;
    let requests = vec![
        request(OWNER, complete(neighbour, milestones[0]), key("neighbour", 1)),
        confirm(&world, one, Some(TRANSACTION), key("one", 1)).await,
        confirm(&world, two, Some(TRANSACTION), key("two", 1)).await,
        confirm(&world, payer, Some(Hash::from_bytes([3; 32])), key("payer", 1)).await,
    ];
    let answers = at_once(&world, requests.clone()).await;
    assert_eq!((status(&answers[0]), status(&answers[3])), (200, 200), "{answers:?}");
    let (accepted, refused) = if is_taken(&answers[1]) { (2, 1) } else { (1, 2) };
    assert_eq!(status(&answers[accepted]), 200, "{answers:?}");
    assert!(is_taken(&answers[refused]), "{answers:?}");
    let intents = [neighbour, one, two, payer];
    let winner = world.versioned(intents[accepted]).await;
    assert_eq!((winner.version, winner.escrow.status()), (2, IntentStatus::Processing));
    let loser = world.versioned(intents[refused]).await;
    assert_eq!((loser.version, loser.escrow.status()), (1, IntentStatus::Initiated));
    assert_eq!(loser.escrow.payments, []);
    let again = at_once(&world, requests).await;
    assert_eq!(again, answers.iter().map(replayed).collect::<Vec<_>>());
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn what_else_is_asked_of_the_refused_intent_at_once_is_done() {
    let world = World::new();
    let (first, _) = world.open(&[]).await;
    let (second, _) = world.open(&[]).await;
    let accepted = world.engine.submit(confirm(&world, first, Some(TRANSACTION), None).await).await;
    assert_eq!(status(&accepted), 200);
    let add = |index| Ask::Decide(second, Command::AddMilestone(new_milestone(&world.engine, index, "1")));
    // They are decided together first, and then, refused together, each alone.
    let requests = vec![
        announce(second, Hash::from_bytes([4; 32]), Some("announced")),
        confirm(&world, second, Some(TRANSACTION), key("confirmed", 1)).await,
        announce(second, Hash::from_bytes([4; 32]), Some("announced again")),
        request(OWNER, add(0), key("added", 1)),
    ];
    let answers = at_once(&world, requests.clone()).await;
    assert_eq!(answers.iter().map(status).collect::<Vec<_>>(), [200, 400, 200, 200], "{answers:?}");
    assert!(is_taken(&answers[1]), "{answers:?}");
    let escrow = world.escrow(second).await;
    assert_eq!((escrow.status(), escrow.milestones().len()), (IntentStatus::RequiresSignature, 1));
    assert_eq!((escrow.hint, escrow.payments.len()), (Some(Hash::from_bytes([4; 32])), 0));
    let again = at_once(&world, requests).await;
    // What changed nothing is decided again.
    for place in [0, 1, 3] {
        assert_eq!(again[place], replayed(&answers[place]));
    }
    assert!(matches!(again[2], Ok(Answer::Decided(_))), "{again:?}");
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn engines_that_share_a_store_let_one_intent_have_a_transaction() {
    let one = World::shared();
    let two = one.another();
    let (first, _) = one.open(&[]).await;
    let (second, _) = one.open(&[]).await;
    let of_one = vec![confirm(&one, first, Some(TRANSACTION), None).await];
    let of_two = vec![confirm(&two, second, Some(TRANSACTION), None).await];
    let (of_one, of_two) = tokio::join!(at_once(&one, of_one), at_once(&two, of_two));
    let answers = [of_one, of_two].concat();
    assert_eq!(answers.iter().filter(|answer| is_taken(answer)).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| status(answer) == 200).count(), 1, "{answers:?}");
    one.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn another_owners_intent_may_name_the_same_transaction() {
    let world = World::new();
    let (own, _) = world.open(&[]).await;
    let stranger = Owner { merchant: MerchantId::fresh(world.engine.ids()), ..OWNER };
    let mut new = new_intent(&world.engine, &[]);
    new.owner = stranger;
    let others = new.id;
    assert_eq!(status(&world.engine.submit(request(stranger, Ask::Open(Box::new(new)), None)).await), 200);
    for (intent, owner) in [(own, OWNER), (others, stranger)] {
        let asked = confirm(&world, intent, Some(TRANSACTION), None).await;
        let answer = world.engine.submit(Request { reach: Reach::Owner(owner), ..asked }).await;
        assert_eq!(status(&answer), 200);
    }
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn a_transaction_announced_again_changes_and_leaves_nothing() {
    let world = World::new();
    let (intent, _) = world.open(&[]).await;
    let first = world.engine.submit(announce(intent, TRANSACTION, None)).await;
    let before = world.versioned(intent).await;
    assert_eq!((before.version, before.escrow.hint), (2, Some(TRANSACTION)));
    let events = world.assert_clean().await.events;

    world.host.advance(escrow::Span::from_seconds(1));
    assert_eq!(world.engine.submit(announce(intent, TRANSACTION, None)).await, first);
    // Nor is anything remembered: whoever needs no key for it could fill the store.
    let many = (0..20).map(|_| announce(intent, TRANSACTION, Some("many"))).collect();
    assert_eq!(at_once(&world, many).await, vec![first; 20]);
    assert_eq!(world.versioned(intent).await, before);
    assert_eq!(world.assert_clean().await.events, events);
}

#[tokio::test(start_paused = true)]
async fn what_the_operator_asks_is_remembered_whosever_it_is_and_whatever_it_changes() {
    let world = World::new();
    let (intent, _) = world.open(&[]).await;
    let first = world.engine.submit(announce(intent, TRANSACTION, None)).await;
    let as_operator = |ask: Ask, key: &str| Request {
        reach: Reach::Operator,
        by: Actor::Operator,
        ask,
        ..announce(intent, TRANSACTION, Some(key))
    };
    // The same again changes nothing, and the engine leaves it to the domain who may ask.
    let same = Request { by: Actor::Anyone, ..as_operator(announce(intent, TRANSACTION, None).ask, "same") };
    assert_eq!(world.engine.submit(same.clone()).await, first);
    assert_eq!(world.engine.submit(same).await, replayed(&first));

    let (milestone, dispute, ruling, by) = (None, None, Ruling::BuyerWon, "me".to_owned());
    let resolving = Resolving { milestone, dispute, ruling, by, note: None };
    let resolve = as_operator(Ask::Decide(intent, Command::ResolveDispute(resolving)), "resolve");
    let refused = world.engine.submit(resolve.clone()).await;
    assert_eq!(status(&refused), 400, "{refused:?}");
    assert_eq!(world.engine.submit(resolve).await, replayed(&refused));

    // Who may not ask may be allowed to later.
    let cancel = as_operator(Ask::Decide(intent, Command::Cancel), "cancel");
    let forbidden = world.engine.submit(cancel.clone()).await;
    assert_eq!(status(&forbidden), 400, "{forbidden:?}");
    assert_eq!(world.engine.submit(cancel).await, forbidden);

    let nobodys = IntentId::fresh(world.engine.ids());
    let nothing = as_operator(Ask::Decide(nobodys, Command::Cancel), "nothing");
    for _ in 0..2 {
        assert_eq!(world.engine.submit(nothing.clone()).await, Ok(Answer::NotFound));
    }
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn a_transaction_announced_twice_at_once_is_stored_once() {
    let world = World::new();
    let (intent, _) = world.open(&[]).await;
    let requests = vec![
        announce(intent, TRANSACTION, Some("one")),
        announce(intent, TRANSACTION, Some("two")),
        announce(intent, Hash::from_bytes([3; 32]), Some("three")),
        announce(intent, TRANSACTION, None),
    ];
    let answers = at_once(&world, requests.clone()).await;
    assert_eq!(answers.iter().map(status).collect::<Vec<_>>(), [200, 200, 400, 200], "{answers:?}");
    assert_eq!((&answers[1], &answers[3]), (&answers[0], &answers[0]));
    let after = world.versioned(intent).await;
    assert_eq!((after.version, after.escrow.hint), (2, Some(TRANSACTION)));
    let again = at_once(&world, requests[..3].to_vec()).await;
    // Somebody without a key who is refused leaves nothing behind.
    assert_eq!(again, [replayed(&answers[0]), answers[1].clone(), answers[2].clone()]);
    assert_eq!(world.versioned(intent).await, after);
    world.assert_clean().await;
}
