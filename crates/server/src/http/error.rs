//! Everything that can go wrong with a request, and what the caller is told of it. Nowhere else is an error turned into a status.

use std::any::Any;

use axum::extract::{OriginalUri, Request};
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use engine::{Refused, Rendered, Unavailable};
use escrow::{RawId, Rejection, RequestId, Span};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Scope, StoreError};

use crate::wire;
use crate::wire::schema::Id;

/// What is said of a key that is unknown, revoked or expired.
pub(crate) const INVALID_KEY: &str = "Invalid API key";

/// When to try again, in seconds, where trying again may help.
const RETRY_AFTER_S: u32 = 1;

/// The most characters of a client's own text that a message repeats.
const MAX_ECHO_CHARS: usize = 100;

/// How long a message about a field may be: it names the field, and fields of forms can be named at any length.
const MAX_MESSAGE_CHARS: usize = 500;

/// A kind of object that can be somebody else's, or nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    PaymentIntent,
    Settlement,
    Refund,
    ApiKey,
    Event,
    WebhookEndpoint,
    WebhookDelivery,
    Request,
}

impl Resource {
    const fn noun(self) -> &'static str {
        match self {
            Resource::PaymentIntent => "payment intent",
            Resource::Settlement => "settlement",
            Resource::Refund => "refund",
            Resource::ApiKey => "API key",
            Resource::Event => "event",
            Resource::WebhookEndpoint => "webhook endpoint",
            Resource::WebhookDelivery => "webhook delivery",
            Resource::Request => "request",
        }
    }
}

/// Why a request is answered with an error.
#[derive(Clone, Debug)]
pub(super) enum ApiError {
    /// There is no API key.
    NoKey,
    /// The API key is none of ours, or no longer one.
    InvalidKey,
    /// Nothing is there by which somebody could be the payer.
    NoPayer,
    /// The operator's key was used where a merchant acts.
    OperatorKey,
    /// A live key was used where there is only simulated money.
    TestKeysOnly,
    /// A live key was used for what only the operator does with real money.
    OperatorWithRealMoney,
    /// A merchant's key was used for what is the operator's alone.
    OperatorOnly,
    /// The key may not do this; what it would have to be allowed.
    ScopeMissing(Scope),
    /// The object is another merchant's.
    NotYours(Resource),
    /// There is no such object; with the id as sent.
    Missing(Resource, String),
    /// There is nothing at this address.
    UnknownUrl(Method, String),
    /// There is something at this address, but not under this method.
    MethodNotAllowed(Method, String),
    /// A field, a query parameter or a header is not what it must be.
    Field {
        /// Which one.
        param: String,
        /// What it must be.
        message: String,
    },
    /// What should be the hash of a transaction is none; the field.
    TransactionHash(String),
    /// A field of a card is not what it must be. Like every message about cards, this one has nothing in it of what was sent.
    Card {
        /// Which one.
        param: String,
        /// What it must be.
        message: String,
    },
    /// The card does not pay; why, as the processor says.
    PaymentFailed(String),
    /// The body as a whole cannot be read.
    Body(String),
    /// The body is larger than this many bytes.
    TooLarge(usize),
    /// The body was not there within this time.
    TooSlow(Span),
    /// Too many requests were sent; in how many seconds another may come.
    RateLimited(u32),
    /// The domain refuses.
    Refused(Rejection),
    /// Merchants and keys are not changed so.
    Registry(Refused),
    /// Everything is being checked already.
    VerifyUnderWay,
    /// The idempotency key was used for something else.
    KeyReused,
    /// The engine has no answer.
    NoAnswer(Unavailable),
    /// The store has no answer.
    StoreDown,
    /// Live money has no way in.
    NoLiveRail,
    /// Nobody takes real money from cards.
    NoCardProcessor,
    /// A defect of Milepost; what is known of it has been logged.
    Internal,
}

/// The `type` of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ErrorType", inline)]
enum Kind {
    #[serde(rename = "authentication_error")]
    Authentication,
    #[serde(rename = "invalid_request_error")]
    InvalidRequest,
    #[serde(rename = "idempotency_error")]
    Idempotency,
    #[serde(rename = "rate_limit_error")]
    RateLimit,
    #[serde(rename = "api_error")]
    Api,
}

