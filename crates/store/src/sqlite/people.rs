//! Merchants and API keys.

use escrow::{KeyId, MerchantId, RawId, Timestamp};
use rusqlite::{Connection, Row, params};

use super::codec::{self, OwnerBytes};
use super::error::Fault;
use super::page::collect;
use crate::{ApiKey, KeyHolder, KeyKind, Merchant, Scopes};

pub(super) fn add_merchant(db: &Connection, merchant: &Merchant) -> Result<(), Fault> {
    let sql = "INSERT INTO merchants (id, name, created) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    let row = params![merchant.id.raw().to_bytes(), merchant.name, merchant.created.ms()];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

pub(super) fn merchants(db: &Connection) -> Result<Vec<Merchant>, Fault> {
    let mut statement = db.prepare_cached("SELECT id, name, created FROM merchants ORDER BY created, id")?;
    collect(statement.query([])?, |row| {
        Ok(Merchant {
            id: MerchantId::new(RawId::from_bytes(row.get(0)?)),
            name: row.get(1)?,
            created: Timestamp::from_ms(row.get(2)?),
        })
    })
}

pub(super) fn add_key(db: &Connection, key: &ApiKey, hash: [u8; 32]) -> Result<(), Fault> {
    let owner = match key.holder {
        KeyHolder::Owner(owner) => Some(codec::owner_bytes(owner)),
        KeyHolder::Operator => None,
    };
    let sql = "INSERT INTO keys (id, hash, kind, owner, last_four, created, expires, revoked, name, scopes, last_used)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING";
    db.prepare_cached(sql)?.execute(params![
        key.id.raw().to_bytes(),
        hash,
        key.kind.name(),
        owner,
        key.last_four,
        key.created.ms(),
        key.expires.map(Timestamp::ms),
        key.revoked.map(Timestamp::ms),
        key.name,
        scopes_text(&key.scopes),
        key.last_used.map(Timestamp::ms)
    ])?;
    Ok(())
}

const KEY_COLUMNS: &str =
    "SELECT id, kind, owner, last_four, created, expires, revoked, name, scopes, last_used FROM keys";

pub(super) fn key(db: &Connection, hash: [u8; 32]) -> Result<Option<ApiKey>, Fault> {
    let mut statement = db.prepare_cached(&format!("{KEY_COLUMNS} WHERE hash = ?1"))?;
    let mut rows = statement.query([hash])?;
    rows.next()?.map(api_key).transpose()
}

pub(super) fn keys(db: &Connection) -> Result<Vec<ApiKey>, Fault> {
    let mut statement = db.prepare_cached(&format!("{KEY_COLUMNS} ORDER BY created, id"))?;
    collect(statement.query([])?, api_key)
}

/// `false` when there is no such key.
pub(super) fn update_key(db: &Connection, key: &ApiKey) -> Result<bool, Fault> {
    let row = params![key.id.raw().to_bytes(), key.expires.map(Timestamp::ms), key.revoked.map(Timestamp::ms)];
    let updated = db.prepare_cached("UPDATE keys SET expires = ?2, revoked = ?3 WHERE id = ?1")?.execute(row)?;
    Ok(updated > 0)
}

fn api_key(row: &Row<'_>) -> Result<ApiKey, Fault> {
    let kind: String = row.get(1)?;
    let owner: Option<OwnerBytes> = row.get(2)?;
    let holder = match owner {
        Some(owner) => KeyHolder::Owner(codec::owner(owner)?),
        None => KeyHolder::Operator,
    };
    Ok(ApiKey {
        id: KeyId::new(RawId::from_bytes(row.get(0)?)),
        kind: codec::named("kind of key", &kind, KeyKind::from_name)?,
        holder,
        last_four: row.get(3)?,
        created: Timestamp::from_ms(row.get(4)?),
        expires: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_ms),
        revoked: row.get::<_, Option<i64>>(6)?.map(Timestamp::from_ms),
        name: row.get(7)?,
        scopes: scopes(row.get(8)?)?,
        last_used: row.get::<_, Option<i64>>(9)?.map(Timestamp::from_ms),
    })
}

/// Scopes as a text, each behind a blank but the first; `None` for all.
fn scopes_text(scopes: &Scopes) -> Option<String> {
    match scopes {
        Scopes::Full => None,
        Scopes::Only(scopes) => Some(scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
    }
}

fn scopes(text: Option<String>) -> Result<Scopes, Fault> {
    let Some(text) = text else { return Ok(Scopes::Full) };
    let parsed = text.split_ascii_whitespace().map(codec::parsed).collect::<Result<_, Fault>>()?;
    Ok(Scopes::Only(parsed))
}
