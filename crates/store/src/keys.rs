//! Merchants and their API keys.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use escrow::{Chain, KeyId, MerchantId, Mode, Owner, RawId, Timestamp};

/// A merchant: a payee who runs intents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merchant {
    /// Its id.
    pub id: MerchantId,
    /// Its name, for people; no two merchants share one.
    pub name: String,
    /// When it was created.
    pub created: Timestamp,
}

/// The kind of an API key, as its text says: `sk_{kind}_{secret}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// The sandbox.
    Test,
    /// The sandbox, under the name hackathons use.
    Hackathon,
    /// Real money.
    Live,
    /// The operator of this gateway.
    Admin,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [KeyKind; 4] = [KeyKind::Test, KeyKind::Hackathon, KeyKind::Live, KeyKind::Admin];

    /// The kind's part of a key's text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            KeyKind::Test => "test",
            KeyKind::Hackathon => "hackathon",
            KeyKind::Live => "live",
            KeyKind::Admin => "admin",
        }
    }

    /// The kind with this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<KeyKind> {
        KeyKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The mode that keys of this kind act in; `None` for the operator's, who acts in none.
    #[must_use]
    pub const fn mode(self) -> Option<Mode> {
        match self {
            KeyKind::Test | KeyKind::Hackathon => Some(Mode::Sandbox),
            KeyKind::Live => Some(Mode::Live),
            KeyKind::Admin => None,
        }
    }
}

/// Who acts with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyHolder {
    /// A merchant in one mode.
    Owner(Owner),
    /// The operator.
    Operator,
}

/// Whose stream the operator's own events are in, who acts for no merchant. No merchant has this id.
const OPERATORS_STREAM: Owner = Owner { merchant: MerchantId::new(RawId::from_bits(0)), mode: Mode::Live };

impl KeyHolder {
    /// Whose stream the holder's own events are in.
    #[must_use]
    pub const fn stream(self) -> Owner {
        match self {
            KeyHolder::Owner(owner) => owner,
            KeyHolder::Operator => OPERATORS_STREAM,
        }
    }

    /// Whose own events a stream has.
    #[must_use]
    pub fn of_stream(owner: Owner) -> KeyHolder {
        if owner == OPERATORS_STREAM { KeyHolder::Operator } else { KeyHolder::Owner(owner) }
    }
}

/// What happened to a holder and not to one of its intents: keys made, rolled and revoked, merchants added. Its events are chained
/// as those of an intent are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journal {
    /// What its events are kept under.
    pub id: RawId,
    /// Its events so far.
    pub chain: Chain,
}

/// A part of the API that a key may be limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// Payment intents: create, confirm, cancel, look.
    PaymentIntents,
    /// Escrow orders with their milestones and proofs.
    Escrow,
    /// Disputes and their evidence.
    Disputes,
    /// Refunds.
    Refunds,
    /// Settlements.
    Settlements,
    /// Balances and the ledger.
    Account,
    /// API keys themselves.
    ApiKeys,
    /// Events.
    Events,
    /// Webhook endpoints, and what is delivered to them.
    Webhooks,
    /// The request log.
    Requests,
    /// What exists in the sandbox alone.
    TestHelpers,
}

impl Area {
    /// Every area.
    pub const ALL: [Area; 11] = [
        Area::PaymentIntents,
        Area::Escrow,
        Area::Disputes,
        Area::Refunds,
        Area::Settlements,
        Area::Account,
        Area::ApiKeys,
        Area::Events,
        Area::Webhooks,
        Area::Requests,
        Area::TestHelpers,
    ];

    /// The area's part of a scope's text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Area::PaymentIntents => "payment_intents",
            Area::Escrow => "escrow",
            Area::Disputes => "disputes",
            Area::Refunds => "refunds",
            Area::Settlements => "settlements",
            Area::Account => "account",
            Area::ApiKeys => "api_keys",
            Area::Events => "events",
            Area::Webhooks => "webhooks",
            Area::Requests => "requests",
            Area::TestHelpers => "test_helpers",
        }
    }
}