/// The `code` of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ErrorCode", inline)]
pub(super) enum Code {
    AuthenticationRequired,
    Forbidden,
    InvalidRequest,
    InvalidStateTransition,
    InvalidStatus,
    SignatureVerificationFailed,
    InvalidTransactionHash,
    TransactionHashExists,
    PaymentFailed,
    InvalidCard,
    ResourceMissing,
    RequestTooLarge,
    RequestTimeout,
    AmountTooLarge,
    InsufficientFunds,
    EscrowDisputed,
    IdempotencyMismatch,
    IdempotencyInProgress,
    RateLimitExceeded,
    ServiceUnavailable,
    ApiError,
}

impl Code {
    /// Every code.
    pub(super) const ALL: &[Code] = &[
        Code::AuthenticationRequired,
        Code::Forbidden,
        Code::InvalidRequest,
        Code::InvalidStateTransition,
        Code::InvalidStatus,
        Code::SignatureVerificationFailed,
        Code::InvalidTransactionHash,
        Code::TransactionHashExists,
        Code::PaymentFailed,
        Code::InvalidCard,
        Code::ResourceMissing,
        Code::RequestTooLarge,
        Code::AmountTooLarge,
        Code::InsufficientFunds,
        Code::EscrowDisputed,
        Code::IdempotencyMismatch,
        Code::IdempotencyInProgress,
        Code::RequestTimeout,
        Code::RateLimitExceeded,
        Code::ServiceUnavailable,
        Code::ApiError,
    ];

