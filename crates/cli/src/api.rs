//! A small client of a gateway's API, and the flags that say which gateway and with which key.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use engine::{Host, key_kind};
use escrow::money::AmountError;
use escrow::{Amount, Currency};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::KeyKind;

use crate::config::PUBLIC_URL;
use crate::failure::Failure;
use crate::output::plain;

/// How long an answer may take, and how long a stream may be silent: a gateway says something every 15 seconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The longest answer that is read, in bytes: 64 MiB. A page of a hundred events has less.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// The header by which a stream is gone on with.
const LAST_EVENT_ID: &str = "Last-Event-ID";

/// What a gateway calls having been asked too often, which it is not for long.
const ASKED_TOO_OFTEN: &str = "rate_limit_exceeded";

/// Where a gateway listens that nobody has set otherwise.
const USUAL_URL: &str = "http://127.0.0.1:3000";

/// Where the key is looked for when `--key` is not given.
const KEY_VARIABLE: &str = "MILEPOST_API_KEY";

/// Which gateway, and with which key.
#[derive(Debug, Args)]
pub(crate) struct ApiArgs {
    /// The address of the gateway, such as http://127.0.0.1:3000, where one listens that is not set otherwise
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// The API key to use [env: MILEPOST_API_KEY]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl ApiArgs {
    /// Whether a gateway was named.
    pub(crate) const fn names_gateway(&self) -> bool {
        self.api.is_some()
    }

    /// Whether a key was given by flag.
    pub(crate) const fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// The address, the usual one where none was named; and the key of the flag, else of the environment. No message repeats its text.
    ///
    /// # Errors
    /// When one of them is none, or there is no key.
    pub(crate) fn read(self) -> Result<(String, Key), Failure> {
        let address = address(self.api.as_deref().unwrap_or(USUAL_URL))?;
        let variable = || std::env::var(KEY_VARIABLE).ok().map(|key| (key, KEY_VARIABLE));
        let found = self.key.map(|key| (key, "--key")).or_else(variable).filter(|(key, _)| !key.is_empty());
        let (text, origin) = found.ok_or_else(|| {
            Failure::usage(format!("this needs an API key, such as sk_test_…, in --key or {KEY_VARIABLE}"))
        })?;
        let kind = key_kind(&text).map_err(|error| Failure::usage(format!("{origin}: {error}")))?;
        Ok((address, Key { text, kind, origin }))
    }
}

/// An API key. It cannot be shown or logged.
pub(crate) struct Key {
    text: String,
    kind: KeyKind,
    origin: &'static str,
}

impl Key {
    /// What kind of key it is.
    pub(crate) const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// A key that a gateway of this process has made.
    pub(crate) const fn made(text: String, kind: KeyKind) -> Key {
        Key { text, kind, origin: "the key" }
    }

    /// Bytes that are the same every time for this key and this purpose, and tell nobody the key.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        Sha256::new().chain_update(purpose).chain_update([0]).chain_update(&self.text).finalize().into()
    }

    /// The key cannot be used for what was asked, for this reason.
    pub(crate) fn refused(&self, why: &str) -> Failure {
        Failure::usage(format!("{}: {why}", self.origin))
    }
}

/// The address of a gateway that can be reached.
fn address(text: &str) -> Result<String, Failure> {
    let url = PUBLIC_URL.read("--api", text)?;
    if url.starts_with("http://") {
        return Ok(url);
    }
    Err(Failure::usage(format!("--api: gateways are reached over plain HTTP only: expected http://…, not {url}")))
}

/// A gateway, and the key to it.
pub(crate) struct Api {
    http: Client,
    /// For answers that do not end.
    streams: Client,
    url: String,
    base: String,
    key: Key,
    host: Arc<dyn Host>,
}

impl Api {
    /// A client of the gateway at `url`, with or without the version behind it.
    ///
    /// # Errors
    /// When no client can be made.
    pub(crate) fn new(url: &str, key: Key, host: Arc<dyn Host>) -> Result<Api, Failure> {
        let cannot = |error: reqwest::Error| explain(&error, url);
        // A gateway sends nobody elsewhere; whoever does is not to be shown the key there.
        let builder = || Client::builder().redirect(Policy::none());
        let http = builder().timeout(TIMEOUT).build().map_err(cannot)?;
        let streams = builder().connect_timeout(TIMEOUT).read_timeout(TIMEOUT).build().map_err(cannot)?;
        let base = if url.ends_with("/v1") { url.to_owned() } else { format!("{url}/v1") };
        Ok(Api { http, streams, url: url.to_owned(), base, key, host })
    }

