//! A small client of the gateway's API.

use std::sync::Arc;
use std::time::Duration;

use engine::Host;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use crate::failure::Failure;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A gateway, and the key to it.
pub(super) struct Api {
    http: Client,
    url: String,
    base: String,
    key: String,
    host: Arc<dyn Host>,
}

impl Api {
    /// A client of the gateway at `url`, with or without the version behind it.
    ///
    /// # Errors
    /// When no client can be made.
    pub(super) fn new(url: &str, key: String, host: Arc<dyn Host>) -> Result<Api, Failure> {
        let http = Client::builder().timeout(TIMEOUT).build().map_err(|error| explain(&error, url))?;
        let base = if url.ends_with("/v1") { url.to_owned() } else { format!("{url}/v1") };
        Ok(Api { http, url: url.to_owned(), base, key, host })
    }

    /// Reads something.
    ///
    /// # Errors
    /// When the gateway cannot be reached, or refuses.
    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(path, self.http.get(format!("{}{path}", self.base))).await
    }

    /// Does something, under an idempotency key of its own.
    ///
    /// # Errors
    /// When the gateway cannot be reached, or refuses.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let mut random = [0; 16];
        self.host.random(&mut random);
        let idempotency_key = format!("demo-{:032x}", u128::from_be_bytes(random));
        let request = self.http.post(format!("{}{path}", self.base)).header("Idempotency-Key", idempotency_key);
        self.send(path, request.json(body)).await
    }

    async fn send(&self, path: &str, request: RequestBuilder) -> Result<Value, Failure> {
        let explain = |error: reqwest::Error| explain(&error, &self.url);
        let response = request.header("X-API-Key", &self.key).send().await.map_err(explain)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(explain)?;
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        let message = body.pointer("/error/message").and_then(Value::as_str).unwrap_or("no reason given");
        Err(Failure::no(format!("the gateway refused {path} with {status}: {message}")))
    }
}

/// Says what to do where that is known; otherwise the whole chain of causes, the first of which is only that the request failed.
fn explain(error: &reqwest::Error, url: &str) -> Failure {
    if error.is_timeout() {
        let seconds = TIMEOUT.as_secs();
        return Failure::unavailable(format!("the gateway at {url} did not answer within {seconds} s"));
    }
    if error.is_connect() {
        let advice = "start one with `milepost serve`, or correct --api";
        return Failure::unavailable(format!("no gateway answers at {url}; {advice}"));
    }
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        message = format!("{message}: {inner}");
        cause = inner.source();
    }
    Failure::unavailable(message)
}

/// A text of an answer, by JSON pointer.
///
/// # Errors
/// When it is not there.
pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> Result<&'v str, Failure> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.ok_or_else(|| Failure::no(format!("the gateway's answer has no text at {pointer}")))
}

/// A list of an answer, by JSON pointer.
///
/// # Errors
/// When it is not there.
pub(super) fn list<'v>(value: &'v Value, pointer: &str) -> Result<&'v [Value], Failure> {
    let found = value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice);
    found.ok_or_else(|| Failure::no(format!("the gateway's answer has no list at {pointer}")))
}