    /// The code as it is written.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Code::AuthenticationRequired => "authentication_required",
            Code::Forbidden => "forbidden",
            Code::InvalidRequest => "invalid_request",
            Code::InvalidStateTransition => "invalid_state_transition",
            Code::InvalidStatus => "invalid_status",
            Code::SignatureVerificationFailed => "signature_verification_failed",
            Code::InvalidTransactionHash => "invalid_transaction_hash",
            Code::TransactionHashExists => "transaction_hash_exists",
            Code::PaymentFailed => "payment_failed",
            Code::InvalidCard => "invalid_card",
            Code::ResourceMissing => "resource_missing",
            Code::RequestTooLarge => "request_too_large",
            Code::AmountTooLarge => "amount_too_large",
            Code::InsufficientFunds => "insufficient_funds",
            Code::EscrowDisputed => "escrow_disputed",
            Code::IdempotencyMismatch => "idempotency_mismatch",
            Code::IdempotencyInProgress => "idempotency_in_progress",
            Code::RequestTimeout => "request_timeout",
            Code::RateLimitExceeded => "rate_limit_exceeded",
            Code::ServiceUnavailable => "service_unavailable",
            Code::ApiError => "api_error",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Code::AuthenticationRequired | Code::Forbidden => Kind::Authentication,
            Code::InvalidRequest
            | Code::InvalidStateTransition
            | Code::InvalidStatus
            | Code::SignatureVerificationFailed
            | Code::InvalidTransactionHash
            | Code::TransactionHashExists
            | Code::PaymentFailed
            | Code::InvalidCard
            | Code::ResourceMissing
            | Code::RequestTooLarge
            | Code::RequestTimeout
            | Code::AmountTooLarge
            | Code::InsufficientFunds
            | Code::EscrowDisputed => Kind::InvalidRequest,
            Code::IdempotencyMismatch | Code::IdempotencyInProgress => Kind::Idempotency,
            Code::RateLimitExceeded => Kind::RateLimit,
            Code::ServiceUnavailable | Code::ApiError => Kind::Api,
        }
    }

    pub(super) const fn status(self) -> StatusCode {
        match self {
            Code::AuthenticationRequired => StatusCode::UNAUTHORIZED,
            Code::Forbidden => StatusCode::FORBIDDEN,
            Code::InvalidRequest
            | Code::InvalidStateTransition
            | Code::InvalidStatus
            | Code::SignatureVerificationFailed
            | Code::InvalidTransactionHash
            | Code::TransactionHashExists
            | Code::PaymentFailed
            | Code::InvalidCard
            | Code::AmountTooLarge
            | Code::InsufficientFunds
            | Code::EscrowDisputed
            | Code::IdempotencyMismatch => StatusCode::BAD_REQUEST,
            Code::ResourceMissing => StatusCode::NOT_FOUND,
            Code::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Code::RateLimitExceeded => StatusCode::TOO_MANY_REQUESTS,
            Code::IdempotencyInProgress => StatusCode::CONFLICT,
            Code::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::ApiError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// What a code means, for the description of the API.
pub(super) const fn about(code: Code) -> &'static str {
    match code {
        Code::AuthenticationRequired => "There is no API key, or nothing by which somebody could be the payer.",
        Code::Forbidden => "The key is not valid, may not do this, or belongs to another merchant.",
        Code::InvalidRequest => "A field is not what it must be, or the request as a whole; `param` names the field.",
        Code::InvalidStateTransition => "The status of the intent does not allow it.",
        Code::InvalidStatus => "The status of the order, the milestone, or what else it is about does not allow it.",
        Code::SignatureVerificationFailed => "The signature is not that of the address over what it is now about.",
        Code::InvalidTransactionHash => "What should be the hash of a transaction is none.",
        Code::TransactionHashExists => "The transaction was named before.",
        Code::PaymentFailed => "The card does not pay.",
        Code::InvalidCard => "A field of the card is not what it must be.",
        Code::ResourceMissing => "Nobody has what the path names.",
        Code::RequestTooLarge => "The body is too large.",
        Code::AmountTooLarge => "A total would become larger than what can be kept.",
        Code::InsufficientFunds => "There is not as much money as this needs.",
        Code::EscrowDisputed => "A dispute freezes it.",
        Code::IdempotencyMismatch => "The idempotency key was used for another request.",
        Code::IdempotencyInProgress => "A request with this idempotency key is still under way.",
        Code::RequestTimeout => "The body took too long to arrive.",
        Code::RateLimitExceeded => "Too many requests; `Retry-After` says when to try again.",
        Code::ServiceUnavailable => "The gateway cannot do it now; nothing was done.",
        Code::ApiError => "A defect of the gateway.",
    }
}

/// An answer with a code, for the description of the API.
pub(super) fn example(code: Code) -> serde_json::Value {
    let body = Told::new(code, about(code)).body(RequestId::new(RawId::from_bits(EXAMPLE_REQUEST)));
    serde_json::from_slice(&body).unwrap_or_default()
}

/// The bits of the id of a request that never was.
const EXAMPLE_REQUEST: u128 = 0x018b_cfe5_6800_7a3c_91d2_4be8_0f6a_52c7;

/// An error as it is answered, but for the request's id.
struct Told {
    status: StatusCode,
    code: Code,
    message: String,
    param: Option<String>,
    retry_after_s: Option<u32>,
}

impl Told {
    fn new(code: Code, message: impl Into<String>) -> Told {
        Told { status: code.status(), code, message: message.into(), param: None, retry_after_s: None }
    }

    fn about(self, param: impl Into<String>) -> Told {
        Told { param: Some(param.into()), ..self }
    }

    fn soon_again(self) -> Told {
        Told { retry_after_s: Some(RETRY_AFTER_S), ..self }
    }
}

/// What `object` says of an error.
const OBJECT: &str = "error";

/// The body of an error: the nested form of the documentation and the flat form of the original server at once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(super) struct Body<'a> {
    error: Nested<'a>,
    #[schemars(extend("const" = OBJECT))]
    object: &'static str,
    code: Code,
    message: &'a str,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Nested<'a> {
    code: Code,
    message: &'a str,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
    #[schemars(with = "Id<RequestId>")]
    request_id: RequestId,
    #[serde(rename = "retryAfter", skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u32>,
}

impl Told {
    fn body(&self, request: RequestId) -> Vec<u8> {
        let (code, message, kind, param) = (self.code, self.message.as_str(), self.code.kind(), self.param.as_deref());
        let error = Nested { code, message, kind, param, request_id: request, retry_after_s: self.retry_after_s };
        wire::json(&Body { error, object: OBJECT, code, message, kind, param })
    }
}

impl ApiError {
    /// A field that is not what it must be.
    pub(super) fn field(param: impl Into<String>, message: impl Into<String>) -> ApiError {
        ApiError::Field { param: param.into(), message: message.into() }
    }

    /// The error as it is answered, for the engine to remember under an idempotency key.
    pub(super) fn rendered(&self, request: RequestId) -> Rendered {
        let told = self.told();
        Rendered { status: told.status.as_u16(), body: told.body(request), kept: None }
    }

    fn told(&self) -> Told {
        match self {
            ApiError::NoKey => Told::new(Code::AuthenticationRequired, "API key is required"),
            ApiError::InvalidKey => Told::new(Code::Forbidden, INVALID_KEY),
            ApiError::NoPayer => Told::new(
                Code::AuthenticationRequired,
                "Only the payer may do this: send the token that paying by card returned as the header Payer-Token, or payerAddress \
                 and its EIP-712 signature as signature",
            ),
            ApiError::OperatorKey => {
                Told::new(Code::Forbidden, "An admin key acts for no merchant; use a merchant's key")
            }
            ApiError::TestKeysOnly => Told::new(Code::Forbidden, "Test helpers work with test keys only"),
            ApiError::OperatorWithRealMoney => Told::new(
                Code::Forbidden,
                "With real money only the operator of the gateway may do this; it takes an admin key",
            ),
            ApiError::OperatorOnly => {
                Told::new(Code::Forbidden, "Only the operator of the gateway may do this; it takes an admin key")
            }
            ApiError::ScopeMissing(scope) => {
                Told::new(Code::Forbidden, format!("This API key may not do this: it lacks the scope {scope}"))
            }
            ApiError::NotYours(what) => {
                Told::new(Code::Forbidden, format!("You do not have permission to access this {}", what.noun()))
            }
            ApiError::Missing(what, id) => {
                Told::new(Code::ResourceMissing, format!("No such {}: {}", what.noun(), echo(id)))
            }
            ApiError::UnknownUrl(method, path) => {
                Told::new(Code::ResourceMissing, format!("Unrecognized request URL ({method} {})", echo(path)))
            }
            ApiError::MethodNotAllowed(method, path) => Told {
                status: StatusCode::METHOD_NOT_ALLOWED,
                ..Told::new(
                    Code::InvalidRequest,
                    format!("{} does not take {method}; see the Allow header", echo(path)),
                )
            },
            ApiError::Field { param, message } => {
                Told::new(Code::InvalidRequest, beginning(message, MAX_MESSAGE_CHARS)).about(echo(param))
            }
            ApiError::TransactionHash(param) => {
                Told::new(Code::InvalidTransactionHash, format!("{param} must be 0x and 64 hexadecimal digits"))
                    .about(param)
            }
            ApiError::Card { param, message } => Told::new(Code::InvalidCard, message.clone()).about(param),
            ApiError::PaymentFailed(reason) => Told::new(Code::PaymentFailed, reason.clone()),
            ApiError::Body(message) => Told::new(Code::InvalidRequest, message.clone()),
            ApiError::TooLarge(bytes) => {
                Told::new(Code::RequestTooLarge, format!("The request body must be at most {bytes} bytes"))
            }
            ApiError::TooSlow(within) => Told::new(
                Code::RequestTimeout,
                format!("The request body must arrive within {}; nothing was done", in_words(*within)),
            ),
            ApiError::RateLimited(wait_s) => Told {
                retry_after_s: Some(*wait_s),
                ..Told::new(Code::RateLimitExceeded, format!("Too many requests; try again in {wait_s} seconds"))
            },
            ApiError::Refused(rejection) => refused(rejection),
            ApiError::Registry(refused) => registry_refused(*refused),
            ApiError::VerifyUnderWay => {
                Told::new(Code::ServiceUnavailable, "A check of everything is under way; ask again when it is done")
                    .soon_again()
            }
            ApiError::KeyReused => Told::new(
                Code::IdempotencyMismatch,
                "This idempotency key was used for a different request; use a new key for a new request",
            ),
            ApiError::NoAnswer(why) => no_answer(why),
            ApiError::StoreDown => {
                Told::new(Code::ServiceUnavailable, "The store is not available; nothing was done").soon_again()
            }
            ApiError::NoLiveRail => Told::new(Code::ServiceUnavailable, "no live rail configured"),
            ApiError::NoCardProcessor => Told::new(Code::ServiceUnavailable, "no card processor is connected"),
            ApiError::Internal => Told::new(Code::ApiError, "An unexpected error occurred"),
        }
    }
}

/// What the caller is told of a refusal. Every one is listed, so that a new one must find its place here.
fn refused(rejection: &Rejection) -> Told {
    let (code, param) = match rejection {
        Rejection::NoOrder
        | Rejection::NotMilestoneLocked(_)
        | Rejection::TooManyMilestones
        | Rejection::TooManyPayments
        | Rejection::TooManyUnapplied
        | Rejection::TooManyRefunds
        | Rejection::TooMuchEvidence
        | Rejection::DisputeAlreadyRaised(_)
        | Rejection::MilestoneApproved
        | Rejection::MilestoneReleased
        | Rejection::MilestoneCompleted
        | Rejection::PreviousNotCompleted(_)
        | Rejection::PreviousNotReleased(_) => (Code::InvalidRequest, None),
        Rejection::Amount(_) | Rejection::TotalExceeded => (Code::InvalidRequest, Some("amount")),
        Rejection::IndexTaken(_) | Rejection::IndexBelowCompleted(_) => (Code::InvalidRequest, Some("milestoneIndex")),
        Rejection::MilestoneNotFound
        | Rejection::SettlementNotFound
        | Rejection::RefundNotFound
        | Rejection::DisputeNotFound(_) => (Code::ResourceMissing, None),
        Rejection::WhichDispute | Rejection::MilestoneDisputed => (Code::InvalidRequest, Some("milestoneId")),
        Rejection::WindowShortened(_) => (Code::InvalidRequest, Some("disputeWindow")),
        Rejection::RefundNotPartial(_) | Rejection::RefundAmount(_) => (Code::InvalidRequest, Some("refundAmount")),
        Rejection::Disputed(_) => (Code::EscrowDisputed, None),
        Rejection::InsufficientFunds { .. } => (Code::InsufficientFunds, Some("amount")),
        Rejection::NothingToReclaim => (Code::InsufficientFunds, None),
        Rejection::OrderOver(_)
        | Rejection::OrderStatus { .. }
        | Rejection::ProofStatus(_)
        | Rejection::NothingDue
        | Rejection::MilestoneStatus { .. }
        | Rejection::NotFunded
        | Rejection::NeedsApproval
        | Rejection::PaymentNotUnderWay
        | Rejection::SettlementStatus(_)
        | Rejection::RefundStatus(_)
        | Rejection::DisputeTooLate
        | Rejection::Stale(_)
        | Rejection::ReclaimTooEarly(_)
        | Rejection::RefundMustArrive
        | Rejection::NotDue(_) => (Code::InvalidStatus, None),
        Rejection::IntentStatus { .. } | Rejection::CancelAfterRelease => (Code::InvalidStateTransition, None),
        Rejection::NotAllowed { .. } | Rejection::NotThePayer => (Code::Forbidden, None),
        Rejection::Signature(_) | Rejection::TermsChanged | Rejection::ConsentExpired(_) => {
            (Code::SignatureVerificationFailed, Some("signature"))
        }
        Rejection::TransactionTaken | Rejection::TransactionNamed => {
            (Code::TransactionHashExists, Some("transactionHash"))
        }
        Rejection::OracleSignature(_) => (Code::SignatureVerificationFailed, Some("oracleSignature")),
        Rejection::ProofMismatch => (Code::InvalidRequest, Some("proofHash")),
        Rejection::NotTheOracle(_) => (Code::InvalidRequest, Some("submittedBy")),
        Rejection::ProofOfMilestones | Rejection::NotReleasedByHand(_) => (Code::InvalidRequest, None),
        Rejection::BalanceTooLarge => (Code::AmountTooLarge, Some("amount")),
        // What is broken is for the log, where the engine has put it, and for nobody else.
        Rejection::Broken(_) => return ApiError::Internal.told(),
    };
    Told { param: param.map(str::to_owned), ..Told::new(code, rejection.to_string()) }
}

fn registry_refused(refused: Refused) -> Told {
    let (code, param) = match refused {
        Refused::NameTaken => (Code::InvalidRequest, Some("name")),
        Refused::NoSuchMerchant => (Code::InvalidRequest, Some("merchantId")),
        Refused::OutlivesOwn => (Code::InvalidRequest, Some("expiresIn")),
        Refused::NoSuchKey | Refused::NoSuchEndpoint | Refused::NoSuchDelivery | Refused::NoSuchEvent => {
            (Code::ResourceMissing, None)
        }
        Refused::KeyOver(_) | Refused::EndpointDisabled => (Code::InvalidStatus, None),
        Refused::TooManyEndpoints => (Code::InvalidRequest, None),
        Refused::WiderThanOwn | Refused::OwnKeyOver => (Code::Forbidden, None),
    };
    Told { param: param.map(str::to_owned), ..Told::new(code, refused.to_string()) }
}

fn no_answer(why: &Unavailable) -> Told {
    match why {
        Unavailable::Interrupted => Told::new(Code::ServiceUnavailable, why.to_string()),
        Unavailable::Overloaded | Unavailable::Closing | Unavailable::TimedOut => {
            Told::new(Code::ServiceUnavailable, why.to_string()).soon_again()
        }
        // The store's own words may name files and tables.
        Unavailable::Store(_) => ApiError::StoreDown.told(),
        Unavailable::KeyInUse => Told::new(Code::IdempotencyInProgress, why.to_string()).soon_again(),
    }
}

/// A length of time in whole seconds, where it is that.
pub(crate) fn in_words(span: Span) -> String {
    if span.ms() % 1000 == 0 { format!("{} seconds", span.seconds()) } else { format!("{} milliseconds", span.ms()) }
}

/// The beginning of a client's own text.
fn echo(text: &str) -> String {
    beginning(text, MAX_ECHO_CHARS)
}

/// A text as it is, or its first characters where it is longer.
pub(crate) fn beginning(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> ApiError {
        ApiError::Refused(rejection)
    }
}

impl From<StoreError> for ApiError {
    /// Logs the error, which is handled here.
    fn from(error: StoreError) -> ApiError {
        match error {
            StoreError::Unavailable(why) => {
                tracing::error!(why, "the store is not available");
                ApiError::StoreDown
            }
            StoreError::InDoubt => {
                tracing::error!("the store did not say whether something was done");
                ApiError::NoAnswer(Unavailable::TimedOut)
            }
            StoreError::Damaged(what) => {
                tracing::error!(what, "the store is damaged");
                ApiError::Internal
            }
            // Lists answer this themselves, as they know which parameter it was.
            StoreError::UnknownCursor => ApiError::Body("No such cursor".to_owned()),
        }
    }
}

impl From<Unavailable> for ApiError {
    /// Logs the error, which is handled here.
    fn from(why: Unavailable) -> ApiError {
        tracing::warn!(%why, "a request got no answer");
        ApiError::NoAnswer(why)
    }
}

impl IntoResponse for ApiError {
    /// A response that carries the error along; [`complete`] writes it out, as it alone knows the request's id.
    fn into_response(self) -> Response {
        let mut response = self.told().status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the error out that a response carries, if it does.
pub(super) fn complete(mut response: Response, request: RequestId) -> Response {
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    let told = error.told();
    let headers = response.headers_mut();
    headers.remove(axum::http::header::CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = told.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if told.status == StatusCode::REQUEST_TIMEOUT {
        // What is still to come of the body is not waited for.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    *response.body_mut() = told.body(request).into();
    response
}

/// Answers for every address that has no route.
pub(super) async fn unknown_url(OriginalUri(uri): OriginalUri, request: Request) -> ApiError {
    ApiError::UnknownUrl(request.method().clone(), uri.path().to_owned())
}

/// Answers for methods that a route does not have; axum adds the `Allow` header.
pub(super) async fn method_not_allowed(OriginalUri(uri): OriginalUri, request: Request) -> ApiError {
    ApiError::MethodNotAllowed(request.method().clone(), uri.path().to_owned())
}

/// Answers for a handler that panicked.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic's payload over")]
pub(super) fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let what = text.or_else(|| payload.downcast_ref::<&'static str>().copied()).unwrap_or("not a text");
    tracing::error!(what, "a handler panicked");
    ApiError::Internal.into_response()
}

#[cfg(test)]
mod tests {
    use escrow::money::AmountError;
    use escrow::refund::RefundStatus;
    use escrow::settlement::SettlementStatus;
    use escrow::state::{IntentStatus, MilestoneStatus, OrderStatus};
    use escrow::{Amount, CommandKind, Currency, RawId, ReleaseType, Role, Span, Timestamp};

    use super::*;

    #[test]
    fn every_refusal_has_its_place() {
        let oracle = "0x742d35Cc6634C0532925a3b844Bc9e7595f42318".parse().expect("an address");
        let amount = Amount::zero(Currency::Usdc);
        let refusals = [
            (Rejection::NoOrder, 400, "invalid_request", None),
            (Rejection::Amount(AmountError::Zero), 400, "invalid_request", Some("amount")),
            (Rejection::MilestoneNotFound, 404, "resource_missing", None),
            (Rejection::SettlementNotFound, 404, "resource_missing", None),
            (Rejection::RefundNotFound, 404, "resource_missing", None),
            (Rejection::NotMilestoneLocked(ReleaseType::DeliveryProof), 400, "invalid_request", None),
            (Rejection::IndexTaken(0), 400, "invalid_request", Some("milestoneIndex")),
            (Rejection::IndexBelowCompleted(1), 400, "invalid_request", Some("milestoneIndex")),
            (Rejection::TooManyMilestones, 400, "invalid_request", None),
            (Rejection::TotalExceeded, 400, "invalid_request", Some("amount")),
            (Rejection::OrderOver(OrderStatus::Completed), 400, "invalid_status", None),
            (Rejection::MilestoneReleased, 400, "invalid_request", None),
            (Rejection::MilestoneCompleted, 400, "invalid_request", None),
            (
                Rejection::MilestoneStatus { action: "delete", status: MilestoneStatus::Released },
                400,
                "invalid_status",
                None,
            ),
            (Rejection::PreviousNotCompleted(0), 400, "invalid_request", None),
            (Rejection::PreviousNotReleased(0), 400, "invalid_request", None),
            (Rejection::NotFunded, 400, "invalid_status", None),
            (
                Rejection::IntentStatus { action: "cancel", status: IntentStatus::Final },
                400,
                "invalid_state_transition",
                None,
            ),
            (Rejection::CancelAfterRelease, 400, "invalid_state_transition", None),
            (
                Rejection::NotAllowed { who: Role::Merchant, action: CommandKind::ReceivePayment },
                403,
                "forbidden",
                None,
            ),
            (Rejection::NotThePayer, 403, "forbidden", None),
            (Rejection::Signature("no".to_owned()), 400, "signature_verification_failed", Some("signature")),
            (Rejection::TermsChanged, 400, "signature_verification_failed", Some("signature")),
            (Rejection::ConsentExpired(Timestamp::from_ms(1)), 400, "signature_verification_failed", Some("signature")),
            (Rejection::TransactionNamed, 400, "transaction_hash_exists", Some("transactionHash")),
            (Rejection::TransactionTaken, 400, "transaction_hash_exists", Some("transactionHash")),
            (Rejection::TooManyPayments, 400, "invalid_request", None),
            (Rejection::TooManyUnapplied, 400, "invalid_request", None),
            (Rejection::PaymentNotUnderWay, 400, "invalid_status", None),
            (Rejection::NeedsApproval, 400, "invalid_status", None),
            (Rejection::OrderStatus { action: "ship", status: OrderStatus::Completed }, 400, "invalid_status", None),
            (Rejection::ProofStatus(OrderStatus::Delivered), 400, "invalid_status", None),
            (Rejection::NothingDue, 400, "invalid_status", None),
            (Rejection::ProofOfMilestones, 400, "invalid_request", None),
            (Rejection::NotReleasedByHand(ReleaseType::TimeLocked), 400, "invalid_request", None),
            (Rejection::ProofMismatch, 400, "invalid_request", Some("proofHash")),
            (
                Rejection::OracleSignature("no".to_owned()),
                400,
                "signature_verification_failed",
                Some("oracleSignature"),
            ),
            (Rejection::SettlementStatus(SettlementStatus::Executed), 400, "invalid_status", None),
            (Rejection::RefundStatus(RefundStatus::Succeeded), 400, "invalid_status", None),
            (Rejection::NotDue(Timestamp::from_ms(1)), 400, "invalid_status", None),
            (Rejection::NotTheOracle(oracle), 400, "invalid_request", Some("submittedBy")),
            (Rejection::Disputed("The order"), 400, "escrow_disputed", None),
            (Rejection::DisputeAlreadyRaised("order"), 400, "invalid_request", None),
            (Rejection::DisputeTooLate, 400, "invalid_status", None),
            (Rejection::DisputeNotFound(None), 404, "resource_missing", None),
            (Rejection::WhichDispute, 400, "invalid_request", Some("milestoneId")),
            (Rejection::WindowShortened(Span::from_seconds(60)), 400, "invalid_request", Some("disputeWindow")),
            (Rejection::TooMuchEvidence, 400, "invalid_request", None),
            (Rejection::RefundAmount(AmountError::Zero), 400, "invalid_request", Some("refundAmount")),
            (Rejection::RefundNotPartial(amount), 400, "invalid_request", Some("refundAmount")),
            (Rejection::Stale("What is held"), 400, "invalid_status", None),
            (Rejection::MilestoneApproved, 400, "invalid_request", None),
            (
                Rejection::InsufficientFunds { available: amount, hint: String::new() },
                400,
                "insufficient_funds",
                Some("amount"),
            ),
            (Rejection::ReclaimTooEarly(Timestamp::from_ms(1)), 400, "invalid_status", None),
            (Rejection::NothingToReclaim, 400, "insufficient_funds", None),
            (Rejection::TooManyRefunds, 400, "invalid_request", None),
            (Rejection::MilestoneDisputed, 400, "invalid_request", Some("milestoneId")),
            (Rejection::RefundMustArrive, 400, "invalid_status", None),
            (Rejection::BalanceTooLarge, 400, "amount_too_large", Some("amount")),
            (Rejection::Broken("table intents".to_owned()), 500, "api_error", None),
        ];
        for (rejection, status, code, param) in refusals {
            let told = refused(&rejection);
            let shown = serde_json::to_value(told.code).expect("a text");
            assert_eq!((told.status.as_u16(), shown.as_str()), (status, Some(code)), "{rejection}");
            assert_eq!(told.param.as_deref(), param, "{rejection}");
        }
    }

    #[test]
    fn what_is_told_of_cards() {
        let param = "card.cvv".to_owned();
        for (error, status, code, kind, param) in [
            (
                ApiError::Card { param: param.clone(), message: "no".to_owned() },
                400,
                "invalid_card",
                "invalid_request_error",
                Some(param),
            ),
            (ApiError::PaymentFailed("no".to_owned()), 400, "payment_failed", "invalid_request_error", None),
            (ApiError::NoCardProcessor, 503, "service_unavailable", "api_error", None),
        ] {
            let told = error.told();
            let shown = serde_json::to_value((told.code, told.code.kind())).expect("two texts");
            assert_eq!(shown, serde_json::json!([code, kind]));
            assert_eq!((told.status.as_u16(), told.param), (status, param), "{code}");
        }
    }

    #[test]
    fn nothing_inner_is_told() {
        let request = RequestId::new(RawId::from_bits(1));
        for error in [
            ApiError::Refused(Rejection::Broken("secret".to_owned())),
            ApiError::NoAnswer(Unavailable::Store("secret".to_owned())),
            ApiError::from(StoreError::Damaged("secret".to_owned())),
            ApiError::from(StoreError::Unavailable("secret".to_owned())),
        ] {
            let body = String::from_utf8(error.rendered(request).body).expect("text");
            assert!(!body.contains("secret"), "{body}");
        }
    }

    #[test]
    fn long_texts_are_not_repeated_whole() {
        let rendered = ApiError::Missing(Resource::PaymentIntent, "é".repeat(10_000))
            .rendered(RequestId::new(RawId::from_bits(1)));
        assert!(rendered.body.len() < 1_000);
    }
}
