//! Which texts are addresses of webhook endpoints.

use axum::http::Uri;
use escrow::Mode;
use url::{Host, Url};

use super::targets::{Targets, WebhookTargets};

/// How long the address of an endpoint may be, in characters, as it was given and as it is kept.
pub const MAX_WEBHOOK_URL_CHARS: usize = 2048;

/// The address of an endpoint as the WHATWG URL Standard writes it: with the host in lower case and Punycode, an IPv4 address in
/// four decimal numbers whatever notation it had, and everything else escaped that has to be.
///
/// The operator's `targets` are for the sandbox; live endpoints are called over https alone, at public addresses. Where a name leads
/// to is another question, which is asked anew with every call.
///
/// # Errors
/// What it must be, as the end of a sentence that begins with "url must be".
pub fn check_url(text: &str, mode: Mode, targets: WebhookTargets) -> Result<String, String> {
    let targets = Targets::of(mode, targets);
    if text.chars().count() > MAX_WEBHOOK_URL_CHARS {
        return Err(too_long());
    }
    let url = Url::parse(text).ok().filter(|url| url.has_host()).ok_or_else(|| no_url(targets))?;
    if !is_scheme_allowed(&url, targets) {
        return Err(no_url(targets));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("without a user name and a password".to_owned());
    }
    if url.fragment().is_some() {
        return Err("without a fragment (#…)".to_owned());
    }
    if url.port() == Some(0) {
        return Err("at a port from 1 to 65535".to_owned());
    }
    if url.domain().is_some_and(has_empty_label) {
        return Err(no_url(targets));
    }
    if let Some(refused) = refused_host(&url, targets) {
        return Err(format!("at {}, which {refused} is not", targets.in_words()));
    }
    if url.as_str().len() > MAX_WEBHOOK_URL_CHARS {
        return Err(too_long());
    }
    // Both standards agree about nearly everything; what only one of them takes cannot be called.
    Uri::try_from(url.as_str()).map_err(|_| no_url(targets))?;
    Ok(url.into())
}

fn is_scheme_allowed(url: &Url, targets: Targets) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => targets.allow_plain(),
        _ => false,
    }
}

fn no_url(targets: Targets) -> String {
    let scheme = if targets.allow_plain() { "http or https" } else { "https" };
    format!("an absolute {scheme} URL such as https://hooks.example.com/milepost")
}

fn too_long() -> String {
    format!("at most {MAX_WEBHOOK_URL_CHARS} characters long")
}

/// The host, if it can be told without asking anybody that it must not be called: an address, or a name of this machine (RFC 6761
/// §6.3).
fn refused_host(url: &Url, targets: Targets) -> Option<String> {
    let ip = match url.host()? {
        Host::Ipv4(ip) => ip.into(),
        Host::Ipv6(ip) => ip.into(),
        Host::Domain(name) if is_this_machine(name) => std::net::Ipv4Addr::LOCALHOST.into(),
        Host::Domain(_) => return None,
    };
    (!targets.allow(ip)).then(|| url.host_str().unwrap_or_default().to_owned())
}

/// Whether a name has two dots where there is nothing between, or nothing but a dot: the URL Standard takes it, and nobody can have it
/// (RFC 1034 §3.1).
fn has_empty_label(name: &str) -> bool {
    name.strip_suffix('.').unwrap_or(name).split('.').any(str::is_empty)
}

