//! The payer, who has no API key. Whoever paid by card shows the token that the payment returned; whoever paid by wallet signs what
//! is asked, as the state says it now.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::HeaderName;
use axum::http::request::Parts;
use escrow::limits::MAX_TEXT_BYTES;
use escrow::{Actor, Address, Escrow, Hash, Payer, Rejection, RequestId};
use evm::Act;

use super::error::ApiError;
use super::fields::{Fields, Limit, Read};
use super::header_text;
use super::idempotency::Sender;
use super::openapi::{Field, field};
use crate::gateway::Gateway;

/// The header that carries a payer's token.
const HEADER: HeaderName = HeaderName::from_static("payer-token");

/// What a payer is called who has no address and gives no name.
const LABEL: &str = "payer";

const SIGNATURE: &str = "signature";
const ADDRESS: &str = "payerAddress";

/// The payer's token, as it was sent.
pub(super) fn token(headers: &HeaderMap) -> Option<&[u8]> {
    header_text(headers, &HEADER)
}

/// The fields of a body by which somebody is the payer who has no token.
pub(super) fn documented() -> Vec<Field> {
    let signature =
        "Without a token: the EIP-712 signature over what is asked, as the order shown to its payer has it.";
    vec![
        Field::optional(SIGNATURE, field::text(Limit::Bytes(MAX_TEXT_BYTES)), signature),
        Field::optional(ADDRESS, field::address(), "Without a token: the address that has signed, and has paid."),
    ]
}

/// These fields, and those by which somebody is the payer.
pub(super) fn with(mut fields: Vec<Field>) -> Vec<Field> {
    fields.extend(documented());
    fields
}

/// Whoever calls a route of the payer's.
pub(super) struct Visitor {
    request: RequestId,
    token: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Visitor, ApiError> {
        let request = parts.extensions.get::<RequestId>().copied().ok_or_else(|| {
            tracing::error!("a request has no id");
            ApiError::Internal
        })?;
        // One that is no text is nobody's, and stays nobody's.
        let token = token(&parts.headers).map(|token| String::from_utf8_lossy(token).into_owned());
        Ok(Visitor { request, token })
    }
}

impl Visitor {
    /// Reads by what they say to be the payer. The token counts more than a signature, which is not looked at beside it.
    pub(super) fn claim(self, gateway: &Gateway, fields: &Fields<'_>) -> Read<Claim> {
        let Visitor { request, token } = self;
        let by = match token {
            Some(token) => By::Token(gateway.keyring.hash_payer_token(&token)),
            None if fields.has(SIGNATURE) || fields.has(ADDRESS) => {
                let signature = fields.text(SIGNATURE, Limit::Bytes(MAX_TEXT_BYTES))?;
                let signature = fields.required(SIGNATURE, signature)?.to_owned();
                By::Signature { signature, address: fields.required(ADDRESS, fields.address(ADDRESS)?)? }
            }
            None => return Err(ApiError::NoPayer),
        };
        Ok(Claim { request, by })
    }
}

/// Somebody who says to be the payer.
pub(super) struct Claim {
    request: RequestId,
    by: By,
}

enum By {
    /// With the keyed hash of a token.
    Token(Hash),
    /// With a signature that is not checked yet.
    Signature { signature: String, address: Address },
}

impl Claim {
    /// What to call them who give no name.
    pub(super) fn label(&self) -> String {
        match &self.by {
            By::Token(_) => LABEL.to_owned(),
            By::Signature { address, .. } => address.to_string(),
        }
    }

    /// A part of what is signed, for the decision to hold against the state as it is then. A token binds nothing.
    pub(super) fn signed<T>(&self, part: T) -> Option<T> {
        match &self.by {
            By::Token(_) => None,
            By::Signature { .. } => Some(part),
        }
    }

    /// Who sends a command about this escrow. `act` is what must have been signed, or why there is nothing to sign. Who has not
    /// proven to be anybody is refused by the decision and not before, so that an answer that was given under the same idempotency
    /// key is given again, although what was signed then may be void by now.
    pub(super) fn sender(self, gateway: &Gateway, escrow: &Escrow, act: Result<Act<'_>, Rejection>) -> Sender {
        let by = match self.by {
            By::Token(hash) => Actor::Payer(Payer::Bearer(hash)),
            By::Signature { signature, address } => {
                let checked = act.and_then(|act| {
                    let verified = act.verify(gateway.site.chain, &signature, &address);
                    verified.map_err(|error| Rejection::Signature(error.to_string()))
                });
                match checked {
                    Ok(()) => Actor::Payer(Payer::Wallet(address)),
                    Err(why) => Actor::Unproven(why),
                }
            }
        };
        Sender::public(escrow, by, self.request)
    }
}
