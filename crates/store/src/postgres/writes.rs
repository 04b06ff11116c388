//! What a commit writes, gathered by table.

use std::collections::BTreeMap;

use escrow::Timestamp;

use super::error::Fault;
use super::seen::TotalKey;
use super::statement::Statement;
use crate::rows::codec::{self, IdBytes, OwnerBytes};
use crate::rows::prepare::PreparedChange;
use crate::{
    ApiKey, ClockMove, DeliveryAsk, DeliveryState, Endpoint, EndpointChange, EventRow, Journal, Merchant, Reply,
    TransferRow,
};

/// The small part of an escrow.
pub(super) struct EscrowRow {
    owner: OwnerBytes,
    id: IdBytes,
    version: i64,
    status: &'static str,
    payment_type: &'static str,
    currency: &'static str,
    created: i64,
    head: String,
}

impl EscrowRow {
    pub(super) fn of(change: &PreparedChange) -> EscrowRow {
        EscrowRow {
            owner: change.owner,
            id: change.id.raw().to_bytes(),
            version: change.version,
            status: change.status,
            payment_type: change.payment_type,
            currency: change.currency,
            created: change.created,
            head: change.head.clone(),
        }
    }
}

/// A part of an escrow.
pub(super) struct PartRow {
    pub(super) owner: OwnerBytes,
    pub(super) escrow: IdBytes,
    pub(super) kind: i64,
    pub(super) id: IdBytes,
    pub(super) place: i64,
    pub(super) waits: bool,
    pub(super) body: String,
}

/// A transfer with the balances right after it of the accounts that the money left and reached.
pub(super) struct TransferLine {
    pub(super) owner: OwnerBytes,
    pub(super) intent: IdBytes,
    pub(super) row: TransferRow,
    pub(super) after: (i64, i64),
}

/// An event in its place.
pub(super) struct EventPlace {
    pub(super) owner: OwnerBytes,
    pub(super) position: i64,
    pub(super) subject: IdBytes,
    pub(super) event: EventRow,
}

/// Which job.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct JobRow {
    pub(super) owner: OwnerBytes,
    pub(super) intent: IdBytes,
    pub(super) duty: i64,
    pub(super) subject: Vec<u8>,
}

/// A reply, and whether a forgotten one of the same key must give way.
pub(super) struct ReplyRow {
    pub(super) reply: Reply,
    pub(super) created: i64,
    pub(super) is_in_the_way: bool,
}

/// All that the units of a commit come to.
#[derive(Default)]
pub(super) struct Writes {
    new_escrows: Vec<EscrowRow>,
    escrows: Vec<EscrowRow>,
    pub(super) metadata: Vec<(OwnerBytes, String, String, IdBytes)>,
    pub(super) added: Vec<PartRow>,
    pub(super) altered: Vec<PartRow>,
    pub(super) removed: Vec<PartRow>,
    pub(super) transfers: Vec<TransferLine>,
    pub(super) events: Vec<EventPlace>,
    /// When a job falls due by its owner's clock; `None` for one that is struck off. Of several words the last counts.
    pub(super) jobs: BTreeMap<JobRow, Option<Timestamp>>,
    pub(super) claims: Vec<(OwnerBytes, [u8; 32], IdBytes)>,
    pub(super) totals: BTreeMap<TotalKey, i64>,
    pub(super) replies: Vec<ReplyRow>,
    /// Where streams end of which more places were taken than needed.
    pub(super) streams: Vec<(OwnerBytes, i64)>,
    pub(super) clocks: Vec<ClockMove>,
    /// What happens to merchants, keys and endpoints, which is rare, one by one.
    acts: Vec<Statement>,
}

impl Writes {
    pub(super) fn is_empty(&self) -> bool {
        self.new_escrows.is_empty()
            && self.escrows.is_empty()
            && self.events.is_empty()
            && self.replies.is_empty()
            && self.clocks.is_empty()
            && self.acts.is_empty()
    }

    pub(super) fn escrow(&mut self, is_new: bool, row: EscrowRow) {
        if is_new { self.new_escrows.push(row) } else { self.escrows.push(row) }
    }

