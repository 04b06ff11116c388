//! Everybody who can ask, and what the access of a route promises each of them. This says on its own what the gateway enforces:
//! the walk holds it against the router, and the document repeats it.

use escrow::Mode;
use server::Access;

use crate::world::{ADMIN, EXPIRED, HACKATHON, LIVE, OTHER, OTHER_LIVE, REVOKED, TEST};

/// The names of the world's merchants.
pub(crate) const ONE: &str = "one";
pub(crate) const TWO: &str = "two";

/// What a route sees of an asker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    NoKey,
    /// A key that is none, or no longer one.
    BadKey,
    Merchant(&'static str, Mode),
    Operator,
}

pub(crate) struct Asker {
    pub(crate) name: &'static str,
    pub(crate) key: Option<&'static str>,
    pub(crate) who: Who,
}

const fn asker(name: &'static str, key: &'static str, who: Who) -> Asker {
    Asker { name, key: Some(key), who }
}

pub(crate) const ASKERS: [Asker; 11] = [
    Asker { name: "no key", key: None, who: Who::NoKey },
    asker("an unknown key", "sk_test_nobody-has-this", Who::BadKey),
    asker("a malformed key", "undefined", Who::BadKey),
    asker("a revoked key", REVOKED, Who::BadKey),
    asker("an expired key", EXPIRED, Who::BadKey),
    asker("a test key", TEST, Who::Merchant(ONE, Mode::Sandbox)),
    asker("a hackathon key", HACKATHON, Who::Merchant(ONE, Mode::Sandbox)),
    asker("a live key", LIVE, Who::Merchant(ONE, Mode::Live)),
    asker("another merchant's test key", OTHER, Who::Merchant(TWO, Mode::Sandbox)),
    asker("another merchant's live key", OTHER_LIVE, Who::Merchant(TWO, Mode::Live)),
    asker("an admin key", ADMIN, Who::Operator),
];

/// How somebody is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal<'m> {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    /// What the message has in it.
    pub(crate) message: &'m str,
}

const fn forbidden(message: &'static str) -> Option<Refusal<'static>> {
    Some(Refusal { status: 403, code: "forbidden", message })
}

/// What a route does with the key of an asker: `None` lets them in.
pub(crate) const fn refusal(access: Access, who: Who) -> Option<Refusal<'static>> {
    match (access, who) {
        (Access::Anyone | Access::Payer, _)
        | (Access::Merchant, Who::Merchant(..))
        | (Access::Sandbox | Access::OperatorOrSandbox, Who::Merchant(_, Mode::Sandbox))
        | (Access::OperatorOrSandbox | Access::Operator, Who::Operator)
        | (Access::MerchantOrOperator, Who::Merchant(..) | Who::Operator) => None,
        (_, Who::NoKey) => {
            Some(Refusal { status: 401, code: "authentication_required", message: "API key is required" })
        }
        (_, Who::BadKey) => forbidden("Invalid API key"),
        (Access::Merchant | Access::Sandbox, Who::Operator) => forbidden("An admin key acts for no merchant"),
        (Access::Sandbox, Who::Merchant(_, Mode::Live)) => forbidden("test keys only"),
        (Access::OperatorOrSandbox, Who::Merchant(_, Mode::Live)) => forbidden("With real money only the operator"),
        (Access::Operator, Who::Merchant(..)) => forbidden("Only the operator"),
    }
}

/// Whether an asker who was let in is shown everybody's objects, not only their own.
pub(crate) const fn reaches_everybodys(access: Access, who: Who) -> bool {
    match access {
        Access::Anyone | Access::Payer => true,
        Access::OperatorOrSandbox | Access::MerchantOrOperator | Access::Operator => matches!(who, Who::Operator),
        Access::Merchant | Access::Sandbox => false,
    }
}

/// How a merchant who was let in is refused an object of somebody else: another merchant's is forbidden, the other mode's does
/// not exist.
pub(crate) const fn not_theirs(is_same_merchant: bool) -> Option<Refusal<'static>> {
    if is_same_merchant {
        Some(Refusal { status: 404, code: "resource_missing", message: "No such" })
    } else {
        forbidden("You do not have permission to access this")
    }
}
