//! What a store holds, in a sum that only the same rows in the same order have.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use escrow::{Mode, Owner};
use sha2::{Digest, Sha256};
use store::{PageRequest, Position, Store, StoreError};

/// How much of a list is looked at: all of it.
const EVERYTHING: PageRequest = PageRequest { limit: usize::MAX, position: Position::Offset(0) };

/// How much a store holds, and a sum over all of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sum {
    /// How many rows were looked at, an escrow with all that belongs to it counting as one.
    pub(super) rows: u64,
    /// SHA-256 over them, in hexadecimal digits.
    pub(super) sha256: String,
}

impl Sum {
    /// The sum of what an audit walks over, and of merchants, keys and webhook endpoints.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn of(store: &dyn Store) -> Result<Sum, StoreError> {
        let count = Arc::new(Mutex::new(Count::default()));
        let visitor = count.clone();
        let visit = move |row| visitor.lock().unwrap_or_else(PoisonError::into_inner).add(&row);
        store.audit(Box::new(visit)).await?;
        let mut count = std::mem::take(&mut *count.lock().unwrap_or_else(PoisonError::into_inner));
        let merchants = store.merchants(EVERYTHING).await?.items;
        store.keys(None, EVERYTHING).await?.items.iter().for_each(|key| count.add(key));
        for merchant in merchants {
            for mode in [Mode::Sandbox, Mode::Live] {
                let endpoints = store.endpoints(Owner { merchant: merchant.id, mode }, EVERYTHING).await?;
                endpoints.items.iter().for_each(|endpoint| count.add(endpoint));
            }
            count.add(&merchant);
        }
        Ok(count.finish())
    }
}

#[derive(Default)]
struct Count {
    rows: u64,
    hash: Sha256,
}

impl Count {
    /// A row is told by the text of its value, which names every field.
    fn add(&mut self, row: &impl Debug) {
        self.rows += 1;
        self.hash.update(format!("{row:?}\n"));
    }

    fn finish(self) -> Sum {
        let sha256 = self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Sum { rows: self.rows, sha256 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(rows: &[&str]) -> Sum {
        let mut count = Count::default();
        rows.iter().for_each(|row| count.add(row));
        count.finish()
    }

    #[test]
    fn only_the_same_rows_in_the_same_order_have_the_same_sum() {
        assert_eq!(sum(&["a", "b"]), sum(&["a", "b"]));
        for other in [&["b", "a"][..], &["a"], &["a", "b", "b"], &["a\"\n\"b"], &[]] {
            assert_ne!(sum(&["a", "b"]).sha256, sum(other).sha256, "{other:?}");
        }
    }
}
