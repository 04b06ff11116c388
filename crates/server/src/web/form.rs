//! Forms that browsers post. One that another site's page has posted is refused, whatever it says: the browser tells.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Limited};
use url::{Url, form_urlencoded};

use super::Pages;
use super::api::Refusal;
use super::refusal::RefusalPage;
use crate::http::within;

/// What browsers say of how the page that sends a request and the one that gets it belong together (Fetch Metadata).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The most bytes of a form: several texts of the longest, percent-encoded.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// The fields of a form. Of several values of one name the last counts.
#[derive(Clone)]
pub(super) struct Form(BTreeMap<String, String>);

impl std::fmt::Debug for Form {
    /// Nothing of it: it may hold the number of a card.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Form")
    }
}

impl Form {
    fn parse(body: &[u8]) -> Form {
        // Browsers end the lines of a text with CR LF on the way, and nowhere else: not where it was signed.
        let line_ends = |value: String| value.replace("\r\n", "\n");
        Form(
            form_urlencoded::parse(body)
                .map(|(name, value)| (name.into_owned(), line_ends(value.into_owned())))
                .collect(),
        )
    }

    /// What was filled in; an empty field was not.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// An object for the API with what was filled in of these fields.
    pub(super) fn object(&self, names: &[&str]) -> serde_json::Map<String, serde_json::Value> {
        let filled = names.iter().filter_map(|name| Some(((*name).to_owned(), self.text(name)?.into())));
        filled.collect()
    }
}

impl FromRequest<Pages> for Form {
    type Rejection = RefusalPage;

    async fn from_request(request: Request, pages: &Pages) -> Result<Form, RefusalPage> {
        let settings = &pages.gateway.settings;
        if !is_own(request.headers(), &settings.public_url) {
            let told = "This was sent by a page of another site. Nothing was done.";
            return Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", told).into());
        }
        let content_type = request.headers().get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if !essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            let told = "This takes what a form on its page sends.";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request", told).into());
        }
        let arriving = Limited::new(request.into_body(), MAX_FORM_BYTES).collect();
        match within(pages.gateway.engine.host().as_ref(), settings.body_timeout, arriving).await {
            Some(Ok(body)) => Ok(Form::parse(&body.to_bytes())),
            Some(Err(_)) => {
                Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", "That was too much.").into())
            }
            None => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "That took too long.").into()),
        }
    }
}

/// Whether a page of this host sent a request. Browsers of the last years say so in `Sec-Fetch-Site`, where they trust the connection;
/// all others name the page's origin, which must be the host that they ask or the gateway's public address. What says neither is no
/// browser, and has no cookies that it does not know of.
fn is_own(headers: &HeaderMap, public_url: &str) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Some(origin) = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok()) else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let asked = host.and_then(|host| Url::parse(&format!("{}://{host}", origin.scheme())).ok());
    let public = Url::parse(public_url).ok();
    [asked, public].into_iter().flatten().any(|known| known.origin() == origin.origin() && origin.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_forms_are_taken() {
        const HERE: &str = "pay.example:8443";
        for (site, origin, host, is_taken) in [
            (Some("same-origin"), Some("https://evil.example"), HERE, true),
            (Some("none"), None, HERE, true),
            (Some("same-site"), Some("https://pay.example:8443"), HERE, false),
            (Some("cross-site"), None, HERE, false),
            (Some("nonsense"), None, HERE, false),
            (None, Some("https://pay.example:8443"), HERE, true),
            (None, Some("http://pay.example:8443"), HERE, true),
            (None, Some("https://pay.example"), HERE, false),
            (None, Some("https://pay.example"), "pay.example", true),
            (None, Some("https://public.example"), "10.0.0.7:3000", true),
            (None, Some("http://public.example"), "10.0.0.7:3000", false),
            (None, Some("https://evil.example"), HERE, false),
            (None, Some("null"), HERE, false),
            (None, Some("file://"), HERE, false),
            (None, Some(""), HERE, false),
            (None, None, HERE, true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().expect("a host"));
            headers.extend(site.map(|site| (SEC_FETCH_SITE, site.parse().expect("a value"))));
            headers.extend(origin.map(|origin| (ORIGIN, origin.parse().expect("a value"))));
            assert_eq!(is_own(&headers, "https://public.example"), is_taken, "{site:?} {origin:?} {host}");
        }
    }

    #[test]
    fn what_forms_say() {
        let form = Form::parse(b"a=1&a=2&empty=&text=one%0D%0Atwo+three&b%5Bc%5D=%E2%82%AC");
        assert_eq!(form.text("a"), Some("2"));
        assert_eq!(form.text("empty"), None);
        assert_eq!(form.text("text"), Some("one\ntwo three"));
        assert_eq!(form.text("b[c]"), Some("€"));
        assert_eq!(form.object(&["a", "empty", "absent"]), serde_json::Map::from_iter([("a".to_owned(), "2".into())]));
    }
}
