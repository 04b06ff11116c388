//! One key, one effect.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::{Answer, Ask, Config, Rendered, Request};
use escrow::{Command, Span};

use crate::world::{OWNER, World, at_once, complete, key, new_intent, new_milestone, request};

#[tokio::test(start_paused = true)]
async fn a_thousand_parallel_requests_with_one_key_have_one_effect_and_equal_bytes() {
    let world = World::new();
    let (intent, _) = world.open(&[]).await;
    let requests = (0..1000)
        .map(|_| Command::AddMilestone(new_milestone(&world.engine, 0, "1")))
        .map(|command| request(OWNER, Ask::Decide(intent, command), key("one", 1)))
        .collect();
    let answers = at_once(&world, requests).await;
    let bodies: BTreeSet<Vec<u8>> = answers
        .iter()
        .map(|answer| match answer {
            Ok(Answer::Decided(rendered) | Answer::Replayed(rendered)) if rendered.status == 200 => {
                rendered.body.clone()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(bodies.len(), 1);
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Ok(Answer::Decided(_)))).count(), 1);
    assert_eq!(world.escrow(intent).await.milestones().len(), 1);
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_remembered_even_when_it_would_be_accepted_now() {
    let world = World::new();
    let (intent, milestones) = world.open(&["10", "20"]).await;
    let early = world.ask(complete(intent, milestones[1]), key("second", 1)).await.expect("an answer");
    world.ask(complete(intent, milestones[0]), None).await.expect("an answer");
    let Answer::Decided(first) = early else { panic!("{early:?}") };
    let again = world.ask(complete(intent, milestones[1]), key("second", 1)).await;
    assert_eq!(again, Ok(Answer::Replayed(first)));
}

#[tokio::test(start_paused = true)]
async fn a_key_used_for_another_request_is_refused() {
    let world = World::new();
    let (intent, milestones) = world.open(&["10", "20"]).await;
    world.ask(complete(intent, milestones[0]), key("one", 1)).await.expect("an answer");
    assert_eq!(world.ask(complete(intent, milestones[1]), key("one", 2)).await, Ok(Answer::KeyReused));
    let new = Ask::Open(Box::new(new_intent(&world.engine, &[])));
    assert_eq!(world.ask(new, key("one", 3)).await, Ok(Answer::KeyReused));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_free_again_after_a_day_of_real_time() {
    let world = World::new();
    let open = |world: &World| Ask::Open(Box::new(new_intent(&world.engine, &[])));
    let first = world.ask(open(&world), key("daily", 1)).await;
    assert!(matches!(first, Ok(Answer::Decided(_))));
    let lifetime = Config::default().reply_lifetime;
    world.host.advance(lifetime);
    let at_the_last_moment = world.ask(open(&world), key("daily", 1)).await;
    assert!(matches!(at_the_last_moment, Ok(Answer::Replayed(_))), "{at_the_last_moment:?}");
    world.host.advance(Span::from_ms(1));
    let later = world.ask(open(&world), key("daily", 2)).await;
    assert!(matches!(later, Ok(Answer::Decided(_))), "{later:?}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_shown_once_and_what_is_kept_in_its_place_is_replayed() {
    let world = World::new();
    let (intent, _) = world.open(&[]).await;
    let asked = |index: u32| {
        let ask = Ask::Decide(intent, Command::AddMilestone(new_milestone(&world.engine, index, "1")));
        let render = Arc::new(|_: Result<&escrow::Escrow, &escrow::Rejection>| Rendered {
            status: 200,
            body: b"with a secret".to_vec(),
            kept: Some(b"without it".to_vec()),
        });
        Request { render, ..request(OWNER, ask, key(&format!("key {index}"), 1)) }
    };
    let rendered = |body: &str| Rendered { status: 200, body: body.as_bytes().to_vec(), kept: None };
    assert_eq!(world.engine.submit(asked(0)).await, Ok(Answer::Decided(rendered("with a secret"))));
    for _ in 0..2 {
        assert_eq!(world.engine.submit(asked(0)).await, Ok(Answer::Replayed(rendered("without it"))));
    }
    let answers = at_once(&world, (0..10).map(|_| asked(1)).collect()).await;
    let count = |expected: &Answer| answers.iter().filter(|answer| answer.as_ref() == Ok(expected)).count();
    assert_eq!(count(&Answer::Decided(rendered("with a secret"))), 1, "{answers:?}");
    assert_eq!(count(&Answer::Replayed(rendered("without it"))), 9, "{answers:?}");
    assert_eq!(world.escrow(intent).await.milestones().len(), 2);
}