    /// The statements, in the order of their tables, which is the same for every commit.
    pub(super) fn into_statements(mut self) -> Vec<Statement> {
        self.replies.sort_by(|a, b| (a.reply.owner, &a.reply.key).cmp(&(b.reply.owner, &b.reply.key)));
        let mut statements = Vec::new();
        statements.extend(self.forget_replies());
        statements.extend(self.insert_replies());
        statements.extend(self.insert_escrows());
        statements.extend(self.update_escrows());
        statements.extend(self.insert_metadata());
        statements.extend(self.insert_parts());
        statements.extend(self.update_parts());
        statements.extend(self.delete_parts());
        statements.extend(self.insert_transfers());
        statements.extend(self.insert_events());
        statements.extend(self.schedule_jobs());
        statements.extend(self.drop_jobs());
        statements.extend(self.insert_claims());
        statements.extend(self.write_totals());
        statements.extend(self.end_streams());
        statements.extend(self.clocks.iter().flat_map(|moved| move_clock(*moved)));
        statements.append(&mut self.acts);
        statements
    }

    fn forget_replies(&self) -> Option<Statement> {
        let forgotten: Vec<_> = self.replies.iter().filter(|row| row.is_in_the_way).collect();
        let sql = "DELETE FROM replies r USING unnest($1::BYTEA[], $2::TEXT[]) AS w (owner, key)
            WHERE r.owner = w.owner AND r.key = w.key";
        (!forgotten.is_empty()).then(|| {
            Statement::new(sql)
                .blobs(forgotten.iter().map(|row| codec::owner_bytes(row.reply.owner)))
                .texts(forgotten.iter().map(|row| row.reply.key.as_str()))
        })
    }

    fn insert_replies(&self) -> Option<Statement> {
        let rows = &self.replies;
        let sql = "INSERT INTO replies (owner, key, fingerprint, status, created, body)
            SELECT * FROM unnest($1::BYTEA[], $2::TEXT[], $3::BYTEA[], $4::BIGINT[], $5::BIGINT[], $6::BYTEA[])";
        (!rows.is_empty()).then(|| {
            Statement::new(sql)
                .blobs(rows.iter().map(|row| codec::owner_bytes(row.reply.owner)))
                .texts(rows.iter().map(|row| row.reply.key.as_str()))
                .blobs(rows.iter().map(|row| row.reply.fingerprint.bytes()))
                .integers(rows.iter().map(|row| i64::from(row.reply.status)))
                .integers(rows.iter().map(|row| row.created))
                .blobs(rows.iter().map(|row| &row.reply.body))
        })
    }

    fn insert_escrows(&self) -> Option<Statement> {
        let rows = &self.new_escrows;
        let sql = "INSERT INTO escrows (owner, id, version, status, payment_type, currency, created, body)
            SELECT * FROM unnest($1::BYTEA[], $2::BYTEA[], $3::BIGINT[], $4::TEXT[], $5::TEXT[], $6::TEXT[], $7::BIGINT[],
                $8::TEXT[])";
        (!rows.is_empty()).then(|| {
            Statement::new(sql)
                .blobs(rows.iter().map(|row| row.owner))
                .blobs(rows.iter().map(|row| row.id))
                .integers(rows.iter().map(|row| row.version))
                .texts(rows.iter().map(|row| row.status))
                .texts(rows.iter().map(|row| row.payment_type))
                .texts(rows.iter().map(|row| row.currency))
                .integers(rows.iter().map(|row| row.created))
                .texts(rows.iter().map(|row| row.head.as_str()))
        })
    }

    fn update_escrows(&self) -> Option<Statement> {
        let rows = &self.escrows;
        let sql = "UPDATE escrows e SET version = w.version, status = w.status, body = w.body
            FROM unnest($1::BYTEA[], $2::BYTEA[], $3::BIGINT[], $4::TEXT[], $5::TEXT[]) AS w (owner, id, version, status, body)
            WHERE e.owner = w.owner AND e.id = w.id";
        (!rows.is_empty()).then(|| {
            Statement::new(sql)
                .blobs(rows.iter().map(|row| row.owner))
                .blobs(rows.iter().map(|row| row.id))
                .integers(rows.iter().map(|row| row.version))
                .texts(rows.iter().map(|row| row.status))
                .texts(rows.iter().map(|row| row.head.as_str()))
        })
    }

