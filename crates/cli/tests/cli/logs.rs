//! What is logged of requests, and that nothing in it is secret: keys, tokens, cards, signatures, accounts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Client, Gateway, folder};

const KEY: &str = "sk_test_Quetzalcoatl-knows-1";
/// Keys that the gateway does not know.
const WRONG: &str = "sk_test_Huitzilopochtli-2";
const LIVE: &str = "sk_live_Tezcatlipoca-3";
const TOKEN: &str = "pt_Xochiquetzal-4";
const IDEMPOTENCY: &str = "Mictlantecuhtli-5";
const ACCOUNT: &str = "Chalchiuhtlicue-6";
const CARD: &str = "4242424242424242";
const SIGNATURE: &str = "0x5ca1ab1e5ca1ab1e";

/// Whoever collects the log may end, and its disk may be full: money does not wait for it.
#[cfg(target_os = "linux")]
#[test]
fn requests_are_answered_although_nothing_can_be_logged() {
    let folder = folder();
    let gateway = Gateway::start_without_a_log(folder.path());
    let client = gateway.client();
    let intent = client.create_intent();
    let milestone = client.create_milestone(&intent, 0, "1000.00");
    client.complete(&intent, &milestone);
    gateway.stop();
    let verified = crate::harness::run_json(folder.path(), &["verify", "--data", "data"]);
    assert_eq!((&verified["ok"], &verified["escrows"]), (&true.into(), &1.into()));
}

/// What must not be in a log, in lower case.
fn needles() -> Vec<String> {
    let words =
        ["quetzalcoatl", "huitzilopochtli", "tezcatlipoca", "xochiquetzal", "mictlantecuhtli", "chalchiuhtlicue"];
    let mut needles: Vec<String> = [CARD, SIGNATURE].iter().chain(&words).map(ToString::to_string).collect();
    needles.push(basic(KEY).replace("Basic ", "").to_lowercase());
    needles
}

fn basic(key: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{key}:")))
}

/// Sends everything that is secret, where it belongs and where it does not.
fn tell_secrets(client: &Client) -> String {
    let body = json!({
        "amount": "1000.00",
        "currency": "USDC",
        "type": "CONDITIONAL",
        "settlementMethod": "OFF_RAMP_MOCK",
        "settlementDestination": ACCOUNT,
        "metadata": {"secret": KEY},
    });
    let (body, basic) = (body.to_string(), basic(KEY));
    let bearer = format!("Bearer {KEY}");
    let json = ("Content-Type", "application/json");
    let send = |method: Method, path: &str, headers: &[(&str, &str)], body: &str, status: u16| {
        let (answered, text) = client.send_text(method, path, headers, body);
        assert_eq!(answered, status, "{path} {headers:?}: {text}");
        text
    };
    let key = ("X-API-Key", KEY);
    let made = send(Method::POST, "/payment-intents", &[key, json, ("Idempotency-Key", IDEMPOTENCY)], &body, 200);
    let intent = serde_json::from_str::<Value>(&made).expect("JSON")["id"].as_str().expect("an id").to_owned();
    let path = format!("/payment-intents/{intent}");
    send(Method::GET, &path, &[("Authorization", &bearer)], "", 200);
    send(Method::GET, &path, &[("Authorization", &basic)], "", 200);
    send(Method::GET, &path, &[("Authorization", KEY)], "", 403);
    for wrong in [WRONG, LIVE] {
        send(Method::GET, &path, &[("X-API-Key", wrong)], "", 403);
    }
    send(Method::GET, &format!("{path}?key={KEY}"), &[key], "", 200);
    send(Method::GET, &format!("/payment-intents/{KEY}"), &[key], "", 404);
    send(Method::GET, &format!("/{KEY}"), &[], "", 404);
    send(Method::from_bytes(KEY.as_bytes()).expect("a method"), &path, &[], "", 405);
    send(Method::POST, "/payment-intents", &[key, json], &format!("{{{body}"), 400);
    let signed =
        json!({"signature": SIGNATURE, "payerAddress": "0x742d35Cc6634C0532925a3b844Bc9e7595f42318"}).to_string();
    send(Method::POST, &format!("{path}/confirm"), &[key, json], &signed, 400);
    let public = format!("/payment-intents/public/{intent}");
    send(Method::POST, &format!("{public}/reclaim"), &[json, ("Payer-Token", TOKEN)], "{}", 403);
    let card = json!({"card": {"cardNumber": CARD, "expiry": "12/99", "cvv": "123", "name": "Zoe"}}).to_string();
    send(Method::POST, &format!("{public}/payment"), &[json], &card, 200);
    intent
}

#[track_caller]
fn has_no_secrets(log: &str, secret_key: &[u8]) {
    let log = log.to_lowercase();
    for needle in needles() {
        assert!(!log.contains(&needle), "{needle:?} is in {log}");
    }
    let hex: String = secret_key.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!log.contains(&hex), "the gateway's own secret is in {log}");
}

#[test]
fn logs_for_machines_name_requests_and_intents_and_nothing_secret() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &["--log-level", "trace", "--test-key", KEY]);
    let client = gateway.client();
    let intent = tell_secrets(&client);
    let secret_key = std::fs::read(folder.path().join("data/secret.key")).expect("the secret");
    let (_, log) = gateway.stop_and_hear();
    has_no_secrets(&log, &secret_key);
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let requests: Vec<&Value> =
        lines.iter().map(|line| &line["fields"]).filter(|fields| fields["message"] == "request").collect();
    assert!(requests.iter().all(|line| line["request_id"].as_str().is_some_and(|id| id.starts_with("req_"))));
    let about = |method: &str, path: &str| {
        let is_it = |line: &&&Value| line["method"] == method && line["path"] == path;
        requests.iter().find(is_it).unwrap_or_else(|| panic!("no {method} {path} in {log}"))
    };
    let of_intent = about("POST", "/v1/payment-intents/{intent}/confirm");
    assert_eq!((of_intent["intent"].as_str(), of_intent["status"].as_u64()), (Some(intent.as_str()), Some(400)));
    assert!(of_intent["latency_ms"].is_i64());
    assert_eq!(about("other", "/v1/payment-intents/{intent}")["status"], 405);
    assert_eq!(about("GET", "(none)").get("intent"), None);
    assert!(requests.iter().any(|line| line["path"] == "/v1/payment-intents/{intent}" && line.get("intent").is_none()));
}

#[test]
fn logs_for_people_have_nothing_secret_either() {
    let folder = folder();
    let (gateway, client) = Gateway::start_for_people_with(folder.path(), &["--log-level", "trace", "--test-key", KEY]);
    let intent = tell_secrets(&client);
    let secret_key = std::fs::read(folder.path().join("data/secret.key")).expect("the secret");
    let (_, log) = gateway.stop_and_hear();
    has_no_secrets(&log, &secret_key);
    assert!(log.contains(&format!("intent={intent}")) && log.contains("request_id=req_"), "{log}");
}
