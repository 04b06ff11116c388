//! Merchants, API keys, and the gateway whose secret all of them depend on.

use escrow::{KeyId, MerchantId, RawId, Timestamp};
use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::error::Fault;
use super::{DIALECT, page};
use crate::rows::codec::{self, OwnerBytes};
use crate::rows::lists;
use crate::{ApiKey, KeyHolder, Merchant, Page, PageRequest};

pub(super) fn is_merchant_new(db: &Connection, merchant: &Merchant) -> Result<bool, Fault> {
    let mut statement = db.prepare_cached("SELECT 1 FROM merchants WHERE id = ?1 OR name = ?2")?;
    Ok(!statement.exists(params![merchant.id.raw().to_bytes(), merchant.name])?)
}

pub(super) fn add_merchant(db: &Connection, merchant: &Merchant) -> Result<(), Fault> {
    let sql = "INSERT INTO merchants (id, name, created) VALUES (?1, ?2, ?3)";
    let row = params![merchant.id.raw().to_bytes(), merchant.name, merchant.created.ms()];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

pub(super) const MERCHANT_COLUMNS: &str = "SELECT id, name, created FROM merchants";

pub(super) fn merchants(db: &Connection, request: PageRequest) -> Result<Page<Merchant>, Fault> {
    page::page(db, lists::merchants(), request, |id| merchant(db, MerchantId::new(RawId::from_bytes(id))))
}

pub(super) fn merchant(db: &Connection, id: MerchantId) -> Result<Option<Merchant>, Fault> {
    let mut statement = db.prepare_cached(&format!("{MERCHANT_COLUMNS} WHERE id = ?1"))?;
    let mut rows = statement.query([id.raw().to_bytes()])?;
    rows.next()?.map(read_merchant).transpose()
}

pub(super) fn merchant_named(db: &Connection, name: &str) -> Result<Option<Merchant>, Fault> {
    let mut statement = db.prepare_cached(&format!("{MERCHANT_COLUMNS} WHERE name = ?1"))?;
    let mut rows = statement.query([name])?;
    rows.next()?.map(read_merchant).transpose()
}

pub(super) fn read_merchant(row: &Row<'_>) -> Result<Merchant, Fault> {
    Ok(Merchant {
        id: MerchantId::new(RawId::from_bytes(row.get(0)?)),
        name: row.get(1)?,
        created: Timestamp::from_ms(row.get(2)?),
    })
}

/// The column `owner` of what a holder of keys has: none for the operator, who acts for no merchant.
pub(super) fn owner_column(holder: KeyHolder) -> Option<OwnerBytes> {
    match holder {
        KeyHolder::Owner(owner) => Some(codec::owner_bytes(owner)),
        KeyHolder::Operator => None,
    }
}

/// The holder whose column this is.
pub(super) fn holder(owner: Option<OwnerBytes>) -> Result<KeyHolder, Fault> {
    Ok(match owner {
        Some(owner) => KeyHolder::Owner(codec::owner(owner)?),
        None => KeyHolder::Operator,
    })
}

pub(super) fn is_key_new(db: &Connection, id: KeyId, hash: &[u8; 32]) -> Result<bool, Fault> {
    let mut statement = db.prepare_cached("SELECT 1 FROM keys WHERE id = ?1 OR hash = ?2")?;
    Ok(!statement.exists(params![id.raw().to_bytes(), hash])?)
}

pub(super) fn add_key(db: &Connection, key: &ApiKey, hash: &[u8; 32]) -> Result<(), Fault> {
    let sql = "INSERT INTO keys (id, hash, kind, owner, last_four, created, expires, revoked, name, scopes, last_used)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    db.prepare_cached(sql)?.execute(params![
        key.id.raw().to_bytes(),
        hash,
        key.kind.name(),
        owner_column(key.holder),
        key.last_four,
        key.created.ms(),
        key.expires.map(Timestamp::ms),
        key.revoked.map(Timestamp::ms),
        key.name,
        codec::scopes_text(&key.scopes),
        key.last_used.map(Timestamp::ms)
    ])?;
    Ok(())
}

