//! Addresses of webhook endpoints, and their secrets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::Secret;
use escrow::Mode;

use crate::webhooks::{MAX_WEBHOOK_URL_CHARS, WebhookTargets, check_url};

/// The fewest and the most bytes of a secret (Standard Webhooks 1.0).
const MIN_SECRET_BYTES: usize = 24;
const MAX_SECRET_BYTES: usize = 64;

/// An address that is taken names nobody inside: no network, machine or cloud that only the gateway can reach, in no notation. It is
/// kept as it will be called, and taken again. A secret is read from one text alone, and is what signs.
pub fn target(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        check(text);
        check(&format!("https://{text}/"));
        check_secret(text);
    }
    if let Some(bits) = data.first_chunk::<4>() {
        check(&format!("http://{}/", Ipv4Addr::from(*bits)));
        check(&format!("https://{:#x}/", u32::from_be_bytes(*bits)));
    }
    if let Some(bits) = data.first_chunk::<16>() {
        check(&format!("http://[{}]/", Ipv6Addr::from(*bits)));
    }
}

fn check(text: &str) {
    for setting in WebhookTargets::ALL {
        let kept = check_url(text, Mode::Sandbox, setting);
        if let Ok(kept) = &kept {
            check_kept(kept, setting);
            assert_eq!(check_url(kept, Mode::Sandbox, setting).as_ref(), Ok(kept), "{text:?}");
        }
        let live = check_url(text, Mode::Live, setting);
        if let Ok(live) = &live {
            assert!(live.starts_with("https://"), "{live}");
            check_kept(live, WebhookTargets::Public);
            assert_eq!(kept.as_ref(), Ok(live), "what is good enough for real money is so for the sandbox");
        }
    }
}

fn check_kept(kept: &str, setting: WebhookTargets) {
    assert!(kept.is_ascii() && kept.len() <= MAX_WEBHOOK_URL_CHARS && !kept.contains([' ', '\t', '\n', '\r', '#']));
    let rest = kept.strip_prefix("https://").or_else(|| kept.strip_prefix("http://")).expect("a scheme of the web");
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    assert!(!authority.contains('@'), "{kept}");
    match address(authority) {
        Ok(Some(ip)) => assert!(may_be_called(ip, setting), "{kept} is taken where {} is", setting.name()),
        Ok(None) => {}
        Err(why) => panic!("{kept} is taken, which is {why}"),
    }
}

/// The address that stands in the place of a host, or of this machine's name (RFC 6761 §6.3); an error for a name that some resolver
/// takes for a number.
fn address(authority: &str) -> Result<Option<IpAddr>, &'static str> {
    if let Some(inside) = authority.strip_prefix('[') {
        let ip = inside.split(']').next().unwrap_or_default().parse::<Ipv6Addr>();
        return ip.map(|ip| Some(ip.into())).map_err(|_| "something in brackets that is no address");
    }
    let host = authority.split(':').next().unwrap_or_default();
    if let Ok(ip) = host.parse::<Ipv4Addr>() {
        return Ok(Some(ip.into()));
    }
    if host.strip_suffix('.').unwrap_or(host).split('.').any(str::is_empty) {
        return Err("no name");
    }
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    match last {
        "localhost" => Ok(Some(Ipv4Addr::LOCALHOST.into())),
        _ if is_number => Err("a number"),
        _ => Ok(None),
    }
}

fn may_be_called(ip: IpAddr, setting: WebhookTargets) -> bool {
    let reached = carried(ip);
    let is_inner = reached.iter().any(|ip| is_loopback(*ip) || is_private(*ip) || is_closed(*ip));
    match setting {
        WebhookTargets::Public => !is_inner,
        WebhookTargets::Loopback => !reached.iter().any(|ip| is_private(*ip) || is_closed(*ip)),
        WebhookTargets::Private => !reached.iter().any(|ip| is_closed(*ip)),
    }
}

/// The addresses that one stands for: those of IPv4 inside one of IPv6 (RFC 4291 §2.5.5, RFC 6052, RFC 2765, RFC 3056, RFC 4380), or
/// itself.
fn carried(ip: IpAddr) -> Vec<IpAddr> {
    let IpAddr::V6(whole) = ip else { return vec![ip] };
    let bytes = whole.octets();
    let inside = |from: usize| Ipv4Addr::new(bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]);
    let client = Ipv4Addr::from_bits(!inside(12).to_bits());
    let is_carrier = |prefix: &[u8]| bytes.starts_with(prefix);
    if whole.is_loopback() || whole.is_unspecified() {
        vec![ip]
    } else if is_carrier(&[0; 12])
        || is_carrier(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
        || is_carrier(&[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0])
        || is_carrier(&[0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0])
    {
        vec![inside(12).into()]
    } else if is_carrier(&[0x20, 0x02]) {
        vec![inside(2).into()]
    } else if is_carrier(&[0x20, 0x01, 0, 0]) {
        vec![inside(4).into(), client.into()]
    } else {
        vec![ip]
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.is_loopback()
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local() && !is_metadata(ip),
    }
}

/// The metadata of AWS and of Google Cloud, within the networks that are private.
fn is_metadata(ip: Ipv6Addr) -> bool {
    matches!(ip.segments(), [0xfd00, 0x0ec2, ..] | [0xfd20, 0x00ce, ..])
}

/// What nobody is to reach, by what the standard library knows and by what it does not.
fn is_closed(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            let is_known = ip.is_link_local() || ip.is_multicast() || ip.is_broadcast() || ip.is_documentation();
            let is_set_aside = a == 0 || a >= 240 || (a == 100 && b & 0xc0 == 64) || (a == 198 && b & 0xfe == 18);
            is_known || is_set_aside || (a, b, c) == (192, 0, 0) || ip == Ipv4Addr::new(168, 63, 129, 16)
        }
        IpAddr::V6(ip) => {
            let [first, second, ..] = ip.segments();
            let is_known = ip.is_unspecified() || ip.is_multicast() || ip.is_unicast_link_local() || is_metadata(ip);
            is_known || first & 0xffc0 == 0xfec0 || (first, second) == (0x2001, 0x0db8)
        }
    }
}

fn check_secret(text: &str) {
    let Ok(secret) = text.parse::<Secret>() else { return };
    assert_eq!(secret.reveal(), text);
    assert!(!format!("{secret:?}").contains(text));
    let bytes = text.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok()).expect("base64");
    assert!((MIN_SECRET_BYTES..=MAX_SECRET_BYTES).contains(&bytes.len()));
    assert_eq!(text, format!("whsec_{}", STANDARD.encode(bytes)), "no other text is the same secret");
}
