//! Webhook endpoints, who tells them, and what they are to be told.

use escrow::{EndpointId, Owner, RawId, Span, Timestamp};
use tokio_postgres::Row;

use super::commit::DATABASE_NOW_MS;
use super::deliveries;
use super::error::Fault;
use super::events;
use super::page::{self, ColumnKey};
use super::seen::bytes;
use super::session::{Kind, Session, Sessions};
use super::settings::Times;
use super::statement::Statement;
use crate::rows::codec;
use crate::rows::list::IdKey;
use crate::rows::lists;
use crate::{
    AccountEvent, Endpoint, EndpointClaim, EndpointLease, EndpointState, EventFilter, EventType, Outbox, Page,
    PageRequest, Progress, StoredEvent, Tail,
};

/// How much longer a lease is than whoever has it knows, in milliseconds, so that it is not written anew with every look because the
/// clocks differ a little.
const SLACK_MS: i64 = 1000;

pub(super) const COLUMNS: &str = "e.id, e.owner, e.url, e.description, e.events, e.state, e.secret, e.previous_until, e.created, e.updated, e.cursor,
    e.failing_since";

pub(super) async fn list(sessions: &Sessions, owner: Owner, request: PageRequest) -> Result<Page<Endpoint>, Fault> {
    let session = sessions.begin(Kind::Read).await?;
    let rows = |ids: &[IdKey]| {
        IdKey::column(Statement::new(format!("SELECT {COLUMNS} FROM endpoints e WHERE e.id = ANY ($1)")), ids)
    };
    page::page(session, lists::endpoints(owner), request, rows, endpoint).await
}

pub(super) async fn find(sessions: &Sessions, id: EndpointId) -> Result<Option<Endpoint>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM endpoints e WHERE e.id = $1");
    sessions.read(Statement::new(sql).bytes(id.raw().to_bytes())).await?.first().map(endpoint).transpose()
}

