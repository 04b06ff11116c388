//! Bytes that no client sends: requests that two readers would read as different ones, paths that name something else than they
//! seem to, text that would be a line of its own in a log, and connections that keep a gateway busy while others want to be served.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use engine::{Host, System};
use serde_json::{Value, json};

use crate::harness::{Gateway, folder};
use crate::wire::{Wire, address};

/// Stands behind whatever is sent: answered 200 where the connection is still used, and then closed.
const LAST: &str = "GET /health/live HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";

/// A request inside of what should be a body. Answered 404, it was taken for one.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: here\r\n\r\n";

/// The statuses of the answers, one after the other, in what came back.
#[track_caller]
fn statuses(mut said: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    while !said.is_empty() {
        let (head, rest) = said.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {said:?}"));
        let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
        statuses.push(status.unwrap_or_else(|| panic!("no answer: {said:?}")));
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        said = rest.get(length.unwrap_or(0)..).unwrap_or_default();
    }
    statuses
}

/// A request to make an intent, with a key, these headers and whatever follows.
fn post(gateway: &Gateway, headers: &str, rest: &str) -> String {
    let key = gateway.announced["test_key"].as_str().expect("a key");
    format!("POST /v1/payment-intents HTTP/1.1\r\nHost: here\r\nX-API-Key: {key}\r\n{headers}\r\n{rest}")
}

fn get(headers: &str) -> String {
    format!("GET /health/live HTTP/1.1\r\nHost: here\r\n{headers}\r\n")
}

