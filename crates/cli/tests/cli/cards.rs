//! That nothing of a card is ever left anywhere but its brand and its last four digits: cards are sent in every way, well and badly,
//! and then every byte that the gateway stored, logged, measured or answered is searched.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Client, Gateway, folder, until};
use crate::traces::{Found, files};

/// The numbers that are sent: cards that pay, that are declined, and that the sandbox does not know.
const NUMBERS: [&str; 6] = [
    "4242424242424242",
    "5555555555554444",
    "4000000000000002",
    "4000000000009995",
    "4111111111111111",
    "378282246310005",
];

/// The verification code that is sent. Four digits stand in many places by chance, so that it is searched behind its name.
const CODE: &str = "7391";

/// The holder's name, which nobody asked to be kept.
const NAME: &str = "Zebedee Quixworth";

const JSON: (&str, &str) = ("Content-Type", "application/json");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// A number as people write it.
fn spelt(number: &str, separator: &str) -> String {
    let groups: Vec<_> = number.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    groups.join(separator)
}

fn body(number: &str) -> Value {
    json!({"card": {"cardNumber": number, "expiry": "12/99", "cvv": CODE, "name": NAME}})
}

/// What must be nowhere, squeezed as [`Found::squeezed`] does it; `%20` and `%2D` leave two characters of themselves.
fn needles() -> Vec<String> {
    let mut needles: Vec<String> =
        NUMBERS.iter().flat_map(|number| ["", "20", "2d"].map(|separator| spelt(number, separator))).collect();
    needles.extend(["cvv", "cvv5d"].map(|name| format!("{name}{CODE}")));
    needles.push("zebedeequixworth".to_owned());
    needles
}

/// Sends requests and keeps what was answered.
struct Payer<'a> {
    client: &'a Client,
    answers: Vec<Found>,
}

impl Payer<'_> {
    /// Sends a body to where an intent is paid.
    #[track_caller]
    fn pay(&mut self, intent: &str, headers: &[(&str, &str)], body: &str, status: u16) -> Value {
        let path = format!("/payment-intents/public/{intent}/payment");
        self.send(Method::POST, &path, headers, body, status)
    }

    #[track_caller]
    fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: &str, status: u16) -> Value {
        let (answered, text) = self.client.send_text(method, path, headers, body);
        assert_eq!(answered, status, "{headers:?} {body}: {text}");
        self.answers.push(Found::text(format!("the answer to {body}: {text}"), &text));
        serde_json::from_str(&text).unwrap_or_default()
    }
}

/// Cards in bodies that cannot be read, or say it in the wrong place.
fn badly_sent(payer: &mut Payer<'_>, intent: &str) {
    for number in NUMBERS {
        for separator in ["", " ", "-"] {
            let number = spelt(number, separator);
            let json = body(&number).to_string();
            let of = |field: &str, value: Value| {
                let mut body = body(NUMBERS[4]);
                body["card"][field] = value;
                body.to_string()
            };
            for (headers, body) in [
                (JSON, json[..json.len() - 1].to_owned()),
                (JSON, json.replace("\"cvv\"", "cvv")),
                (JSON, format!("{json}{json}")),
                (JSON, format!("{{\"card\":{number}}}")),
                (JSON, format!("{{\"card\":{number}e999999}}")),
                (JSON, format!("\"{number}\"")),
                (JSON, format!("[{json}]")),
                (JSON, of("cardNumber", json!(format!("{number}0000000000")))),
                (JSON, of("cardNumber", json!(format!("a{number}")))),
                (JSON, of("cardNumber", json!([number]))),
                (JSON, of("expiry", json!(number))),
                (JSON, of("cvv", json!(number))),
                (JSON, of("name", json!(number))),
                (JSON, of("name", json!(number.repeat(50)))),
                (JSON, json!({"card": number}).to_string()),
                (JSON, json!({number.as_str(): {"cvv": CODE}}).to_string()),
                // `curl -d` without a header.
                (FORM, json.clone()),
                (FORM, json.replace('}', ",\"items\":[1]}")),
                (FORM, format!("card[cardNumber]={number}&card[cvv]={CODE}&card[expiry]={number}")),
                (FORM, format!("card[cardNumber]={number}%FF&card[cvv]={CODE}")),
                (FORM, format!("card[cardNumber={number}&card[cvv]={CODE}")),
                (FORM, format!("{number}[={CODE}")),
                (FORM, format!("card={number}")),
                (("Content-Type", "text/plain"), json.clone()),
            ] {
                payer.pay(intent, &[headers], &body, 400);
            }
        }
        let query = format!("/payment-intents/public/{intent}/payment?cardNumber={number}&cvv={CODE}");
        payer.send(Method::POST, &query, &[JSON], "", 400);
        payer.send(Method::GET, &query, &[], "", 405);
        payer.send(Method::GET, &format!("/payment-intents/public/{intent}?card={number}"), &[], "", 200);
    }
}