    /// The address of the gateway.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Reads something.
    ///
    /// # Errors
    /// When the gateway cannot be reached, or refuses.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(path, self.http.get(format!("{}{path}", self.base))).await
    }

    /// Does something, under an idempotency key of its own.
    ///
    /// # Errors
    /// When the gateway cannot be reached, or refuses.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let mut random = [0; 16];
        self.host.random(&mut random);
        let idempotency_key = format!("milepost-{:032x}", u128::from_be_bytes(random));
        let request = self.http.post(format!("{}{path}", self.base)).header("Idempotency-Key", idempotency_key);
        self.send(path, request.json(body)).await
    }

    /// Changes something.
    ///
    /// # Errors
    /// When the gateway cannot be reached, or refuses.
    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(path, self.http.patch(format!("{}{path}", self.base)).json(body)).await
    }

    /// Deletes something.
    ///
    /// # Errors
    /// When the gateway cannot be reached, or refuses.
    pub(crate) async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.send(path, self.http.delete(format!("{}{path}", self.base))).await
    }

    /// Reads something as the text that was sent.
    ///
    /// # Errors
    /// When the gateway cannot be reached, or refuses.
    pub(crate) async fn get_text(&self, path: &str) -> Result<String, Failure> {
        let response = self.answered(path, self.http.get(format!("{}{path}", self.base))).await?;
        String::from_utf8(self.whole(response).await?)
            .map_err(|_| Failure::no(format!("the gateway at {} sent what is no text", self.url)))
    }

    /// Opens a stream of events that begins after a place, or with what happens from now on.
    ///
    /// # Errors
    /// When the gateway cannot be reached, or refuses.
    pub(crate) async fn follow(&self, path: &str, place: Option<&str>) -> Result<Stream, Failure> {
        let request = self.streams.get(format!("{}{path}", self.base));
        let request = place.into_iter().fold(request, |request, place| request.header(LAST_EVENT_ID, place));
        Ok(Stream(self.answered(path, request).await?))
    }

    async fn send(&self, path: &str, request: RequestBuilder) -> Result<Value, Failure> {
        let response = self.answered(path, request).await?;
        let bytes = self.whole(response).await?;
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// The body of an answer.
    async fn whole(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| explain(&error, &self.url))? {
            if body.len() + piece.len() > MAX_ANSWER_BYTES {
                let url = &self.url;
                return Err(Failure::no(format!(
                    "the gateway at {url} sent an answer of more than {MAX_ANSWER_BYTES} bytes"
                )));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// A successful answer, of which nothing is read.
    async fn answered(&self, path: &str, request: RequestBuilder) -> Result<Response, Failure> {
        let request = request.header("X-API-Key", &self.key.text);
        let response = request.send().await.map_err(|error| explain(&error, &self.url))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body: Value = serde_json::from_slice(&self.whole(response).await?).unwrap_or_default();
        let said = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
        let message = said("/error/message").map_or_else(|| "no reason given".to_owned(), plain);
        let path = path.split('?').next().unwrap_or(path);
        let refusal = format!("the gateway refused {path} with {status}: {message}");
        let is_for_now = status.is_server_error() || said("/error/code") == Some(ASKED_TOO_OFTEN);
        Err(if is_for_now { Failure::unavailable(refusal) } else { Failure::no(refusal) })
    }
}

/// An answer that does not end by itself.
pub(crate) struct Stream(Response);

impl Stream {
    /// The next piece; `None` when the gateway has ended it.
    ///
    /// # Errors
    /// When the gateway is gone, or has been silent for too long.
    pub(crate) async fn next(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>, Failure> {
        self.0.chunk().await.map_err(|error| {
            if error.is_timeout() {
                Failure::unavailable(format!("nothing was heard of it for {} s", TIMEOUT.as_secs()))
            } else {
                Failure::unavailable("the connection broke off")
            }
        })
    }
}

/// A path with what is asked for behind it.
pub(crate) fn with_query(path: &str, query: &[(&str, &str)]) -> String {
    let pairs = query.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    let query = pairs.collect::<Vec<_>>().join("&");
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
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
pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> Result<&'v str, Failure> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.ok_or_else(|| Failure::no(format!("the gateway's answer has no text at {pointer}")))
}

/// A list of an answer, by JSON pointer.
///
/// # Errors
/// When it is not there.
pub(crate) fn list<'v>(value: &'v Value, pointer: &str) -> Result<&'v [Value], Failure> {
    let found = value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice);
    found.ok_or_else(|| Failure::no(format!("the gateway's answer has no list at {pointer}")))
}

/// An amount of an answer, which may be nothing.
///
/// # Errors
/// When it is no amount.
pub(crate) fn amount(text: &str, currency: Currency) -> Result<Amount, Failure> {
    match Amount::parse(text, currency) {
        Ok(amount) => Ok(amount),
        Err(AmountError::Zero) => Ok(Amount::zero(currency)),
        Err(error) => Err(Failure::no(format!("the gateway's answer has the amount {text:?}: {error}"))),
    }
}