/// Sends each of these on a connection of its own, all at once, since some are answered with nothing but the end of one.
fn are_answered(gateway: &Gateway, attacks: &[(String, &[u16])]) {
    let address = address(gateway);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let asked = attacks.iter().map(|(bytes, expected)| {
            scope.spawn(move || {
                let said = Wire::at(address).exchange(format!("{bytes}{LAST}").as_bytes());
                let answered = statuses(&said);
                (answered != *expected).then(|| format!("{bytes:.300?}: {answered:?}, not {expected:?}"))
            })
        });
        asked.collect::<Vec<_>>().into_iter().filter_map(|thread| thread.join().expect("it ends")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whatever is read twice is read as the same: no request is ever found inside another, and after what could be read in two ways
/// nothing more is read.
#[test]
fn no_request_hides_in_another() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &["--header-timeout", "5s", "--body-timeout", "2s"]);
    let length = SMUGGLED.len();
    let post = |headers: &str, rest: &str| post(&gateway, headers, rest);
    let chunked = |rest: &str| post("Transfer-Encoding: chunked\r\n", rest);
    let ended = format!("0\r\n\r\n{SMUGGLED}");
    let chunk = format!("{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n");
    let attacks: Vec<(String, &[u16])> = vec![
        // A body is a body, and what follows is the next request.
        (post(&format!("Content-Length: {length}\r\n"), SMUGGLED), &[400, 200]),
        (chunked(&chunk), &[400, 200]),
        (chunked(&format!("{length:x};name=value\r\n{SMUGGLED}\r\n0\r\nTrailer: 1\r\n\r\n")), &[400, 200]),
        (post("Transfer-Encoding: CHUNKED\r\n", &chunk), &[400, 200]),
        // Two ways to say how long it is.
        (post(&format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", ended.len()), &ended), &[400]),
        (post(&format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\n", ended.len()), &ended), &[400]),
        (post(&format!("Content-Length: 0\r\nContent-Length: {length}\r\n"), SMUGGLED), &[400]),
        (post(&format!("Content-Length: {length}\r\nContent-Length: 0\r\n"), SMUGGLED), &[400]),
        (post(&format!("Content-Length: {length}\r\nContent-Length: {length}\r\n"), SMUGGLED), &[400, 200]),
        (post(&format!("Content-Length: 0, {length}\r\n"), SMUGGLED), &[400]),
        (post(&format!("Content-Length: +{length}\r\n"), SMUGGLED), &[400]),
        (post("Content-Length: -1\r\n", SMUGGLED), &[400]),
        (post("Content-Length: 0x10\r\n", SMUGGLED), &[400]),
        (post("Content-Length: 1 0\r\n", SMUGGLED), &[400]),
        (post("Content-Length: \r\n", SMUGGLED), &[400]),
        (post("Content-Length: 99999999999999999999999\r\n", SMUGGLED), &[400]),
        (post(&format!("Content-Length : {length}\r\n"), SMUGGLED), &[400]),
        (post(&format!("Content_Length: {length}\r\n"), SMUGGLED), &[400, 404, 200]),
        (post(&format!("Content-Length:\r\n {length}\r\n"), SMUGGLED), &[400]),
        (post(&format!(" Content-Length: {length}\r\n"), SMUGGLED), &[400]),
        (post(&format!("Content-Length: {length}\0\r\n"), SMUGGLED), &[400]),
        // A coding that is none of ours, or hardly one.
        (post("Transfer-Encoding: identity\r\n", &ended), &[400]),
        (post("Transfer-Encoding: chunked, identity\r\n", &ended), &[400]),
        (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", &ended), &[400]),
        (post("Transfer-Encoding: xchunked\r\n", &ended), &[400]),
        (post("Transfer-Encoding: \"chunked\"\r\n", &ended), &[400]),
        (post("Transfer-Encoding: \u{b}chunked\r\n", &ended), &[400]),
        (post("Transfer-Encoding: chunked;x=1\r\n", &ended), &[400]),
        (post("Transfer-Encoding\r\n: chunked\r\n", &ended), &[400]),
        (post("Transfer-Encoding : chunked\r\n", &ended), &[400]),
        (post("X: 1\rTransfer-Encoding: chunked\r\n", &ended), &[400]),
        (post("X: 1\r\n Transfer-Encoding: chunked\r\n", &ended), &[400]),
        (chunked(&ended).replace("HTTP/1.1\r\nHost: here\r\nX-API", "HTTP/1.0\r\nHost: here\r\nX-API"), &[400]),
        // Chunks that are none.
        (chunked(&format!("{length:x}\n{SMUGGLED}\r\n0\r\n\r\n")), &[400]),
        (chunked(&format!("{length:x}\r{SMUGGLED}\r\n0\r\n\r\n")), &[400]),
        (chunked(&format!("0x{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n")), &[400]),
        (chunked(&format!("-{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n")), &[400]),
        (chunked(&format!("10000000000000000{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n")), &[400]),
        (chunked(&format!("FFFFFFFFFFFFFFFF\r\n{SMUGGLED}\r\n0\r\n\r\n")), &[408]),
        (chunked(&format!("{length:x};a\nb\r\n{SMUGGLED}\r\n0\r\n\r\n")), &[400]),
        (chunked(&format!("{length:x};{}\r\n{SMUGGLED}\r\n0\r\n\r\n", "x".repeat(40_000))), &[400]),
        (chunked(&format!("1\r\nxx\r\n{ended}")), &[400]),
        (chunked(&format!("\r\n{ended}")), &[400]),
        (chunked(&format!("0\r\nX: {}\r\n\r\n{SMUGGLED}", "x".repeat(40_000))), &[400]),
        // Lines that end otherwise.
        (get("").replace("\r\n", "\n"), &[200, 200]),
        (get("").replace("\r\n", "\r"), &[400]),
        (get("X: a\rb\r\n"), &[400]),
        (get("X: a\r\n b\r\n"), &[400]),
        (get("X: a\0b\r\n"), &[400]),
        (get("X Y: 1\r\n"), &[400]),
        (get(": 1\r\n"), &[400]),
        (get("X\r\n"), &[400]),
        (format!("\r\n\r\n{}", get("")), &[200, 200]),
        // Other protocols, other versions.
        ("GET /health/live\r\n\r\n".to_owned(), &[400]),
        ("GET /health/live HTTP/0.9\r\n\r\n".to_owned(), &[400]),
        ("GET /health/live HTTP/1.2\r\n\r\n".to_owned(), &[400]),
        ("GET /health/live HTTP/2.0\r\n\r\n".to_owned(), &[400]),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[]),
        ("\u{16}\u{3}\u{1}\0\u{5}\u{1}".to_owned(), &[400]),
        ("GET /health/live HTTP/1.0\r\n\r\n".to_owned(), &[200]),
        ("GET /health/live HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".to_owned(), &[200, 200]),
        (get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n"), &[200, 200]),
        (get("Expect: something\r\n"), &[200, 200]),
        // Whose host is not told, or told twice.
        ("GET /health/live HTTP/1.1\r\n\r\n".to_owned(), &[400, 200]),
        (get("Host: elsewhere\r\n"), &[400, 200]),
        // Targets that are no path.
        (get("").replace("GET /", "GET http://elsewhere.example/"), &[200, 200]),
        ("GET elsewhere.example:80 HTTP/1.1\r\nHost: here\r\n\r\n".to_owned(), &[404, 200]),
        ("CONNECT elsewhere.example:80 HTTP/1.1\r\nHost: here\r\n\r\n".to_owned(), &[404, 200]),
        ("OPTIONS * HTTP/1.1\r\nHost: here\r\n\r\n".to_owned(), &[200, 200]),
        ("GET ?x HTTP/1.1\r\nHost: here\r\n\r\n".to_owned(), &[400]),
        ("GET  HTTP/1.1\r\nHost: here\r\n\r\n".to_owned(), &[400]),
    ];
    println!("{} attacks", attacks.len());
    are_answered(&gateway, &attacks);
    gateway.stop();
}

#[test]
fn requests_that_come_together_are_answered_one_after_the_other() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &[]);
    let body = json!({"amount": "1.00"}).to_string();
    let create = post(&gateway, &format!("Content-Length: {}\r\nIdempotency-Key: one\r\n", body.len()), &body);
    let (mut bytes, mut expected) = (String::new(), Vec::new());
    for number in 0..100 {
        let (request, status) = match number % 4 {
            0 => (get(""), 200),
            1 => (create.clone(), 400),
            2 => (get("").replace("/health/live", &format!("/nothing/{number}")), 404),
            _ => (get("").replace("/health/live", "/v1/account/balance"), 401),
        };
        bytes.push_str(&request);
        expected.push(status);
    }
    expected.push(200);
    let said = Wire::to(&gateway).exchange(format!("{bytes}{LAST}").as_bytes());
    assert_eq!(statuses(&said), expected);
    let mut named: Vec<&str> = said.match_indices("/nothing/").map(|(at, _)| &said[at + 9..at + 11]).collect();
    named.dedup();
    let asked: Vec<String> = (2..100).step_by(4).map(|number| format!("{number:<2}")).collect();
    let named: Vec<String> =
        named.into_iter().map(|name| format!("{:<2}", name.trim_matches(['"', '.', ' ', ')']))).collect();
    assert_eq!(named, asked, "in the order in which they were asked");
    gateway.stop();
}

/// No spelling of a path reaches a route that is called otherwise, and none gets anything past its guard.
#[test]
fn a_path_is_what_it_says() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &[]);
    let key = gateway.announced["test_key"].as_str().expect("a key");
    let long = format!("/v1/payment-intents/{}", "a".repeat(20_000));
    let deep = format!("/v1{}", "/a".repeat(5_000));
    for (path, expected) in [
        ("/v1/payment-intents", 200),
        ("/v1/payment-intents/", 404),
        ("//v1/payment-intents", 404),
        ("/v1//payment-intents", 404),
        ("/V1/payment-intents", 404),
        ("/v1/Payment-Intents", 404),
        ("/v1/./payment-intents", 404),
        ("/v1/../v1/payment-intents", 404),
        ("/v1/%2e%2e/v1/payment-intents", 404),
        ("/v1/payment-intents/..", 404),
        ("/v1/payment-intents/%2e%2e", 404),
        ("/v1/payment-intents/..%2faccount%2fbalance", 404),
        ("/v1/payment-intents/../admin/merchants", 404),
        ("/v1/payment-intents/..;/admin/merchants", 404),
        ("/v1/payment%2Dintents", 404),
        ("/v1%2fpayment-intents", 404),
        ("/v1/payment-intents%2f", 404),
        ("/v1/payment-intents%00", 404),
        ("/v1/payment-intents;x=1", 404),
        ("/v1/payment-intents/%00", 404),
        ("/v1/payment-intents/%ff%fe", 404),
        ("/v1/payment-intents/%", 404),
        ("/v1/payment-intents/%zz", 404),
        ("/v1/payment-intents/%0d%0aX-Injected:%201", 404),
        ("/v1/payment-intents/%1b[31m", 404),
        ("/v1/payment-intents/%e2%80%a8", 404),
        ("/v1/payment-intents?%00=%00", 200),
        ("/v1/payment-intents?limit=%00", 400),
        ("/v1/payment-intents?limit=1%0d%0aX-Injected:%201", 400),
        ("/v1/payment-intents?a=%ff", 400),
        ("/v1/payment-intents#/../admin", 200),
        ("/v1/admin/merchants", 403),
        ("/v1/Admin/merchants", 404),
        ("/v1/%61dmin/merchants", 404),
        ("/v1/admin%2fmerchants", 404),
        ("/v1/admin//merchants", 404),
        ("/api/v1/../v1/admin/merchants", 404),
        ("/v1/api/v1/admin/merchants", 404),
        ("/", 303),
        ("/?", 303),
        ("/health/live/", 404),
        ("/metrics/../v1/admin/merchants", 404),
        (&long, 404),
        (&deep, 404),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\nX-API-Key: {key}\r\nConnection: close\r\n\r\n");
        let said = Wire::to(&gateway).exchange(request.as_bytes());
        assert_eq!(statuses(&said), [expected], "{path:.100}: {said:.300}");
        let head = said.split("\r\n\r\n").next().unwrap_or_default();
        assert!(!head.contains("Injected") && said.len() < 3_000, "{path:.100}: {said}");
    }
    // Bytes that are no text, and what may stand in no target.
    for (path, expected) in [
        (&b"/v1/payment-intents/\xff\xfe"[..], 400),
        (b"/v1/payment-intents/\xe2\x80\xa8", 404),
        (b"/v1/payment-intents/\x00", 400),
        (b"/v1/payment-intents/\x1b[31m", 400),
        (b"/v1/payment-intents/\r", 400),
        (b"/v1/payment-intents/ x", 400),
        (b"/v1/payment-intents/\t", 400),
    ] {
        let rest = format!(" HTTP/1.1\r\nHost: here\r\nX-API-Key: {key}\r\nConnection: close\r\n\r\n");
        let said = Wire::to(&gateway).exchange(&[b"GET ", path, rest.as_bytes()].concat());
        assert_eq!(statuses(&said), [expected], "{path:?}: {said:.300}");
    }
    gateway.stop();
}

/// Text that would begin a line, colour a terminal or end a header, wherever a client may put text.
const FORGED: &str = "\u{1b}[31m\u{2028}\u{85}2027-01-15T08:00:00.000000Z  INFO forged: {\"level\":\"FORGED\"}";

/// The same as it stands in a header or a path.
fn forge(gateway: &Gateway) {
    let client = gateway.client();
    let intent = client.create_intent();
    let key = gateway.announced["test_key"].as_str().expect("a key");
    let escaped: String = FORGED.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let mut sent = 0;
    let mut send = |request: String| {
        let said = Wire::to(gateway).exchange(request.as_bytes());
        assert!(statuses(&said).len() <= 1 && !said.contains('\u{1b}'), "{request:?}: {said:?}");
        sent += 1;
    };
    for path in [
        format!("/v1/payment-intents/{escaped}"),
        format!("/v1/payment-intents/{intent}?x={escaped}%0d%0a{escaped}"),
        format!("/v1/payment-intents?limit={escaped}"),
        format!("/v1/payment-intents?starting_after={escaped}"),
        format!("/{escaped}%0d%0a{escaped}"),
        format!("/v1/requests/{escaped}"),
    ] {
        send(format!("GET {path} HTTP/1.1\r\nHost: here\r\nX-API-Key: {key}\r\nConnection: close\r\n\r\n"));
    }
    let forged = FORGED.replace('\u{1b}', "");
    for (name, text) in [
        ("Request-Id", FORGED),
        ("Idempotency-Key", FORGED),
        ("User-Agent", &forged),
        ("X-Forwarded-For", &forged),
        ("Origin", &forged),
        ("Access-Control-Request-Headers", &forged),
        ("Content-Type", &forged),
        ("Content-Encoding", &forged),
        ("X-Request-Id", &forged),
        ("traceparent", &forged),
        ("Host", &forged),
        ("Authorization", &forged),
        ("Payer-Token", &forged),
        ("Last-Event-ID", &forged),
    ] {
        for line in ["POST /v1/payment-intents", "OPTIONS /v1/payment-intents", "GET /v1/events", "FORGED /v1/events"] {
            let key = if name == "Authorization" { String::new() } else { format!("X-API-Key: {key}\r\n") };
            let fields = format!("{key}{name}: {text}\r\nContent-Length: 2\r\nConnection: close");
            send(format!("{line} HTTP/1.1\r\n{fields}\r\n\r\n{{}}"));
        }
    }
    let text = format!("{FORGED}\r\n{FORGED}");
    let mut body = json!({
        "amount": "1.00", "currency": "USDC", "type": "CONDITIONAL", "settlementMethod": "OFF_RAMP_MOCK",
        "settlementDestination": "bank", "releaseType": "MILESTONE_LOCKED",
    });
    for (name, value) in [
        ("description", json!(text)),
        ("metadata", json!({"note": text})),
        ("metadata", json!({text.as_str(): "note"})),
        ("settlementDestination", json!(text)),
        ("amount", json!(text)),
        ("currency", json!(text)),
        (&text, json!("note")),
        ("returnUrl", json!(format!("https://shop.example/{text}"))),
    ] {
        let was = body[name].take();
        body[name] = value;
        let (status, answer) = client.try_post("/payment-intents", &body);
        assert!(status == 400 || name == text, "{name}: {answer}");
        body[name] = was;
    }
    // What is text without being obeyed anywhere is kept.
    body["description"] = json!("two\nlines\u{2028}and a third");
    client.post("/payment-intents", &body);
    println!("{sent} requests");
}

/// A log for machines is one object a line whatever is sent, and nothing of that is in it.
#[test]
fn nobody_writes_lines_into_the_log() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &["--log-level", "trace"]);
    forge(&gateway);
    let listed = gateway.client().get_text("/requests?limit=100");
    assert!(listed.contains("FORGED") && !listed.contains(['\u{1b}', '\r', '\n']), "{listed}");
    let (_, log) = gateway.stop_and_hear();
    for line in log.lines() {
        let read: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert!(read["level"].is_string() && read["timestamp"].is_string(), "{line}");
    }
    assert!(!log.to_lowercase().contains("forged") && !log.contains(['\u{1b}', '\u{2028}', '\u{85}']), "{log}");
}

