//! Limits, over real sockets: how often, how much, how slowly, how many at once.

use std::collections::BTreeMap;
use std::net::TcpStream;

use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::harness::{Gateway, assert_failed, folder, run, run_json, until};
use crate::wire::{Wire, address};

#[test]
fn headers_that_come_too_slowly() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &["--header-timeout", "200ms"]);
    let mut silent = Wire::to(&gateway);
    let mut slow = Wire::to(&gateway);
    slow.send("GET /health/live HTTP/1.1\r\nHost: he");
    let mut idle = Wire::to(&gateway);
    assert_eq!(idle.ask(), 200);
    for wire in [&mut silent, &mut slow, &mut idle] {
        assert_eq!(wire.rest(), "");
    }
    assert_eq!(Wire::to(&gateway).ask(), 200);
}

#[test]
fn a_body_that_comes_too_slowly() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &["--body-timeout", "200ms"]);
    let mut slow = Wire::to(&gateway);
    slow.begin(&gateway, 100);
    slow.send("{\"amount\"");
    let (status, lines) = slow.head();
    assert_eq!(status, 408);
    assert!(lines.iter().any(|line| line == "connection: close"), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("request-id: req_")), "{lines:?}");
    let told = slow.rest();
    assert!(told.contains("request_timeout") && told.contains("within 200 milliseconds"), "{told}");
    gateway.client().create_intent();
}

#[test]
fn headers_that_are_too_large_or_too_many() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &[]);
    let large = format!("X-Large: {}\r\n", "x".repeat(33_000));
    let path = format!("GET /{} HTTP/1.1\r\nHost: here\r\n\r\n", "x".repeat(33_000));
    let get = |headers: &str| format!("GET /health/live HTTP/1.1\r\nHost: here\r\n{headers}\r\n");
    for (request, status) in [
        (get(&large), 431),
        (path, 431),
        (get(&"X-One: 1\r\n".repeat(100)), 431),
        (get(&"X-One: 1\r\n".repeat(99)), 200),
        (get(&format!("X-Large: {}\r\n", "x".repeat(30_000))), 200),
        ("nonsense\r\n\r\n".to_owned(), 400),
    ] {
        let mut wire = Wire::to(&gateway);
        wire.send(&request);
        assert_eq!(wire.head().0, status, "{} bytes", request.len());
    }
    gateway.stop();
}

#[test]
fn where_there_is_no_room_the_longest_idle_connection_gives_way() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &["--max-connections", "3"]);
    let mut busy = Wire::to(&gateway);
    busy.begin(&gateway, 2);
    let (mut first, mut second) = (Wire::to(&gateway), Wire::to(&gateway));
    assert_eq!((second.ask(), first.ask()), (200, 200));
    let mut newcomer = Wire::to(&gateway);
    assert_eq!(newcomer.ask(), 200);
    assert_eq!(second.rest(), "", "it was idle for longest");
    assert_eq!(first.ask(), 200);
    busy.send("{}");
    assert_eq!(busy.answer(), 400, "a request that is under way is left alone");
    gateway.stop();
}

#[test]
fn hundreds_of_idle_connections_stop_nobody() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &["--max-connections", "50"]);
    let _idle: Vec<Wire> = (0..400)
        .map(|number| {
            let mut wire = Wire::to(&gateway);
            // Some say nothing at all, some begin to.
            wire.send(if number % 2 == 0 { "" } else { "POST /v1/payment-in" });
            wire
        })
        .collect();
    gateway.client().create_intent();
    gateway.stop();
}

/// They are not taken yet, and need not knock a second time for that.
#[cfg(target_os = "linux")]
#[test]
fn a_thousand_newcomers_may_wait_at_the_door() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &[]);
    gateway.signal("STOP");
    let mut waiting: Vec<Wire> = std::iter::repeat_with(|| Wire::to(&gateway)).take(1_000).collect();
    gateway.signal("CONT");
    assert_eq!(waiting.pop().map(|mut last| last.ask()), Some(200));
    gateway.stop();
}

/// The system gives no more files: that is met as a lack of room is.
#[cfg(target_os = "linux")]
#[test]
fn where_no_file_can_be_opened_idle_connections_give_way_too() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &[]);
    // What the gateway opens first, it has then.
    gateway.client().create_intent();
    let id = gateway.id().to_string();
    let open = std::fs::read_dir(format!("/proc/{id}/fd")).expect("readable").count();
    let files = format!("--nofile={0}:{0}", open + 20);
    let status = std::process::Command::new("prlimit").args(["--pid", &id, &files]).status().expect("prlimit runs");
    assert!(status.success());
    let _idle: Vec<Wire> = std::iter::repeat_with(|| Wire::to(&gateway)).take(60).collect();
    gateway.client().create_intent();
    assert!(gateway.log().contains("no connection can be taken"), "{}", gateway.log());
    gateway.stop();
}

