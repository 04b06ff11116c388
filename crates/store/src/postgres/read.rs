//! Reads of escrows, their parts and their transfers.

use escrow::{Amount, IntentId, Owner, RawId, Timestamp, Transfer, TransferId};
use tokio_postgres::Row;

use super::error::Fault;
use super::load;
use super::page::{self, ColumnKey};
use super::seen::bytes;
use super::session::{Kind as Transaction, Session, Sessions};
use super::statement::Statement;
use crate::rows::codec::{self, IdBytes};
use crate::rows::list::{IdKey, List};
use crate::rows::lists::{self, Dialect, Way};
use crate::rows::period::{Bounds, Search};
use crate::rows::split::{Kind, Pieces};
use crate::{Balance, EscrowFilter, Page, PageRequest, StoredTransfer, TransferFilter, Which};

const DIALECT: Dialect = Dialect::Postgres;

pub(super) async fn escrow(sessions: &Sessions, id: IdBytes) -> Result<Option<Pieces>, Fault> {
    let rows = sessions.run(Transaction::Read, vec![load::heads([id]), load::parts([id])]).await?;
    let [heads, parts] = <[Vec<Row>; 2]>::try_from(rows).unwrap_or_default();
    Ok(load::pieces(&heads, &parts)?.remove(&id))
}

/// The escrow that has a part of a kind that is listed.
pub(super) async fn escrow_of(sessions: &Sessions, kind: Kind, id: RawId) -> Result<Option<Pieces>, Fault> {
    let sql = format!("SELECT escrow FROM parts WHERE kind = {} AND id = $1", kind as i64);
    let rows = sessions.read(Statement::new(sql).bytes(id.to_bytes())).await?;
    match rows.first() {
        Some(row) => escrow(sessions, bytes(row, 0)?).await,
        None => Ok(None),
    }
}

pub(super) async fn escrows(
    sessions: &Sessions,
    owner: Owner,
    filter: &EscrowFilter,
    request: PageRequest,
) -> Result<Page<Pieces>, Fault> {
    let mut session = sessions.begin(Transaction::Read).await?;
    let list = list_of_escrows(&mut session, owner, filter).await?;
    let Page { items: keys, has_more } = page::keys(&mut session, list, request).await?;
    let ids = || keys.iter().map(|IdKey(id)| *id);
    let rows = session.finish(&[load::heads(ids()), load::parts(ids())]).await?;
    let [heads, parts] = <[Vec<Row>; 2]>::try_from(rows).unwrap_or_default();
    let mut pieces = load::pieces(&heads, &parts)?;
    let gone = || Fault::Damaged("a list names what is not there".to_owned());
    let items = ids().map(|id| pieces.remove(&id).ok_or_else(gone)).collect::<Result<Vec<Pieces>, Fault>>()?;
    Ok(Page { items, has_more })
}

/// The escrows that pass a filter, by the shortest way.
async fn list_of_escrows(session: &mut Session, owner: Owner, filter: &EscrowFilter) -> Result<List, Fault> {
    let bounds = bounds(session, owner, filter).await?;
    let ways = lists::ways(filter);
    let mut shortest = (i64::MAX, ways.first().copied().unwrap_or(Way::Everything));
    for way in ways.iter().filter(|_| ways.len() > 1) {
        let walk = lists::walk(DIALECT, *way, owner, filter, bounds);
        let count = page::count_up_to(session, &walk, lists::COUNTED).await?;
        if count < shortest.0 {
            shortest = (count, *way);
        }
    }
    Ok(lists::escrows_by(DIALECT, shortest.1, owner, filter, bounds))
}

/// The ids that the escrows of the filter's period are between.
async fn bounds(session: &mut Session, owner: Owner, filter: &EscrowFilter) -> Result<Bounds, Fault> {
    let mut search = Search::of(filter.created_from, filter.created_to);
    while let Some(id) = search.next() {
        let sql = "SELECT id, created FROM escrows WHERE owner = $1 AND id >= $2 ORDER BY id LIMIT 1";
        let rows = session.query(Statement::new(sql).bytes(codec::owner_bytes(owner)).bytes(id.to_bytes())).await?;
        let found = rows.first().map(|row| Ok((bytes(row, 0)?, row.try_get(1)?))).transpose();
        let found: Option<(IdBytes, i64)> = found.map_err(|fault: Fault| fault)?;
        search.tell(found.map(|(id, created)| (RawId::from_bytes(id), Timestamp::from_ms(created))));
    }
    Ok(search.bounds())
}