fn is_this_machine(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ABSOLUTE: &str = "an absolute http or https URL such as https://hooks.example.com/milepost";
    const SECURE: &str = "an absolute https URL such as https://hooks.example.com/milepost";

    #[test]
    fn addresses_of_endpoints_in_the_sandbox() {
        for (text, expected) in [
            ("https://hooks.example.com/milepost", Ok("https://hooks.example.com/milepost")),
            ("http://hooks.example.com", Ok("http://hooks.example.com/")),
            ("HTTPS://Hooks.Example.COM:443/A?b=C", Ok("https://hooks.example.com/A?b=C")),
            ("https://hooks.example.com:8443/", Ok("https://hooks.example.com:8443/")),
            ("https://bücher.example/ä b?ö='\"", Ok("https://xn--bcher-kva.example/%C3%A4%20b?%C3%B6=%27%22")),
            ("https://hooks.example./", Ok("https://hooks.example./")),
            ("https://a/../../b", Ok("https://a/b")),
            ("  https://a/\n", Ok("https://a/")),
            ("https:\\\\a\\b", Ok("https://a/b")),
            ("https://@a/", Ok("https://a/")),
            ("https://93.184.215.14/", Ok("https://93.184.215.14/")),
            ("https://0x5db8d70e/", Ok("https://93.184.215.14/")),
            ("https://[2606:4700:4700::1111]:8443/", Ok("https://[2606:4700:4700::1111]:8443/")),
            ("", Err(ABSOLUTE)),
            ("hooks.example.com", Err(ABSOLUTE)),
            ("/milepost", Err(ABSOLUTE)),
            ("//hooks.example.com", Err(ABSOLUTE)),
            ("localhost:3000", Err(ABSOLUTE)),
            ("https://", Err(ABSOLUTE)),
            ("https://:8443/", Err(ABSOLUTE)),
            ("https://a b/", Err(ABSOLUTE)),
            ("https://./", Err(ABSOLUTE)),
            ("https://a..example/", Err(ABSOLUTE)),
            ("https://localhost../", Err(ABSOLUTE)),
            ("https://a%00b/", Err(ABSOLUTE)),
            ("https://a:65536/", Err(ABSOLUTE)),
            ("https://[::1%25eth0]/", Err(ABSOLUTE)),
            ("https://1.2.3.4.5/", Err(ABSOLUTE)),
            ("https://256.1.1.1/", Err(ABSOLUTE)),
            ("ftp://hooks.example.com/", Err(ABSOLUTE)),
            ("file:///etc/passwd", Err(ABSOLUTE)),
            ("gopher://127.0.0.1:6379/_", Err(ABSOLUTE)),
            ("unix:/run/docker.sock", Err(ABSOLUTE)),
            ("data:,", Err(ABSOLUTE)),
            ("https://user@a/", Err("without a user name and a password")),
            ("https://:secret@a/", Err("without a user name and a password")),
            ("https://93.184.215.14@127.0.0.1/", Err("without a user name and a password")),
            ("https://a/#top", Err("without a fragment (#…)")),
            ("https://a/#", Err("without a fragment (#…)")),
            ("https://a:0/", Err("at a port from 1 to 65535")),
            ("http://10.0.0.1/", Err("at a public address, which 10.0.0.1 is not")),
        ] {
            let checked = check_url(text, Mode::Sandbox, WebhookTargets::Public);
            assert_eq!(checked.as_deref().map_err(String::as_str), expected, "{text:?}");
        }
    }

    #[test]
    fn live_endpoints_are_called_over_tls_at_public_addresses_whatever_is_set() {
        for (text, expected) in [
            ("https://hooks.example.com/", Ok("https://hooks.example.com/")),
            ("http://hooks.example.com/", Err(SECURE)),
            ("hooks.example.com", Err(SECURE)),
            ("https://127.0.0.1/", Err("at a public address, which 127.0.0.1 is not")),
            ("https://192.168.0.1/", Err("at a public address, which 192.168.0.1 is not")),
        ] {
            let checked = check_url(text, Mode::Live, WebhookTargets::Private);
            assert_eq!(checked.as_deref().map_err(String::as_str), expected, "{text:?}");
        }
    }

    /// One address in every notation that somebody's parser takes.
    #[test]
    fn an_address_is_refused_in_every_notation() {
        for (host, address) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("0x7F.1", "127.0.0.1"),
            ("017700000001", "127.0.0.1"),
            ("0177.0.0.01", "127.0.0.1"),
            ("１２７.0.0.1", "127.0.0.1"),
            ("127。0。0。1", "127.0.0.1"),
            ("%31%32%37.0.0.1", "127.0.0.1"),
            ("localhost", "localhost"),
            ("LOCALHOST.", "localhost."),
            ("ｌocalhost", "localhost"),
            ("any.localhost", "any.localhost"),
            ("[::1]", "[::1]"),
            ("[0:0:0:0:0:0:0:1]", "[::1]"),
            ("[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
            ("[::127.0.0.1]", "[::7f00:1]"),
            ("[64:ff9b::7f00:1]", "[64:ff9b::7f00:1]"),
            ("[2002:7f00:1::]", "[2002:7f00:1::]"),
        ] {
            let text = format!("http://{host}:8080/");
            let checked = check_url(&text, Mode::Sandbox, WebhookTargets::Public);
            assert_eq!(checked, Err(format!("at a public address, which {address} is not")), "{host}");
            assert!(check_url(&text, Mode::Sandbox, WebhookTargets::Loopback).is_ok(), "{host}");
        }
        for host in ["0", "0.0.0.0", "169.254.169.254", "0xa9fea9fe", "[fe80::1]", "[::]", "[::ffff:169.254.169.254]"] {
            let checked = check_url(&format!("http://{host}/"), Mode::Sandbox, WebhookTargets::Private);
            let problem = checked.expect_err(host);
            assert!(problem.starts_with("at a public, loopback or private address, which "), "{host}: {problem}");
        }
    }

    #[test]
    fn an_address_has_an_end() {
        let of_length = |length: usize| format!("https://a/{}", "x".repeat(length - "https://a/".len()));
        let check = |text: &str| check_url(text, Mode::Live, WebhookTargets::Public);
        assert!(check(&of_length(MAX_WEBHOOK_URL_CHARS)).is_ok());
        assert_eq!(check(&of_length(MAX_WEBHOOK_URL_CHARS + 1)), Err("at most 2048 characters long".to_owned()));
        // Short enough as it was given, and too long as it is kept.
        assert_eq!(
            check(&of_length(MAX_WEBHOOK_URL_CHARS).replace("xx", "x ")),
            Err("at most 2048 characters long".to_owned())
        );
    }

    /// Texts that are nearly addresses.
    fn texts() -> impl Strategy<Value = String> {
        let scheme = prop::sample::select(vec!["http://", "https://", "HTTPS:", "https:/\\", "ftp://", "//", ""]);
        let user = prop::sample::select(vec!["", "", "", "a@", "a:b@", "@"]);
        let host = prop_oneof![
            "[a-zA-Z0-9.-]{1,20}",
            "[!-~]{1,12}",
            "\\PC{1,8}",
            any::<u32>().prop_map(|bits| bits.to_string()),
            any::<u32>().prop_map(|bits| format!("{bits:#x}")),
            any::<std::net::Ipv4Addr>().prop_map(|ip| ip.to_string()),
            any::<std::net::Ipv6Addr>().prop_map(|ip| format!("[{ip}]")),
        ];
        let port =
            prop_oneof![Just(String::new()), any::<u32>().prop_map(|port| format!(":{port}")), Just(":80".into())];
        let path = prop_oneof!["(/[!-~]{0,10}){0,3}", "\\PC{0,10}"];
        (scheme, user, host, port, path)
            .prop_map(|(scheme, user, host, port, path)| format!("{scheme}{user}{host}{port}{path}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// What is taken is taken again as it was written down, and leads where it may.
        #[test]
        fn what_is_taken_keeps_to_the_rule(text in prop_oneof![texts(), ".*"]) {
            for mode in [Mode::Sandbox, Mode::Live] {
                for setting in WebhookTargets::ALL {
                    let Ok(kept) = check_url(&text, mode, setting) else { continue };
                    prop_assert_eq!(check_url(&kept, mode, setting), Ok(kept.clone()));
                    prop_assert!(kept.is_ascii() && kept.len() <= MAX_WEBHOOK_URL_CHARS);
                    let targets = Targets::of(mode, setting);
                    let url = Url::parse(&kept).expect("what is kept is an address");
                    prop_assert!(url.scheme() == "https" || url.scheme() == "http" && targets.allow_plain());
                    let uri = Uri::try_from(kept.as_str()).expect("what is kept can be called");
                    prop_assert_eq!(uri.host(), url.host_str());
                    match url.host().expect("what is kept has a host") {
                        Host::Ipv4(ip) => prop_assert!(targets.allow(ip.into())),
                        Host::Ipv6(ip) => prop_assert!(targets.allow(ip.into())),
                        Host::Domain(name) => prop_assert!(name.parse::<std::net::IpAddr>().is_err()),
                    }
                }
            }
        }
    }
}
