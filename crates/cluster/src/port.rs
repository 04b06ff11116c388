//! A port of this machine that the system chose.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

/// A port of 127.0.0.1 that the system chose. On Linux nobody else gets it for as long as this lives, although nobody
/// listens: a socket that is bound and not listening keeps it, and lets those who ask for it by number listen there, as
/// servers do. Elsewhere it may be taken by others while nobody listens.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _kept: Option<Socket>,
}

impl Port {
    pub(crate) fn choose() -> io::Result<Port> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Port { number: address.port(), _kept: cfg!(target_os = "linux").then_some(socket) })
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::Port;

    #[test]
    fn whoever_asks_for_the_port_by_number_gets_it_as_often_as_they_like() {
        let port = Port::choose().expect("a port");
        for _ in 0..3 {
            let listener = TcpListener::bind(("127.0.0.1", port.number())).expect("the port is free");
            std::net::TcpStream::connect(("127.0.0.1", port.number())).expect("somebody listens");
            listener.accept().expect("somebody connected");
        }
    }
}