/// Claims endpoints that are enabled: in the time of the database, where that counts.
pub(super) async fn claim(
    sessions: &Sessions,
    times: Times,
    claim: EndpointClaim,
) -> Result<Vec<EndpointLease>, Fault> {
    let EndpointClaim { by, now, until, limit } = claim;
    let now_ms = match times {
        Times::Database => DATABASE_NOW_MS,
        Times::Given => "$2",
    };
    let held = format!(
        "SELECT id, owner, token, held_until, {now_ms} FROM endpoints WHERE holder = $1 AND state = 'enabled'
        ORDER BY id FOR UPDATE"
    );
    let held = Statement::new(held).bytes(by.to_bytes()).integer(now.ms());
    let free = format!(
        "SELECT id, owner, token, held_until, {now_ms} FROM endpoints
        WHERE state = 'enabled' AND (holder IS NULL OR holder <> $1 AND held_until <= {now_ms})
        ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let free = Statement::new(free).bytes(by.to_bytes()).integer(now.ms()).integer(limit);
    let mut session = sessions.begin(Kind::Write).await?;
    let rows = session.run(&[held, free]).await?;
    let [held, free] = <[Vec<Row>; 2]>::try_from(rows).unwrap_or_default();
    let held = held.iter().map(leased).collect::<Result<Vec<Leased>, Fault>>()?;
    let free = free.iter().map(leased).collect::<Result<Vec<Leased>, Fault>>()?;
    let span_ms = until.ms().saturating_sub(now.ms());
    let slack_ms = match times {
        Times::Database => SLACK_MS,
        Times::Given => 0,
    };
    lease(session, by, (held, free), (span_ms, slack_ms)).await
}

/// An endpoint that is or may be leased, until when it is, and what time it is for the database.
struct Leased {
    lease: EndpointLease,
    until_ms: i64,
    now_ms: i64,
}

fn leased(row: &Row) -> Result<Leased, Fault> {
    let lease = EndpointLease {
        endpoint: EndpointId::new(RawId::from_bytes(bytes(row, 0)?)),
        owner: codec::owner(bytes(row, 1)?)?,
        token: codec::count(row.try_get(2)?)?,
    };
    Ok(Leased { lease, until_ms: row.try_get(3)?, now_ms: row.try_get(4)? })
}

async fn lease(
    mut session: Session,
    by: RawId,
    (held, mut free): (Vec<Leased>, Vec<Leased>),
    (span_ms, slack_ms): (i64, i64),
) -> Result<Vec<EndpointLease>, Fault> {
    let count = codec::integer(free.len() as u64)?;
    if count > 0 {
        let draw = Statement::new("SELECT nextval('lease_tokens') FROM generate_series(1, $1)").integer(count);
        for (row, leased) in session.query(draw).await?.iter().zip(&mut free) {
            leased.lease.token = codec::count(row.try_get(0)?)?;
        }
    }
    let is_too_short = |leased: &&Leased| leased.until_ms < leased.now_ms.saturating_add(span_ms);
    let written: Vec<&Leased> = held.iter().filter(is_too_short).chain(&free).collect();
    let sql = "UPDATE endpoints e SET holder = $1, token = w.token, held_until = w.held_until
        FROM unnest($2::BYTEA[], $3::BIGINT[], $4::BIGINT[]) AS w (id, token, held_until) WHERE e.id = w.id";
    let update = Statement::new(sql)
        .bytes(by.to_bytes())
        .blobs(written.iter().map(|leased| leased.lease.endpoint.raw().to_bytes()))
        .integers(written.iter().map(|leased| i64::try_from(leased.lease.token).unwrap_or(i64::MAX)))
        .integers(written.iter().map(|leased| leased.now_ms.saturating_add(span_ms).saturating_add(slack_ms)));
    if written.is_empty() {
        session.roll_back().await;
    } else {
        session.finish(&[update]).await?;
    }
    let mut leases: Vec<EndpointLease> = held.into_iter().chain(free).map(|leased| leased.lease).collect();
    leases.sort_by_key(|lease| lease.endpoint);
    Ok(leases)
}

/// Gives back all that somebody holds.
pub(super) async fn release(sessions: &Sessions, by: RawId) -> Result<(), Fault> {
    let lock = Statement::new("SELECT id FROM endpoints WHERE holder = $1 ORDER BY id FOR UPDATE").bytes(by.to_bytes());
    let release = Statement::new("UPDATE endpoints SET holder = NULL WHERE holder = $1").bytes(by.to_bytes());
    sessions.run(Kind::Write, vec![lock, release]).await.map(drop)
}

/// What an endpoint that is enabled is to be told.
pub(super) async fn outbox(
    sessions: &Sessions,
    id: EndpointId,
    position: u64,
    now: Timestamp,
    limit: usize,
) -> Result<Option<Outbox>, Fault> {
    let mut session = sessions.begin(Kind::Read).await?;
    let sql = format!(
        "SELECT {COLUMNS}, coalesce(c.ahead_ms, 0) FROM endpoints e LEFT JOIN clocks c ON c.owner = e.owner WHERE e.id = $1"
    );
    let rows = session.query(Statement::new(sql).bytes(id.raw().to_bytes())).await?;
    let found = rows.first().map(|row| Ok((endpoint(row)?, Span::from_ms(row.try_get(12)?)))).transpose();
    let found: Option<(Endpoint, Span)> = found.map_err(|fault: Fault| fault)?;
    let Some((endpoint, ahead)) = found.filter(|(endpoint, _)| endpoint.state == EndpointState::Enabled) else {
        session.roll_back().await;
        return Ok(None);
    };
    let position = position.max(endpoint.progress.cursor);
    let filter = EventFilter { types: EventType::chosen(&endpoint.events), intent: None };
    let Tail { events, position } = match limit {
        0 => Tail { events: Vec::new(), position },
        _ => events::behind(&mut session, endpoint.owner, &filter, position, limit).await?,
    };
    let has_more = limit > 0 && events.len() >= limit;
    let own_now = now.after(ahead);
    let statements =
        [deliveries::told(id, &events), deliveries::due(id, own_now, limit), deliveries::next_due(id, own_now)];
    let rows = session.finish(&statements).await?;
    let [told, due, next_due] = <[Vec<Row>; 3]>::try_from(rows).unwrap_or_default();
    let fresh = fresh(events, &told)?;
    let due = due.iter().map(deliveries::delivery).collect::<Result<_, Fault>>()?;
    let next_due: Option<i64> = next_due.first().map_or(Ok(None), |row| row.try_get(0))?;
    Ok(Some(Outbox { endpoint, ahead, fresh, position, has_more, due, next_due: next_due.map(Timestamp::from_ms) }))
}

/// Those of the events that have no delivery. A test is told to the endpoint that it is of, by a delivery that was made with it.
fn fresh(events: Vec<StoredEvent>, told: &[Row]) -> Result<Vec<StoredEvent>, Fault> {
    let told = told.iter().map(|row| Ok(codec::count(row.try_get(0)?)?)).collect::<Result<Vec<u64>, Fault>>()?;
    let is_test = |event: &StoredEvent| event.event.kind == EventType::Account(AccountEvent::EndpointTested);
    Ok(events.into_iter().filter(|event| !is_test(event) && !told.contains(&event.position)).collect())
}

pub(super) fn endpoint(row: &Row) -> Result<Endpoint, Fault> {
    let time = |column| row.try_get::<_, Option<i64>>(column).map(|ms| ms.map(Timestamp::from_ms));
    let secret: i64 = row.try_get(6)?;
    Ok(Endpoint {
        id: EndpointId::new(RawId::from_bytes(bytes(row, 0)?)),
        owner: codec::owner(bytes(row, 1)?)?,
        url: row.try_get(2)?,
        description: row.try_get(3)?,
        events: codec::from_json("the events of an endpoint", row.try_get(4)?)?,
        state: codec::endpoint_state(row.try_get(5)?)?,
        secret: u32::try_from(secret).map_err(|_| Fault::Damaged(format!("{secret} counts no secrets")))?,
        previous_until: time(7)?,
        created: Timestamp::from_ms(row.try_get(8)?),
        updated: Timestamp::from_ms(row.try_get(9)?),
        progress: Progress { cursor: codec::count(row.try_get(10)?)?, failing_since: time(11)? },
    })
}
