//! Who is asking: the merchant or the operator behind an API key, and whether a route is for them.

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
use engine::{Idempotency, key_kind};
use escrow::{KeyId, Mode, Owner, RequestId};
use store::{ApiKey, KeyHolder, Scope, StoreError};

use super::error::ApiError;
use super::notes::Notes;
use super::routes::Access;
use super::{header_text, idempotency, rate_limit};
use crate::gateway::Gateway;
use crate::rate_limit::Pace;

/// The header that wins when there are several.
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The merchant who sends a request.
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

/// Who sends a request, where it need not be a merchant.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asker {
    /// A merchant, who sees its own objects of one mode.
    Merchant(Caller),
    /// The operator, who sees everybody's of both modes, with the request's id.
    Operator(RequestId),
}

/// The key of a request that was let in, with the request's id. What a route of merchants and operators works with where keys
/// themselves matter.
#[derive(Clone, Debug)]
pub(super) struct Admitted {
    /// The key.
    pub(super) key: Arc<ApiKey>,
    /// The request's id, which errors name.
    pub(super) request: RequestId,
}

impl Admitted {
    /// Whose objects they see: one holder's, or everybody's.
    pub(super) fn reach(&self) -> Option<KeyHolder> {
        match self.key.holder {
            KeyHolder::Owner(_) => Some(self.key.holder),
            KeyHolder::Operator => None,
        }
    }

    /// An idempotency key among those of the holder.
    pub(super) fn idempotency(&self, key: idempotency::Key) -> Idempotency {
        key.of(self.key.holder.stream())
    }
}

/// What stands before a route.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) gateway: Arc<Gateway>,
    pub(super) access: Access,
    /// What a merchant's key must be allowed to do.
    pub(super) scope: Option<Scope>,
    /// How closely its requests are limited.
    pub(super) pace: Pace,
}

/// Lets a request through to a route, or refuses it: first for its key, then for how many came before, then for what the key may
/// do. Nothing else of the request is read before.
pub(super) async fn admit(
    State(Guard { gateway, access, scope, pace }): State<Guard>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if access.takes_key() {
        let key = match key(&gateway, request.headers()).await {
            Ok(key) => key,
            Err(error) => return Err(rate_limit::keyless(&gateway, &request, error)),
        };
        rate_limit::key(&gateway, &request, &key, pace)?;
        if let Some(notes) = request.extensions().get::<Notes>() {
            notes.note_key(&key);
        }
        may_call(access, key.holder)?;
        if let Some(needed) = scope.filter(|needed| !key.scopes.allow(*needed)) {
            return Err(ApiError::ScopeMissing(needed));
        }
        let id = request.extensions().get::<RequestId>().copied();
        let id = id.unwrap_or_else(|| RequestId::fresh(gateway.engine.ids()));
        request.extensions_mut().insert(Admitted { key, request: id });
    } else {
        rate_limit::public(&gateway, &request, pace)?;
    }
    Ok(next.run(request).await)
}

/// A request's key.
async fn key(gateway: &Gateway, headers: &HeaderMap) -> Result<Arc<ApiKey>, ApiError> {
    let token = token(headers)?;
    key_kind(&token).map_err(|_| ApiError::InvalidKey)?;
    let found = gateway.known_keys.find(gateway, gateway.keyring.hash_key(&token)).await?;
    found.filter(|key| key.is_valid(gateway.engine.host().now())).ok_or(ApiError::InvalidKey)
}

/// Whether the key of these headers still works, with which a request was let in that is being answered for long.
pub(super) async fn still_works(gateway: &Gateway, headers: &HeaderMap) -> bool {
    key(gateway, headers).await.is_ok()
}

/// Whether the key of a request that was let in still works, now that all of the request is here: whoever sends it slowly may have lost
/// the key meanwhile.
pub(super) async fn still_admitted(gateway: &Gateway, parts: &Parts) -> Result<(), ApiError> {
    match parts.extensions.get::<Admitted>() {
        Some(_) => key(gateway, &parts.headers).await.map(drop),
        None => Ok(()),
    }
}

