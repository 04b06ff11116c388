//! A local address that takes what is posted to it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Calls, channel};

use crate::harness::patience;

/// What was posted.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The first line of the request.
    pub(crate) line: String,
    /// Its headers, their names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Call {
    /// A header that must be there.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("{name} is missing: {self:?}"))
    }
}

/// A status as it stands behind the version, and a body.
pub(crate) type Answer = (&'static str, String);

/// Takes calls one after the other.
pub(crate) struct Receiver {
    address: SocketAddr,
    calls: Calls<Call>,
}

impl Receiver {
    /// A receiver on a port of the system's choice, and what it answers.
    pub(crate) fn start(answer: impl Fn(&Call) -> Answer + Send + 'static) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, calls) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                // Whoever connects and leaves has called nobody.
                let Some(call) = read(&stream) else { continue };
                let (status, body) = answer(&call);
                // Where to go is said always, and means something with 3xx alone.
                let fields = format!("Location: /elsewhere\r\nContent-Length: {}\r\nConnection: close", body.len());
                let head = format!("HTTP/1.1 {status}\r\n{fields}\r\n\r\n");
                // Handed over first: whoever is answered may look at once for what was called.
                if sender.send(call).is_err() {
                    return;
                }
                drop(stream.write_all(format!("{head}{body}").as_bytes()));
            }
        });
        Receiver { address, calls }
    }

    /// The address alone.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it takes calls.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/webhooks?from=milepost", self.address)
    }

    /// The next call.
    pub(crate) fn call(&self) -> Call {
        self.calls.recv_timeout(patience()).expect("a call")
    }

    /// The calls that nobody has looked at.
    pub(crate) fn rest(&self) -> Vec<Call> {
        self.calls.try_iter().collect()
    }
}

fn read(stream: &TcpStream) -> Option<Call> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let line = lines.first()?.clone();
    let pairs = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<String, String> =
        pairs.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length = headers.get("content-length").map_or(Some(0), |text| text.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Call { line, headers, body: String::from_utf8(body).ok()? })
}