    fn insert_metadata(&self) -> Option<Statement> {
        let rows = &self.metadata;
        let sql = "INSERT INTO metadata (owner, name, value, escrow)
            SELECT * FROM unnest($1::BYTEA[], $2::BYTEA[], $3::BYTEA[], $4::BYTEA[])";
        (!rows.is_empty()).then(|| {
            Statement::new(sql)
                .blobs(rows.iter().map(|(owner, ..)| owner))
                .blobs(rows.iter().map(|(_, name, ..)| name.as_bytes()))
                .blobs(rows.iter().map(|(_, _, value, _)| value.as_bytes()))
                .blobs(rows.iter().map(|(.., escrow)| escrow))
        })
    }

    fn insert_parts(&self) -> Option<Statement> {
        let sql = "INSERT INTO parts (owner, escrow, kind, id, place, waits, body)
            SELECT * FROM unnest($1::BYTEA[], $2::BYTEA[], $3::BIGINT[], $4::BYTEA[], $5::BIGINT[], $6::BIGINT[], $7::TEXT[])";
        (!self.added.is_empty()).then(|| {
            of_parts(sql, &self.added)
                .integers(self.added.iter().map(|part| part.place))
                .integers(self.added.iter().map(|part| i64::from(part.waits)))
                .texts(self.added.iter().map(|part| part.body.as_str()))
        })
    }

    fn update_parts(&self) -> Option<Statement> {
        let sql = "UPDATE parts p SET waits = w.waits, body = w.body
            FROM unnest($1::BYTEA[], $2::BYTEA[], $3::BIGINT[], $4::BYTEA[], $5::BIGINT[], $6::TEXT[])
                AS w (owner, escrow, kind, id, waits, body)
            WHERE p.owner = w.owner AND p.escrow = w.escrow AND p.kind = w.kind AND p.id = w.id";
        (!self.altered.is_empty()).then(|| {
            of_parts(sql, &self.altered)
                .integers(self.altered.iter().map(|part| i64::from(part.waits)))
                .texts(self.altered.iter().map(|part| part.body.as_str()))
        })
    }

    fn delete_parts(&self) -> Option<Statement> {
        let sql = "DELETE FROM parts p
            USING unnest($1::BYTEA[], $2::BYTEA[], $3::BIGINT[], $4::BYTEA[]) AS w (owner, escrow, kind, id)
            WHERE p.owner = w.owner AND p.escrow = w.escrow AND p.kind = w.kind AND p.id = w.id";
        (!self.removed.is_empty()).then(|| of_parts(sql, &self.removed))
    }

    fn insert_transfers(&self) -> Option<Statement> {
        let rows = &self.transfers;
        let sql = "INSERT INTO transfers
            (owner, id, intent, created, kind, subject, method, minor, currency, from_after, to_after)
            SELECT * FROM unnest($1::BYTEA[], $2::BYTEA[], $3::BYTEA[], $4::BIGINT[], $5::TEXT[], $6::BYTEA[], $7::TEXT[],
                $8::BIGINT[], $9::TEXT[], $10::BIGINT[], $11::BIGINT[])";
        let transfers = || rows.iter().map(|line| &line.row.transfer);
        let purposes = || transfers().map(|transfer| codec::purpose_columns(transfer.purpose));
        (!rows.is_empty()).then(|| {
            Statement::new(sql)
                .blobs(rows.iter().map(|line| line.owner))
                .blobs(transfers().map(|transfer| transfer.id.raw().to_bytes()))
                .blobs(rows.iter().map(|line| line.intent))
                .integers(rows.iter().map(|line| line.row.created.ms()))
                .texts(transfers().map(|transfer| transfer.purpose.kind().name()))
                .blobs_or_nulls(purposes().map(|(subject, _)| subject))
                .texts(purposes().map(|(_, method)| method))
                .integers(transfers().map(|transfer| transfer.amount.minor()))
                .texts(transfers().map(|transfer| transfer.amount.currency().code()))
                .integers(rows.iter().map(|line| line.after.0))
                .integers(rows.iter().map(|line| line.after.1))
        })
    }