/// Cards as they should be sent; gives the tokens that were shown.
fn well_sent(payer: &mut Payer<'_>) -> Vec<String> {
    let mut tokens = Vec::new();
    for (number, separator) in [(NUMBERS[0], ""), (NUMBERS[0], " "), (NUMBERS[1], "-")] {
        let intent = payer.client.create_intent();
        let key = ("Idempotency-Key", "one");
        for declined in &NUMBERS[2..4] {
            payer.pay(&intent, &[JSON], &body(declined).to_string(), 400);
            payer.pay(&intent, &[JSON, ("Idempotency-Key", &declined[12..])], &body(declined).to_string(), 400);
        }
        let mut good = body(&spelt(number, separator));
        good["card"]["name"] = json!(format!("{NAME} {}", NUMBERS[4]));
        let good = good.to_string();
        let (status, shown) = payer.client.send_text(
            Method::POST,
            &format!("/payment-intents/public/{intent}/payment"),
            &[JSON, key],
            &good,
        );
        assert_eq!(status, 200, "{shown}");
        let paid: Value = serde_json::from_str(&shown).expect("JSON");
        tokens.push(paid["payerToken"].as_str().expect("a token").to_owned());
        // All of this answer but the token must be clean like every other.
        let token = tokens.last().map_or("", String::as_str);
        payer.answers.push(Found::text("the answer with the token", &shown.replace(token, "")));

        assert_eq!(payer.pay(&intent, &[JSON, key], &good, 200)["payerToken"], Value::Null, "a replay");
        payer.pay(&intent, &[JSON, key], &body(NUMBERS[4]).to_string(), 400);
        payer.pay(&intent, &[JSON, key], &body(NUMBERS[3]).to_string(), 400);
        payer.pay(&intent, &[JSON], &good, 400);
        until("the payment to be final", || (payer.client.status(&intent) == "SUCCEEDED").then_some(()));
        let shown = payer.client.get(&format!("/payment-intents/{intent}"));
        assert_eq!(shown["data"]["card"]["last4"], number[12..]);
        payer.answers.push(Found::text("the intent", &shown.to_string()));
    }
    tokens
}

#[test]
fn a_card_leaves_no_trace() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &["--log-level", "trace", "--block-time", "20ms"]);
    let client = gateway.client();
    let mut payer = Payer { client: &client, answers: Vec::new() };
    let unpaid = client.create_intent();
    badly_sent(&mut payer, &unpaid);
    let tokens = well_sent(&mut payer);
    payer.send(Method::GET, "/metrics", &[], "", 200);
    let mut found = payer.answers;

    let data = folder.path().join("data");
    let while_running = files(&data);
    assert!(
        while_running.iter().any(|file| file.at.ends_with("-wal") && !file.bytes.is_empty()),
        "there is a log to search"
    );
    found.extend(while_running);
    found.push(Found::text("what it announced", &gateway.announced.to_string()));
    let (said, log) = gateway.stop_and_hear();
    assert!(log.contains("public/{intent}/payment"), "the log tells of the payments: {log}");
    found.extend([Found::text("standard output", &said), Found::text("the log", &log)]);
    found.extend(files(&data));

    // What is searched is not empty: what may be kept is found.
    let stored: String = found.iter().filter(|found| found.at.contains("milepost.db")).map(Found::squeezed).collect();
    for kept in ["visa", "mastercard", "thecardwasdeclined"] {
        assert!(stored.contains(kept), "{kept} is not in the store");
    }
    let mut needles = needles();
    needles.extend(tokens.iter().map(|token| token.replace('_', "").to_lowercase()));
    for found in &found {
        found.has_none_of(&needles);
    }
}
