//! A network fails as its test says.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use cluster::{Cluster, Proxy, Way};

use crate::client::{client, connect};

/// How long a test waits for what must not come. A proxy that lets it through is found out most of the time, and one
/// that does not is never blamed.
const SILENCE: Duration = Duration::from_millis(50);

/// A server that gives back what it is sent, and tells what it was sent.
struct Echo {
    port: u16,
    heard: Receiver<Vec<u8>>,
}

impl Echo {
    fn start() -> Echo {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (tell, heard) = channel();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let (mut connection, tell) = (connection.expect("a connection"), tell.clone());
                thread::spawn(move || {
                    let mut bytes = [0; 100];
                    while let Ok(count @ 1..) = connection.read(&mut bytes) {
                        drop(tell.send(bytes[..count].to_vec()));
                        drop(connection.write_all(&bytes[..count]));
                    }
                });
            }
        });
        Echo { port, heard }
    }
}

fn dial(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(("127.0.0.1", proxy.port())).expect("the proxy takes connections")
}

/// What comes of a word that is sent.
fn ask(connection: &mut TcpStream, word: &[u8]) -> io::Result<Vec<u8>> {
    connection.write_all(word)?;
    let mut answer = vec![0; word.len()];
    connection.read_exact(&mut answer).map(|()| answer)
}

fn hears_nothing(connection: &mut TcpStream) -> bool {
    connection.set_read_timeout(Some(SILENCE)).expect("a timeout");
    let read = connection.read(&mut [0; 100]);
    connection.set_read_timeout(None).expect("no timeout");
    read.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

fn is_closed(connection: &mut TcpStream) -> bool {
    matches!(connection.read(&mut [0; 100]), Ok(0) | Err(_))
}

#[test]
fn all_is_passed_on_until_the_proxy_is_told_otherwise() {
    let echo = Echo::start();
    let proxy = Proxy::to(echo.port);
    let (mut one, mut other) = (dial(&proxy), dial(&proxy));
    assert_eq!(ask(&mut one, b"one").expect("an answer"), b"one");
    assert_eq!(ask(&mut other, b"other").expect("an answer"), b"other");
    drop(proxy);
    assert!(is_closed(&mut one));
}

#[test]
fn a_cut_closes_all_connections_and_no_later_ones() {
    let echo = Echo::start();
    let proxy = Proxy::to(echo.port);
    let mut connections = [dial(&proxy), dial(&proxy), dial(&proxy)];
    for connection in &mut connections {
        ask(connection, b"before").expect("an answer");
    }
    proxy.cut();
    assert!(connections.iter_mut().all(is_closed));
    assert_eq!(ask(&mut dial(&proxy), b"after").expect("an answer"), b"after");
}

#[test]
fn bytes_are_held_until_they_may_go_on() {
    let echo = Echo::start();
    let proxy = Proxy::to(echo.port);
    let mut connection = dial(&proxy);
    ask(&mut connection, b"before").expect("an answer");
    assert_eq!(echo.heard.recv().expect("a word"), b"before");

    proxy.hang();
    connection.write_all(b"held").expect("it is open");
    assert!(hears_nothing(&mut connection));
    echo.heard.try_recv().expect_err("nothing was passed on");
    let mut late = dial(&proxy);
    late.write_all(b"late").expect("it is open");
    assert!(hears_nothing(&mut late));

    proxy.resume();
    for (connection, word) in [(&mut connection, b"held"), (&mut late, b"late")] {
        let mut answer = [0; 4];
        connection.read_exact(&mut answer).expect("what was held");
        assert_eq!(&answer, word);
    }
}

#[test]
fn replies_alone_can_be_held_and_a_cut_loses_them() {
    let echo = Echo::start();
    let proxy = Proxy::to(echo.port);
    let mut connection = dial(&proxy);
    proxy.hold(Way::ToClients);
    connection.write_all(b"asked").expect("it is open");
    assert_eq!(echo.heard.recv().expect("a word"), b"asked");
    assert!(hears_nothing(&mut connection));
    proxy.cut();
    assert!(is_closed(&mut connection));
}

#[test]
fn refused_connections_are_refused_and_open_ones_stay() {
    let echo = Echo::start();
    let proxy = Proxy::to(echo.port);
    let mut open = dial(&proxy);
    ask(&mut open, b"before").expect("an answer");
    for _ in 0..2 {
        proxy.refuse();
        let refused = TcpStream::connect(("127.0.0.1", proxy.port())).expect_err("nobody listens");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(ask(&mut open, b"meanwhile").expect("an answer"), b"meanwhile");
        proxy.admit();
        assert_eq!(ask(&mut dial(&proxy), b"after").expect("an answer"), b"after");
    }
}

#[test]
fn a_connection_is_cut_at_given_bytes_even_when_they_come_in_pieces() {
    let echo = Echo::start();
    let proxy = Proxy::to(echo.port);
    let (mut other, mut connection) = (dial(&proxy), dial(&proxy));
    proxy.cut_at(Way::ToServer, b"COMMIT");
    assert_eq!(ask(&mut other, b"COM").expect("an answer"), b"COM");
    assert_eq!(ask(&mut connection, b"a COM").expect("an answer"), b"a COM");
    ask(&mut connection, b"MIT").expect_err("it was cut");
    assert_eq!(ask(&mut other, b"again").expect("an answer"), b"again");
    assert_eq!(ask(&mut dial(&proxy), b"COMMIT").expect("it happens once"), b"COMMIT");
    let heard: Vec<Vec<u8>> = echo.heard.try_iter().collect();
    assert_eq!(heard, [b"COM".to_vec(), b"a COM".to_vec(), b"again".to_vec(), b"COMMIT".to_vec()]);
}

#[test]
fn without_a_server_connections_are_closed() {
    let free = Proxy::to(1);
    free.refuse();
    let proxy = Proxy::to(free.port());
    assert!(is_closed(&mut dial(&proxy)));
}

#[tokio::test]
async fn a_reply_to_a_commit_is_lost_and_the_commit_is_not() {
    let Some(cluster) = Cluster::for_test() else { return };
    let proxy = Proxy::before(&cluster.admin_url());
    let through = proxy.url(&cluster.admin_url());
    client(&through).await.batch_execute("CREATE TABLE kept (n int)").await.expect("a table");

    let (asking, ends) = connect(&through).await.expect("the proxy passes it on");
    proxy.cut_at(Way::ToClients, b"COMMIT\0");
    let lost = asking.batch_execute("BEGIN; INSERT INTO kept VALUES (1); COMMIT").await;
    assert!(lost.expect_err("the reply is lost").is_closed());
    drop(ends.await.expect("no panic"));
    assert_eq!(cluster.sql("SELECT count(*) FROM kept"), "1");

    let (asking, _ends) = connect(&through).await.expect("others are passed on");
    proxy.cut_at(Way::ToServer, b"COMMIT");
    asking.batch_execute("BEGIN; INSERT INTO kept VALUES (2); COMMIT").await.expect_err("it is not passed on");
    assert_eq!(cluster.sql("SELECT count(*) FROM kept"), "1");
}