/// So is a log for people a line for each entry.
#[test]
fn nobody_writes_lines_into_the_log_for_people() {
    let folder = folder();
    let args = ["--log-level", "trace", "--test-key", "sk_test_brought-along"];
    let (gateway, _) = Gateway::start_for_people_with(folder.path(), &args);
    forge(&gateway);
    let (_, log) = gateway.stop_and_hear();
    for line in log.lines() {
        assert!(line.starts_with("20") && line.get(..27).is_some_and(|time| time.contains('T')), "{line:?}");
    }
    assert!(!log.to_lowercase().contains("forged") && !log.contains(['\u{1b}', '\u{2028}', '\u{85}']), "{log}");
}

/// How often somebody asks who wants to be served, alone and while the gateway is attacked.
const ASKED: usize = 50;

/// Who attacks at a time, where attackers work.
const ATTACKERS: usize = 2;

/// Connections that are held.
const HELD: usize = 3_000;

/// Connections that are made without waiting for the gateway.
const TOGETHER: usize = 250;

/// What an attacker knows.
struct Site {
    address: SocketAddr,
    key: String,
}

impl Site {
    /// Connections on which this was sent, and nothing follows; as many as the system lets this process have.
    fn hold(&self, count: usize, bytes: &str) -> Vec<TcpStream> {
        let mut held = Vec::with_capacity(count);
        while held.len() < count
            && let Ok(mut stream) = TcpStream::connect(self.address)
        {
            stream.write_all(bytes.as_bytes()).expect("sent");
            held.push(stream);
            if held.len() % TOGETHER == 0 {
                // Answered when those before were taken: more at once than may wait at the door come a second later.
                assert_eq!(Wire::at(self.address).ask(), 200);
            }
        }
        held
    }