    fn insert_events(&self) -> Option<Statement> {
        let rows = &self.events;
        let sql = "INSERT INTO events (owner, position, subject, sequence, id, created, hash, type, body)
            SELECT * FROM unnest($1::BYTEA[], $2::BIGINT[], $3::BYTEA[], $4::BIGINT[], $5::BYTEA[], $6::BIGINT[], $7::BYTEA[],
                $8::TEXT[], $9::BYTEA[])";
        (!rows.is_empty()).then(|| {
            Statement::new(sql)
                .blobs(rows.iter().map(|row| row.owner))
                .integers(rows.iter().map(|row| row.position))
                .blobs(rows.iter().map(|row| row.subject))
                .integers(rows.iter().map(|row| i64::try_from(row.event.sequence).unwrap_or(i64::MAX)))
                .blobs(rows.iter().map(|row| row.event.id.raw().to_bytes()))
                .integers(rows.iter().map(|row| row.event.created.ms()))
                .blobs(rows.iter().map(|row| row.event.hash.bytes()))
                .texts(rows.iter().map(|row| row.event.kind.name()))
                .blobs(rows.iter().map(|row| &row.event.body))
        })
    }

    /// Writes duties down afresh. They fall due by their owner's clock; when that is in real time is only known here.
    fn schedule_jobs(&self) -> Option<Statement> {
        let jobs: Vec<(&JobRow, i64)> = self.jobs.iter().filter_map(|(job, due)| Some((job, (*due)?.ms()))).collect();
        let sql = "INSERT INTO jobs (owner, intent, duty, subject, due, run_at, token, attempts)
            SELECT w.owner, w.intent, w.duty, w.subject, w.due, w.due - coalesce(c.ahead_ms, 0), 0, 0
            FROM unnest($1::BYTEA[], $2::BYTEA[], $3::BIGINT[], $4::BYTEA[], $5::BIGINT[])
                AS w (owner, intent, duty, subject, due)
            LEFT JOIN clocks c ON c.owner = w.owner ORDER BY w.owner, w.intent, w.duty, w.subject
            ON CONFLICT (owner, intent, duty, subject) DO UPDATE
            SET due = excluded.due, run_at = excluded.run_at, token = 0, attempts = 0";
        (!jobs.is_empty())
            .then(|| of_jobs(sql, jobs.iter().map(|(job, _)| *job)).integers(jobs.iter().map(|(_, due)| *due)))
    }

    fn drop_jobs(&self) -> Option<Statement> {
        let dropped: Vec<&JobRow> = self.jobs.iter().filter_map(|(job, due)| due.is_none().then_some(job)).collect();
        let sql = "DELETE FROM jobs j
            USING unnest($1::BYTEA[], $2::BYTEA[], $3::BIGINT[], $4::BYTEA[]) AS w (owner, intent, duty, subject)
            WHERE j.owner = w.owner AND j.intent = w.intent AND j.duty = w.duty AND j.subject = w.subject";
        (!dropped.is_empty()).then(|| of_jobs(sql, dropped.iter().copied()))
    }

    fn insert_claims(&self) -> Option<Statement> {
        let rows = &self.claims;
        // A transaction stays whose it was, which may be this intent's since an earlier version.
        let sql = "INSERT INTO claims (owner, hash, intent) SELECT * FROM unnest($1::BYTEA[], $2::BYTEA[], $3::BYTEA[])
            ON CONFLICT (owner, hash) DO NOTHING";
        (!rows.is_empty()).then(|| {
            Statement::new(sql)
                .blobs(rows.iter().map(|(owner, ..)| owner))
                .blobs(rows.iter().map(|(_, hash, _)| hash))
                .blobs(rows.iter().map(|(.., intent)| intent))
        })
    }

