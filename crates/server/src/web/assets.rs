//! The files that pages load. Each is served under the hash of what is in it, so that browsers keep it for ever, and another version
//! of the gateway is another file.

use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use sha2::{Digest, Sha256};

use super::Pages;

/// How many bytes of the hash name a file.
const NAMING_BYTES: usize = 8;

/// A file that pages load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asset {
    /// What every page looks like.
    Style,
    /// What every page does: times in the reader's zone, progress without reloading.
    Page,
    /// What the checkout and the payer's page do: wallets.
    Checkout,
    /// What the dashboard looks like besides.
    DashboardStyle,
    /// What the dashboard does: it follows events.
    Dashboard,
    /// The mark in the browser's tab.
    Icon,
}

impl Asset {
    const ALL: [Asset; 6] =
        [Asset::Style, Asset::Page, Asset::Checkout, Asset::DashboardStyle, Asset::Dashboard, Asset::Icon];

    const fn content(self) -> &'static str {
        match self {
            Asset::Style => include_str!("assets/style.css"),
            Asset::Page => include_str!("assets/page.js"),
            Asset::Checkout => include_str!("assets/checkout.js"),
            Asset::DashboardStyle => include_str!("assets/dashboard.css"),
            Asset::Dashboard => include_str!("assets/dashboard.js"),
            Asset::Icon => include_str!("assets/icon.svg"),
        }
    }

    const fn name_and_type(self) -> (&'static str, &'static str) {
        match self {
            Asset::Style => ("style.css", "text/css; charset=utf-8"),
            Asset::Page => ("page.js", "text/javascript; charset=utf-8"),
            Asset::Checkout => ("checkout.js", "text/javascript; charset=utf-8"),
            Asset::DashboardStyle => ("dashboard.css", "text/css; charset=utf-8"),
            Asset::Dashboard => ("dashboard.js", "text/javascript; charset=utf-8"),
            Asset::Icon => ("icon.svg", "image/svg+xml"),
        }
    }

    /// Where it is.
    pub(super) fn url(self) -> &'static str {
        served().iter().find(|(asset, _)| *asset == self).map_or("", |(_, url)| url)
    }
}

/// Every file and where it is, made once.
fn served() -> &'static [(Asset, String); Asset::ALL.len()] {
    static SERVED: OnceLock<[(Asset, String); Asset::ALL.len()]> = OnceLock::new();
    SERVED.get_or_init(|| {
        Asset::ALL.map(|asset| {
            let digest = Sha256::digest(asset.content());
            let hash: String = digest.iter().take(NAMING_BYTES).map(|byte| format!("{byte:02x}")).collect();
            (asset, format!("/assets/{hash}/{}", asset.name_and_type().0))
        })
    })
}

/// Where the files are served.
pub(super) fn routes() -> Router<Pages> {
    Router::new().route("/assets/{hash}/{name}", routing::get(show))
}

async fn show(Path((hash, name)): Path<(String, String)>) -> Response {
    let asked = format!("/assets/{hash}/{name}");
    let Some((asset, _)) = served().iter().find(|(_, url)| *url == asked) else {
        return (StatusCode::NOT_FOUND, "There is no such file in this version.\n").into_response();
    };
    let (_, media_type) = asset.name_and_type();
    let headers = [(CONTENT_TYPE, media_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, asset.content()).into_response()
}