    fn post(&self, headers: &str, rest: &str) -> String {
        format!("POST /v1/payment-intents HTTP/1.1\r\nHost: here\r\nX-API-Key: {}\r\n{headers}\r\n{rest}", self.key)
    }

    fn body(&self, media_type: &str, body: &str) -> String {
        self.post(&format!("Content-Type: {media_type}\r\nContent-Length: {}\r\n", body.len()), body)
    }

    fn get(&self, path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: here\r\nX-API-Key: {}\r\n\r\n", self.key)
    }
}

/// What is sent, again and again, and on how many connections something else is left hanging.
struct Attack {
    name: &'static str,
    held: (usize, String),
    sent: Option<String>,
}

fn attacks(site: &Site) -> Vec<Attack> {
    let held = |name, count, bytes: String| Attack { name, held: (count, bytes), sent: None };
    let sent = |name, bytes: String| Attack { name, held: (0, String::new()), sent: Some(bytes) };
    let names: String = (0..30_000).map(|number| format!("n{number}=&")).collect();
    vec![
        held("idle connections", HELD, String::new()),
        held("headers that never end", HELD / 3, "GET /v1/payment-intents HTTP/1.1\r\nX-One: ".to_owned()),
        held("bodies that never come", HELD / 6, site.post("Content-Length: 1000\r\n", "{\"amount\":")),
        sent("what is no HTTP", "\u{16}\u{3}\u{1}nonsense\r\n\r\n".to_owned()),
        sent("a hundred requests together", site.get("/v1/account/balance").repeat(100)),
        sent("unknown keys", site.get("/v1/account/balance").replace("sk_test_", "sk_test_x").repeat(10)),
        sent("deep JSON", site.body("application/json", &format!("{{\"a\":{}", "[".repeat(300_000)))),
        sent("large metadata", site.body("application/json", &format!("{{\"metadata\":[{}1]}}", "1,".repeat(150_000)))),
        sent("forms of very many names", site.body("application/x-www-form-urlencoded", &names)),
        sent("long paths of many digits", site.get(&format!("/v1/payment-intents/{}", "1-".repeat(1_500)))),
    ]
}

