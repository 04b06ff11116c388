//! What surrounds every page of the dashboard, and what a handler gives.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::desk::Desk;
use crate::web::api::Refusal;
use crate::web::assets::Asset;
use crate::web::layout::{Page, below};

/// What comes of a request.
pub(super) enum View {
    /// A page.
    Screen(Screen),
    /// Something was done; it is seen there.
    Go(String),
    /// Nobody is signed in any more.
    SignedOut,
}

impl From<Screen> for Result<View, Refusal> {
    fn from(screen: Screen) -> Result<View, Refusal> {
        Ok(View::Screen(screen))
    }
}

/// A page of the dashboard.
pub(super) struct Screen {
    /// The status that it is answered with.
    pub(super) status: StatusCode,
    /// Its heading, and its name in the browser's tab.
    pub(super) title: String,
    /// The part of the dashboard that it belongs to: the address of its entry.
    pub(super) part: &'static str,
    /// Beside the heading: a state, or something to be done.
    pub(super) aside: Markup,
    /// What is on it: as one part, which is replaced as a whole, or with parts of its own, `data-part`.
    pub(super) content: Markup,
    /// Whether there are such parts.
    pub(super) has_parts: bool,
    /// Whether it changes with what happens.
    pub(super) is_live: bool,
}

impl Screen {
    pub(super) fn new(part: &'static str, title: impl Into<String>, content: Markup) -> Screen {
        let (title, aside) = (title.into(), Markup::default());
        Screen { status: StatusCode::OK, title, part, aside, content, has_parts: false, is_live: true }
    }

    pub(super) fn aside(self, aside: Markup) -> Screen {
        Screen { aside, ..self }
    }

    /// A page that something was refused on, with the status that says so. It stays as it is: something is being typed.
    pub(super) fn refusing(self, refusal: Option<&Refusal>) -> Screen {
        match refusal {
            Some(refusal) => Screen { status: refusal.page_status(), is_live: false, ..self },
            None => self,
        }
    }

    /// A page whose parts change one by one.
    pub(super) fn in_parts(self) -> Screen {
        Screen { has_parts: true, ..self }
    }

    /// A page that shows something once: it is not looked at again.
    pub(super) fn once(self) -> Screen {
        Screen { is_live: false, ..self }
    }

    /// The page, for whoever is signed in.
    pub(super) fn render(self, desk: &Desk) -> Page {
        let live = self.is_live.then(|| desk.at());
        let main = html! {
            main #main .desk data-live=[live] data-stream=[live.map(|_| "/dashboard/stream")] {
                div.heading {
                    h1 { (self.title) }
                    div data-part="aside" { (self.aside) }
                }
                div.content data-part=[(!self.has_parts).then_some("content")] { (self.content) }
            }
        };
        Page {
            status: self.status,
            is_sandbox: desk.is_sandbox(),
            scripts: &[Asset::Dashboard],
            styles: &[Asset::DashboardStyle],
            bar: below(desk.base(), bar(desk, self.part)),
            ..Page::new(self.title, below(desk.base(), main))
        }
    }
}

/// The parts of the dashboard for a merchant.
const MERCHANT: [(&str, &str); 8] = [
    ("/dashboard", "Home"),
    ("/dashboard/intents", "Payments"),
    ("/dashboard/balances", "Balances"),
    ("/dashboard/settlements", "Settlements"),
    ("/dashboard/refunds", "Refunds"),
    ("/dashboard/webhooks", "Webhooks"),
    ("/dashboard/keys", "API keys"),
    ("/dashboard/requests", "Requests"),
];

/// What the sandbox has besides.
const CLOCK: (&str, &str) = ("/dashboard/clock", "Clock");

/// The parts for the operator.
const OPERATOR: [(&str, &str); 7] = [
    ("/operator", "Home"),
    ("/operator/disputes", "Disputes"),
    ("/operator/settlements", "Settlements"),
    ("/operator/merchants", "Merchants"),
    ("/operator/jobs", "Jobs"),
    ("/dashboard/keys", "API keys"),
    ("/dashboard/requests", "Requests"),
];

fn bar(desk: &Desk, part: &str) -> Markup {
    let parts: Vec<(&str, &str)> = match desk.is_operator() {
        true => OPERATOR.to_vec(),
        false => MERCHANT.into_iter().chain(desk.is_sandbox().then_some(CLOCK)).collect(),
    };
    html! {
        form.who method="post" action="/dashboard/sign-out" {
            (desk.seal())
            code title="The API key that you signed in with" { (desk.session().shown_key()) }
            button.button.link type="submit" { "Sign out" }
        }
        nav.parts aria-label="Dashboard" {
            ul {
                @for (to, name) in parts {
                    li { a href=(to) aria-current=[(to == part).then_some("page")] { (name) } }
                }
            }
        }
    }
}

/// The page for what cannot be shown or done.
pub(super) fn refused(desk: &Desk, refusal: &Refusal) -> Page {
    let content = html! {
        p { (refusal.message) }
        @if let Some(id) = &refusal.request_id { p.quiet { "It is in the log of requests as " code { (id) } "." } }
        p { a href=(if desk.is_operator() { "/operator" } else { "/dashboard" }) { "Back to the beginning" } }
    };
    Screen { status: refusal.page_status(), ..Screen::new("", refusal.heading(), content) }.once().render(desk)
}

/// A notice of what was refused that no field is about.
pub(super) fn notice(refusal: &Refusal) -> Markup {
    html! { div.notice.bad #refused role="alert" tabindex="-1" { (refusal.message) } }
}
