//! A network that fails as its test says.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::address;
use crate::port::Port;

/// How much is passed on at once.
const PIECE_BYTES: usize = 16 << 10;

/// How long a server that is halted, and has more waiting for it than the system keeps, is waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From clients to the server.
    ToServer,
    /// From the server to clients.
    ToClients,
}

/// Stands between clients and a server, at a port of 127.0.0.1 that the system chose, and passes on what either says
/// until it is told otherwise. It closes its connections when it is dropped.
pub struct Proxy {
    network: Arc<Network>,
    port: Port,
    /// Takes connections, unless they are refused.
    door: Mutex<Option<JoinHandle<()>>>,
}

struct Network {
    server: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

/// What there is to know of the network. Each way has its own entry.
#[derive(Default)]
struct State {
    connections: HashMap<u64, Ends>,
    made: u64,
    refuses: bool,
    holds: [bool; 2],
    cuts_at: [Option<Vec<u8>>; 2],
}

/// The two ends of a connection, and how many ways of it are open.
struct Ends {
    client: TcpStream,
    server: TcpStream,
    open_ways: u32,
}

impl Proxy {
    /// Stands before whoever listens at a port of 127.0.0.1.
    ///
    /// # Panics
    /// When the system has no port left.
    #[must_use]
    pub fn to(port: u16) -> Proxy {
        Proxy::to_address(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// Stands before the server of a database.
    ///
    /// # Panics
    /// When there is no such host, or the system has no port left.
    #[must_use]
    pub fn before(database_url: &str) -> Proxy {
        Proxy::to_address(
            address::resolve(database_url).unwrap_or_else(|error| panic!("the server of a database: {error}")),
        )
    }

    fn to_address(server: SocketAddr) -> Proxy {
        let port = Port::choose().unwrap_or_else(|error| panic!("choosing a port: {error}"));
        let network = Network { server, state: Mutex::default(), changed: Condvar::new() };
        let proxy = Proxy { network: Arc::new(network), port, door: Mutex::new(None) };
        proxy.admit();
        proxy
    }

    /// The port for clients.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The address of a database by the way of this proxy.
    #[must_use]
    pub fn url(&self, database_url: &str) -> String {
        address::with_host(database_url, self.address())
    }

    /// Closes all connections. New ones are taken.
    pub fn cut(&self) {
        self.network.state().connections.drain().for_each(|(_, ends)| ends.close());
        self.network.changed.notify_all();
    }

    /// Closes a connection as soon as bytes that go this way on it contain these. They are not passed on, nor is what
    /// comes with them. It happens once.
    pub fn cut_at(&self, way: Way, bytes: &[u8]) {
        self.network.state().cuts_at[way as usize] = Some(bytes.to_vec());
    }

    /// Passes nothing on in either direction, on open connections and on new ones, until [`Proxy::resume`].
    pub fn hang(&self) {
        self.network.state().holds = [true; 2];
    }

    /// Passes nothing on that goes this way, until [`Proxy::resume`].
    pub fn hold(&self, way: Way) {
        self.network.state().holds[way as usize] = true;
    }

    /// Passes on what was held.
    pub fn resume(&self) {
        self.network.state().holds = [false; 2];
        self.network.changed.notify_all();
    }

    /// Refuses new connections, until [`Proxy::admit`]. Open ones stay.
    pub fn refuse(&self) {
        let Some(door) = self.door().take() else { return };
        self.network.state().refuses = true;
        // Whoever waits for connections looks up when there is one.
        drop(TcpStream::connect(self.address()));
        drop(door.join());
    }

    /// Takes new connections.
    ///
    /// # Panics
    /// When somebody else has taken the port, which does not happen on Linux.
    pub fn admit(&self) {
        let mut door = self.door();
        if door.is_some() {
            return;
        }
        self.network.state().refuses = false;
        let listener = TcpListener::bind(self.address()).unwrap_or_else(|error| panic!("listening: {error}"));
        let network = Arc::clone(&self.network);
        *door = Some(thread::spawn(move || network.admit(&listener)));
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port()))
    }

    fn door(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.refuse();
        self.cut();
    }
}

impl Network {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes connections until they are refused.
    fn admit(self: &Arc<Network>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.state().refuses {
                return;
            }
            // A client whose connection cannot be passed on, for example since no server listens, finds it closed.
            drop(client.and_then(|client| self.connect(client)));
        }
    }

    fn connect(self: &Arc<Network>, client: TcpStream) -> io::Result<()> {
        let server = TcpStream::connect_timeout(&self.server, CONNECT_TIMEOUT)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let ways = [(Way::ToServer, client.try_clone()?, server.try_clone()?)];
        let ways = ways.into_iter().chain([(Way::ToClients, server.try_clone()?, client.try_clone()?)]);
        let id = {
            let mut state = self.state();
            state.made += 1;
            let id = state.made;
            state.connections.insert(id, Ends { client, server, open_ways: 2 });
            id
        };
        for (way, from, to) in ways {
            let network = Arc::clone(self);
            thread::spawn(move || network.pass_on(id, way, from, to));
        }
        Ok(())
    }

    /// Passes on what goes one way of a connection, until its end or until the connection is cut.
    fn pass_on(&self, id: u64, way: Way, mut from: TcpStream, mut to: TcpStream) {
        let mut piece = [0; PIECE_BYTES];
        let mut before = Vec::new();
        loop {
            let count = from.read(&mut piece).unwrap_or(0);
            if !self.may_pass(id, way, &mut before, &piece[..count]) {
                return;
            }
            if count == 0 || to.write_all(&piece[..count]).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Write));
        let mut state = self.state();
        if let Some(ends) = state.connections.get_mut(&id) {
            ends.open_ways -= 1;
            if ends.open_ways == 0 {
                state.connections.remove(&id);
            }
        }
    }

    /// Waits until a piece may be passed on, and says whether the connection is still there then. What came before is
    /// remembered as far as it may be the beginning of what the connection is cut at.
    fn may_pass(&self, id: u64, way: Way, before: &mut Vec<u8>, piece: &[u8]) -> bool {
        let holds = |state: &mut State| state.holds[way as usize] && state.connections.contains_key(&id);
        let state = self.changed.wait_while(self.state(), holds);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let length = state.cuts_at[way as usize].as_ref().map_or(0, Vec::len);
        before.extend_from_slice(piece);
        if length > 0 && before.windows(length).any(|bytes| Some(bytes) == state.cuts_at[way as usize].as_deref()) {
            state.cuts_at[way as usize] = None;
            if let Some(ends) = state.connections.remove(&id) {
                ends.close();
            }
        }
        before.drain(..before.len().saturating_sub(length.saturating_sub(1)));
        state.connections.contains_key(&id)
    }
}

impl Ends {
    /// Closes both ends, so that whoever reads or writes there finds out. One that is closed already is not worth a
    /// word.
    fn close(&self) {
        drop(self.client.shutdown(Shutdown::Both));
        drop(self.server.shutdown(Shutdown::Both));
    }
}
