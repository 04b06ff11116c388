//! The page for what cannot be shown or done.

use std::any::Any;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::html;

use super::api::Refusal;
use super::layout::Page;

/// A refusal as a page of its own.
#[derive(Debug)]
pub(super) struct RefusalPage(Refusal);

impl From<Refusal> for RefusalPage {
    fn from(refusal: Refusal) -> RefusalPage {
        RefusalPage(refusal)
    }
}

impl Refusal {
    /// The status of a page that tells it. Where the API has one status for all that is wrong with a request, people's browsers are told
    /// whether it was the payment or the moment.
    pub(super) fn page_status(&self) -> StatusCode {
        match self.code.as_str() {
            "payment_failed" => StatusCode::PAYMENT_REQUIRED,
            "invalid_state_transition" | "invalid_status" | "escrow_disputed" => StatusCode::CONFLICT,
            _ => self.status,
        }
    }

    /// What a page that tells it is called.
    pub(super) fn heading(&self) -> &'static str {
        match self.page_status() {
            StatusCode::NOT_FOUND => "Nothing here",
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => "Not allowed",
            StatusCode::CONFLICT => "Not possible now",
            StatusCode::TOO_MANY_REQUESTS => "Too many requests",
            status if status.is_server_error() => "Not available now",
            _ => "Not understood",
        }
    }
}

impl IntoResponse for RefusalPage {
    fn into_response(self) -> Response {
        let RefusalPage(refusal) = self;
        let heading = refusal.heading();
        let main = html! {
            main #main .narrow {
                h1 { (heading) }
                p { (refusal.message) }
                @if let Some(id) = &refusal.request_id {
                    p.quiet { "Whoever runs this gateway finds it as " code { (id) } "." }
                }
            }
        };
        Page { status: refusal.page_status(), ..Page::new(heading, main) }.into_response()
    }
}

/// The page for a method that a page does not have.
pub(super) async fn method_not_allowed() -> RefusalPage {
    let told = "This address cannot be used in this way.";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", told).into()
}

/// The page for a defect. What it was is in the log.
pub(super) fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("without a text"), "a page panicked");
    RefusalPage(Refusal::internal()).into_response()
}
