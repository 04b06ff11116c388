//! Receivers of webhook calls: real sockets on this machine, which answer as they are told to, or do not.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::{Host, System};
use escrow::Timestamp;

use crate::crash::dice::Dice;

/// Takes the call.
pub(crate) const ACCEPTS: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Does not.
pub(crate) const FAILS: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops";

/// What goes on without end, where something does.
const MORE: &str = "more and more ";

/// What a receiver does with calls.
pub(crate) enum Manner {
    /// Says this to each.
    Says(&'static str),
    /// Says this, and ends the connection.
    SaysAndCloses(&'static str),
    /// Says this, and then goes on for as long as anybody listens.
    Floods(&'static str),
    /// Says nothing, and holds the connection for as long as the other side does.
    Hangs,
    /// Takes each after a random time below so many milliseconds.
    TakesLate(Dice, u64),
}

/// What to do with one call.
enum Reply {
    Say(&'static str),
    SayAndClose(&'static str),
    Flood(&'static str),
    Hang,
    SayLater(Duration, &'static str),
}

/// A call as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// When it was there, in real time.
    pub(crate) at: Timestamp,
    /// By their names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Heard {
    /// The value of a header, which must be there once.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (Some(value), None) => value,
            _ => panic!("{name} is not there once: {:?}", self.headers),
        }
    }

    /// The id of the event that it tells.
    pub(crate) fn id(&self) -> &str {
        self.header("webhook-id")
    }
}

/// What happened to a call, by its place among those that were heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It was heard.
    Heard(usize),
    /// It is being answered.
    Answered(usize),
}

/// A receiver. It listens until it is dropped.
pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    host: System,
    manner: Mutex<Manner>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    heard: Vec<Heard>,
    moments: Vec<Moment>,
    is_over: bool,
}

impl Receiver {
    /// A receiver at a port of the system's choice.
    pub(crate) fn start(manner: Manner) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = State { host: System::new(), manner: Mutex::new(manner), seen: Mutex::default() };
        let state = Arc::new(state);
        let listening = Arc::clone(&state);
        std::thread::spawn(move || listening.listen(&listener));
        Receiver { address, state }
    }

    /// Where it is called.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Where it is called by this name of the machine.
    pub(crate) fn url_at(&self, host: &str) -> String {
        format!("http://{host}:{}/hook", self.address.port())
    }

    /// From now on it does this.
    pub(crate) fn change(&self, manner: Manner) {
        *lock(&self.state.manner) = manner;
    }

    /// The calls that were heard, in this order.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        lock(&self.state.seen).heard.clone()
    }

    /// How many those are.
    pub(crate) fn count(&self) -> usize {
        lock(&self.state.seen).heard.len()
    }

    /// How many events were told, however often.
    pub(crate) fn ids(&self) -> BTreeSet<String> {
        lock(&self.state.seen).heard.iter().map(|heard| heard.id().to_owned()).collect()
    }

    /// What happened to calls, in this order.
    pub(crate) fn moments(&self) -> Vec<Moment> {
        lock(&self.state.seen).moments.clone()
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        lock(&self.state.seen).connections
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        lock(&self.state.seen).is_over = true;
        // It waits for a connection, and this is one.
        drop(TcpStream::connect(self.address));
    }
}

impl State {
    fn listen(self: &Arc<State>, listener: &TcpListener) {
        for stream in listener.incoming() {
            let mut seen = lock(&self.seen);
            if seen.is_over {
                return;
            }
            seen.connections += 1;
            drop(seen);
            let state = Arc::clone(self);
            // Whoever calls may go away at any time, which is not for the receiver to judge.
            std::thread::spawn(move || stream.and_then(|stream| state.serve(stream)));
        }
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(number) = self.hear(&mut reader)? {
            match self.reply() {
                Reply::Say(text) => self.say(&mut stream, number, text)?,
                Reply::SayLater(after, text) => {
                    std::thread::sleep(after);
                    self.say(&mut stream, number, text)?;
                }
                Reply::SayAndClose(text) => return self.say(&mut stream, number, text),
                Reply::Flood(text) => {
                    self.say(&mut stream, number, text)?;
                    loop {
                        stream.write_all(MORE.as_bytes())?;
                    }
                }
                Reply::Hang => return reader.read_to_end(&mut Vec::new()).map(drop),
            }
        }
        Ok(())
    }

    fn reply(&self) -> Reply {
        match &mut *lock(&self.manner) {
            Manner::Says(text) => Reply::Say(text),
            Manner::SaysAndCloses(text) => Reply::SayAndClose(text),
            Manner::Floods(text) => Reply::Flood(text),
            Manner::Hangs => Reply::Hang,
            Manner::TakesLate(dice, below_ms) => Reply::SayLater(Duration::from_millis(dice.below(*below_ms)), ACCEPTS),
        }
    }

    fn say(&self, stream: &mut TcpStream, number: usize, text: &str) -> std::io::Result<()> {
        // Noted first: what is answered may lead to the next call at once.
        lock(&self.seen).moments.push(Moment::Answered(number));
        stream.write_all(text.as_bytes())
    }

    /// The place of another call that has arrived, whole; nothing when the connection has ended.
    fn hear(&self, reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<usize>> {
        let (mut headers, mut line) = (Vec::new(), String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            match line.trim_end() {
                "" => break,
                // The line of the request is none.
                text => {
                    headers.extend(text.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())))
                }
            }
        }
        let length = headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.parse());
        let mut body = vec![0; length.expect("a length").expect("a number")];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8(body).expect("calls are text");
        let mut seen = lock(&self.seen);
        let number = seen.heard.len();
        seen.moments.push(Moment::Heard(number));
        seen.heard.push(Heard { at: self.host.now(), headers, body });
        Ok(Some(number))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A port that is taken and at which nobody listens: whoever calls there is refused.
pub(crate) struct Refusal {
    stream: TcpStream,
    _listener: TcpListener,
}

impl Refusal {
    pub(crate) fn start() -> Refusal {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        Refusal { stream, _listener: listener }
    }

    /// Where it is called.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.stream.local_addr().expect("an address"))
    }
}
