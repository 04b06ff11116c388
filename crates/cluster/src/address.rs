//! Addresses of databases, `postgres://user:password@host:port/database?settings`.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::ops::Range;

const DEFAULT_PORT: u16 = 5432;

/// The same address with another database.
pub(crate) fn with_database(url: &str, database: &str) -> String {
    let host = host(url);
    let settings = url[host.end..].find('?').map_or("", |at| &url[host.end + at..]);
    format!("{}/{database}{settings}", &url[..host.end])
}

/// The same address with another host and port.
pub(crate) fn with_host(url: &str, address: SocketAddr) -> String {
    let host = host(url);
    format!("{}{address}{}", &url[..host.start], &url[host.end..])
}

/// Where the server of an address is.
pub(crate) fn resolve(url: &str) -> io::Result<SocketAddr> {
    let host = &url[host(url)];
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let host = if has_port { host.to_owned() } else { format!("{host}:{DEFAULT_PORT}") };
    host.to_socket_addrs()?.next().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

/// Where the host with its port stands in an address.
fn host(url: &str) -> Range<usize> {
    let start = url.find("://").map_or(0, |at| at + "://".len());
    let end = url[start..].find(['/', '?']).map_or(url.len(), |at| start + at);
    let start = url[start..end].rfind('@').map_or(start, |at| start + at + 1);
    start..end
}

#[cfg(test)]
mod tests {
    use super::{resolve, with_database, with_host};

    #[test]
    fn the_database_of_an_address_is_replaced_and_nothing_else() {
        for (before, after) in [
            ("postgres://a:b@c:1/d?sslmode=require", "postgres://a:b@c:1/new?sslmode=require"),
            ("postgres://a:b@c:1/d", "postgres://a:b@c:1/new"),
            ("postgres://c", "postgres://c/new"),
            ("postgres://c?x=/y", "postgres://c/new?x=/y"),
        ] {
            assert_eq!(with_database(before, "new"), after);
        }
    }

    #[test]
    fn the_host_of_an_address_is_replaced_and_nothing_else() {
        let proxy = "127.0.0.1:9".parse().expect("an address");
        for (before, after) in [
            ("postgres://a:b@c:1/d?x=y", "postgres://a:b@127.0.0.1:9/d?x=y"),
            ("postgres://c/d", "postgres://127.0.0.1:9/d"),
            ("postgres://a@[::1]:1", "postgres://a@127.0.0.1:9"),
        ] {
            assert_eq!(with_host(before, proxy), after);
        }
    }

    #[test]
    fn the_server_of_an_address_is_found_by_host_and_port() {
        let found = |url| resolve(url).expect("a server").to_string();
        assert_eq!(found("postgres://a:b@127.0.0.1:7/d"), "127.0.0.1:7");
        assert_eq!(found("postgres://127.0.0.1/d"), "127.0.0.1:5432");
        assert_eq!(found("postgres://[::1]:7/d"), "[::1]:7");
    }
}
