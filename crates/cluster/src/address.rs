//! Addresses of databases, `postgres://user:password@host:port/database?settings`.

use std::ops::Range;

/// The same address with another database.
pub(crate) fn with_database(url: &str, database: &str) -> String {
    let host = host(url);
    let settings = url[host.end..].find('?').map_or("", |at| &url[host.end + at..]);
    format!("{}/{database}{settings}", &url[..host.end])
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
    use super::with_database;

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
}
