//! The pages that people see, as a browser without scripts sees them. What scripts add is tested in a browser: `tests/web`.

use std::sync::Mutex;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::world::World;

#[path = "web/acts.rs"]
mod acts;
#[path = "web/bounds.rs"]
mod bounds;
#[path = "web/dashboard.rs"]
mod dashboard;
#[path = "web/escaping.rs"]
mod escaping;
#[path = "web/paying.rs"]
mod paying;

/// Markup that somebody wrote where text belongs, and that would be seen to work.
const MARKUP: &str = "<img src=x onerror=alert(1)>\"'&amp;</textarea><script>alert(2)</script>";

/// A browser without scripts: it keeps cookies, and says where a form comes from.
struct Browser {
    router: Router,
    cookies: Mutex<Vec<(String, String)>>,
}

/// What a browser got.
#[derive(Debug)]
struct Seen {
    status: u16,
    headers: HeaderMap,
    html: String,
}

impl Browser {
    fn of(world: &World) -> Browser {
        Browser { router: world.pages(), cookies: Mutex::default() }
    }

    async fn get(&self, path: &str) -> Seen {
        self.send(Request::builder().uri(path), String::new()).await
    }

    /// Sends a form that is on a page of the gateway.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request, url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()).await
    }

    async fn send(&self, request: axum::http::request::Builder, body: String) -> Seen {
        let cookies = self.cookies.lock().expect("not poisoned").clone();
        let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if pairs.is_empty() { request } else { request.header("cookie", pairs.join("; ")) };
        let response =
            self.router.clone().oneshot(request.body(Body::from(body)).expect("a request")).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let html = String::from_utf8(body.collect().await.expect("a body").to_bytes().to_vec()).expect("text");
        for set in parts.headers.get_all("set-cookie") {
            let pair = set.to_str().expect("text").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a pair");
            let mut cookies = self.cookies.lock().expect("not poisoned");
            cookies.retain(|(known, _)| known != name);
            if !set.to_str().expect("text").contains("Max-Age=0") {
                cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        Seen { status: parts.status.as_u16(), headers: parts.headers, html }
    }
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// A page with this status and these texts on it, spelled as HTML spells them.
    #[track_caller]
    fn shows(&self, status: u16, texts: &[&str]) -> &Seen {
        assert_eq!(self.status, status, "{}", self.html);
        for text in texts {
            assert!(self.html.contains(text), "{text:?} is not on the page: {}", self.html);
        }
        self
    }

    /// The same without these texts.
    #[track_caller]
    fn lacks(&self, texts: &[&str]) -> &Seen {
        for text in texts {
            assert!(!self.html.contains(text), "{text:?} is on the page: {}", self.html);
        }
        self
    }

    #[track_caller]
    fn leads_to(&self, path: &str) -> &Seen {
        assert_eq!((self.status, self.header("location")), (303, path), "{}", self.html);
        self
    }
}

/// The fields of a card that pays, or does not.
fn card(number: &str) -> Vec<(&str, &str)> {
    vec![("cardNumber", number), ("expiry", "12/30"), ("cvv", "737"), ("name", "Ada Lovelace")]
}
