//! Cookies: one by one, never readable by scripts, never sent along with what other sites have a browser post.

use axum::http::HeaderValue;
use axum::http::header::COOKIE;
use axum::http::request::Parts;

/// How long a browser keeps a cookie where nothing else is said, in seconds: 400 days, the most that browsers grant.
const MAX_AGE_S: i64 = 400 * 24 * 3600;

/// A cookie that this gateway sets.
#[derive(Clone, Debug)]
pub(super) struct Cookie<'a> {
    /// Its name.
    pub(super) name: &'static str,
    /// The path below which it is sent.
    pub(super) path: &'a str,
    /// Whether it is sent over TLS alone.
    pub(super) is_secure: bool,
    /// When a browser sends it although another site leads there.
    pub(super) same_site: SameSite,
}

/// When a browser sends a cookie with what another site has it ask for. With a form of another site it never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SameSite {
    /// When somebody follows a link.
    Lax,
    /// Never.
    Strict,
}

impl Cookie<'_> {
    /// The header that sets it; `None` where the value is none that a cookie can have (RFC 6265, section 4.1.1).
    pub(super) fn set(&self, value: &str) -> Option<HeaderValue> {
        self.set_for(value, MAX_AGE_S)
    }

    /// The same for so many seconds; for none, to have the browser forget it.
    pub(super) fn set_for(&self, value: &str, seconds: i64) -> Option<HeaderValue> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
        if !value.bytes().all(is_plain) {
            return None;
        }
        let Cookie { name, path, is_secure, same_site } = self;
        let secure = if *is_secure { "; Secure" } else { "" };
        let same_site = match same_site {
            SameSite::Lax => "Lax",
            SameSite::Strict => "Strict",
        };
        let text = format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}");
        HeaderValue::try_from(text).ok()
    }
}

/// The values of the cookies of this name that came with a request: another host of the same domain may have set one as well (RFC 6265,
/// section 8.6).
pub(super) fn sent<'p>(parts: &'p Parts, name: &'static str) -> impl Iterator<Item = &'p str> {
    let headers = parts.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    headers
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(move |(found, value)| (found == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn what_is_sent_back() {
        for (header, found) in [
            ("payer=a", &["a"][..]),
            ("other=1; payer=a=b; payer=c", &["a=b", "c"]),
            ("xpayer=a", &[]),
            ("payer", &[]),
            ("", &[]),
        ] {
            let (parts, ()) = Request::builder().header(COOKIE, header).body(()).expect("a request").into_parts();
            assert_eq!(sent(&parts, "payer").collect::<Vec<_>>(), found, "{header}");
        }
    }

    #[test]
    fn what_can_be_set() {
        let cookie = |is_secure| Cookie { name: "payer", path: "/pay/x", is_secure, same_site: SameSite::Lax };
        let set = cookie(true).set("token").expect("a header");
        assert_eq!(set, "payer=token; Path=/pay/x; Max-Age=34560000; HttpOnly; SameSite=Lax; Secure");
        assert!(!cookie(false).set("token").expect("a header").to_str().expect("text").contains("Secure"));
        for value in ["a;b", "a b", "a\"", "a\n", "é"] {
            assert_eq!(cookie(true).set(value), None, "{value}");
        }
    }
}
