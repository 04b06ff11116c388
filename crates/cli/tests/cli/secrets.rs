//! That nothing secret is ever left anywhere but in the one answer that shows it: secrets of every kind are made and used over the
//! API, and then every byte that the gateway stored, logged, measured, told or answered is searched for them, however written.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Client, Gateway, folder, run_json, until};
use crate::receiver::{Call, Receiver};
use crate::traces::{Found, files};

/// A secret, and every way in which it could have been written down.
struct Needle {
    what: String,
    forms: Vec<String>,
}

impl Needle {
    fn new(what: &str, secret: &[u8]) -> Needle {
        let mut forms = vec![text_of(secret), hex(secret), hex(secret).to_uppercase()];
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            // Base64 of a text that it is in the middle of: what stands before shifts it, and what touches the neighbours is left out.
            for shift in 0..3 {
                let text = engine.encode([&[b' '; 3][..shift], secret].concat());
                forms.push(text.get(shift + 1..text.len() - 2).expect("long enough").to_owned());
            }
        }
        Needle { what: what.to_owned(), forms }
    }

    /// One of a key or token, without the word that says its kind, which is no secret.
    fn token(what: &str, token: &str) -> Needle {
        let secret = token.rsplit('_').next().expect("it has a last part");
        assert!(secret.len() >= 32, "{what} is not what it was: {token}");
        Needle::new(what, secret.as_bytes())
    }

    #[track_caller]
    fn is_not_in(&self, text: &str, at: &str) {
        for form in &self.forms {
            assert!(!text.contains(form), "{} is in {at}, as {form}", self.what);
        }
    }
}

