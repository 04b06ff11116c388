//! The steps that are done to no intent: to API keys, merchants and webhook endpoints, all of them made for it.

use serde_json::{Value, json};
use store::AccountEvent;

use super::director::{ACTOR, Director};
use crate::api::text;
use crate::failure::Failure;

/// How long a key lives that is made for an event.
const KEY_LIFETIME: &str = "1h";

/// Where an endpoint is that is made for an event: nowhere, for there is no such name and never will be (RFC 2606, section 2).
const ENDPOINT: &str = "https://milepost-trigger.invalid/webhooks";

/// Whether an endpoint is to be told events.
#[derive(Clone, Copy, Debug)]
pub(super) enum Switch {
    On,
    Off,
}

impl Director {
    pub(super) async fn make_key(&mut self) -> Result<(), Failure> {
        let body = json!({"name": ACTOR, "scopes": ["events:read"], "expiresIn": KEY_LIFETIME});
        let answer = self.api.post("/api-keys", &body).await?;
        let id = text(&answer, "/id")?.to_owned();
        self.subjects.push(id.clone());
        self.tell(format!("made {id}, which ends in {KEY_LIFETIME}; nobody was told its text"))
    }

    /// What was made first for this.
    fn made(&self) -> Result<String, Failure> {
        self.subjects.first().cloned().ok_or_else(|| Failure::no("nothing was made that this could be done to"))
    }

    pub(super) async fn roll_key(&mut self) -> Result<(), Failure> {
        let key = self.made()?;
        let answer = self.api.post(&format!("/api-keys/{key}/roll"), &json!({"gracePeriod": 0})).await?;
        let id = text(&answer, "/id")?.to_owned();
        self.subjects.push(id.clone());
        self.tell(format!("replaced it by {id}"))
    }

    pub(super) async fn revoke_key(&mut self) -> Result<(), Failure> {
        let key = self.made()?;
        self.api.post(&format!("/api-keys/{key}/revoke"), &json!({})).await?;
        self.tell("revoked it".to_owned())
    }

    pub(super) async fn add_merchant(&mut self) -> Result<(), Failure> {
        let name = format!("Triggered {}", self.word());
        let answer = self.api.post("/admin/merchants", &json!({"name": name})).await?;
        let id = text(&answer, "/id")?.to_owned();
        self.subjects.push(id.clone());
        self.tell(format!("added {id}, named {name}"))
    }

    /// Makes an endpoint that is told nothing but tests.
    pub(super) async fn make_endpoint(&mut self) -> Result<(), Failure> {
        let body =
            json!({"url": ENDPOINT, "enabledEvents": [AccountEvent::EndpointTested.name()], "description": ACTOR});
        let answer = self.api.post("/webhook-endpoints", &body).await?;
        let id = text(&answer, "/id")?.to_owned();
        self.subjects.push(id.clone());
        self.tell(format!("made {id}, at an address that does not exist"))
    }

    async fn change_endpoint(&mut self, change: Value, done: &str) -> Result<(), Failure> {
        self.api.patch(&format!("/webhook-endpoints/{}", self.made()?), &change).await?;
        self.tell(done.to_owned())
    }

    pub(super) async fn update_endpoint(&mut self) -> Result<(), Failure> {
        self.change_endpoint(json!({"description": "Changed by milepost trigger"}), "changed its description").await
    }

    pub(super) async fn switch_endpoint(&mut self, switch: Switch) -> Result<(), Failure> {
        match switch {
            Switch::On => self.change_endpoint(json!({"status": "enabled"}), "enabled it").await,
            Switch::Off => self.change_endpoint(json!({"status": "disabled"}), "disabled it").await,
        }
    }

    pub(super) async fn rotate_secret(&mut self) -> Result<(), Failure> {
        let path = format!("/webhook-endpoints/{}/rotate-secret", self.made()?);
        self.api.post(&path, &json!({"gracePeriod": 0})).await?;
        self.tell("gave it another secret, which nobody was told".to_owned())
    }

    pub(super) async fn test_endpoint(&mut self) -> Result<(), Failure> {
        self.api.post(&format!("/webhook-endpoints/{}/test", self.made()?), &json!({})).await?;
        self.tell("tested it".to_owned())
    }

    pub(super) async fn delete_endpoint(&mut self) -> Result<(), Failure> {
        self.api.delete(&format!("/webhook-endpoints/{}", self.made()?)).await?;
        self.tell("deleted it".to_owned())
    }
}
