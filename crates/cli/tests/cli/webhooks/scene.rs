//! What tests of webhooks do with a gateway.

use engine::Secret;
use escrow::Timestamp;
use serde_json::{Value, json};

use super::receiver::{Heard, Receiver};
use crate::harness::{Client, until};

/// How long ago a call can have been made when it comes in, in seconds: as long as a call may take.
const CALL_S: i64 = 15;

/// A webhook endpoint.
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) secret: Secret,
}

impl Endpoint {
    /// Creates one that is told these events.
    pub(crate) fn create(client: &Client, url: &str, events: &[&str]) -> Endpoint {
        let made = client.post("/webhook-endpoints", &json!({"url": url, "enabledEvents": events}));
        Endpoint { id: text(&made, "id"), secret: secret(&made) }
    }

    /// Its address in the API, with this behind it.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/webhook-endpoints/{}{rest}", self.id)
    }

    /// The endpoint as it is.
    pub(crate) fn show(&self, client: &Client) -> Value {
        client.get(&self.path(""))["data"].clone()
    }

    /// All that it was told, or is to be told again, those of the oldest events first.
    pub(crate) fn deliveries(&self, client: &Client) -> Vec<Value> {
        list(client, &self.path("/deliveries?limit=100"))
    }

    /// Its only delivery, once that was tried so often.
    pub(crate) fn tried(&self, client: &Client, times: usize) -> Value {
        until(&format!("{times} calls to {}", self.id), || {
            let deliveries = self.deliveries(client);
            assert!(deliveries.len() <= 1, "{deliveries:?}");
            deliveries.into_iter().find(|delivery| attempts(delivery).len() >= times)
        })
    }
}

/// The secret that an answer shows.
pub(crate) fn secret(answer: &Value) -> Secret {
    text(&answer["data"], "secret").parse().expect("a secret")
}

/// A text of an object.
pub(crate) fn text(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap_or_else(|| panic!("{object} has no {name}")).to_owned()
}

/// The calls of a delivery.
pub(crate) fn attempts(delivery: &Value) -> &[Value] {
    delivery["attempts"].as_array().expect("attempts")
}

/// All of a list, oldest first.
pub(crate) fn list(client: &Client, path: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let behind = all.last().map(|last| format!("&starting_after={}", text(last, "id"))).unwrap_or_default();
        let mut page = client.get(&format!("{path}{behind}"));
        all.append(page["data"].as_array_mut().expect("a list"));
        if page["has_more"] == false {
            all.reverse();
            return all;
        }
    }
}

/// The events that this chooses, oldest first.
pub(crate) fn events(client: &Client, filter: &str) -> Vec<Value> {
    list(client, &format!("/events?limit=100{filter}"))
}

/// The ids of objects, in their order.
pub(crate) fn ids(objects: &[Value]) -> Vec<String> {
    objects.iter().map(|object| text(object, "id")).collect()
}

/// Waits until a receiver has heard so many calls, and gives those.
pub(crate) fn heard(receiver: &Receiver, count: usize) -> Vec<Heard> {
    until(&format!("{count} calls"), || Some(receiver.heard()).filter(|heard| heard.len() >= count))
}

/// Asserts that a call tells what is stored, byte for byte, at this time, and is signed by these secrets, the newest first.
#[track_caller]
pub(crate) fn assert_genuine(client: &Client, call: &Heard, secrets: &[&Secret]) {
    let id = call.id();
    assert_eq!(call.body, client.get_text(&format!("/events/{id}")), "what is stored is what is sent");
    assert_eq!(call.header("content-type"), "application/json");
    assert!(call.header("user-agent").starts_with("Milepost/"));
    let said: i64 = call.header("webhook-timestamp").parse().expect("Unix seconds");
    let ago_s = call.at.seconds() - said;
    assert!((0..=CALL_S).contains(&ago_s), "it says that it was made {ago_s} seconds before it came");
    assert_eq!(call.header("webhook-signature"), signature(call, secrets));
    let of_body = secrets.first().expect("a secret").sign_body(call.body.as_bytes());
    assert_eq!(call.header("finternet-signature"), of_body);
    assert_eq!(call.header("x-finternet-signature"), of_body);
}

/// What Standard Webhooks has these secrets write.
pub(crate) fn signature(call: &Heard, secrets: &[&Secret]) -> String {
    let said: i64 = call.header("webhook-timestamp").parse().expect("Unix seconds");
    let sign = |secret: &&Secret| secret.sign(call.id(), Timestamp::from_ms(said * 1000), call.body.as_bytes());
    secrets.iter().map(sign).collect::<Vec<_>>().join(" ")
}

/// A time as the API writes it, in Unix milliseconds.
pub(crate) fn time_ms(object: &Value, name: &str) -> i64 {
    let text = text(object, name);
    let numbers: Vec<i64> = text
        .split(['-', 'T', ':', '.', 'Z'])
        .filter(|number| !number.is_empty())
        .map(|number| number.parse().expect("a number"))
        .collect();
    let [year, month, day, hour, minute, second, ms] = numbers[..] else { panic!("{text} is not a time") };
    // March is the first month here, so that the day that some years have more is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms
}

/// Moves the clock of the sandbox.
pub(crate) fn advance(client: &Client, seconds: i64) {
    client.post("/test-helpers/clock", &json!({"advance": seconds}));
}

/// What the clock of the sandbox shows, in Unix milliseconds.
pub(crate) fn clock_ms(client: &Client) -> i64 {
    time_ms(&client.get("/test-helpers/clock")["data"], "nowAt")
}

/// Creates so many intents. Each brings one event `payment_intent.created`, and one `escrow_order.created`.
pub(crate) fn create_intents(client: &Client, count: usize) -> Vec<String> {
    (0..count).map(|_| client.create_intent()).collect()
}
