//! Addresses that others wrote.

use maud::{Markup, html};
use url::Url;

/// A web address, as a browser would read it; `None` for whatever else a browser would do something with (`javascript:`, `data:`).
pub(in crate::web) fn outside(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// What others wrote as an address: a link where it is a web address, and the text alone where not.
pub(in crate::web) fn link(text: &str) -> Markup {
    match outside(text) {
        Some(url) => html! { a href=(url.as_str()) rel="noreferrer nofollow ugc" target="_blank" { (text) } },
        None => html! { (text) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_become_links() {
        for (text, is_link) in [
            ("https://proofs.example/1", true),
            ("http://127.0.0.1:8080/x", true),
            ("HTTPS://proofs.example", true),
            (" https://proofs.example ", true),
            ("javascript:alert(1)", false),
            ("java\nscript:alert(1)", false),
            ("data:text/html,<b>", false),
            ("ipfs://bafy", false),
            ("//proofs.example", false),
            ("page 2", false),
        ] {
            assert_eq!(outside(text).is_some(), is_link, "{text}");
            assert_eq!(link(text).into_string().contains("href"), is_link, "{text}");
        }
    }
}