/// How long requests of somebody else take, in microseconds, sorted.
fn served(site: &Site, host: &System) -> Vec<i64> {
    let mut wire = Wire::at(site.address);
    let mut took: Vec<i64> = (0..ASKED)
        .map(|_| {
            let asked_us = host.ticks_us();
            wire.send(&site.get("/v1/account/balance"));
            assert_eq!(wire.answer(), 200);
            host.ticks_us() - asked_us
        })
        .collect();
    took.sort_unstable();
    took
}

/// Whatever is done to a gateway, somebody else gets answers. How soon is printed (`--no-capture` shows it), and nothing fails for it.
#[test]
fn others_are_served_while_a_gateway_is_attacked() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &[]);
    let key = gateway.announced["test_key"].as_str().expect("a key").to_owned();
    let (site, host) = (Site { address: address(&gateway), key }, System::new());
    println!(
        "{:<28} {:>6} {:>17} {:>17} {:>13}",
        "attack", "held", "alone p50/p99 us", "then p50/p99 us", "ratio p50/p99"
    );
    for Attack { name, held: (count, bytes), sent } in attacks(&site) {
        let alone = served(&site, &host);
        let (held, is_over) = (site.hold(count, &bytes), AtomicBool::new(false));
        let attacked = std::thread::scope(|scope| {
            for bytes in sent.iter().flat_map(|bytes| [bytes; ATTACKERS]) {
                let (site, is_over) = (&site, &is_over);
                scope.spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        Wire::at(site.address).exchange(format!("{bytes}{LAST}").as_bytes());
                    }
                });
            }
            let attacked = served(&site, &host);
            is_over.store(true, Ordering::Relaxed);
            attacked
        });
        let of = |took: &[i64]| [took[ASKED / 2], took[ASKED * 99 / 100]];
        let ([p50, p99], [then50, then99]) = (of(&alone), of(&attacked));
        let ratio = |then: i64, alone: i64| format!("{}.{}", then / alone, then * 10 / alone % 10);
        let (first, second) = (ratio(then50, p50), ratio(then99, p99));
        println!("{name:<28} {:>6} {p50:>8}/{p99:<8} {then50:>8}/{then99:<8} {first:>6}/{second:<6}", held.len());
    }
    gateway.stop();
}
