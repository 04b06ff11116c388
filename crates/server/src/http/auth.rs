//! Who is asking: the merchant behind an API key, and whether a route is for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HeaderName};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::key_kind;
use escrow::{Mode, Owner, RequestId};
use store::{ApiKey, KeyScope, StoreError};

use super::error::ApiError;
use super::header_text;
use super::routes::Access;
use crate::gateway::Gateway;

/// The header that wins when there are several.
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Who sends a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// The merchant and mode that the key acts as.
    pub(super) owner: Owner,
    /// The request's id, which errors name.
    pub(super) request: RequestId,
}

impl Caller {
    /// Whether the caller's money is simulated.
    pub(super) fn is_sandbox(&self) -> bool {
        self.owner.mode == Mode::Sandbox
    }
}

/// Lets a request through to a route, or refuses it: first for its key, then for what the key may do. Nothing else of the request
/// is read before.
pub(super) async fn admit(
    State((gateway, access)): State<(Arc<Gateway>, Access)>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let owner = match access {
        Access::Anyone | Access::Payer => None,
        Access::Merchant => Some(merchant(&gateway, request.headers()).await?),
        Access::Sandbox => Some(in_sandbox(merchant(&gateway, request.headers()).await?)?),
    };
    if let Some(owner) = owner {
        let id = request.extensions().get::<RequestId>().copied();
        let id = id.unwrap_or_else(|| RequestId::fresh(gateway.engine.ids()));
        request.extensions_mut().insert(Caller { owner, request: id });
    }
    Ok(next.run(request).await)
}

/// The merchant and mode of a request's key.
async fn merchant(gateway: &Gateway, headers: &HeaderMap) -> Result<Owner, ApiError> {
    let token = token(headers)?;
    key_kind(&token).map_err(|_| ApiError::InvalidKey)?;
    let found = gateway.known_keys.find(gateway, gateway.keyring.hash_key(&token)).await?;
    let key = found.filter(|key| key.is_valid(gateway.engine.host().now())).ok_or(ApiError::InvalidKey)?;
    match key.scope {
        KeyScope::Owner(owner) => Ok(owner),
        KeyScope::Operator => Err(ApiError::OperatorKey),
    }
}

fn in_sandbox(owner: Owner) -> Result<Owner, ApiError> {
    match owner.mode {
        Mode::Sandbox => Ok(owner),
        Mode::Live => Err(ApiError::TestKeysOnly),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    /// Whom [`admit`] let in.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Caller, ApiError> {
        parts.extensions.get::<Caller>().copied().ok_or_else(|| {
            tracing::error!("the handler of a route that asks for no key wants to know the merchant");
            ApiError::Internal
        })
    }
}

/// How long a key is believed to be as it was read: a revocation takes effect within this time.
const KEY_FRESH_MS: i64 = 1000;

/// How many keys are remembered at most.
const MOST_KNOWN_KEYS: usize = 4096;

/// The keys that were lately asked for, by their keyed hashes, so that not every request reads its key from the store. Only keys
/// that exist are remembered.
#[derive(Default)]
pub(crate) struct KnownKeys {
    read: Mutex<HashMap<[u8; 32], Known>>,
}

struct Known {
    key: ApiKey,
    read_at_ms: i64,
}

impl KnownKeys {
    async fn find(&self, gateway: &Gateway, hash: [u8; 32]) -> Result<Option<ApiKey>, StoreError> {
        let now_ms = gateway.engine.host().ticks_ms();
        let is_fresh = |known: &Known| now_ms - known.read_at_ms < KEY_FRESH_MS;
        if let Some(known) = self.lock().get(&hash).filter(|known| is_fresh(known)) {
            return Ok(Some(known.key.clone()));
        }
        let found = gateway.engine.store().key(hash).await?;
        let mut read = self.lock();
        if read.len() >= MOST_KNOWN_KEYS {
            read.retain(|_, known| is_fresh(known));
        }
        match &found {
            Some(key) if read.len() < MOST_KNOWN_KEYS => {
                read.insert(hash, Known { key: key.clone(), read_at_ms: now_ms });
            }
            Some(_) | None => {}
        }
        Ok(found)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Known>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The API key of a request: `X-API-Key`, else `Authorization` as a bearer token or as the user name of Basic (RFC 7617).
fn token(headers: &HeaderMap) -> Result<String, ApiError> {
    if let Some(value) = header_text(headers, &X_API_KEY) {
        return text(value);
    }
    let value = header_text(headers, &AUTHORIZATION).ok_or(ApiError::NoKey)?;
    let space = value.iter().position(|byte| *byte == b' ').ok_or(ApiError::InvalidKey)?;
    let (scheme, credentials) = value.split_at(space);
    let credentials = credentials.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return text(credentials);
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return Err(ApiError::InvalidKey);
    }
    let pair = STANDARD.decode(credentials).map_err(|_| ApiError::InvalidKey)?;
    text(pair.split(|byte| *byte == b':').next().unwrap_or_default())
}

fn text(bytes: &[u8]) -> Result<String, ApiError> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| ApiError::InvalidKey)
}
