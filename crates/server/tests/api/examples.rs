//! Every example of the description is sent to a gateway, in the order of the stories below, and must be answered as it says.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Map, Value, json};
use server::{Access, ExampleRequest};

use crate::wallet::Wallet;
use crate::world::{ADMIN, TEST, World};

/// Set, it has the examples written instead of compared.
const UPDATE: &str = "UPDATE_DOCS";

const FILE: &str = "src/http/openapi/examples.json";

/// What a story does.
enum Step {
    /// Sends the example of an operation.
    Example(&'static str),
    /// Sends it, under this name of a path's parameter remembering the id of what is answered.
    Making(&'static str, &'static str),
    /// Remembers the id of the first item of a list.
    First(&'static str, &'static str),
    /// Makes an intent with these terms beside those of the example, and forgets the one before.
    Intent(Value),
    /// Does something that is not an example.
    Post(&'static str, Value),
    /// Has the payer pay by card, and be whoever asks as a payer.
    Card,
    /// Moves the clock until this much is over, in seconds.
    Wait(&'static str),
}

use Step::{Card, Example, First, Intent, Making, Post, Wait};

/// The stories. Each begins with a world of its own.
fn stories() -> Vec<Vec<Step>> {
    let complete =
        || Post("/payment-intents/{intent}/escrow/milestones/{milestone}/complete", json!({"completedBy": "me"}));
    let first_milestone = || First("/payment-intents/{intent}/escrow/milestones", "milestone");
    let by_proof = || Intent(json!({"releaseType": "DELIVERY_PROOF", "milestones": null, "autoRelease": false}));
    let with_approval = || Intent(json!({"requireApproval": true, "autoRelease": false}));
    let proof = || {
        let hash = format!("0x{}", "11".repeat(32));
        Post("/payment-intents/{intent}/escrow/delivery-proof", json!({"proofHash": hash, "submittedBy": "courier"}))
    };
    vec![
        vec![
            Making("createPaymentIntent", "intent"),
            Example("getPaymentIntent"),
            Example("listPaymentIntents"),
            Example("getPublicPaymentIntent"),
            Making("createMilestone", "milestone"),
            Example("getMilestone"),
            Example("updateMilestone"),
            Example("listMilestones"),
            Example("deleteMilestone"),
            Example("fundPaymentIntent"),
            first_milestone(),
            Example("completeMilestone"),
            Example("getEscrow"),
            Example("getPublicEscrow"),
            First("/settlements", "settlement"),
            Example("listSettlements"),
            Example("getSettlement"),
            Making("refundPaymentIntent", "refund"),
            Making("createRefund", "refund"),
            Example("getRefund"),
            Example("listRefunds"),
            Example("getBalance"),
            Example("listLedgerEntries"),
            Example("failSettlement"),
            Example("listEverybodysSettlements"),
            Example("retrySettlement"),
            Example("listJobs"),
            Example("verify"),
        ],
        vec![
            Intent(json!({})),
            Example("announceTransaction"),
            Example("confirmPaymentIntent"),
            Example("failPaymentIntent"),
        ],
        vec![Intent(json!({})), Example("confirmPublicPaymentIntent")],
        vec![Intent(json!({})), Example("payByCard")],
        vec![
            Intent(json!({})),
            Example("cancelPaymentIntent"),
            Example("listEvents"),
            First("/events", "event"),
            Example("getEvent"),
        ],
        vec![by_proof(), Example("shipEscrow"), Example("submitDeliveryProof"), Example("releaseEscrow")],
        vec![by_proof(), Card, proof(), Example("releasePublicEscrow")],
        vec![Intent(json!({"deliveryPeriod": 5, "disputeWindow": 5})), Card, Wait("20"), Example("reclaimPublic")],
        vec![Intent(json!({"deliveryPeriod": 5, "disputeWindow": 5})), Card, Wait("20"), Example("reclaimEscrow")],
        vec![
            with_approval(),
            Card,
            first_milestone(),
            complete(),
            Example("rejectMilestone"),
            complete(),
            Example("approveMilestone"),
        ],
        vec![
            with_approval(),
            Card,
            first_milestone(),
            complete(),
            Example("rejectPublicMilestone"),
            complete(),
            Example("approvePublicMilestone"),
        ],
        vec![Intent(json!({"autoRelease": false})), first_milestone(), complete(), Example("releaseMilestone")],
        vec![
            Intent(json!({})),
            Card,
            Example("raiseDispute"),
            Example("submitEvidence"),
            Example("listDisputes"),
            Example("listEverybodysDisputes"),
            Example("resolveDispute"),
        ],
        vec![Intent(json!({})), Card, Example("raisePublicDispute"), Example("submitPublicEvidence")],
        vec![Example("getTestClock"), Example("advanceTestClock")],
        vec![
            Making("createApiKey", "api_key"),
            Example("getApiKey"),
            Example("listApiKeys"),
            Example("rollApiKey"),
            Example("revokeApiKey"),
            First("/requests", "request"),
            Example("getRequest"),
            Example("listRequests"),
        ],
        vec![
            Making("createWebhookEndpoint", "endpoint"),
            Example("getWebhookEndpoint"),
            Example("listWebhookEndpoints"),
            Example("updateWebhookEndpoint"),
            Example("rotateWebhookSecret"),
            Intent(json!({})),
            First("/events", "event"),
            Example("resendEvent"),
            Making("testWebhookEndpoint", "delivery"),
            Example("getWebhookDelivery"),
            Example("listWebhookDeliveries"),
            Example("redeliverWebhook"),
            Example("deleteWebhookEndpoint"),
        ],
        vec![Example("createMerchant"), Example("listMerchants")],
        vec![Example("getLiveness"), Example("getReadiness")],
    ]
}

/// What answers with a text of its own, or with the description itself.
const WITHOUT_EXAMPLES: [&str; 4] = ["streamEvents", "getMetrics", "getDescription", "getDocumentation"];

/// A story under way.
struct Story {
    world: World,
    requests: BTreeMap<&'static str, ExampleRequest>,
    /// What stands for names in braces.
    names: BTreeMap<&'static str, String>,
    token: Option<String>,
    seen: Map<String, Value>,
}

impl Story {
    fn filled(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
    }

    async fn send(&self, method: &str, path: &str, access: Access, body: &Value) -> Value {
        let request = Request::builder().method(method).uri(format!("/v1{path}"));
        let request = match access {
            Access::Anyone => request,
            Access::Payer => self.token.iter().fold(request, |request, token| request.header("Payer-Token", token)),
            Access::Merchant | Access::Sandbox | Access::OperatorOrSandbox | Access::MerchantOrOperator => {
                request.header("X-API-Key", TEST)
            }
            Access::Operator => request.header("X-API-Key", ADMIN),
        };
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let reply =
            self.world.send(request.header("content-type", "application/json").body(body).expect("a request")).await;
        assert!((200..300).contains(&reply.status), "{method} {path}: {}", String::from_utf8_lossy(&reply.body));
        reply.json()
    }

    async fn example(&mut self, operation: &'static str) -> Value {
        let ExampleRequest { route, body, .. } = self.requests[operation].clone();
        if body.to_string().contains("{signature}") {
            let wallet = Wallet::new(1);
            self.names.insert("signature", wallet.sign(&self.world, &self.names["intent"]).await);
            self.names.insert("payerAddress", wallet.address());
        }
        let body: Value = serde_json::from_str(&self.filled(&body.to_string())).expect("JSON");
        let path = self.filled(&route.path);
        let answer = self.send(route.method.as_str(), &path, route.access, &body).await;
        self.seen.insert(operation.to_owned(), json!({ "path": path, "body": body, "answer": answer }));
        answer
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.send("POST", &self.filled(path), Access::Merchant, body).await
    }

    async fn step(&mut self, step: Step) {
        match step {
            Example(operation) => {
                self.example(operation).await;
            }
            Making(operation, name) => {
                let answer = self.example(operation).await;
                self.names.insert(name, answer["id"].as_str().expect("an id").to_owned());
            }
            First(path, name) => {
                let list = self.send("GET", &self.filled(path), Access::Merchant, &Value::Null).await;
                self.names.insert(name, list["data"][0]["id"].as_str().expect("an id").to_owned());
            }
            Intent(changes) => {
                let mut body = self.requests["createPaymentIntent"].body.clone();
                for (name, value) in changes.as_object().expect("an object") {
                    body[name] = value.clone();
                }
                let made = self.post("/payment-intents", &body).await;
                self.names.insert("intent", made["id"].as_str().expect("an id").to_owned());
            }
            Post(path, body) => {
                self.post(path, &body).await;
            }
            Card => {
                let intent = self.names["intent"].clone();
                self.token = Some(crate::payers::pay_by_card(&self.world, &intent).await);
            }
            Wait(seconds) => {
                self.post("/test-helpers/clock", &json!({ "advance": seconds })).await;
            }
        }
    }
}

async fn told() -> Map<String, Value> {
    let mut seen = Map::new();
    for steps in stories() {
        // The first of several routes of an operation is the one that is no alias.
        let requests =
            server::example_requests().into_iter().rev().map(|request| (request.operation, request)).collect();
        let world = World::with_request_log().await;
        let mut story = Story { world, requests, names: BTreeMap::new(), token: None, seen };
        for step in steps {
            story.step(step).await;
        }
        seen = story.seen;
    }
    seen
}

/// An example with ids, times and what follows from them replaced: these differ from one gateway to the next.
fn normal(example: &Value) -> String {
    let mut known = Vec::new();
    normal_value(example, &mut known)
}

fn normal_value(value: &Value, known: &mut Vec<String>) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{name}: {}", normal_value(value, known)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| normal_value(item, known)).collect::<Vec<_>>().join(", "))
        }
        Value::Number(number) if number.as_i64().is_some_and(is_time) => "a time".to_owned(),
        Value::String(text) => {
            text.split([' ', '/']).map(|word| normal_word(word, known)).collect::<Vec<_>>().join(" ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn is_time(seconds: i64) -> bool {
    (1_700_000_000..2_000_000_000).contains(&seconds)
}

fn normal_word(word: &str, known: &mut Vec<String>) -> String {
    let is_id = word.rsplit_once('_').is_some_and(|(_, digits)| [22, 32].contains(&digits.len()));
    let is_hash = word.strip_prefix("0x").is_some_and(|digits| digits.len() >= 64);
    let is_large = word.len() > 30 && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_moment = word.ends_with('Z') && word.contains('T') && word.contains(':');
    if is_moment || word.parse().is_ok_and(is_time) {
        return "a time".to_owned();
    }
    if !(is_id || is_hash || is_large) {
        return word.to_owned();
    }
    // The same one everywhere in an example stays the same one.
    let place = known.iter().position(|one| one == word).unwrap_or_else(|| {
        known.push(word.to_owned());
        known.len() - 1
    });
    format!("#{place}")
}

#[tokio::test(start_paused = true)]
async fn examples_are_answered_as_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let told = told().await;
    for request in server::example_requests() {
        let has_one = told.contains_key(request.operation) != WITHOUT_EXAMPLES.contains(&request.operation);
        assert!(has_one, "no story sends the example of {}; add it to one", request.operation);
    }
    if std::env::var_os(UPDATE).is_some() {
        // One example a line, which is what a change of one shows.
        let mut text = "{\n".to_owned();
        for (place, (operation, example)) in told.iter().enumerate() {
            let comma = if place + 1 < told.len() { "," } else { "" };
            writeln!(text, "{}: {example}{comma}", json!(operation)).expect("a text");
        }
        std::fs::write(&path, text + "}\n").expect("the examples can be written");
        return;
    }
    let documented: Map<String, Value> =
        serde_json::from_str(&std::fs::read_to_string(&path).expect("readable")).expect("JSON");
    for (operation, example) in &told {
        let found = documented.get(operation).map(normal).unwrap_or_default();
        assert_eq!(
            normal(example),
            found,
            "{operation}; {UPDATE}=1 cargo nextest run -p server examples writes it again"
        );
    }
    assert_eq!(told.len(), documented.len(), "examples of operations that are no more");
}