/// How much a key may do in an area. Whoever may write may read as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Look.
    Read,
    /// Look and change.
    Write,
}

impl Level {
    /// Every level.
    pub const ALL: [Level; 2] = [Level::Read, Level::Write];

    /// The level's part of a scope's text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Level::Read => "read",
            Level::Write => "write",
        }
    }
}

/// Something that a key may do, `area:level` as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// Where.
    pub area: Area,
    /// How much.
    pub level: Level,
}

impl Scope {
    /// Every scope.
    pub fn all() -> impl Iterator<Item = Scope> {
        Area::ALL.into_iter().flat_map(|area| Level::ALL.into_iter().map(move |level| Scope { area, level }))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.area.name(), self.level.name())
    }
}

/// The text names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope looks like escrow:read or refunds:write; the areas are {areas}", areas = Area::ALL.map(Area::name).join(", "))]
pub struct NotAScope;

impl FromStr for Scope {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Scope, NotAScope> {
        Scope::all().find(|scope| scope.to_string() == text).ok_or(NotAScope)
    }
}

/// All that a key may do: everything that its holder may, or no more than some of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scopes {
    /// Everything.
    #[default]
    Full,
    /// These, and nothing else.
    Only(BTreeSet<Scope>),
}

impl Scopes {
    /// Whether they take in this one.
    #[must_use]
    pub fn allow(&self, wanted: Scope) -> bool {
        match self {
            Scopes::Full => true,
            Scopes::Only(scopes) => scopes.iter().any(|scope| scope.area == wanted.area && scope.level >= wanted.level),
        }
    }

    /// Whether they take in all of the others.
    #[must_use]
    pub fn allow_all_of(&self, others: &Scopes) -> bool {
        match (self, others) {
            (Scopes::Full, _) => true,
            (Scopes::Only(_), Scopes::Full) => Scope::all().all(|scope| self.allow(scope)),
            (Scopes::Only(_), Scopes::Only(others)) => others.iter().all(|scope| self.allow(*scope)),
        }
    }
}

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// Its kind.
    pub kind: KeyKind,
    /// Who acts with it.
    pub holder: KeyHolder,
    /// What its holder calls it.
    pub name: Option<String>,
    /// What it may do.
    pub scopes: Scopes,
    /// The last four characters of its secret, so that people can tell keys apart.
    pub last_four: String,
    /// When it was created.
    pub created: Timestamp,
    /// When it stops working, if it does.
    pub expires: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked: Option<Timestamp>,
    /// When it was last used, to the minute or so; `None` for never, as far as is known.
    pub last_used: Option<Timestamp>,
}

impl ApiKey {
    /// Whether the key works at this time.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(scopes: &[&str]) -> Scopes {
        Scopes::Only(scopes.iter().map(|text| text.parse().expect("a scope")).collect())
    }

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for scope in Scope::all() {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        for text in ["", "escrow", "escrow:", "escrow:admin", "Escrow:read", "escrow:read ", "everything:write"] {
            assert_eq!(text.parse::<Scope>(), Err(NotAScope), "{text}");
        }
    }

    #[test]
    fn what_scopes_take_in() {
        let every = Scopes::Only(Scope::all().collect());
        for (scopes, others, takes_in) in [
            (Scopes::Full, Scopes::Full, true),
            (Scopes::Full, only(&["escrow:write"]), true),
            (only(&[]), only(&[]), true),
            (only(&[]), only(&["escrow:read"]), false),
            (only(&["escrow:write"]), only(&["escrow:read"]), true),
            (only(&["escrow:read"]), only(&["escrow:write"]), false),
            (only(&["escrow:write"]), only(&["refunds:read"]), false),
            (only(&["escrow:write"]), only(&["escrow:write", "refunds:read"]), false),
            (only(&["escrow:write"]), Scopes::Full, false),
            (every, Scopes::Full, true),
        ] {
            assert_eq!(scopes.allow_all_of(&others), takes_in, "{scopes:?} {others:?}");
        }
    }
}