/// Whether a route is for this holder of a key.
fn may_call(access: Access, holder: KeyHolder) -> Result<(), ApiError> {
    let mode = match holder {
        KeyHolder::Owner(owner) => Some(owner.mode),
        KeyHolder::Operator => None,
    };
    match (access, mode) {
        (Access::Anyone | Access::Payer | Access::MerchantOrOperator, _)
        | (Access::Merchant, Some(_))
        | (Access::Sandbox, Some(Mode::Sandbox))
        | (Access::OperatorOrSandbox, Some(Mode::Sandbox) | None)
        | (Access::Operator, None) => Ok(()),
        (Access::Merchant | Access::Sandbox, None) => Err(ApiError::OperatorKey),
        (Access::Sandbox, Some(Mode::Live)) => Err(ApiError::TestKeysOnly),
        (Access::OperatorOrSandbox, Some(Mode::Live)) => Err(ApiError::OperatorWithRealMoney),
        (Access::Operator, Some(_)) => Err(ApiError::OperatorOnly),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    /// The merchant whom [`admit`] let in.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Caller, ApiError> {
        match Asker::from_request_parts(parts, state).await? {
            Asker::Merchant(caller) => Ok(caller),
            Asker::Operator(_) => {
                tracing::error!("the handler of a route that lets the operator in knows merchants only");
                Err(ApiError::Internal)
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Admitted {
    type Rejection = ApiError;

    /// Whom [`admit`] let in.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Admitted, ApiError> {
        parts.extensions.get::<Admitted>().cloned().ok_or_else(|| {
            tracing::error!("the handler of a route that asks for no key wants to know who holds it");
            ApiError::Internal
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = ApiError;

    /// Whom [`admit`] let in.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Asker, ApiError> {
        let Admitted { key, request } = Admitted::from_request_parts(parts, state).await?;
        Ok(match key.holder {
            KeyHolder::Owner(owner) => Asker::Merchant(Caller { owner, request }),
            KeyHolder::Operator => Asker::Operator(request),
        })
    }
}

/// How long a key is believed to be as it was read: a revocation takes effect within this time.
const KEY_FRESH_MS: i64 = 1000;

/// How many keys are remembered at most.
const MOST_KNOWN_KEYS: usize = 4096;

/// The keys that were lately asked for, by their keyed hashes, so that not every request reads its key from the store. Only keys
/// that work are remembered: one that no longer does is looked up as one that never was, so that how long a refusal takes does not
/// tell them apart.
#[derive(Default)]
pub(crate) struct KnownKeys {
    read: Mutex<HashMap<[u8; 32], Known>>,
}

struct Known {
    key: Arc<ApiKey>,
    read_at_ms: i64,
}

impl KnownKeys {
    /// The key with this hash, if it works; one that was remembered may have expired meanwhile.
    async fn find(&self, gateway: &Gateway, hash: [u8; 32]) -> Result<Option<Arc<ApiKey>>, StoreError> {
        let now_ms = gateway.engine.host().ticks_ms();
        let is_fresh = |known: &Known| now_ms - known.read_at_ms < KEY_FRESH_MS;
        if let Some(known) = self.lock().get(&hash).filter(|known| is_fresh(known)) {
            return Ok(Some(known.key.clone()));
        }
        let now = gateway.engine.host().now();
        let found = gateway.engine.store().key_of_hash(hash).await?.filter(|key| key.is_valid(now)).map(Arc::new);
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

    /// Has a key read again before it is believed, since it was just changed.
    pub(crate) fn forget(&self, id: KeyId) {
        self.lock().retain(|_, known| known.key.id != id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Known>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The API key of a request: `X-API-Key`, else `Authorization` as a bearer token or as the user name of Basic (RFC 7617).
pub(super) fn token(headers: &HeaderMap) -> Result<String, ApiError> {
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

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use engine::testing::{ManualHost, new_key, new_merchant};
    use engine::{Config, Engine, Keyring, NewKey, Parts as EngineParts, SimulatedPayments};
    use escrow::{Command, Escrow, IntentId};
    use http_body_util::BodyExt;
    use serde_json::Value;
    use store::{MemoryStore, Store};
    use tower::ServiceExt;

    use super::*;
    use crate::http::body::Sent;
    use crate::http::idempotency::{self, Sender, submit_as};
    use crate::http::path::IntentPath;
    use crate::http::routes::Table;
    use crate::http::{complete, payment_intents};
    use crate::{Settings, WireEvents};

    const OWN: &str = "sk_test_merchant-one";
    const OWN_LIVE: &str = "sk_live_merchant-one";
    const OTHER: &str = "sk_test_merchant-two";
    const ADMIN: &str = "sk_admin_operator";

    /// A route for the operator or a merchant: it cancels an intent, which no operator may ask for.
    async fn cancel(
        State(gateway): State<Arc<Gateway>>,
        asker: Asker,
        path: IntentPath,
        sent: Sent,
    ) -> Result<Response, ApiError> {
        let escrow = gateway.escrow_for(&asker, &path.intent).await?;
        let command = idempotency::Command::about(escrow.id, Command::Cancel, sent.idempotency);
        submit_as(&gateway, Sender::asker(&asker, &escrow), command, |escrow: &Escrow| {
            Some(escrow.id.to_string().into_bytes())
        })
        .await
    }

    /// A gateway with that route, and the one that makes intents.
    async fn router() -> Router {
        let host = Arc::new(ManualHost::at_ms(1_800_000_000_000));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let engine = Engine::start(EngineParts {
            store: store.clone(),
            host,
            present: Arc::new(WireEvents),
            payments: Arc::new(SimulatedPayments),
            config: Config::default(),
        });
        let keyring = Keyring::new(&[7; 32]);
        let registry = engine.registry(keyring.clone());
        let (one, two) = (new_merchant(&registry, "one").await, new_merchant(&registry, "two").await);
        let owner = |merchant, mode| KeyHolder::Owner(Owner { merchant, mode });
        for (token, holder) in [
            (OWN, owner(one, Mode::Sandbox)),
            (OWN_LIVE, owner(one, Mode::Live)),
            (OTHER, owner(two, Mode::Sandbox)),
            (ADMIN, KeyHolder::Operator),
        ] {
            new_key(&registry, token, NewKey::full(holder, key_kind(token).expect("a key"))).await;
        }
        let gateway = Gateway::new(engine, keyring, Settings::default());
        let table = Table::default()
            .post("/payment-intents", Access::Merchant, payment_intents::create::handle, payment_intents::create::doc)
            .post("/{intent}/cancel", Access::OperatorOrSandbox, cancel, payment_intents::cancel::doc)
            // A mistake in a route table: the handler knows merchants only.
            .post(
                "/mistaken",
                Access::OperatorOrSandbox,
                |caller: Caller| async move { caller.request.to_string() },
                payment_intents::get::doc,
            );
        complete(table.router(&gateway), gateway)
    }

    /// What is answered, and whether it was before.
    #[derive(Debug, PartialEq)]
    struct Told {
        status: u16,
        body: String,
        is_replay: bool,
    }

    async fn post(router: &Router, path: &str, key: Option<&str>, idempotency_key: Option<&str>, body: &str) -> Told {
        let mut request = Request::builder().method("POST").uri(path);
        for (name, value) in [("X-API-Key", key), ("Idempotency-Key", idempotency_key)] {
            request = value.into_iter().fold(request, |request, value| request.header(name, value));
        }
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        let (parts, body) = router.clone().oneshot(request).await.expect("infallible").into_parts();
        let body = body.collect().await.expect("a body").to_bytes().to_vec();
        Told {
            status: parts.status.as_u16(),
            body: String::from_utf8(body).expect("text"),
            is_replay: parts.headers.contains_key(idempotency::REPLAYED),
        }
    }

    async fn intent(router: &Router) -> String {
        let body = r#"{"amount": "1", "currency": "USDC", "type": "CONDITIONAL", "settlementMethod": "OFF_RAMP_MOCK",
            "settlementDestination": "bank", "releaseType": "MILESTONE_LOCKED"}"#;
        let made = post(router, "/payment-intents", Some(OWN), None, body).await;
        let made: Value = serde_json::from_str(&made.body).expect("JSON");
        made["id"].as_str().unwrap_or_else(|| panic!("no intent: {made}")).to_owned()
    }

    const BY_DOMAIN: &str = "operator may not";

    #[tokio::test(start_paused = true)]
    async fn the_operator_reaches_everything_and_a_merchant_what_is_its_own_in_the_sandbox() {
        let router = router().await;
        let path = format!("/{}/cancel", intent(&router).await);
        let nobodys = format!("/{}/cancel", IntentId::new(escrow::RawId::from_bits(1)));
        for (path, key, status, message) in [
            (&path, None, 401, "API key is required"),
            (&path, Some("sk_admin_nobody-has-this"), 403, "Invalid API key"),
            (&path, Some(OWN_LIVE), 403, "it takes an admin key"),
            (&path, Some(OTHER), 403, "You do not have permission"),
            (&nobodys, Some(OWN), 404, "No such payment intent"),
            (&nobodys, Some(ADMIN), 404, "No such payment intent"),
            (&path, Some(ADMIN), 403, BY_DOMAIN),
            (&path, Some(OWN), 200, "intent_"),
        ] {
            let told = post(&router, path, key, None, "").await;
            assert!(told.status == status && told.body.contains(message), "{key:?}: {told:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_for_merchants_never_takes_the_operator_for_one() {
        let router = router().await;
        assert_eq!(post(&router, "/mistaken", Some(ADMIN), None, "").await.status, 500);
        assert_eq!(post(&router, "/mistaken", Some(OWN), None, "").await.status, 200);
    }
}
