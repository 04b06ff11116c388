//! `milepost listen`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Receiver as Lines;

use engine::{Host, Secret, System};
use escrow::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Gateway, assert_failed, command, folder, lines_of, patience, run, stdout, until};
use crate::receiver::{Answer, Call, Receiver};

const KEY: &str = "sk_test_development";

/// A running `milepost listen`. It is killed when dropped.
struct Listener {
    child: Child,
    lines: Lines<String>,
    log: TempDir,
}

impl Listener {
    /// Starts to listen, and waits until it has announced itself.
    fn start(gateway: &Gateway, args: &[&str]) -> (Listener, String) {
        let log = folder();
        let stderr = std::fs::File::create(log.path().join("stderr")).expect("a file");
        let mut command = command(log.path());
        command.env("MILEPOST_API_KEY", KEY).args(["listen", "--api", gateway.url()]).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("milepost starts");
        let listener = Listener { lines: lines_of(&mut child), child, log };
        let announced = listener.line();
        (listener, announced)
    }

    /// The same for machines, with what it announces.
    fn start_json(gateway: &Gateway, args: &[&str]) -> (Listener, Value) {
        let (listener, line) = Listener::start(gateway, &[args, &["--json"]].concat());
        (listener, serde_json::from_str(&line).expect("JSON"))
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(patience()).unwrap_or_else(|_| panic!("it said nothing more: {}", self.log()))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.line()).expect("an object a line")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.log.path().join("stderr")).unwrap_or_default()
    }

    fn wait(&mut self) -> Option<i32> {
        until("the listener to end", || self.child.try_wait().expect("it is our child")).code()
    }

    /// Stops it as Ctrl-C does; gives what it has said that was not read, and logged.
    fn interrupt(mut self) -> (Vec<String>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "INT", &id]).status().expect("kill runs").success());
        assert_eq!(self.wait(), Some(0), "{}", self.log());
        (self.lines.iter().collect(), self.log())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It is gone already where the test has waited for it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn gateway(folder: &Path) -> Gateway {
    Gateway::start(folder, &["--test-key", KEY])
}

fn takes_all(_: &Call) -> Answer {
    ("200 OK", "thank you".to_owned())
}

fn id_of(event: &Value) -> String {
    event["id"].as_str().expect("an id").to_owned()
}

#[test]
fn events_are_forwarded_as_webhooks_are_sent() {
    let folder = folder();
    let gateway = gateway(folder.path());
    let receiver = Receiver::start(takes_all);
    let url = receiver.url();
    let (listener, announced) = Listener::start_json(&gateway, &["--forward-to", &url]);
    assert_eq!((&announced["listening"], &announced["forward_to"]), (&json!(gateway.url()), &json!(url)));
    let before = announced["position"].as_u64().expect("a place");
    let secret: Secret = announced["secret"].as_str().expect("a secret").parse().expect("one of webhooks");
    let client = gateway.client_with(KEY);
    let began = System::new().now().seconds();
    let intent = client.create_intent();
    client.create_milestone(&intent, 0, "1000.00");
    for (place, kind) in (before + 1..).zip(["payment_intent.created", "escrow_order.created", "milestone.created"]) {
        let call = receiver.call();
        let shown = listener.json();
        let id = id_of(&shown["event"]);
        let (_, served) = client.send_text(reqwest::Method::GET, &format!("/events/{id}"), &[("X-API-Key", KEY)], "");
        assert_eq!(call.body, served, "byte for byte");
        assert_eq!((&shown["position"], &shown["event"]["type"]), (&json!(place), &json!(kind)));
        assert_eq!(shown["forward"], json!({"accepted": true, "status": 200, "problem": null}));
        assert_eq!(call.line, "POST /webhooks?from=milepost HTTP/1.1");
        assert_eq!(call.header("content-type"), "application/json");
        assert_eq!(call.header("user-agent"), concat!("Milepost/", env!("CARGO_PKG_VERSION")));
        assert_eq!(call.header("webhook-id"), id);
        let seconds: i64 = call.header("webhook-timestamp").parse().expect("seconds");
        assert!((began..=System::new().now().seconds()).contains(&seconds), "{seconds}");
        let signature = secret.sign(&id, Timestamp::from_ms(seconds * 1000), served.as_bytes());
        assert_eq!(call.header("webhook-signature"), signature);
        for name in ["finternet-signature", "x-finternet-signature"] {
            assert_eq!(call.header(name), secret.sign_body(served.as_bytes()));
        }
    }
    let (_, again) = Listener::start_json(&gateway, &["--forward-to", &url]);
    assert_eq!(again["secret"], announced["secret"], "the same every time");
    let own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let (_, with_own) = Listener::start_json(&gateway, &["--forward-to", &url, "--secret", own]);
    assert_eq!(with_own["secret"], own);
}

