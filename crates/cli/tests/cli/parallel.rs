//! Many at once, over HTTP, on the embedded store: one wins, and the others hear why.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Client, Gateway, folder, run_json};

/// An answer: its status, whether it was given before, its body.
type Answer = (u16, bool, Vec<u8>);

struct World {
    folder: tempfile::TempDir,
    gateway: Gateway,
    client: Client,
    intent: String,
}

impl World {
    fn new() -> World {
        let folder = folder();
        let gateway = Gateway::start(folder.path(), &[]);
        let client = gateway.client();
        let intent = client.create_intent();
        World { folder, gateway, client, intent }
    }

    /// The same write so many times at once.
    fn at_once(&self, count: usize, path: &str, body: &Value, idempotency_key: Option<&str>) -> Vec<Answer> {
        let url = format!("{}{path}", self.gateway.announced["api"].as_str().expect("an address"));
        let key = self.gateway.announced["test_key"].as_str().expect("a key").to_owned();
        let http = reqwest::Client::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut asked = JoinSet::new();
            for _ in 0..count {
                let mut request = http.post(&url).header("X-API-Key", &key).json(body);
                if let Some(key) = idempotency_key {
                    request = request.header("Idempotency-Key", key);
                }
                asked.spawn(answer(request));
            }
            asked.join_all().await
        })
    }

    /// Stops the gateway and checks what it has stored.
    fn end(self) {
        self.gateway.stop();
        run_json(self.folder.path(), &["verify", "--data", "data"]);
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let is_replayed = response.headers().contains_key("Idempotent-Replayed");
    (response.status().as_u16(), is_replayed, response.bytes().await.expect("a body").to_vec())
}

fn successes(answers: &[Answer]) -> usize {
    answers.iter().filter(|(status, ..)| (200..300).contains(status)).count()
}

fn message(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).expect("JSON");
    body["error"]["message"].as_str().expect("a message").to_owned()
}

#[test]
fn of_twenty_completions_one_releases() {
    let world = World::new();
    let milestone = world.client.create_milestone(&world.intent, 0, "300.00");
    let path = format!("/payment-intents/{}/escrow/milestones/{milestone}/complete", world.intent);
    let answers = world.at_once(20, &path, &json!({"completedBy": "a test"}), None);
    assert_eq!(successes(&answers), 1);
    let refused =
        answers.iter().filter(|(status, _, body)| *status == 400 && message(body) == "Milestone already released");
    assert_eq!(refused.count(), 19);
    let releases = world.client.get("/account/ledger-entries?transactionType=RELEASE&limit=100");
    assert_eq!(releases["data"].as_array().expect("a list").len(), 1);
    world.end();
}

#[test]
fn of_fifty_creations_of_one_index_one_wins() {
    let world = World::new();
    let path = format!("/payment-intents/{}/escrow/milestones", world.intent);
    let answers = world.at_once(50, &path, &json!({"milestoneIndex": 0, "amount": "1.00"}), None);
    assert_eq!(successes(&answers), 1);
    assert_eq!(world.client.escrow(&world.intent)["milestones"].as_array().expect("a list").len(), 1);
    world.end();
}

#[test]
fn a_thousand_requests_with_one_key_have_one_effect_and_equal_bytes() {
    let world = World::new();
    let path = format!("/payment-intents/{}/escrow/milestones", world.intent);
    let answers = world.at_once(1000, &path, &json!({"milestoneIndex": 0, "amount": "1.00"}), Some("only-once"));
    assert_eq!(successes(&answers), 1000);
    assert_eq!(answers.iter().filter(|(_, is_replayed, _)| !is_replayed).count(), 1);
    let bodies: BTreeSet<&[u8]> = answers.iter().map(|(.., body)| body.as_slice()).collect();
    assert_eq!(bodies.len(), 1);
    assert_eq!(world.client.escrow(&world.intent)["milestones"].as_array().expect("a list").len(), 1);
    world.end();
}

#[test]
fn of_many_keys_made_at_once_each_is_told_and_under_one_idempotency_key_there_is_one() {
    let world = World::new();
    let body = json!({"name": "shop"});
    assert_eq!(successes(&world.at_once(20, "/api-keys", &body, None)), 20);
    let answers = world.at_once(20, "/api-keys", &body, Some("one-key"));
    assert_eq!((successes(&answers), answers.iter().filter(|(_, is_replayed, _)| !is_replayed).count()), (20, 1));
    let ids: BTreeSet<String> = answers
        .iter()
        .map(|(.., body)| {
            serde_json::from_slice::<Value>(body).expect("JSON")["id"].as_str().expect("an id").to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 1);
    let (_, listed) = world.client.try_get("/api-keys?limit=100");
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(22));
    world.end();
}
