//! Merchants by name.

use engine::{FreshIds, Host};
use escrow::{Ids, MerchantId};
use store::{Merchant, Store};

use crate::failure::Failure;

/// The longest name of a merchant, in characters.
const MAX_NAME_CHARS: usize = 200;

/// Checks the name of a merchant.
///
/// # Errors
/// When it would not be readable in a table.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    let is_readable = name.trim() == name && !name.is_empty() && !name.chars().any(char::is_control);
    if is_readable && name.chars().count() <= MAX_NAME_CHARS {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--merchant: expected a name of 1 to {MAX_NAME_CHARS} characters, without control characters or spaces around it"
    )))
}

/// The merchant of this name, added when there is none.
///
/// # Errors
/// When the store fails.
pub(crate) async fn find_or_add(
    store: &dyn Store,
    ids: &FreshIds,
    host: &dyn Host,
    name: &str,
) -> Result<Merchant, Failure> {
    let known = store.merchants().await.map_err(Failure::unavailable)?;
    if let Some(merchant) = known.into_iter().find(|merchant| merchant.name == name) {
        return Ok(merchant);
    }
    let merchant = Merchant { id: MerchantId::new(ids.next()), name: name.to_owned(), created: host.now() };
    store.add_merchant(merchant.clone()).await.map_err(Failure::unavailable)?;
    Ok(merchant)
}
