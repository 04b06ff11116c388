//! The dashboard and the operator's view, as a browser without scripts sees them.

use serde_json::{Value, json};

use super::{Browser, Seen};
use crate::payers::intent;
use crate::world::{ADMIN, TEST, World};

#[path = "dashboard/doing.rs"]
mod doing;
#[path = "dashboard/operator.rs"]
mod operator;
#[path = "dashboard/pages.rs"]
mod pages;
#[path = "dashboard/signing.rs"]
mod signing;

/// Somebody who is signed in.
struct Seat {
    browser: Browser,
}

impl Seat {
    async fn with(world: &World, key: &str) -> Seat {
        let browser = Browser::of(world);
        let seen = browser.post("/dashboard/sign-in", &[("key", key)]).await;
        assert_eq!(seen.status, 303, "{}", seen.html);
        Seat { browser }
    }

    async fn get(&self, path: &str) -> Seen {
        self.browser.get(path).await
    }

    /// Fills in a form that is on a page, and sends it with what is hidden in it.
    async fn fill(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Seen {
        let seen = self.get(page).await;
        self.send(&seen, action, fields).await
    }

    /// The same with a page that was seen.
    async fn send(&self, seen: &Seen, action: &str, fields: &[(&str, &str)]) -> Seen {
        let hidden = hidden(&seen.html, action);
        let mut all: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.extend_from_slice(fields);
        self.browser.post(action, &all).await
    }
}

/// What is hidden in the form of a page that is posted there.
#[track_caller]
fn hidden(html: &str, action: &str) -> Vec<(String, String)> {
    let form = html.split("<form ").find(|form| form.contains(&format!(" action=\"{action}\"")));
    let form = form.unwrap_or_else(|| panic!("no form is posted to {action}: {html}"));
    let form = form.split("</form>").next().expect("its end");
    let attribute = |input: &str, name: &str| {
        let (_, rest) = input.split_once(&format!("{name}=\""))?;
        rest.split('"').next().map(str::to_owned)
    };
    let inputs = form.split("<input ").skip(1).filter(|input| input.starts_with("type=\"hidden\""));
    inputs.filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?))).collect()
}

/// An intent over 1,000 USDC in three milestones whose shares are released the moment they are completed, and their ids.
async fn main_job(world: &World) -> (String, Vec<String>) {
    let terms = json!({"releaseType": "MILESTONE_LOCKED", "autoRelease": true, "description": "A website"});
    intent(world, terms, &["300", "500", "200"]).await
}

/// Something of everything that a merchant can have, and the addresses of its pages.
async fn everything(world: &World) -> Vec<String> {
    let (intent, milestones) = main_job(world).await;
    let endpoint = world.post("/webhook-endpoints", json!({"url": "https://hooks.example/x"})).await.ok(201);
    let endpoint = endpoint["id"].as_str().expect("an id").to_owned();
    crate::payers::complete(world, &intent, &milestones[0]).await;
    let dispute = json!({"reason": "Late", "raisedBy": "buyer", "milestoneId": milestones[1]});
    world.post(&format!("/payment-intents/{intent}/escrow/dispute"), dispute).await.ok(200);
    let id = |list: Value| list["data"][0]["id"].as_str().expect("an id").to_owned();
    let settlement = id(world.get("/settlements").await.ok(200));
    let event = id(world.get("/events").await.ok(200));
    let tested = world.post(&format!("/webhook-endpoints/{endpoint}/test"), json!({})).await.ok(200);
    let delivery = tested["id"].as_str().expect("an id").to_owned();
    let mut pages: Vec<String> = [
        "",
        "/intents",
        "/intents/new",
        "/balances",
        "/settlements",
        "/refunds",
        "/webhooks",
        "/keys",
        "/clock",
        "/requests",
        "/intents?q=intent_x%3D1&status=SUCCEEDED&type=CONDITIONAL&currency=USDC",
        "/intents?q=nonsense",
        "/balances?transactionType=RELEASE&currency=USDC",
    ]
    .map(|path| format!("/dashboard{path}"))
    .to_vec();
    pages.extend([
        format!("/dashboard/intents/{intent}"),
        format!("/dashboard/intents/{intent}/deliveries"),
        format!("/dashboard/settlements/{settlement}"),
        format!("/dashboard/events/{event}"),
        format!("/dashboard/webhooks/{endpoint}"),
        format!("/dashboard/deliveries/{delivery}"),
    ]);
    pages
}
