//! A client that may find nobody at the other end.

use std::time::Duration;

use serde_json::Value;

use crate::harness::Gateway;

/// The key that every gateway of these tests is started with.
pub(crate) const KEY: &str = "sk_test_development";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A gateway's API.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: String,
}

/// An answer to a write that was carried out.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// Whether it says that it was given before.
    pub(crate) is_replayed: bool,
}

/// There was no answer, or one that says that nothing was done.
#[derive(Debug)]
pub(crate) struct Unanswered;

impl Api {
    pub(crate) fn of(gateway: &Gateway) -> Api {
        let http = reqwest::Client::builder().timeout(PATIENCE).build().expect("a client");
        Api { http, base: gateway.announced["api"].as_str().expect("an address").to_owned() }
    }

    /// A write. Any other answer than success, or 503, is a failure of the test.
    pub(crate) async fn post(&self, path: &str, key: &str, body: String) -> Result<Answer, Unanswered> {
        let request = self.http.post(format!("{}{path}", self.base)).header("X-API-Key", KEY);
        let request = request.header("Idempotency-Key", key).header("Content-Type", "application/json");
        let response = request.body(body).send().await.map_err(|_| Unanswered)?;
        let status = response.status().as_u16();
        let is_replayed = response.headers().get("Idempotent-Replayed").is_some_and(|value| value == "true");
        let may_come_back = response.headers().contains_key("Retry-After");
        let body = response.bytes().await.map_err(|_| Unanswered)?.to_vec();
        match status {
            200..300 => Ok(Answer { status, body, is_replayed }),
            503 if may_come_back => Err(Unanswered),
            _ => panic!("{path} was answered {status}: {}", String::from_utf8_lossy(&body)),
        }
    }

    pub(crate) async fn try_get(&self, path: &str) -> Result<(u16, Value), Unanswered> {
        let request = self.http.get(format!("{}{path}", self.base)).header("X-API-Key", KEY);
        let response = request.send().await.map_err(|_| Unanswered)?;
        let status = response.status().as_u16();
        Ok((status, response.json().await.map_err(|_| Unanswered)?))
    }

    /// A read, while nobody kills the gateway.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.try_get(path).await.expect("an answer")
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The payer's token, which no replay shows.
    pub(crate) fn token(&self) -> Option<String> {
        self.json()["payerToken"].as_str().map(str::to_owned)
    }

    /// What a replay of this answer says: the same to the byte, but for the token.
    pub(crate) fn body_of_replay(&self) -> Vec<u8> {
        let Some(token) = self.token() else { return self.body.clone() };
        String::from_utf8_lossy(&self.body).replace(&format!("\"{token}\""), "null").into_bytes()
    }
}
