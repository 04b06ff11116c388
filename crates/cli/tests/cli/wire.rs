//! A connection to a gateway on which a test writes what it likes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::harness::Gateway;

/// How long an answer may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The connection.
pub(crate) struct Wire(BufReader<TcpStream>);

impl Wire {
    /// One that was just made.
    pub(crate) fn to(gateway: &Gateway) -> Wire {
        Wire::at(address(gateway))
    }

    /// One to where a gateway listens.
    pub(crate) fn at(address: SocketAddr) -> Wire {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        Wire(BufReader::new(stream))
    }

    /// Sends some text.
    pub(crate) fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).expect("sent");
    }

    /// The status of an answer and its headers.
    pub(crate) fn head(&mut self) -> (u16, Vec<String>) {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("an answer");
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let status = lines.first().and_then(|line| line.split(' ').nth(1)).expect("a status line");
        (status.parse().expect("a number"), lines)
    }

    /// The status of an answer, which is read to its end.
    pub(crate) fn answer(&mut self) -> u16 {
        let (status, lines) = self.head();
        let length = lines.iter().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let mut body = vec![0; length.parse().expect("a number")];
        self.0.read_exact(&mut body).expect("a body");
        status
    }

    /// Asks whether the gateway is alive, and keeps the connection.
    pub(crate) fn ask(&mut self) -> u16 {
        self.send("GET /health/live HTTP/1.1\r\nHost: here\r\n\r\n");
        self.answer()
    }

    /// Sends bytes, as far as the gateway takes them, and gives all that it answers until it closes the connection.
    pub(crate) fn exchange(mut self, bytes: &[u8]) -> String {
        // It may have closed the connection before it has read all of this.
        drop(self.0.get_mut().write_all(bytes));
        self.rest()
    }

    /// Waits until the gateway closes the connection; what it said before.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => {}
            // It may close it with some of what was sent unread.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
        }
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Begins a request whose body the gateway then waits for, and returns when it does.
    pub(crate) fn begin(&mut self, gateway: &Gateway, length: usize) {
        let key = gateway.announced["test_key"].as_str().expect("a key");
        self.send(&format!(
            "POST /v1/payment-intents HTTP/1.1\r\nHost: here\r\nX-API-Key: {key}\r\nContent-Length: {length}\r\n\
             Expect: 100-continue\r\n\r\n"
        ));
        assert_eq!(self.head().0, 100);
    }
}

/// Where a gateway listens.
pub(crate) fn address(gateway: &Gateway) -> SocketAddr {
    let listening = gateway.announced["listening"].as_str().expect("an address");
    listening.trim_start_matches("http://").parse().expect("an address")
}