/// Parts of a kind that is listed, of one intent or all, as the id of their intent and their JSON.
pub(super) async fn parts(
    sessions: &Sessions,
    kind: Kind,
    (owner, intent): (Owner, Option<IntentId>),
    request: PageRequest,
) -> Result<Page<(IntentId, String)>, Fault> {
    let list = lists::parts(DIALECT, owner, kind, intent);
    let page = listed_parts(sessions, kind, list, request).await?;
    let items = page.items.into_iter().map(|(_, intent, body)| (intent, body)).collect();
    Ok(Page { items, has_more: page.has_more })
}

/// Parts of a kind of everybody, as whose they are, the id of their intent and their JSON.
pub(super) async fn everybodys_parts(
    sessions: &Sessions,
    kind: Kind,
    which: Which,
    request: PageRequest,
) -> Result<Page<(Owner, IntentId, String)>, Fault> {
    listed_parts(sessions, kind, lists::everybodys_parts(kind, which), request).await
}

async fn listed_parts(
    sessions: &Sessions,
    kind: Kind,
    list: List,
    request: PageRequest,
) -> Result<Page<(Owner, IntentId, String)>, Fault> {
    let session = sessions.begin(Transaction::Read).await?;
    let sql = format!("SELECT id, owner, escrow, body FROM parts WHERE kind = {} AND id = ANY ($1)", kind as i64);
    let rows = |keys: &[IdKey]| IdKey::column(Statement::new(sql), keys);
    page::page(session, list, request, rows, |row| {
        Ok((codec::owner(bytes(row, 1)?)?, IntentId::new(RawId::from_bytes(bytes(row, 2)?)), row.try_get(3)?))
    })
    .await
}

/// The columns of transfers, which begin with the id.
const TRANSFER_COLUMNS: &str =
    "t.id, t.kind, t.subject, t.method, t.minor, t.currency, t.intent, t.created, t.from_after, t.to_after, t.owner";

/// The transfers of intents by id.
pub(super) fn transfers_of(intents: &[IdBytes]) -> Statement {
    let sql = format!(
        "SELECT {TRANSFER_COLUMNS} FROM escrows e JOIN transfers t ON t.owner = e.owner AND t.intent = e.id
        WHERE e.id = ANY ($1) ORDER BY t.intent, t.id"
    );
    Statement::new(sql).blobs(intents)
}

pub(super) async fn transfers(
    sessions: &Sessions,
    owner: Owner,
    filter: &TransferFilter,
    request: PageRequest,
) -> Result<Page<StoredTransfer>, Fault> {
    let session = sessions.begin(Transaction::Read).await?;
    let sql = format!("SELECT {TRANSFER_COLUMNS} FROM transfers t WHERE t.id = ANY ($1) AND t.owner = $2");
    let rows = |keys: &[IdKey]| IdKey::column(Statement::new(sql), keys).bytes(codec::owner_bytes(owner));
    page::page(session, lists::transfers(DIALECT, owner, filter), request, rows, transfer).await
}

/// A transfer from its columns.
pub(super) fn transfer(row: &Row) -> Result<StoredTransfer, Fault> {
    let (kind, method, currency): (&str, Option<&str>, &str) = (row.try_get(1)?, row.try_get(3)?, row.try_get(5)?);
    let subject: Option<&[u8]> = row.try_get(2)?;
    let subject = subject.map(|_| bytes(row, 2)).transpose()?;
    let amount = Amount::from_minor(row.try_get(4)?, codec::currency(currency)?);
    Ok(StoredTransfer {
        transfer: Transfer {
            id: TransferId::new(RawId::from_bytes(bytes(row, 0)?)),
            purpose: codec::purpose(kind, subject, method)?,
            amount: amount.map_err(|error| Fault::Damaged(error.to_string()))?,
        },
        intent: IntentId::new(RawId::from_bytes(bytes(row, 6)?)),
        created: Timestamp::from_ms(row.try_get(7)?),
        from_after: row.try_get(8)?,
        to_after: row.try_get(9)?,
    })
}

/// The running totals of an owner, in the order of their accounts and currencies.
pub(super) async fn balances(sessions: &Sessions, owner: Owner) -> Result<Vec<Balance>, Fault> {
    let sql = "SELECT account, currency, minor FROM balances WHERE owner = $1";
    let rows = sessions.read(Statement::new(sql).bytes(codec::owner_bytes(owner))).await?;
    let mut balances = rows.iter().map(balance).collect::<Result<Vec<Balance>, Fault>>()?;
    balances.sort_unstable();
    Ok(balances)
}

/// A balance from the columns account, currency and minor.
pub(super) fn balance(row: &Row) -> Result<Balance, Fault> {
    let (account, currency): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
    Ok(Balance { account: codec::parsed(account)?, currency: codec::currency(currency)?, minor: row.try_get(2)? })
}