    fn write_totals(&self) -> Option<Statement> {
        let accounts: Vec<String> = self.totals.keys().map(|(_, account, _)| account.to_string()).collect();
        let sql = "INSERT INTO balances (owner, account, currency, minor)
            SELECT * FROM unnest($1::BYTEA[], $2::TEXT[], $3::TEXT[], $4::BIGINT[])
            ON CONFLICT (owner, account, currency) DO UPDATE SET minor = excluded.minor";
        (!accounts.is_empty()).then(|| {
            Statement::new(sql)
                .blobs(self.totals.keys().map(|(owner, ..)| owner))
                .texts(accounts.iter().map(String::as_str))
                .texts(self.totals.keys().map(|(.., currency)| currency.code()))
                .integers(self.totals.values().copied())
        })
    }

    fn end_streams(&self) -> Option<Statement> {
        let sql = "UPDATE streams s SET last = w.last FROM unnest($1::BYTEA[], $2::BIGINT[]) AS w (owner, last)
            WHERE s.owner = w.owner";
        (!self.streams.is_empty()).then(|| {
            Statement::new(sql)
                .blobs(self.streams.iter().map(|(owner, _)| owner))
                .integers(self.streams.iter().map(|(_, last)| *last))
        })
    }

    pub(super) fn journal(&mut self, owner: OwnerBytes, Journal { id, chain }: Journal) -> Result<(), Fault> {
        let sql = "INSERT INTO journals (owner, id, count, head) VALUES ($1, $2, $3, $4)
            ON CONFLICT (owner) DO UPDATE SET count = excluded.count, head = excluded.head";
        let count = codec::integer(chain.count)?;
        let statement = Statement::new(sql).bytes(owner).bytes(id.to_bytes()).integer(count).bytes(chain.head.bytes());
        self.acts.push(statement);
        Ok(())
    }

    pub(super) fn merchant(&mut self, merchant: &Merchant) {
        let sql = "INSERT INTO merchants (id, name, created) VALUES ($1, $2, $3)";
        let (id, created) = (merchant.id.raw().to_bytes(), merchant.created.ms());
        self.acts.push(Statement::new(sql).bytes(id).text(&merchant.name).integer(created));
    }

    pub(super) fn key(&mut self, key: &ApiKey, hash: &[u8; 32]) {
        let sql =
            "INSERT INTO keys (owner, id, hash, kind, last_four, created, expires, revoked, name, scopes, last_used)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let statement = Statement::new(sql)
            .bytes(codec::owner_bytes(key.holder.stream()))
            .bytes(key.id.raw().to_bytes())
            .bytes(hash)
            .text(key.kind.name())
            .text(&key.last_four)
            .integer(key.created.ms())
            .integer(key.expires.map(Timestamp::ms))
            .integer(key.revoked.map(Timestamp::ms))
            .text_or_null(key.name.as_deref())
            .text_or_null(codec::scopes_text(&key.scopes).as_deref())
            .integer(key.last_used.map(Timestamp::ms));
        self.acts.push(statement);
    }

    /// Changes when a key expires and whether it is revoked.
    pub(super) fn key_end(&mut self, key: &ApiKey) {
        let sql = "UPDATE keys SET expires = $2, revoked = $3 WHERE id = $1";
        let (expires, revoked) = (key.expires.map(Timestamp::ms), key.revoked.map(Timestamp::ms));
        self.acts.push(Statement::new(sql).bytes(key.id.raw().to_bytes()).integer(expires).integer(revoked));
    }

