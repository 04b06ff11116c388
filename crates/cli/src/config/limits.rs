//! Settings about who may ask, how often, and from where.

use axum::http::HeaderValue;
use escrow::Span;
use ipnet::IpNet;
use server::{Limit, Origins};

use super::{Setting, parse_span, parse_whole};

/// Which rate limits hold.
pub(crate) const RATE_LIMITS: Setting<RateLimits> =
    Setting { name: "rate_limits", default: Some("documented"), parse: parse_rate_limits };
/// How many requests each key of the sandbox may send.
pub(crate) const RATE_LIMIT_TEST: Setting<Limit> = limit("rate_limit_test");
/// How many each live key may send.
pub(crate) const RATE_LIMIT_LIVE: Setting<Limit> = limit("rate_limit_live");
/// How many each admin key may send.
pub(crate) const RATE_LIMIT_ADMIN: Setting<Limit> = limit("rate_limit_admin");
/// How many may come from each address for routes that take no key.
pub(crate) const RATE_LIMIT_PUBLIC: Setting<Limit> = limit("rate_limit_public");
/// How many may come from each address without a valid key for routes that take one.
pub(crate) const RATE_LIMIT_KEYLESS: Setting<Limit> = limit("rate_limit_keyless");
/// From where browsers may call.
pub(crate) const CORS_ORIGINS: Setting<Origins> =
    Setting { name: "cors_origins", default: Some("*"), parse: parse_origins };
/// The proxies that are believed about their clients' addresses.
pub(crate) const TRUSTED_PROXIES: Setting<Vec<IpNet>> =
    Setting { name: "trusted_proxies", default: Some("none"), parse: parse_networks };
/// How many connections there may be at once.
pub(crate) const MAX_CONNECTIONS: Setting<usize> =
    Setting { name: "max_connections", default: Some("10000"), parse: parse_connections };
/// How long the headers of a request may take, and a connection be idle.
pub(crate) const HEADER_TIMEOUT: Setting<Span> =
    Setting { name: "header_timeout", default: Some("30s"), parse: parse_timeout };
/// How long the body of a request may take.
pub(crate) const BODY_TIMEOUT: Setting<Span> =
    Setting { name: "body_timeout", default: Some("30s"), parse: parse_timeout };

/// The names of these settings.
pub(super) const NAMES: [&str; 11] = [
    RATE_LIMITS.name,
    RATE_LIMIT_TEST.name,
    RATE_LIMIT_LIVE.name,
    RATE_LIMIT_ADMIN.name,
    RATE_LIMIT_PUBLIC.name,
    RATE_LIMIT_KEYLESS.name,
    CORS_ORIGINS.name,
    TRUSTED_PROXIES.name,
    MAX_CONNECTIONS.name,
    HEADER_TIMEOUT.name,
    BODY_TIMEOUT.name,
];

/// Which rate limits hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RateLimits {
    /// Those of the documentation, but for those that are set otherwise.
    Documented,
    /// None, whatever else is set.
    Off,
}

/// A limit has no default of its own: unless it is set, it is as documented.
const fn limit(name: &'static str) -> Setting<Limit> {
    Setting { name, default: None, parse: parse_limit }
}

fn parse_rate_limits(text: &str) -> Result<RateLimits, String> {
    match text {
        "documented" => Ok(RateLimits::Documented),
        "off" => Ok(RateLimits::Off),
        _ => Err(format!("expected documented or off, not {text:?}")),
    }
}

/// Reads `100/m,1000/h`, either of which may be missing; `0` for no limit.
fn parse_limit(text: &str) -> Result<Limit, String> {
    let wrong = || {
        format!(
            "expected requests a minute, an hour or both, such as 100/m,1000/h, with 0 for any number, not {text:?}"
        )
    };
    if text == "0" {
        return Ok(Limit::NONE);
    }
    let (mut per_minute, mut per_hour) = (None, None);
    for part in text.split(',') {
        let (number, unit) = part.trim().split_once('/').ok_or_else(wrong)?;
        let is_plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = number.parse().ok().filter(|_| is_plain).ok_or_else(wrong)?;
        let place = match unit {
            "m" => &mut per_minute,
            "h" => &mut per_hour,
            _ => return Err(wrong()),
        };
        if place.replace(number).is_some() {
            return Err(wrong());
        }
    }
    Ok(Limit::of(per_minute.unwrap_or(0), per_hour.unwrap_or(0)))
}

