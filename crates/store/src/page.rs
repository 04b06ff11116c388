//! Pages of lists, newest first.

use std::collections::BTreeMap;

use escrow::{Currency, IntentId, IntentStatus, PaymentType, PurposeKind, RawId, Timestamp};

/// Which part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The most items.
    pub limit: usize,
    /// Where it begins.
    pub position: Position,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// At the newest item, leaving out so many.
    Offset(u64),
    /// Right after (older than) this item, which the owner must have.
    After(RawId),
    /// Right before (newer than) this item, which the owner must have: the page holds the items next to it.
    Before(RawId),
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// Whether there are more beyond them, in the direction of the request.
    pub has_more: bool,
}

/// Which escrows; everything given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EscrowFilter {
    /// In this state.
    pub status: Option<IntentStatus>,
    /// Of this type.
    pub payment_type: Option<PaymentType>,
    /// In this currency.
    pub currency: Option<Currency>,
    /// Created at this time or later.
    pub created_from: Option<Timestamp>,
    /// Created at this time or earlier.
    pub created_to: Option<Timestamp>,
    /// With these members in their metadata, each with its value as it would stand in a query. One with a name or a value that is
    /// longer than [`crate::MAX_FOUND_NAME_CHARS`] or [`crate::MAX_FOUND_VALUE_CHARS`] is found nowhere.
    pub metadata: BTreeMap<String, String>,
}

/// Which of the things that may wait for somebody to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// Those that wait.
    Waiting,
}

/// Which transfers; everything given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransferFilter {
    /// Of this intent.
    pub intent: Option<IntentId>,
    /// In this currency.
    pub currency: Option<Currency>,
    /// Made for one of these purposes.
    pub kinds: Option<Vec<PurposeKind>>,
}