    /// Adds or changes an endpoint; `position` is that of the last event of its owner.
    pub(super) fn endpoint(&mut self, change: &EndpointChange, position: i64) -> Result<(), Fault> {
        let (endpoint, is_resumed) = match change {
            EndpointChange::Added(endpoint) => {
                self.acts.push(add_endpoint(endpoint, position)?);
                return Ok(());
            }
            EndpointChange::Changed(endpoint) => (endpoint, false),
            EndpointChange::Resumed(endpoint) => (endpoint, true),
        };
        let id = endpoint.id.raw().to_bytes();
        let sql = "UPDATE endpoints SET url = $2, description = $3, events = $4, state = $5, secret = $6, previous_until = $7,
            updated = $8 WHERE id = $1";
        let statement = Statement::new(sql)
            .bytes(id)
            .text(&endpoint.url)
            .text_or_null(endpoint.description.as_deref())
            .text(&codec::json(&endpoint.events)?)
            .text(endpoint.state.name())
            .integer(i64::from(endpoint.secret))
            .integer(endpoint.previous_until.map(Timestamp::ms))
            .integer(endpoint.updated.ms());
        self.acts.push(statement);
        if is_resumed {
            let sql = "UPDATE endpoints SET cursor = $2, failing_since = NULL WHERE id = $1";
            self.acts.push(Statement::new(sql).bytes(id).integer(position));
        }
        Ok(())
    }

    /// Has a call made for the event in this place.
    pub(super) fn ask(&mut self, ask: &DeliveryAsk, position: i64) {
        let sql = "INSERT INTO deliveries
            (endpoint, position, id, state, due, tries, asked, heard, created, updated, attempts)
            VALUES ($1, $2, $3, $4, $5, 0, 1, 0, $6, $6, '[]')
            ON CONFLICT (endpoint, position) DO UPDATE
            SET state = excluded.state, due = excluded.due, asked = deliveries.asked + 1, updated = excluded.updated";
        let statement = Statement::new(sql)
            .bytes(ask.endpoint.raw().to_bytes())
            .integer(position)
            .bytes(ask.id.raw().to_bytes())
            .text(DeliveryState::Pending(ask.due).name())
            .integer(ask.due.ms())
            .integer(ask.now.ms());
        self.acts.push(statement);
    }
}

fn add_endpoint(endpoint: &Endpoint, position: i64) -> Result<Statement, Fault> {
    let sql = "INSERT INTO endpoints (owner, id, state, url, description, events, secret, previous_until, created, updated, cursor,
        failing_since, holder, token, held_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULL, NULL, 0, 0)";
    Ok(Statement::new(sql)
        .bytes(codec::owner_bytes(endpoint.owner))
        .bytes(endpoint.id.raw().to_bytes())
        .text(endpoint.state.name())
        .text(&endpoint.url)
        .text_or_null(endpoint.description.as_deref())
        .text(&codec::json(&endpoint.events)?)
        .integer(i64::from(endpoint.secret))
        .integer(endpoint.previous_until.map(Timestamp::ms))
        .integer(endpoint.created.ms())
        .integer(endpoint.updated.ms())
        .integer(position))
}

/// Moves a clock, and lets the jobs of its owner be claimed so much earlier. A lease ends in real time, and stays as it is.
fn move_clock(ClockMove { merchant, by, token: _ }: ClockMove) -> [Statement; 2] {
    let (owner, by_ms) = (super::sandbox(merchant), by.ms());
    let ahead = "INSERT INTO clocks (owner, ahead_ms) VALUES ($1, $2)
        ON CONFLICT (owner) DO UPDATE SET ahead_ms = clocks.ahead_ms + excluded.ahead_ms";
    let jobs = "UPDATE jobs SET run_at = run_at - $2 WHERE owner = $1 AND token = 0";
    [ahead, jobs].map(|sql| Statement::new(sql).bytes(owner).integer(by_ms))
}

fn of_parts(sql: &'static str, parts: &[PartRow]) -> Statement {
    Statement::new(sql)
        .blobs(parts.iter().map(|part| part.owner))
        .blobs(parts.iter().map(|part| part.escrow))
        .integers(parts.iter().map(|part| part.kind))
        .blobs(parts.iter().map(|part| part.id))
}

fn of_jobs<'j>(sql: &'static str, jobs: impl Iterator<Item = &'j JobRow> + Clone) -> Statement {
    Statement::new(sql)
        .blobs(jobs.clone().map(|job| job.owner))
        .blobs(jobs.clone().map(|job| job.intent))
        .integers(jobs.clone().map(|job| job.duty))
        .blobs(jobs.map(|job| &job.subject))
}