/// What the forwarded event stands in for: a call of the gateway itself, which differs in the secret alone.
#[test]
fn a_forwarded_event_is_what_a_webhook_brings() {
    let folder = folder();
    let gateway = gateway(folder.path());
    let client = gateway.client_with(KEY);
    let (by_webhook, by_listener) = (Receiver::start(takes_all), Receiver::start(takes_all));
    let types = "payment_intent.created";
    let endpoint = client.post("/webhook-endpoints", &json!({"url": by_webhook.url(), "enabledEvents": [types]}));
    let secret = endpoint["data"]["secret"].as_str().expect("a secret");
    let args = ["--forward-to", &by_listener.url(), "--events", types, "--secret", secret];
    let (_listener, _) = Listener::start_json(&gateway, &args);
    client.create_intent();
    let same = |call: &Call| {
        let mut headers = call.headers.clone();
        // When it was made, and what follows from that; and which of the two was called.
        for name in ["webhook-timestamp", "webhook-signature", "host"] {
            assert!(headers.remove(name).is_some(), "{name}: {call:?}");
        }
        (call.line.clone(), headers, call.body.clone())
    };
    assert_eq!(same(&by_listener.call()), same(&by_webhook.call()));
}

/// Makes intents until it is told to stop, whatever becomes of the gateway, and counts those it was told of.
fn make_intents(api: String, made: &AtomicUsize, is_over: &AtomicBool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let http = reqwest::Client::new();
    let body = json!({"amount": "1.00", "currency": "USDC", "type": "DELIVERY_VS_PAYMENT",
        "settlementMethod": "OFF_RAMP_MOCK", "settlementDestination": "bank_account_123"});
    while !is_over.load(Ordering::Acquire) {
        let request = http.post(format!("{api}/v1/payment-intents")).header("X-API-Key", KEY).json(&body);
        let answer = until("an answer", || runtime.block_on(request.try_clone().expect("no stream").send()).ok());
        assert!(answer.status().is_success(), "{answer:?}");
        made.fetch_add(1, Ordering::AcqRel);
    }
}

