//! Which address a request comes from, and which it is for.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::Request;
use axum::http::header::{HOST, HeaderName};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Version};
use ipnet::IpNet;

use super::error::ApiError;

/// The header to which every proxy on the way adds whom it was asked by.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of the connection that a request came by: an extension of the request, which whoever serves the router adds.
/// Requests without it count as from one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// That a request which came by a connection names one host, as HTTP/1.1 has it (RFC 9112, section 3.2): what stands before the gateway
/// may send on by that name, and must not see another one.
pub(super) fn names_one_host(request: &Request) -> Result<(), ApiError> {
    let came_by_a_connection = request.extensions().get::<Peer>().is_some();
    if !came_by_a_connection || request.version() < Version::HTTP_11 {
        return Ok(());
    }
    let wrong = |message: &str| ApiError::Field { param: HOST.to_string(), message: message.to_owned() };
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host) => Ok(()),
        (Some(_), None) => Err(wrong("the Host header must be a host, with a port where that is not the usual one")),
        (None, _) | (Some(_), Some(_)) => Err(wrong("the Host header must be there exactly once")),
    }
}

/// Whether it is a host, with or without a port, and no user before it.
fn is_host(value: &HeaderValue) -> bool {
    Authority::try_from(value.as_bytes()).is_ok_and(|host| !host.host().is_empty() && !host.as_str().contains('@'))
}

/// The client's address: the other end of the connection, or, where that is a proxy that the operator trusts, the address that the
/// last trusted proxy was asked by. What stands before that in the header can be made up by anybody.
pub(super) fn client(request: &Request, trusted: &[IpNet]) -> IpAddr {
    let unknown = Peer(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let Peer(peer) = request.extensions().get::<Peer>().copied().unwrap_or(unknown);
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    let values = request.headers().get_all(&X_FORWARDED_FOR).iter().rev();
    let mut asked_by = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    let mut client = peer;
    while is_trusted(client) {
        match asked_by.next().and_then(address) {
            Some(address) => client = address,
            None => break,
        }
    }
    client
}

/// The address in an entry of the header, which may have a port.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn which_hosts_are_hosts() {
        for host in ["localhost", "127.0.0.1:3000", "[::1]:80", "pay.example.com", "PAY.example.com:443", "a_b"] {
            assert!(is_host(&HeaderValue::from_static(host)), "{host}");
        }
        for host in ["", "a b", "a/c", "a b/c", "user@host", "http://host", "a:b:c", "host\u{e9}", "a, b", "[::1"] {
            let value = HeaderValue::from_bytes(host.as_bytes()).expect("a value");
            assert!(!is_host(&value), "{host}");
        }
    }

    #[test]
    fn whose_address_counts() {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "::1/128"].map(|text| text.parse().expect("a network")).to_vec();
        for (peer, forwarded, client_address) in [
            ("192.0.2.1", &[][..], "192.0.2.1"),
            ("192.0.2.1", &["198.51.100.1"], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9", "198.51.100.1 , 10.0.0.2"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("::1", &["[2001:db8::1]:80"], "2001:db8::1"),
            ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ] {
            let mut request = Request::new(Body::empty());
            request.extensions_mut().insert(Peer(peer.parse().expect("an address")));
            for value in forwarded {
                request.headers_mut().append(X_FORWARDED_FOR, value.parse().expect("a value"));
            }
            let found = client(&request, &trusted);
            assert_eq!(found, client_address.parse::<IpAddr>().expect("an address"), "{peer} {forwarded:?}");
        }
    }
}
