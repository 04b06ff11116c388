//! Merchants by name, and what makes keys for them in a store that no gateway need run on.

use std::sync::Arc;

use engine::{
    Act, Config, Done, FreshIds, Host, Keyring, MAX_MERCHANT_NAME_CHARS, NewKey, Parts, Refused, Registry,
    SimulatedPayments, is_merchant_name,
};
use server::WireEvents;
use store::{Merchant, PageRequest, Position, Store};

use crate::failure::Failure;

/// Checks the name of a merchant.
///
/// # Errors
/// When it would not be readable in a table.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    if is_merchant_name(name) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--merchant: expected a name of 1 to {MAX_MERCHANT_NAME_CHARS} characters, without control characters or spaces around it"
    )))
}

/// What adds and changes the merchants and keys of a store.
pub(crate) fn registry(store: Arc<dyn Store>, host: Arc<dyn Host>, keyring: Keyring) -> Registry {
    let ids = Arc::new(FreshIds::new(host.clone()));
    let (present, payments) = (Arc::new(WireEvents), Arc::new(SimulatedPayments));
    Registry::new(Parts { store, host, present, payments, config: Config::default() }, ids, keyring)
}

/// The merchant of this name, added when there is none.
///
/// # Errors
/// When the store fails.
pub(crate) async fn find_or_add(store: &dyn Store, registry: &Registry, name: &str) -> Result<Merchant, Failure> {
    if let Some(merchant) = store.merchant_named(name).await.map_err(Failure::unavailable)? {
        return Ok(merchant);
    }
    let act = Act::AddMerchant { name: name.to_owned(), with_key: false };
    match registry.act(&act).await.map_err(Failure::unavailable)? {
        Ok(Done::Merchant(merchant, _)) => Ok(merchant),
        // Another process added it just now.
        Err(Refused::NameTaken) => {
            let added = store.merchant_named(name).await.map_err(Failure::unavailable)?;
            added.ok_or_else(|| Failure::no(Refused::NameTaken))
        }
        Ok(_) => Err(Failure::no("no merchant was added")),
        Err(refused) => Err(Failure::no(refused)),
    }
}

/// Makes the first key of a store that has none, together with a merchant of this name, and gives its text; `None` where there are
/// keys already. Of several processes that do so at once one makes it.
///
/// # Errors
/// When the store fails.
pub(crate) async fn first_key(
    store: &dyn Store,
    registry: &Registry,
    merchant: &str,
) -> Result<Option<String>, Failure> {
    if !has_no_keys(store).await? {
        return Ok(None);
    }
    // Merchant and key are committed together, so that whoever finds the name taken by another start finds its key as well.
    let act = Act::AddMerchant { name: merchant.to_owned(), with_key: true };
    match registry.act(&act).await.map_err(Failure::unavailable)? {
        Ok(Done::Merchant(_, Some(made))) => Ok(Some(made.token)),
        Err(Refused::NameTaken) if !has_no_keys(store).await? => Ok(None),
        // The merchant was left without a key.
        Err(Refused::NameTaken) => sandbox_key(store, registry, merchant).await.map(Some),
        Ok(_) => Err(Failure::no("no key was made")),
        Err(refused) => Err(Failure::no(refused)),
    }
}

/// Makes a key of the sandbox of a merchant of this name, who is added when there is none, and gives its text.
///
/// # Errors
/// When the store fails.
pub(crate) async fn sandbox_key(store: &dyn Store, registry: &Registry, merchant: &str) -> Result<String, Failure> {
    let merchant = find_or_add(store, registry, merchant).await?;
    let done = registry.act(&Act::CreateKey(NewKey::first(merchant.id))).await.map_err(Failure::unavailable)?;
    let done = done.map_err(|refused| Failure::no(refused.to_string()))?;
    let Done::Key(made) = done else { return Err(Failure::no("no key was made")) };
    Ok(made.token)
}

/// Whether a store has no keys yet.
///
/// # Errors
/// When it cannot be read.
pub(crate) async fn has_no_keys(store: &dyn Store) -> Result<bool, Failure> {
    let one = PageRequest { limit: 1, position: Position::Offset(0) };
    Ok(store.keys(None, one).await.map_err(Failure::unavailable)?.items.is_empty())
}
