//! Merchants and their API keys.

use escrow::{KeyId, MerchantId, Mode, Owner, Timestamp};

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

/// What a key may act as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyScope {
    /// A merchant in one mode.
    Owner(Owner),
    /// The operator.
    Operator,
}

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// Its kind.
    pub kind: KeyKind,
    /// What it may act as.
    pub scope: KeyScope,
    /// The last four characters of its secret, so that people can tell keys apart.
    pub last_four: String,
    /// When it was created.
    pub created: Timestamp,
    /// When it stops working, if it does.
    pub expires: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked: Option<Timestamp>,
}

impl ApiKey {
    /// Whether the key works at this time.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }
}