/// Bytes as a text that can be searched, each as the character of its number.
fn text_of(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn needles_are_found_however_they_are_written() {
    let needle = Needle::new("it", b"a secret of some length");
    for text in [
        "so: a secret of some length!".to_owned(),
        hex(b"x a secret of some length y"),
        hex(b"x a secret of some length y").to_uppercase(),
        STANDARD_NO_PAD.encode("a secret of some length:"),
        STANDARD_NO_PAD.encode("1a secret of some length:"),
        URL_SAFE_NO_PAD.encode("12a secret of some length:"),
    ] {
        assert!(needle.forms.iter().any(|form| text.contains(form)), "{text}");
    }
}

/// What was made, and what was answered that must have nothing of it.
pub(crate) struct Told {
    needles: Vec<Needle>,
    answers: Vec<Found>,
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

impl Told {
    /// Nothing yet, but that a gateway has its own secret in this folder.
    pub(crate) fn beside(data: &Path) -> Told {
        let secret = std::fs::read(data.join("secret.key")).expect("the secret");
        Told { needles: vec![Needle::new(OWN, &secret)], answers: Vec::new() }
    }

    /// Makes something that has a secret, twice under one idempotency key. The second answer must not have it.
    fn make(&mut self, client: &Client, path: &str, body: &Value) -> Value {
        let key = format!("made-{}", self.needles.len());
        let (_, made) = client.post_keyed(path, &key, body);
        let (is_replay, again) = client.post_keyed(path, &key, body);
        assert!(is_replay && again["id"] == made["id"], "{path}: {again}");
        self.answers.push(Found::text(format!("the replay of {path}"), &again.to_string()));
        made
    }

    fn key(&mut self, client: &Client, what: &str, path: &str, body: &Value) -> (String, String) {
        let made = self.make(client, path, body);
        let secret = [&made["data"]["secret"], &made["data"]["apiKey"]["secret"], &made["data"]["key"]["secret"]]
            .iter()
            .find_map(|secret| secret.as_str().map(str::to_owned))
            .unwrap_or_else(|| panic!("no secret in {made}"));
        self.needles.push(Needle::token(what, &secret));
        (made["id"].as_str().expect("an id").to_owned(), secret)
    }

    fn webhook_secret(&mut self, client: &Client, what: &str, path: &str, body: &Value) -> String {
        let made = self.make(client, path, body);
        let text = made["data"]["secret"].as_str().expect("a secret");
        let raw = base64::engine::general_purpose::STANDARD.decode(text.trim_start_matches("whsec_")).expect("base64");
        self.needles.push(Needle::new(what, &raw));
        self.needles.push(Needle::new(what, text.trim_start_matches("whsec_").as_bytes()));
        made["id"].as_str().expect("an id").to_owned()
    }

    /// Asks, and keeps what is answered.
    fn ask(&mut self, client: &Client, method: Method, path: &str, headers: &[(&str, &str)], body: &str) {
        let (_, answer) = client.send_text(method, path, headers, body);
        self.answers.push(Found::text(format!("the answer of {path}"), &answer));
    }
}

/// What has a file of its own.
const OWN: &str = "the gateway's own secret";

const CARD: &str = "4242424242424242";

/// Pays with a card, and acts as the payer with the token that came of it.
fn pay(told: &mut Told, client: &Client) {
    let intent = client.create_intent();
    let public = format!("/payment-intents/public/{intent}");
    let card = json!({"card": {"cardNumber": CARD, "expiry": "12/99", "cvv": "123", "name": "Zoe"}}).to_string();
    let pay = || {
        let headers = [JSON, ("Idempotency-Key", "pays")];
        let (status, text) = client.send_text(Method::POST, &format!("{public}/payment"), &headers, &card);
        assert_eq!(status, 200, "{text}");
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    let token = pay()["payerToken"].as_str().expect("a token").to_owned();
    told.answers.push(Found::text("the replay of a payment", &pay().to_string()));
    told.needles.push(Needle::token("a payer's token", &token));
    told.needles.push(Needle::new("the number of a card", CARD.as_bytes()));
    until("the payment to be final", || (client.status(&intent) == "SUCCEEDED").then_some(()));
    let headers = [JSON, ("Payer-Token", token.as_str()), ("Idempotency-Key", "acts")];
    let dispute = json!({"reason": "late", "raisedBy": "Zoe", "payerToken": token}).to_string();
    told.ask(client, Method::POST, &format!("{public}/dispute"), &headers, &dispute);
    told.ask(client, Method::POST, &format!("{public}/dispute"), &headers, "{");
    told.ask(client, Method::POST, &format!("{public}/reclaim"), &headers, "{}");
    told.ask(client, Method::GET, &public, &headers, "");
}

/// Has every key asked for things that it gets, that it must not have, that are not there, and in ways that are wrong.
fn ask_with(told: &mut Told, client: &Client, keys: &[String]) {
    for key in keys {
        // Where no key belongs, it may come back to whoever sent it, and nobody else sees it.
        let misplaced = format!("/payment-intents/{key}?key={key}&x[{key}]={key}");
        client.send_text(Method::GET, &misplaced, &[("X-API-Key", key)], "");
        client.send_text(Method::GET, &format!("/{key}"), &[], "");
        let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{key}:")));
        let bearer = format!("Bearer {key}");
        for (name, value) in [("X-API-Key", key), ("Authorization", &bearer), ("Authorization", &basic)] {
            for (method, path, body) in [
                (Method::GET, "/payment-intents?limit=1", ""),
                (Method::GET, "/payment-intents/intent_0354Rk7410UpBw7zbAuiuT", ""),
                (Method::GET, "/payment-intents?limit=x", ""),
                (Method::GET, "/nothing", ""),
                (Method::PUT, "/payment-intents", ""),
                (Method::GET, "/admin/merchants", ""),
                (Method::GET, "/api-keys?limit=100", ""),
                (Method::GET, "/webhook-endpoints?limit=100", ""),
                (Method::POST, "/payment-intents", "{"),
                (Method::POST, "/payment-intents", "{}"),
                (Method::POST, "/refunds", "{\"amount\": 1}"),
            ] {
                told.ask(client, method, path, &[(name, value), JSON], body);
            }
        }
    }
}

/// What makes a gateway say as much as it can, and do soon what it does later.
pub(crate) const ARGS: [&str; 6] = ["--log-level", "trace", "--block-time", "20ms", "--settlement-delay", "100ms"];

/// Makes keys of every kind and gives those that were made, with some that were revoked meanwhile.
fn make_keys(told: &mut Told, client: &Client, operator: &Client) -> Vec<String> {
    let (id, made) = told.key(client, "a key", "/api-keys", &json!({"name": "shop", "scopes": ["api_keys:write"]}));
    let (_, rolled) = told.key(client, "a rolled key", &format!("/api-keys/{id}/roll"), &json!({"gracePeriod": "1h"}));
    let (_, firsts) = told.key(operator, "a merchant's first key", "/admin/merchants", &json!({"name": "Two"}));
    let merchant = operator.get("/admin/merchants")["data"][0]["id"].clone();
    let live = json!({"kind": "live", "name": "live", "merchantId": merchant});
    let (live_id, live) = told.key(operator, "a live key", "/api-keys", &live);
    let (_, second) = told.key(operator, "another admin key", "/api-keys", &json!({"kind": "admin", "name": "second"}));
    client.post(&format!("/api-keys/{id}/revoke"), &json!({}));
    operator.post(&format!("/api-keys/{live_id}/revoke"), &json!({}));
    vec![made, rolled, firsts, live, second]
}

/// Makes secrets of every kind with these two keys, a merchant's and the operator's, and uses them; gives what others then see.
pub(crate) fn live_with_secrets(told: &mut Told, gateway: &Gateway, [test, admin]: [&str; 2]) -> Vec<Found> {
    told.needles.extend([Needle::token("an admin key", admin), Needle::token("a key from the command line", test)]);
    let (client, operator) = (gateway.client_with(test), gateway.client_with(admin));
    let mut keys = make_keys(told, &client, &operator);
    keys.extend([test.to_owned(), admin.to_owned()]);
    let receiver = Receiver::start(|_| ("200 OK", String::new()));
    let endpoint = json!({"url": receiver.url(), "enabledEvents": ["*"]});
    let endpoint = told.webhook_secret(&client, "a webhook secret", "/webhook-endpoints", &endpoint);
    let rotate = format!("/webhook-endpoints/{endpoint}/rotate-secret");
    told.webhook_secret(&client, "a rotated webhook secret", &rotate, &json!({"gracePeriod": "1h"}));
    let intent = client.create_intent();
    let milestone = client.create_milestone(&intent, 0, "1.00");
    client.complete(&intent, &milestone);
    pay(told, &client);
    client.post(&format!("/webhook-endpoints/{endpoint}/test"), &json!({}));
    ask_with(told, &client, &keys);

    let is_last = |call: &Call| call.body.contains("webhook_endpoint.test");
    let calls = std::iter::from_fn(|| Some(receiver.call())).take_while(|call| !is_last(call));
    let mut found: Vec<Found> = calls.map(|call| Found::text("a webhook call", &format!("{call:?}"))).collect();
    for (client, key) in [(&client, test), (&operator, admin)] {
        for list in ["requests", "api-keys", "events", "webhook-endpoints", "metrics"] {
            let (_, text) = client.send_text(Method::GET, &format!("/{list}?limit=100"), &[("X-API-Key", key)], "");
            found.push(Found::text(list, &text));
        }
    }
    found
}

/// Ends a gateway as it does when something is badly wrong; gives what it has said.
pub(crate) fn abort(mut gateway: Gateway) -> Vec<Found> {
    gateway.signal("ABRT");
    assert_eq!(gateway.wait().code(), None);
    vec![Found::text("what it announced", &gateway.announced.to_string()), Found::text("the log", &gateway.log())]
}

/// Checks that none of the secrets is in any of this, and in no answer but those that showed one.
pub(crate) fn are_nowhere(told: Told, found: Vec<Found>) {
    let Told { needles, answers } = told;
    let (mut bytes, places) = (0, found.len());
    for found in found.iter().chain(&answers) {
        let text = text_of(&found.bytes);
        let is_its_place = |needle: &&Needle| found.at.ends_with("secret.key") && needle.what == OWN;
        let needles = needles.iter().filter(|needle| !is_its_place(needle));
        needles.for_each(|needle| needle.is_not_in(&text, &found.at));
        bytes += found.bytes.len();
    }
    let (secrets, answers) = (needles.len(), answers.len());
    println!("{secrets} secrets in 9 ways each, {places} places and {answers} answers, {bytes} bytes");
}

#[test]
fn no_secret_is_anywhere_but_in_the_answer_that_shows_it() {
    let folder = folder();
    let made = |args: &[&str]| {
        let made = run_json(folder.path(), &[&["keys", "create", "--data", "data"], args].concat());
        made["secret"].as_str().expect("a secret").to_owned()
    };
    let (admin, test) = (made(&["--mode", "admin"]), made(&["--merchant", "One", "--mode", "test"]));
    let gateway = Gateway::start(folder.path(), &ARGS);
    let data = folder.path().join("data");
    let mut told = Told::beside(&data);
    let mut found = live_with_secrets(&mut told, &gateway, [&test, &admin]);
    found.extend(files(&data));
    assert!(found.iter().any(|file| file.at.ends_with("-wal") && !file.bytes.is_empty()), "there is a log to search");
    found.extend(abort(gateway));
    found.extend(files(&data));
    let stored: String = found.iter().filter(|found| found.at.contains("requests.db")).map(Found::squeezed).collect();
    assert!(stored.contains("apikeys") && stored.contains("rotatesecret"), "what is searched is what was stored");
    are_nowhere(told, found);
}
