//! What the databases have in common: how things are cut into rows, and how lists are walked through.

use crate::StoreError;

pub(crate) mod codec;
pub(crate) mod list;
pub(crate) mod lists;
pub(crate) mod period;
pub(crate) mod prepare;
pub(crate) mod ranges;
pub(crate) mod split;

/// A value that is stored cannot be understood.
#[derive(Debug)]
pub(crate) struct Damaged(pub(crate) String);

impl From<Damaged> for StoreError {
    fn from(Damaged(what): Damaged) -> StoreError {
        StoreError::Damaged(what)
    }
}
