//! The way back to where the payer was sent from.

use maud::{Markup, html};
use url::{Host, Url};

use super::sight::{Sight, Stage};
use crate::web::read::Intent;

/// The way back, where there is one. The script follows it right after a payment; everybody else has the link.
pub(super) fn draw(sight: &Sight) -> Markup {
    let intent = &sight.intent;
    let (to, is_return) = match sight.stage() {
        Stage::Paid | Stage::Over => (&intent.return_url, true),
        Stage::Unpaid | Stage::Canceled => (&intent.cancel_url, false),
        Stage::Confirming => (&None, false),
    };
    let Some(url) = to.as_deref().and_then(|to| address(intent, to)) else { return Markup::default() };
    let place = place(&url);
    html! {
        @if is_return {
            p.back {
                a.button.plain href=(url.as_str()) rel="noreferrer" data-return { "Back to " (place) }
            }
            p.quiet data-returning hidden { "Paid. Going back to " (place) " in a moment. " button.button.link type="button" data-stay { "Stay here" } }
        } @else {
            p.back { a.quiet href=(url.as_str()) rel="noreferrer" { "← Back to " (place) } }
        }
    }
}

/// The address to go to, which says what became of the intent. `None` where nobody should be sent: to anything but a web page over TLS, or,
/// in the sandbox, one on the payer's own machine.
fn address(intent: &Intent, to: &str) -> Option<Url> {
    let mut url = Url::parse(to).ok()?;
    let is_allowed = match url.scheme() {
        "https" => url.has_host(),
        "http" => !intent.livemode && is_loopback(&url),
        _ => false,
    };
    let status = intent.status.name();
    url.query_pairs_mut()
        .append_pair("intent", &intent.id)
        .append_pair("payment_intent", &intent.id)
        .append_pair("status", status);
    is_allowed.then_some(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn intent(livemode: bool) -> Intent {
        let intent = json!({
            "id": "intent_1", "status": "SUCCEEDED", "amount": "1.00", "currency": "USDC", "type": "CONDITIONAL",
            "phases": [], "livemode": livemode,
        });
        serde_json::from_value(intent).expect("an intent")
    }

    #[test]
    fn where_payers_are_sent() {
        const SAID: &str = "intent=intent_1&payment_intent=intent_1&status=SUCCEEDED";
        for (to, sandbox, live) in [
            ("https://shop.example/thanks", "https://shop.example/thanks?", "same"),
            ("https://shop.example", "https://shop.example/?", "same"),
            ("https://shop.example/?order=7&x=%20#top", "https://shop.example/?order=7&x=%20&", "same"),
            ("HTTPS://Shop.Example:8443/a", "https://shop.example:8443/a?", "same"),
            ("http://127.0.0.1:4000/done", "http://127.0.0.1:4000/done?", "none"),
            ("http://localhost/done", "http://localhost/done?", "none"),
            ("http://shop.localhost:1/", "http://shop.localhost:1/?", "none"),
            ("http://[::1]:4000/", "http://[::1]:4000/?", "none"),
            ("http://shop.example/", "none", "none"),
            ("http://127.0.0.1.evil.example/", "none", "none"),
            ("http://localhost.evil.example/", "none", "none"),
            ("http://10.0.0.1/", "none", "none"),
            ("javascript:alert(1)", "none", "none"),
            ("data:text/html,x", "none", "none"),
            ("ftp://shop.example/", "none", "none"),
            ("/thanks", "none", "none"),
            ("", "none", "none"),
        ] {
            for (livemode, expected) in [(false, sandbox), (true, if live == "same" { sandbox } else { live })] {
                let found = address(&intent(livemode), to).map(|url| url.to_string());
                let expected = (expected != "none").then(|| {
                    let fragment = to.split_once('#').map_or(String::new(), |(_, fragment)| format!("#{fragment}"));
                    format!("{expected}{SAID}{fragment}")
                });
                assert_eq!(found, expected, "{to} {livemode}");
            }
        }
    }
}