#[test]
fn a_stop_waits_for_the_request_that_is_under_way_and_for_nobody_else() {
    let folder = folder();
    let mut gateway = Gateway::start(folder.path(), &[]);
    let (mut idle, mut half) = (Wire::to(&gateway), Wire::to(&gateway));
    assert_eq!(idle.ask(), 200);
    half.send("GET /health/li");
    let mut busy = Wire::to(&gateway);
    busy.begin(&gateway, 2);
    gateway.signal("TERM");
    assert_eq!(idle.rest(), "");
    until("it to take no connections", || TcpStream::connect(address(&gateway)).err());
    busy.send("{}");
    assert_eq!(busy.answer(), 400);
    assert_eq!(half.rest(), "");
    assert_eq!(gateway.wait().code(), Some(0));
    assert!(!gateway.log().contains("cut off"), "{}", gateway.log());
}

/// Whether requests passed, by who sent them and the window in which they were counted.
type Passed = BTreeMap<(String, String), Vec<bool>>;

#[test]
fn two_keys_and_two_addresses_at_their_limits_at_the_same_time() {
    const LIMIT: usize = 7;
    const ASKED: usize = 25;
    let folder = folder();
    let made = |merchant| {
        let args = ["keys", "create", "--merchant", merchant, "--mode", "test", "--data", "data"];
        run_json(folder.path(), &args)["secret"].as_str().expect("a secret").to_owned()
    };
    let keys = [made("One"), made("Two")];
    let args = ["--rate-limits", "documented", "--rate-limit-test", "7/h", "--rate-limit-keyless", "7/h"];
    let gateway = Gateway::start(folder.path(), &args);
    let url = format!("{}/account/balance", gateway.announced["api"].as_str().expect("an address"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let passed: Passed = runtime.block_on(async {
        let mut asked = JoinSet::new();
        for place in ["127.0.0.1", "127.0.0.2"] {
            let http = reqwest::Client::builder().local_address(Some(place.parse().expect("an address")));
            let http = http.build().expect("a client");
            for _ in 0..ASKED {
                for key in [None, Some(&keys[usize::from(place.ends_with('2'))])] {
                    let request = http.get(&url);
                    let request = key.into_iter().fold(request, |request, key| request.header("X-API-Key", key));
                    asked.spawn(ask(key.map_or(place, |key| key).to_owned(), request));
                }
            }
        }
        let mut passed = Passed::new();
        for (who, window, is_passed) in asked.join_all().await {
            passed.entry((who, window)).or_default().push(is_passed);
        }
        passed
    });
    let whom: std::collections::BTreeSet<&String> = passed.keys().map(|(who, _)| who).collect();
    assert_eq!(whom.len(), 4, "{passed:?}");
    // An hour may end in between; then there are two windows, and each has its limit.
    for (window, given) in &passed {
        let through = given.iter().filter(|passed| **passed).count();
        assert_eq!(through, given.len().min(LIMIT), "{window:?}");
    }
}

/// Who asked, the end of the window, and whether it passed.
async fn ask(who: String, request: reqwest::RequestBuilder) -> (String, String, bool) {
    let response = request.send().await.expect("an answer");
    let header = |headers: &HeaderMap, name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let window = header(response.headers(), "x-ratelimit-reset").expect("when the window ends");
    let status = response.status().as_u16();
    let wait = header(response.headers(), "retry-after");
    assert_eq!(wait.is_some(), status == 429);
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["error"]["code"] == "rate_limit_exceeded", status == 429, "{body}");
    (who, window, matches!(status, 200 | 401))
}

#[test]
fn limits_that_are_set_wrongly_are_refused() {
    let folder = folder();
    for (flag, value, complaint) in [
        ("--rate-limits", "on", "--rate-limits: expected documented or off"),
        ("--rate-limit-live", "10/s", "--rate-limit-live: expected requests a minute, an hour or both"),
        ("--cors-origins", "shop.example", "--cors-origins: expected *, none or origins"),
        ("--trusted-proxies", "proxy", "--trusted-proxies: expected none or addresses"),
        ("--max-connections", "0", "--max-connections: expected a whole number from 1"),
        ("--header-timeout", "0", "--header-timeout: expected more than none"),
        ("--body-timeout", "2m", "--body-timeout: expected more than none and at most 60s"),
    ] {
        assert_failed(&run(folder.path(), ["serve", flag, value, "--data", "data"]), 2, complaint);
    }
    assert!(!folder.path().join("data").exists());
}
