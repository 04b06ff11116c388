//! What calls to webhook endpoints promise, at real receivers on this machine.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Bytes;
use engine::webhooks::CALLS_AT_ONCE;
use engine::{Call, Host, Post, Reached, System, Verdict};
use escrow::{Mode, Span};
use futures_util::future::join_all;
use tokio::net::TcpSocket;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

use super::dial::{Resolve, tls};
use super::limits::Limits;
use super::poster::{Means, Poster};
use super::receiver::{Manner, Receiver};
use super::targets::WebhookTargets;

const FAILED: Verdict = Verdict::Failed { retry_after: None };
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Time enough for a machine that is busy.
const PATIENT: Limits =
    Limits { call: Span::from_seconds(60), connect: Span::from_seconds(60), body: Span::from_seconds(60) };

/// More than the network keeps for somebody who no longer reads, and far less than a flood.
const BOUNDED_BYTES: u64 = 32 * 1024 * 1024;

/// Names as a test wants them: each lookup of one takes its next answer, and the last again and again.
struct Names(Mutex<HashMap<&'static str, VecDeque<Vec<IpAddr>>>>);

impl Names {
    fn of<const N: usize>(names: [(&'static str, &[&[&str]]); N]) -> Names {
        let ip = |ip: &&str| ip.parse().expect("an address");
        let answers = |answers: &[&[&str]]| answers.iter().map(|answer| answer.iter().map(ip).collect()).collect();
        Names(Mutex::new(names.into_iter().map(|(name, all)| (name, answers(all))).collect()))
    }
}

#[async_trait]
impl Resolve for Names {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut names = self.0.lock().expect("nobody panics with it");
        let answers = names.get_mut(name).ok_or_else(|| io::Error::other("no such name"))?;
        let first = answers.pop_front().unwrap_or_default();
        if answers.is_empty() {
            answers.push_back(first.clone());
        }
        Ok(first)
    }
}

/// A poster, and what it depends on.
struct World {
    host: Arc<dyn Host>,
    poster: Poster,
}

impl World {
    fn new() -> World {
        World::with(Names::of([]), RootCertStore::empty(), PATIENT, WebhookTargets::Loopback)
    }

    fn knowing<const N: usize>(names: [(&'static str, &[&[&str]]); N]) -> World {
        World::with(Names::of(names), RootCertStore::empty(), PATIENT, WebhookTargets::Loopback)
    }

    /// One that soon loses patience with a body, or with everything.
    fn impatient(call_ms: i64, body_ms: i64) -> World {
        let limits = Limits { call: Span::from_ms(call_ms), body: Span::from_ms(body_ms), ..PATIENT };
        World::with(Names::of([]), RootCertStore::empty(), limits, WebhookTargets::Loopback)
    }

    fn with(names: Names, roots: RootCertStore, limits: Limits, targets: WebhookTargets) -> World {
        let host: Arc<dyn Host> = Arc::new(System::new());
        let means = Means { host: host.clone(), resolver: Arc::new(names), tls: tls(roots), limits };
        World { host, poster: Poster::with(means, targets) }
    }

    async fn receiver(&self, manner: Manner) -> Receiver {
        Receiver::start(&self.host, manner).await
    }

    async fn call(&self, url: impl Into<String>) -> Reached {
        self.poster.call(call(url, Mode::Sandbox)).await
    }

    /// What comes of a call to a receiver of this manner.
    async fn reach(&self, manner: Manner) -> (Reached, Receiver) {
        let receiver = self.receiver(manner).await;
        (self.call(receiver.url("http", "127.0.0.1")).await, receiver)
    }
}

fn call(url: impl Into<String>, mode: Mode) -> Call {
    let headers = vec![("webhook-id", "evt_1".to_owned()), ("webhook-signature", "v1,c2lnbmVk".to_owned())];
    Call { url: url.into(), mode, headers, body: Bytes::from_static(b"{\"id\":\"evt_1\"}") }
}

fn accepted(body: Option<&str>, problem: Option<&str>) -> Reached {
    let (body, problem) = (body.map(str::to_owned), problem.map(str::to_owned));
    Reached { verdict: Verdict::Accepted, status: Some(200), body, problem }
}

fn unanswered(problem: &str) -> Reached {
    Reached { verdict: FAILED, status: None, body: None, problem: Some(problem.to_owned()) }
}

fn answers(text: &str) -> Manner {
    Manner::Answers(text.to_owned())
}

fn answers_once(text: &str) -> Manner {
    Manner::AnswersOnce(text.to_owned())
}

#[tokio::test]
async fn a_call_says_what_it_was_given_and_who_calls_and_nothing_else() {
    let world = World::new();
    let receiver = world.receiver(answers(OK)).await;
    let reached = world.call(format!("http://127.0.0.1:{}/hook?of=shop", receiver.address.port())).await;
    assert_eq!(reached, accepted(Some("ok"), None));
    let requests = receiver.requests();
    let [request] = requests.as_slice() else { panic!("one request: {requests:?}") };
    let (head, body) = request.split_once("\r\n\r\n").expect("a head and a body");
    let (line, headers) = head.split_once("\r\n").expect("a line and headers");
    let mut headers: Vec<_> = headers.split("\r\n").map(str::to_owned).collect();
    headers.sort();
    assert_eq!(line, "POST /hook?of=shop HTTP/1.1");
    assert_eq!(body, "{\"id\":\"evt_1\"}");
    let expected = [
        "content-length: 14".to_owned(),
        "content-type: application/json".to_owned(),
        format!("host: {}", receiver.address),
        format!("user-agent: Milepost/{}", env!("CARGO_PKG_VERSION")),
        "webhook-id: evt_1".to_owned(),
        "webhook-signature: v1,c2lnbmVk".to_owned(),
    ];
    assert_eq!(headers, expected);
}

/// With the names and the certificates of this machine.
#[tokio::test]
async fn a_name_of_this_machine() {
    let host: Arc<dyn Host> = Arc::new(System::new());
    let receiver = Receiver::start(&host, answers(OK)).await;
    let reached =
        Poster::new(host, WebhookTargets::Loopback).call(call(receiver.url("http", "localhost"), Mode::Sandbox)).await;
    assert_eq!((reached.verdict, reached.status), (Verdict::Accepted, Some(200)), "{reached:?}");
}

#[tokio::test]
async fn what_answers_come_to() {
    let world = World::new();
    let patient = |seconds| Verdict::Failed { retry_after: Some(Span::from_seconds(seconds)) };
    for (answer, verdict, status, body, problem) in [
        ("204 No Content\r\n\r\n", Verdict::Accepted, 204, None, None),
        ("201 \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", Verdict::Accepted, 201, Some("abc"), None),
        ("500 No\r\nContent-Length: 4\r\n\r\noops", FAILED, 500, Some("oops"), Some("the answer was 500, not 2xx")),
        (
            "410 Gone\r\nContent-Length: 0\r\n\r\n",
            Verdict::Gone,
            410,
            None,
            Some("the answer was 410: the endpoint wants no more calls"),
        ),
        (
            "429 Slow\r\nRetry-After: 90\r\nContent-Length: 0\r\n\r\n",
            patient(90),
            429,
            None,
            Some("the answer was 429, not 2xx"),
        ),
        (
            "429 Slow\r\nRetry-After: 60\r\nRetry-After: 7200\r\nContent-Length: 0\r\n\r\n",
            patient(7200),
            429,
            None,
            Some("the answer was 429, not 2xx"),
        ),
        (
            "503 Down\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n",
            patient(24 * 3600),
            503,
            None,
            Some("the answer was 503, not 2xx"),
        ),
        (
            "101 Switching Protocols\r\nUpgrade: tls\r\nConnection: upgrade\r\n\r\n",
            FAILED,
            101,
            None,
            Some("the answer was 101, not 2xx"),
        ),
    ] {
        let (reached, _) = world.reach(answers_once(&format!("HTTP/1.1 {answer}"))).await;
        let (body, problem) = (body.map(str::to_owned), problem.map(str::to_owned));
        assert_eq!(reached, Reached { verdict, status: Some(status), body, problem }, "{answer:?}");
    }
}

#[tokio::test]
async fn provisional_answers_are_passed_over() {
    let (reached, _) = World::new().reach(answers(&format!("HTTP/1.1 100 Continue\r\n\r\n{OK}"))).await;
    assert_eq!(reached, accepted(Some("ok"), None));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let world = World::new();
    let target = world.receiver(answers(OK)).await;
    for code in [301, 302, 303, 307, 308] {
        let location = target.url("http", "127.0.0.1");
        let answer = format!("HTTP/1.1 {code} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let (reached, _) = world.reach(answers(&answer)).await;
        let problem = Some(format!("the answer was {code}, and redirects are not followed"));
        assert_eq!(reached, Reached { verdict: FAILED, status: Some(code), body: None, problem });
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn a_status_counts_however_its_body_ends() {
    let broke_off = Some("the body of the answer broke off");
    let late = Some("the body of the answer took too long");
    let (patient, impatient) = (World::new(), World::impatient(60_000, 20));
    for (world, manner, body, problem) in [
        (&patient, answers_once("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), Some("half"), broke_off),
        (
            &patient,
            answers_once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
            Some("half"),
            broke_off,
        ),
        (&patient, answers_once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense"), None, broke_off),
        (&impatient, answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), None, late),
        (&patient, answers_once("HTTP/1.1 200 OK\r\n\r\nuntil the end"), Some("until the end"), None),
    ] {
        let (reached, _) = world.reach(manner.clone()).await;
        assert_eq!(reached, accepted(body, problem), "{manner:?}");
    }
    let (reached, _) = patient.reach(answers_once("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nhalf")).await;
    assert_eq!(reached.problem.as_deref(), Some("the answer was 500, not 2xx"));
}

#[tokio::test]
async fn a_body_that_drips_is_not_waited_for() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    let (reached, _) = World::impatient(60_000, 20).reach(Manner::Drips(head, "1\r\nx\r\n".to_owned())).await;
    assert_eq!((reached.verdict, reached.status), (Verdict::Accepted, Some(200)));
    assert_eq!(reached.problem.as_deref(), Some("the body of the answer took too long"));
}

#[tokio::test]
async fn an_answer_has_its_time() {
    let world = World::impatient(60, 20);
    let late = unanswered("no answer within 60 milliseconds");
    for manner in [
        answers(""),
        answers("HTTP/1.1 200"),
        answers("HTTP/1.1 200 OK\r\nX: "),
        Manner::Drips("HTTP/1.1 200 OK\r\nX: ".to_owned(), "y".to_owned()),
        Manner::Drips(String::new(), "HTTP/1.1 100 Continue\r\n\r\n".to_owned()),
    ] {
        assert_eq!(world.reach(manner.clone()).await.0, late, "{manner:?}");
    }
}

/// However much is sent, hardly any of it is read.
#[tokio::test]
async fn a_flood_is_cut_off() {
    let world = World::new();
    let text = "y".repeat(64 * 1024);
    let kept = "y".repeat(1024);
    let chunk = format!("10000\r\n{text}\r\n");
    let too_large = unanswered("the headers of the answer are more than 16 KiB, or too many");
    for (head, more, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", text.as_str(), accepted(Some(&kept), None)),
        ("HTTP/1.1 200 OK\r\n\r\n", &text, accepted(Some(&kept), None)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &chunk, accepted(Some(&kept), None)),
        ("HTTP/1.1 200 OK\r\nX: ", &text, too_large.clone()),
        ("HTTP/1.1 200 OK\r\n", "X: y\r\n", too_large.clone()),
        ("HTTP/1.1 200 ", &text, too_large),
    ] {
        let (reached, receiver) = world.reach(Manner::Floods(head.to_owned(), more.to_owned())).await;
        assert_eq!(reached, expected, "{head:?}");
        assert!(receiver.said_bytes() < BOUNDED_BYTES, "{head:?}: {} bytes were taken", receiver.said_bytes());
    }
}

#[tokio::test]
async fn what_is_no_answer_is_a_failure_with_a_reason() {
    let world = World::new();
    let not_http = "the answer is not HTTP/1.1";
    for (manner, problem) in [
        (answers_once(""), "the connection was closed without an answer"),
        (answers_once("HTTP/1.1 200 OK\r\nX: y"), "the connection was closed without an answer"),
        (answers_once("SSH-2.0-OpenSSH_9.9\r\n"), not_http),
        (answers_once("HTTP/2 200\r\n\r\n"), not_http),
        (answers_once("HTTP/1.1 2000 OK\r\n\r\n"), not_http),
        (answers_once("HTTP/1.1 200 OK\r\nX y\r\n\r\n"), not_http),
        (answers_once("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), not_http),
        (answers_once("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), not_http),
        (answers_once("\0\u{1}\u{2}\r\n\r\n"), not_http),
        (answers_once("<html></html>"), not_http),
        (answers_once("200 OK\r\n\r\n"), not_http),
    ] {
        let (reached, _) = world.reach(manner.clone()).await;
        assert_eq!(reached, unanswered(problem), "{manner:?}");
    }
}

/// How far such a call gets depends on the network; that it ends, and is a success only where there is an answer, does not.
#[tokio::test]
async fn receivers_that_do_not_listen() {
    let world = World::new();
    for manner in [Manner::Closes, Manner::SpeaksFirst(OK.to_owned()), Manner::SpeaksFirst("220 smtp\r\n".to_owned())] {
        for _ in 0..20 {
            let (reached, _) = world.reach(manner.clone()).await;
            match reached.verdict {
                Verdict::Accepted => assert_eq!(reached.status, Some(200)),
                Verdict::Failed { .. } => assert!(reached.problem.is_some(), "{manner:?}"),
                Verdict::Gone => panic!("nobody said so: {manner:?}"),
            }
        }
    }
}

#[tokio::test]
async fn nobody_listens() {
    let world = World::new();
    // Bound, so that nobody else gets the port, and not listening.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let address = socket.local_addr().expect("an address");
    assert_eq!(world.call(format!("http://{address}/")).await, unanswered("connection refused"));
}

#[tokio::test]
async fn connections_are_kept_for_the_next_call() {
    let world = World::new();
    let receiver = world.receiver(answers(OK)).await;
    for _ in 0..3 {
        assert_eq!(world.call(receiver.url("http", "127.0.0.1")).await, accepted(Some("ok"), None));
    }
    assert_eq!((receiver.requests().len(), receiver.connections()), (3, 1));
}

/// When exactly a connection is free again is not for this test to say, so that a few more may be made.
#[tokio::test]
async fn as_many_connections_are_kept_as_may_be_in_use() {
    const ROUNDS: usize = 20;
    let world = World::new();
    let receiver = world.receiver(answers(OK)).await;
    for _ in 0..ROUNDS {
        let calls = (0..CALLS_AT_ONCE).map(|_| world.call(receiver.url("http", "127.0.0.1")));
        for reached in join_all(calls).await {
            assert_eq!(reached, accepted(Some("ok"), None));
        }
    }
    assert_eq!(receiver.requests().len(), ROUNDS * CALLS_AT_ONCE);
    let made = receiver.connections();
    assert!(made < 4 * CALLS_AT_ONCE as u64, "{made} connections");
}

#[tokio::test]
async fn a_connection_that_ended_meanwhile_is_replaced() {
    let world = World::new();
    let receiver = world.receiver(answers_once(OK)).await;
    for _ in 0..20 {
        let reached = world.call(receiver.url("http", "127.0.0.1")).await;
        // The end of a connection may be noticed only after another call was sent over it, which must not be sent twice.
        assert!(reached.verdict == Verdict::Accepted || reached.verdict == FAILED, "{reached:?}");
    }
    let heard = receiver.requests().len();
    assert!(heard <= 20, "{heard} requests for 20 calls");
}

#[tokio::test]
async fn a_name_leads_only_where_calls_may_go() {
    let world = World::knowing([
        ("here.example", &[&["127.0.0.1"]]),
        ("here.example.", &[&["127.0.0.1"]]),
        ("xn--bcher-kva.example", &[&["127.0.0.1"]]),
        ("mapped.example", &[&["::ffff:127.0.0.1"]]),
        ("mixed.example", &[&["10.0.0.1", "169.254.169.254", "fe80::1", "127.0.0.1", "::"]]),
        ("later.example", &[&["127.0.0.2", "127.0.0.1"]]),
        ("private.example", &[&["10.0.0.1"]]),
        ("metadata.example", &[&["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fd00:ec2::254"]]),
        ("zero.example", &[&["0.0.0.0", "::"]]),
        ("empty.example", &[&[]]),
    ]);
    let receiver = world.receiver(answers(OK)).await;
    for (name, problem) in [
        ("here.example", None),
        ("HERE.example", None),
        ("here.example.", None),
        ("bücher.example", None),
        ("mapped.example", None),
        ("mixed.example", None),
        ("later.example", None),
        ("private.example", Some("the name private.example has no address that is allowed")),
        ("metadata.example", Some("the name metadata.example has no address that is allowed")),
        ("zero.example", Some("the name zero.example has no address that is allowed")),
        ("empty.example", Some("the name empty.example has no address")),
        ("unknown.example", Some("the name unknown.example could not be resolved")),
    ] {
        let expected = problem.map_or_else(|| accepted(Some("ok"), None), unanswered);
        assert_eq!(world.call(receiver.url("http", name)).await, expected, "{name}");
    }
}

/// Whoever owns a name may have it lead elsewhere between two calls, or between a check and a call.
#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let world = World::knowing([("turns.example", &[&["127.0.0.1"], &["10.0.0.1"], &["127.0.0.1"]])]);
    let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    let receiver = world.receiver(answers_once(answer)).await;
    let refused = unanswered("the name turns.example has no address that is allowed");
    for expected in [accepted(Some("ok"), None), refused, accepted(Some("ok"), None)] {
        assert_eq!(world.call(receiver.url("http", "turns.example")).await, expected);
    }
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn what_may_not_be_called_is_not_connected_to() {
    let names = || Names::of([("here.example", &[&["127.0.0.1"]])]);
    let world = |targets| World::with(names(), RootCertStore::empty(), PATIENT, targets);
    let (public, private) = (world(WebhookTargets::Public), world(WebhookTargets::Private));
    let receiver = public.receiver(answers(OK)).await;
    for (world, mode, scheme, host, problem) in [
        (&public, Mode::Sandbox, "http", "127.0.0.1", "the URL must be at a public address, which 127.0.0.1 is not"),
        (&public, Mode::Sandbox, "http", "2130706433", "the URL must be at a public address, which 127.0.0.1 is not"),
        (&public, Mode::Sandbox, "http", "[::1]", "the URL must be at a public address, which [::1] is not"),
        (&public, Mode::Sandbox, "http", "localhost", "the URL must be at a public address, which localhost is not"),
        (&public, Mode::Sandbox, "http", "here.example", "the name here.example has no address that is allowed"),
        (&private, Mode::Live, "https", "127.0.0.1", "the URL must be at a public address, which 127.0.0.1 is not"),
        (&private, Mode::Live, "https", "here.example", "the name here.example has no address that is allowed"),
        (
            &private,
            Mode::Live,
            "http",
            "here.example",
            "the URL must be an absolute https URL such as https://hooks.example.com/milepost",
        ),
    ] {
        let reached = world.poster.call(call(receiver.url(scheme, host), mode)).await;
        assert_eq!(reached, unanswered(problem), "{mode:?} {scheme} {host}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_header_cannot_bring_another() {
    let world = World::new();
    let receiver = world.receiver(answers(OK)).await;
    let mut call = call(receiver.url("http", "127.0.0.1"), Mode::Sandbox);
    call.headers.push(("x-note", "a\r\nHost: b".to_owned()));
    assert_eq!(world.poster.call(call).await, unanswered("the call cannot be written as HTTP"));
    assert_eq!(receiver.connections(), 0);
}

/// An owner whose certificate may sign others.
const AUTHORITY: &str = "authority";

/// The certificate of an owner for these names, until a year, as a receiver shows it and as somebody may trust it.
fn certificate(owner: &str, names: &[&str], until_year: i32) -> (TlsAcceptor, RootCertStore) {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).expect("names");
    params.distinguished_name.push(rcgen::DnType::OrganizationName, owner);
    if owner == AUTHORITY {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    }
    params.not_after = rcgen::date_time_ymd(until_year, 1, 1);
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a certificate and its key");
    (TlsAcceptor::from(Arc::new(config)), roots)
}

#[tokio::test]
async fn certificates_are_checked() {
    let (good, roots) = certificate("us", &["hooks.example", "127.0.0.1"], 4000);
    let (stranger, _) = certificate("somebody", &["hooks.example"], 4000);
    let (authority, _) = certificate(AUTHORITY, &["hooks.example"], 4000);
    let (expired, expired_roots) = certificate("us", &["hooks.example"], 2000);
    let names = || {
        let here: &[&[&str]] = &[&["127.0.0.1"]];
        Names::of([("hooks.example", here), ("hooks.example.", here), ("other.example", here)])
    };
    let world = |roots| World::with(names(), roots, PATIENT, WebhookTargets::Loopback);
    let (trusting, of_the_past) = (world(roots), world(expired_roots));
    for (world, certificate, name, problem) in [
        (&trusting, &good, "hooks.example", None),
        (&trusting, &good, "hooks.example.", None),
        (&trusting, &good, "127.0.0.1", None),
        (&trusting, &good, "other.example", Some("the TLS certificate is not trusted: it is for another name")),
        (&trusting, &stranger, "hooks.example", Some("the TLS certificate is not trusted: its issuer is unknown")),
        (
            &trusting,
            &authority,
            "hooks.example",
            Some("the TLS certificate is not trusted: it is an issuer's, not a server's"),
        ),
        (&of_the_past, &expired, "hooks.example", Some("the TLS certificate is not trusted: it has expired")),
    ] {
        let receiver = Receiver::start_tls(&world.host, answers(OK), certificate.clone()).await;
        let expected = problem.map_or_else(|| accepted(Some("ok"), None), unanswered);
        assert_eq!(world.call(receiver.url("https", name)).await, expected, "{name}");
        assert_eq!(receiver.requests().len(), usize::from(problem.is_none()), "{name}");
    }
}

#[tokio::test]
async fn tls_and_no_tls_do_not_meet() {
    let (certificate, roots) = certificate("us", &["127.0.0.1"], 4000);
    let world = World::with(Names::of([]), roots, PATIENT, WebhookTargets::Loopback);
    let plain = world.receiver(Manner::SpeaksFirst("HTTP/1.1 400 Bad Request\r\n\r\n".to_owned())).await;
    let reached = world.call(plain.url("https", "127.0.0.1")).await;
    let problem = reached.problem.expect("a problem");
    assert!(problem.starts_with("TLS failed: "), "{problem}");
    let secure = Receiver::start_tls(&world.host, answers(OK), certificate).await;
    let reached = world.call(secure.url("http", "127.0.0.1")).await;
    assert_eq!((reached.verdict, reached.status), (FAILED, None), "{reached:?}");
}