pub(super) const KEY_COLUMNS: &str =
    "SELECT id, kind, owner, last_four, created, expires, revoked, name, scopes, last_used FROM keys";

pub(super) fn key_of_hash(db: &Connection, hash: [u8; 32]) -> Result<Option<ApiKey>, Fault> {
    let mut statement = db.prepare_cached(&format!("{KEY_COLUMNS} WHERE hash = ?1"))?;
    let mut rows = statement.query([hash])?;
    rows.next()?.map(api_key).transpose()
}

pub(super) fn key(db: &Connection, id: KeyId) -> Result<Option<ApiKey>, Fault> {
    let mut statement = db.prepare_cached(&format!("{KEY_COLUMNS} WHERE id = ?1"))?;
    let mut rows = statement.query([id.raw().to_bytes()])?;
    rows.next()?.map(api_key).transpose()
}

pub(super) fn keys(db: &Connection, holder: Option<KeyHolder>, request: PageRequest) -> Result<Page<ApiKey>, Fault> {
    page::page(db, lists::keys(DIALECT, holder), request, |id| key(db, KeyId::new(RawId::from_bytes(id))))
}

/// Changes when a key expires and whether it is revoked.
pub(super) fn update_key(db: &Connection, key: &ApiKey) -> Result<(), Fault> {
    let row = params![key.id.raw().to_bytes(), key.expires.map(Timestamp::ms), key.revoked.map(Timestamp::ms)];
    db.prepare_cached("UPDATE keys SET expires = ?2, revoked = ?3 WHERE id = ?1")?.execute(row)?;
    Ok(())
}

pub(super) fn note_key_uses(db: &Connection, uses: &[(KeyId, Timestamp)]) -> Result<(), Fault> {
    let transaction = db.unchecked_transaction()?;
    for (id, at) in uses {
        let sql = "UPDATE keys SET last_used = ?2 WHERE id = ?1 AND coalesce(last_used < ?2, true)";
        transaction.prepare_cached(sql)?.execute(params![id.raw().to_bytes(), at.ms()])?;
    }
    Ok(transaction.commit()?)
}

pub(super) fn api_key(row: &Row<'_>) -> Result<ApiKey, Fault> {
    let kind: String = row.get(1)?;
    Ok(ApiKey {
        id: KeyId::new(RawId::from_bytes(row.get(0)?)),
        kind: codec::key_kind(&kind)?,
        holder: holder(row.get(2)?)?,
        last_four: row.get(3)?,
        created: Timestamp::from_ms(row.get(4)?),
        expires: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_ms),
        revoked: row.get::<_, Option<i64>>(6)?.map(Timestamp::from_ms),
        name: row.get(7)?,
        scopes: codec::scopes(row.get(8)?)?,
        last_used: row.get::<_, Option<i64>>(9)?.map(Timestamp::from_ms),
    })
}

/// Whether the fingerprint of a gateway's secret is noted.
pub(super) fn has_secret(db: &Connection) -> Result<bool, Fault> {
    Ok(db.prepare_cached("SELECT 1 FROM secrets WHERE name = 'gateway'")?.exists([])?)
}

/// Notes a fingerprint of the gateway's secret where there is none, and says whether it is the one that is noted.
pub(super) fn knows_secret(db: &mut Connection, fingerprint: [u8; 32]) -> Result<bool, Fault> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let note = "INSERT INTO secrets (name, fingerprint) VALUES ('gateway', ?1) ON CONFLICT (name) DO NOTHING";
    transaction.execute(note, [fingerprint])?;
    let known: [u8; 32] =
        transaction.query_row("SELECT fingerprint FROM secrets WHERE name = 'gateway'", [], |row| row.get(0))?;
    transaction.commit()?;
    Ok(known == fingerprint)
}