#[test]
fn a_gateway_that_is_killed_and_comes_back_costs_no_event() {
    const KILLS: usize = 2;
    const BETWEEN: usize = 10;
    let folder = folder();
    let mut gateway = gateway(folder.path());
    let receiver = Receiver::start(takes_all);
    let (listener, announced) = Listener::start_json(&gateway, &["--forward-to", &receiver.url()]);
    let address = gateway.url().trim_start_matches("http://").to_owned();
    let (made, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let writer = std::thread::spawn({
        let (api, made, is_over) = (gateway.url().to_owned(), made.clone(), is_over.clone());
        move || make_intents(api, &made, &is_over)
    });
    let mut calls = Vec::new();
    for _ in 0..KILLS {
        calls.extend((0..BETWEEN).map(|_| receiver.call()));
        gateway.kill();
        gateway = Gateway::start(folder.path(), &["--test-key", KEY, "--listen", &address]);
        let so_far = made.load(Ordering::Acquire);
        until("more intents", || (made.load(Ordering::Acquire) >= so_far + BETWEEN).then_some(()));
    }
    is_over.store(true, Ordering::Release);
    writer.join().expect("it writes to the end");

    let args = ["events", "--api", gateway.url(), "--key", KEY, "--limit", "10000", "--json"];
    let all = stdout(&run(folder.path(), args));
    let before = usize::try_from(announced["position"].as_u64().expect("a place")).expect("a few");
    let expected: Vec<&str> = all.lines().skip(before).collect();
    calls.extend((calls.len()..expected.len()).map(|_| receiver.call()));
    let (_, log) = listener.interrupt();
    calls.extend(receiver.rest());
    let bodies: Vec<&str> = calls.iter().map(|call| call.body.as_str()).collect();
    assert_eq!(bodies, expected, "every event, in order, once");
    let ids: BTreeSet<&str> = calls.iter().map(|call| call.header("webhook-id")).collect();
    assert_eq!(ids.len(), calls.len());
    for told in ["lost the gateway", "is back; going on"] {
        assert_eq!(log.matches(told).count(), KILLS, "{log}");
    }
}

/// A gateway of our own that sends everybody away again and again.
#[test]
fn whoever_is_sent_away_goes_on_where_it_was() {
    let event = |place: u8| {
        let text = format!(r#"{{"id":"evt_01KAPVV2QxkVfoWo4sJ3u{place}","type":"a.b","created":{place}}}"#);
        format!("id: {place}\nevent: a.b\ndata: {text}\n\n")
    };
    let answers = [
        ("200 OK", format!(": here\nid: 1\n\n{}id: 3\nevent: a.b\ndata: cut o", event(2))),
        ("503 Service Unavailable", String::new()),
        ("429 Too Many Requests", json!({"error": {"code": "rate_limit_exceeded"}}).to_string()),
        ("200 OK", format!("id: 2\n\n{}{}id: 7\n\n", event(3), event(4))),
        ("403 Forbidden", json!({"error": {"code": "forbidden", "message": "not any more"}}).to_string()),
    ];
    let asked = answers.len();
    let turn = AtomicUsize::new(0);
    let gateway = Receiver::start(move |_| answers[turn.fetch_add(1, Ordering::AcqRel).min(asked - 1)].clone());
    let folder = folder();
    let output = run(folder.path(), ["listen", "--api", &gateway.origin(), "--key", KEY, "--json"]);
    assert_failed(&output, 1, "not any more");
    let lines: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let places: Vec<Option<u64>> = lines.iter().map(|line| line["position"].as_u64()).collect();
    assert_eq!(places, [Some(1), Some(2), Some(3), Some(4)]);
    let calls = gateway.rest();
    let resumed: Vec<Option<&str>> =
        calls.iter().map(|call| call.headers.get("last-event-id").map(String::as_str)).collect();
    assert_eq!(resumed, [None, Some("2"), Some("2"), Some("2"), Some("7")]);
}

#[test]
fn what_is_not_taken_is_shown_and_not_sent_again() {
    let folder = folder();
    let gateway = gateway(folder.path());
    let receiver = Receiver::start(|call| match call.header("webhook-id") {
        _ if call.body.contains("\"type\":\"escrow_order.created\"") => {
            ("503 Service Unavailable", "\n not \x1b now \n".to_owned())
        }
        _ if call.body.contains("\"type\":\"milestone.created\"") => ("302 Found", String::new()),
        _ => takes_all(call),
    });
    let (listener, announced) = Listener::start(&gateway, &["--forward-to", &receiver.url()]);
    assert!(announced.starts_with(&format!("events of {} after place ", gateway.url())), "{announced}");
    let signed = listener.line();
    assert!(signed.contains("signed with whsec_"), "{signed}");
    let client = gateway.client_with(KEY);
    let intent = client.create_intent();
    let milestone = client.create_milestone(&intent, 0, "1000.00");
    client.complete(&intent, &milestone);
    let shown: Vec<String> = (0..4).map(|_| listener.line()).collect();
    for (line, (kind, outcome)) in shown.iter().zip([
        ("payment_intent.created", "200"),
        ("escrow_order.created", "the answer was 503, not 2xx: not \u{fffd} now"),
        ("milestone.created", "the answer was 302, and redirects are not followed"),
        ("payment_intent.status_changed", "200"),
    ]) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!((words[1], words[3]), (kind, intent.as_str()), "{line}");
        assert!(line.ends_with(&format!("  {outcome}")), "{line}");
        assert_eq!(line.find("intent_"), shown[0].find("intent_"), "aligned: {line}");
    }
    listener.interrupt();
    let calls: Vec<String> = receiver.rest().iter().map(|call| call.header("webhook-id").to_owned()).collect();
    assert_eq!(calls.iter().collect::<BTreeSet<_>>().len(), calls.len(), "each once");

    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let nobody = format!("http://{free}");
    let (listener, _) = Listener::start_json(&gateway, &["--forward-to", &nobody, "--since", "0"]);
    for _ in 0..2 {
        let forward = listener.json()["forward"].clone();
        assert_eq!((&forward["accepted"], &forward["status"]), (&json!(false), &Value::Null));
        assert!(forward["problem"].as_str().expect("a text").contains("refused"), "{forward}");
    }
}

#[test]
fn only_what_is_asked_for_is_shown_from_where_it_is_asked() {
    let folder = folder();
    let gateway = gateway(folder.path());
    let client = gateway.client_with(KEY);
    let intent = client.create_intent();
    client.create_milestone(&intent, 0, "1000.00");
    let last = id_of(&client.get("/events?limit=1")["data"][0]);
    let milestones = ["--events", "milestone.*,dispute.raised", "--since", "0"];
    let (listener, announced) = Listener::start_json(&gateway, &milestones);
    assert_eq!((&announced["position"], &announced["secret"]), (&json!(0), &Value::Null));
    let first = listener.json();
    assert_eq!((id_of(&first["event"]), &first["forward"]), (last.clone(), &Value::Null));
    let (after_it, announced) = Listener::start_json(&gateway, &["--since", &last]);
    assert_eq!(announced["position"], first["position"]);
    client.create_intent();
    assert_eq!(after_it.json()["event"]["type"], "payment_intent.created");
    let created = id_of(&after_it.json()["event"]);
    let (rest, log) = after_it.interrupt();
    assert!(rest.is_empty(), "{rest:?}");
    let place = first["position"].as_u64().expect("a place") + 1;
    // Whether the last event is done with is not seen from outside.
    let hints = [place, place + 1].map(|place| format!("--since {place} goes on from there"));
    assert!(hints.iter().any(|hint| log.contains(hint)), "{log}");
    let (again, _) = Listener::start_json(&gateway, &["--since", &place.to_string()]);
    assert_eq!(id_of(&again.json()["event"]), created);
}

#[test]
fn a_key_that_is_refused_ends_it() {
    let folder = folder();
    let gateway = gateway(folder.path());
    let client = gateway.client_with(KEY);
    let made = client.post("/api-keys", &json!({"name": "listener"}));
    let secret = made["data"]["secret"].as_str().expect("a key");
    let (mut listener, _) = Listener::start_json(&gateway, &["--key", secret]);
    client.post(&format!("/api-keys/{}/revoke", id_of(&made)), &json!({}));
    assert_eq!(listener.wait(), Some(1));
    assert!(listener.log().contains("Invalid API key"), "{}", listener.log());
    let again = run(folder.path(), ["listen", "--api", gateway.url(), "--key", secret]);
    assert_failed(&again, 1, "the gateway refused /events/stream with 403 Forbidden: Invalid API key");
    for (flag, value, complaint) in [
        ("--events", "milestone", "type must name a type of event such as milestone.completed"),
        ("--since", "9999", "Last-Event-ID must be the id or the place of an event of this stream"),
    ] {
        let args = ["listen", "--api", gateway.url(), "--key", KEY, flag, value];
        assert_failed(&run(folder.path(), args), 1, complaint);
    }
}

#[test]
fn what_cannot_be_done_is_said_at_once() {
    let folder = folder();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let listen = |args: &[&str]| run(folder.path(), ["listen", "--key", KEY].iter().chain(args));
    let nowhere = format!("http://{free}");
    assert_failed(&listen(&["--api", &nowhere]), 3, &format!("no gateway answers at {nowhere}"));
    let busy = Receiver::start(|_| ("503 Service Unavailable", String::new()));
    let other = Receiver::start(|_| ("404 Not Found", "<html>".to_owned()));
    for (url, code, complaint) in [(busy.origin(), 3, "with 503"), (other.origin(), 1, "with 404")] {
        assert_failed(&listen(&["--api", &url]), code, complaint);
    }
    for (args, complaint) in [
        (&["--forward-to", "localhost:8080"][..], "it must be"),
        (&["--since", "yesterday"], "expected the id of an event"),
        (&["--secret", "whsec_short"], "--secret: a secret of webhooks is whsec_"),
        (&["--api", "https://127.0.0.1:9"], "--api: gateways are reached over plain HTTP only"),
    ] {
        let output = listen(args);
        assert_failed(&output, 2, complaint);
    }
}