/// Reads `*`, `none`, or origins with commas between them.
fn parse_origins(text: &str) -> Result<Origins, String> {
    match text {
        "*" => Ok(Origins::All),
        "none" => Ok(Origins::None),
        _ => text.split(',').map(|part| parse_origin(part.trim())).collect::<Result<_, _>>().map(Origins::Only),
    }
}

/// An origin as a browser writes it, so that comparing is enough.
fn parse_origin(text: &str) -> Result<HeaderValue, String> {
    let wrong =
        || format!("expected *, none or origins such as https://shop.example,http://localhost:8080, not {text:?}");
    let url = reqwest::Url::parse(text).map_err(|_| wrong())?;
    let is_as_written = matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text;
    if is_as_written { HeaderValue::from_str(text).map_err(|_| wrong()) } else { Err(wrong()) }
}

/// Reads `none`, or addresses and networks with commas between them.
fn parse_networks(text: &str) -> Result<Vec<IpNet>, String> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let network = |part: &str| {
        let one = part.parse::<std::net::IpAddr>().map(IpNet::from);
        one.or_else(|_| part.parse())
            .map_err(|_| format!("expected none or addresses and networks such as 127.0.0.1,10.0.0.0/8, not {part:?}"))
    };
    text.split(',').map(|part| network(part.trim())).collect()
}

fn parse_connections(text: &str) -> Result<usize, String> {
    const MOST: usize = 1_000_000;
    parse_whole(text, 1..=MOST)
}

/// A length of time that something must take at least: 0 would refuse everything.
pub(super) fn parse_timeout(text: &str) -> Result<Span, String> {
    /// With the engine's patience, well within how long a request may take altogether.
    const LONGEST: Span = Span::from_seconds(60);
    let span = parse_span(text)?;
    let is_fitting = span.ms() > 0 && span <= LONGEST;
    if is_fitting { Ok(span) } else { Err(format!("expected more than none and at most 60s, not {text:?}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        for (text, per_minute, per_hour) in [
            ("100/m,1000/h", 100, 1000),
            ("1000/h, 100/m", 100, 1000),
            ("100/m", 100, 0),
            ("1000/h", 0, 1000),
            ("0/m,5/h", 0, 5),
            ("0", 0, 0),
        ] {
            assert_eq!(parse_limit(text), Ok(Limit::of(per_minute, per_hour)), "{text}");
        }
        for text in ["", "100", "m", "/m", "100/s", "1/m,2/m", "-1/m", "+1/m", "1/m,", "4294967296/m", "none"] {
            assert!(parse_limit(text).expect_err(text).contains("100/m,1000/h"), "{text}");
        }
    }

    #[test]
    fn origins() {
        let only = |origins: &[&'static str]| {
            Ok(Origins::Only(origins.iter().map(|text| HeaderValue::from_static(text)).collect()))
        };
        assert_eq!(parse_origins("*"), Ok(Origins::All));
        assert_eq!(parse_origins("none"), Ok(Origins::None));
        assert_eq!(parse_origins("https://shop.example"), only(&["https://shop.example"]));
        assert_eq!(
            parse_origins("https://shop.example, http://localhost:8080"),
            only(&["https://shop.example", "http://localhost:8080"])
        );
        for text in [
            "",
            "shop.example",
            "https://shop.example/",
            "https://shop.example/pay",
            "https://Shop.example",
            "https://shop.example:443",
            "*,https://shop.example",
            "null",
            "ftp://shop.example",
        ] {
            assert!(parse_origins(text).is_err(), "{text}");
        }
    }

    #[test]
    fn proxies() {
        let networks = parse_networks("127.0.0.1, 10.0.0.0/8,::1").expect("networks");
        let shown: Vec<_> = networks.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["127.0.0.1/32", "10.0.0.0/8", "::1/128"]);
        assert_eq!(parse_networks("none"), Ok(Vec::new()));
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0.1,,"] {
            assert!(parse_networks(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bounds() {
        for (text, is_fine) in [("1", true), ("1000000", true), ("0", false), ("1000001", false), ("many", false)] {
            assert_eq!(parse_connections(text).is_ok(), is_fine, "{text}");
        }
        for (text, is_fine) in [("1ms", true), ("60s", true), ("0", false), ("61s", false), ("-1s", false)] {
            assert_eq!(parse_timeout(text).is_ok(), is_fine, "{text}");
        }
    }
}
