//! The pages that people see, served from inside the binary.
//!
//! A page is a function of what the API says: [`api`] asks it in this process as any other client would, with the visitor's address,
//! key or token, so that a page can do nothing that the API would refuse. `read` is what pages know of the API's answers, `parts` holds what
//! is drawn in several places (money, times, badges, the track of milestones, the bar of money), and [`layout`] what surrounds
//! every page. One page is one file; those of payers are in `checkout`, those of merchants and operators in `dashboard`.
//!
//! What holds for all of them:
//!
//! - They work without scripts. What scripts add (progress without reloading, wallets, times in the reader's zone) is in `assets/*.js`, and
//!   nothing is styled or scripted inline, nor loaded from elsewhere: see [`POLICY`].
//! - A form is posted to the page's own host, or refused ([`form`]); what was done is answered with a redirect to a page that shows
//!   it, and what was refused with the page that asked, the reason in it, and a status that says the same.
//! - Text of others is escaped by `maud`, addresses of others are followed only where `parts::link` finds them to be web addresses.
//!
//! Whatever is no page is the API's: it is asked as the fallback, and answers as if there were no pages.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::map_response_with_state;
use axum::response::Response;
use tower_http::catch_panic::CatchPanicLayer;
use url::Url;

use self::api::Api;
use self::layout::Page;
use crate::gateway::Gateway;

mod api;
mod assets;
mod checkout;
mod cookie;
mod dashboard;
mod form;
mod layout;
mod parts;
mod read;
mod refusal;

/// What a page may load and run: its own files, and nothing else. Forms go nowhere but to its own host, and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The headers of every page and file. The referrer stays within the host, since browsers that are told to send none name no origin
/// with a form either (Fetch standard, "append a request `Origin` header"), by which [`form`] knows it.
const HEADERS: [(HeaderName, &str); 3] =
    [(CONTENT_SECURITY_POLICY, POLICY), (X_CONTENT_TYPE_OPTIONS, "nosniff"), (REFERRER_POLICY, "same-origin")];

/// What the handlers of pages work with.
#[derive(Clone)]
struct Pages {
    gateway: Arc<Gateway>,
    api: Api,
    /// The path of the public address, below which visitors find everything: mostly nothing.
    base: Arc<str>,
}

/// The pages of a gateway, and behind them its API.
pub fn router(gateway: Arc<Gateway>) -> Router {
    let api = crate::http::router(gateway.clone());
    let base = base(&gateway.settings.public_url).into();
    let pages = Pages { gateway, api: Api::new(api.clone()), base };
    Router::new()
        .merge(assets::routes())
        .merge(checkout::routes())
        .merge(dashboard::routes())
        .method_not_allowed_fallback(refusal::method_not_allowed)
        .layer(CatchPanicLayer::custom(refusal::panicked))
        .layer(map_response_with_state(pages.clone(), complete))
        .with_state(pages)
        .fallback_service(api)
}

/// The path of an address, without a slash at its end.
fn base(public_url: &str) -> String {
    Url::parse(public_url).map_or_else(|_| String::new(), |url| url.path().trim_end_matches('/').to_owned())
}

/// Draws a page, and adds what every page says to the browser. Pages show how things are now, and are not kept unless they say so.
async fn complete(State(pages): State<Pages>, mut response: Response) -> Response {
    if let Some(page) = response.extensions_mut().remove::<Page>() {
        let others = std::mem::take(response.headers_mut());
        response = page.render(&pages.base);
        response.headers_mut().extend(others);
    }
    let headers: &mut HeaderMap = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_everything_is() {
        for (public_url, path) in [
            ("https://pay.example", ""),
            ("https://pay.example/", ""),
            ("https://pay.example:8443/gateway/", "/gateway"),
            ("https://pay.example/a/b", "/a/b"),
            ("nonsense", ""),
        ] {
            assert_eq!(base(public_url), path);
        }
    }
}
