//! What surrounds every page.

use axum::Extension;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::assets::Asset;

/// A page. It is an answer that is drawn last, when it is known below which path visitors find its files.
#[derive(Clone)]
pub(super) struct Page {
    /// The status that it is answered with.
    pub(super) status: StatusCode,
    /// What it is called: in the browser's tab, in front of the product's name.
    pub(super) title: String,
    /// Whether it is about the sandbox, which it says at its top.
    pub(super) is_sandbox: bool,
    /// What it does besides what every page does.
    pub(super) scripts: &'static [Asset],
    /// What it looks like besides what every page does.
    pub(super) styles: &'static [Asset],
    /// What is in the bar at its top, besides the product's name.
    pub(super) bar: Markup,
    /// What is on it: a `main` element with the id `main`.
    pub(super) main: Markup,
}

impl Page {
    /// A page with nothing in its bar and no scripts of its own.
    pub(super) fn new(title: impl Into<String>, main: Markup) -> Page {
        let (title, bar) = (title.into(), Markup::default());
        Page { status: StatusCode::OK, title, is_sandbox: false, scripts: &[], styles: &[], bar, main }
    }

    /// The page as it is sent.
    pub(super) fn render(&self, base: &str) -> Response {
        let html = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { (self.title) " · Milepost" }
                    link rel="icon" href={ (base) (Asset::Icon.url()) } type="image/svg+xml";
                    link rel="stylesheet" href={ (base) (Asset::Style.url()) };
                    @for style in self.styles {
                        link rel="stylesheet" href={ (base) (style.url()) };
                    }
                    script src={ (base) (Asset::Page.url()) } defer {}
                    @for script in self.scripts {
                        script src={ (base) (script.url()) } defer {}
                    }
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header.bar {
                        span.brand { img src={ (base) (Asset::Icon.url()) } alt="" width="20" height="20"; "Milepost" }
                        @if self.is_sandbox {
                            span.badge.note { "Sandbox: no real money" }
                        }
                        (self.bar)
                    }
                    (self.main)
                }
            }
        };
        (self.status, [(CONTENT_TYPE, "text/html; charset=utf-8")], html.into_string()).into_response()
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        Extension(self).into_response()
    }
}

/// Puts the path of the public address before the addresses in what is drawn, which are written as if there was none. What others wrote cannot
/// be taken for one: it has no quotes that are not escaped.
pub(super) fn below(base: &str, drawn: Markup) -> Markup {
    const ATTRIBUTES: [&str; 5] = ["href", "action", "formaction", "data-live", "data-stream"];
    if base.is_empty() {
        return drawn;
    }
    PreEscaped(ATTRIBUTES.iter().fold(drawn.into_string(), |html, attribute| {
        html.replace(&format!(" {attribute}=\"/"), &format!(" {attribute}=\"{base}/"))
    }))
}

/// A part of a page, for the script that shows progress.
pub(super) fn fragment(part: Markup) -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], part.into_string()).into_response()
}
