//! The lists, each with the filters that it has. For all of them there is an index; `plans` keeps that true.

use escrow::{Currency, EndpointId, IntentId, IntentStatus, Owner, PaymentType, PurposeKind, Timestamp};

use super::codec;
use super::list::{IdKey, Key, List, Source, Value};
use super::period::Bounds;
use super::split::Kind;
use crate::{DeliveryState, EscrowFilter, EventType, KeyHolder, TransferFilter, Which};

/// How far the ways to walk through a list are counted before one is chosen. Where all are longer, a page is soon full by any of
/// them, unless what they lead to hardly overlaps.
pub(crate) const COUNTED: i64 = 1000;

const FIND_ESCROW: &str = "SELECT id FROM escrows WHERE id = ?1 AND owner = ?2";
const ESCROWS: Source<'_> = Source { key: "listed.id", table: "escrows listed", find: FIND_ESCROW };
const BY_METADATA: Source<'_> = Source { key: "listed.escrow", table: "metadata listed", find: FIND_ESCROW };

const FIND_TRANSFER: &str = "SELECT id FROM transfers WHERE id = ?1 AND owner = ?2";
const TRANSFERS: Source<'_> = Source { key: "listed.id", table: "transfers listed", find: FIND_TRANSFER };

/// How the escrows that pass a filter are walked through. What else the filter asks for is looked up for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way<'f> {
    /// All that the owner has.
    Everything,
    /// Those with the status, type and currency that are asked for.
    State,
    /// Those with this member in their metadata.
    Metadata(&'f str, &'f str),
}

/// The databases that lists are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// Limits a list to what its owner has of one intent, of which there is little.
    fn fix_intent<K: Key>(self, list: &mut List<K>, column: &'static str, intent: IntentId) {
        match self {
            // The plus keeps SQLite from going through all that the owner has.
            Dialect::Sqlite => list.only("+listed.owner = ?1"),
            // Here the owner leads the index of the intent.
            Dialect::Postgres => list.fix_whose("listed.owner"),
        }
        list.fix(column, intent.raw().to_bytes().to_vec());
    }

    /// The column `owner` of what a holder of keys has.
    fn holder(self, holder: KeyHolder) -> Value {
        match (self, holder) {
            // The operator acts for no merchant.
            (Dialect::Sqlite, KeyHolder::Operator) => Value::Null,
            (Dialect::Sqlite | Dialect::Postgres, _) => Value::Blob(codec::owner_bytes(holder.stream()).to_vec()),
        }
    }

    /// A member of metadata, which may have any characters: the texts of PostgreSQL may not.
    fn member(self, text: &str) -> Value {
        match self {
            Dialect::Sqlite => Value::Text(text.to_owned()),
            Dialect::Postgres => Value::Blob(text.as_bytes().to_vec()),
        }
    }
}

/// The ways that lead to what a filter asks for, other than through everything.
pub(crate) fn ways(filter: &EscrowFilter) -> Vec<Way<'_>> {
    let mut ways: Vec<Way<'_>> = filter.metadata.iter().map(|(name, value)| Way::Metadata(name, value)).collect();
    if filter.status.is_some() || filter.payment_type.is_some() || filter.currency.is_some() {
        ways.push(Way::State);
    }
    ways
}

/// The escrows that pass a filter, found in this way. What is asked of another table is asked for each by itself: put as `EXISTS`, it
/// would be for the database to begin with, and it may go through all of that table.
pub(crate) fn escrows_by(dialect: Dialect, way: Way<'_>, owner: Owner, filter: &EscrowFilter, bounds: Bounds) -> List {
    let mut list = walk(dialect, way, owner, filter, bounds);
    match way {
        Way::Everything | Way::State => {
            let period = period(&mut list, filter, "listed");
            period.iter().for_each(|condition| list.only(condition));
        }
        Way::Metadata(..) => {
            let mut conditions = period(&mut list, filter, "e");
            for (column, wanted) in state(filter) {
                conditions.extend(wanted.map(|name| format!("e.{column} = {}", list.bind(name.to_owned()))));
            }
            if !conditions.is_empty() {
                let conditions = conditions.join(" AND ");
                list.only(&format!(
                    "(SELECT 1 FROM escrows e WHERE e.id = listed.escrow AND {conditions}) IS NOT NULL"
                ));
            }
        }
    }
    let id = if matches!(way, Way::Metadata(..)) { "listed.escrow" } else { "listed.id" };
    for (name, value) in filter.metadata.iter().filter(|(name, value)| way != Way::Metadata(name, value)) {
        let (name, value) = (list.bind(dialect.member(name)), list.bind(dialect.member(value)));
        list.only(&format!(
            "(SELECT 1 FROM metadata m
                WHERE m.owner = ?1 AND m.name = {name} AND m.value = {value} AND m.escrow = {id}) IS NOT NULL"
        ));
    }
    list
}

/// What a way leads to; the filter may ask for more.
pub(crate) fn walk(dialect: Dialect, way: Way<'_>, owner: Owner, filter: &EscrowFilter, bounds: Bounds) -> List {
    let mut list = match way {
        Way::Everything | Way::State => List::new(ESCROWS, owner),
        Way::Metadata(..) => List::new(BY_METADATA, owner),
    };
    list.fix_whose("listed.owner");
    match way {
        Way::Everything => {}
        Way::State => {
            let [status, payment_type, currency] = state(filter);
            list.split_by("listed.status", status.1, IntentStatus::ALL.iter().map(|status| status.name()));
            list.split_by("listed.payment_type", payment_type.1, PaymentType::ALL.iter().map(|of| of.name()));
            list.split_by("listed.currency", currency.1, Currency::ALL.iter().map(|currency| currency.code()));
        }
        Way::Metadata(name, value) => {
            list.fix("listed.name", dialect.member(name));
            list.fix("listed.value", dialect.member(value));
        }
    }
    list.within((IdKey(bounds.0.to_bytes()), IdKey(bounds.1.to_bytes())));
    list
}

/// The columns of an escrow that a filter may fix, each with what it is fixed to.
fn state(filter: &EscrowFilter) -> [(&'static str, Option<&'static str>); 3] {
    [
        ("status", filter.status.map(IntentStatus::name)),
        ("payment_type", filter.payment_type.map(PaymentType::name)),
        ("currency", filter.currency.map(Currency::code)),
    ]
}

/// The conditions on when an escrow was created.
fn period(list: &mut List, filter: &EscrowFilter, table: &str) -> Vec<String> {
    let mut bound = |comparison: &str, time: Option<Timestamp>| {
        time.map(|time| format!("{table}.created {comparison} {}", list.bind(time.ms())))
    };
    [bound(">=", filter.created_from), bound("<=", filter.created_to)].into_iter().flatten().collect()
}

/// The transfers that pass a filter.
pub(crate) fn transfers(dialect: Dialect, owner: Owner, filter: &TransferFilter) -> List {
    let currency = filter.currency.map(Currency::code);
    let kinds = filter.kinds.as_deref().map(|kinds| PurposeKind::ALL.iter().filter(|kind| kinds.contains(kind)));
    let Some(intent) = filter.intent else {
        let mut list = List::new(TRANSFERS, owner);
        list.fix_whose("listed.owner");
        if currency.is_some() || kinds.is_some() {
            let all = Currency::ALL.iter().map(|currency| currency.code());
            list.split_by("listed.currency", currency, all);
            match kinds {
                Some(kinds) => list.split_by("listed.kind", None, kinds.map(|kind| kind.name())),
                None => list.split_by("listed.kind", None, PurposeKind::ALL.iter().map(|kind| kind.name())),
            }
        }
        return list;
    };
    // One intent has few transfers.
    let mut list = List::new(TRANSFERS, owner);
    dialect.fix_intent(&mut list, "listed.intent", intent);
    if let Some(currency) = currency {
        let currency = list.bind(currency.to_owned());
        list.only(&format!("listed.currency = {currency}"));
    }
    if let Some(kinds) = kinds {
        let names: Vec<String> = kinds.map(|kind| format!("'{}'", kind.name())).collect();
        list.only(&format!("listed.kind IN ({})", names.join(", ")));
    }
    list
}

/// Parts of a kind that is listed, of one intent or all.
pub(crate) fn parts(dialect: Dialect, owner: Owner, kind: Kind, intent: Option<IntentId>) -> List {
    let kind = kind as i64;
    let find = format!("SELECT id FROM parts WHERE kind = {kind} AND id = ?1 AND owner = ?2");
    let mut list = List::new(Source { key: "listed.id", table: "parts listed", find: &find }, owner);
    match intent {
        Some(intent) => dialect.fix_intent(&mut list, "listed.escrow", intent),
        None => list.fix_whose("listed.owner"),
    }
    list.fix_to("listed.kind", kind);
    list
}

/// Parts of a kind that is listed, of everybody.
pub(crate) fn everybodys_parts(kind: Kind, which: Which) -> List {
    let kind = kind as i64;
    let find = format!("SELECT id FROM parts WHERE kind = {kind} AND id = ?1 AND owner IS NOT NULL");
    let mut list = List::of(Source { key: "listed.id", table: "parts listed", find: &find }, None);
    list.fix_to("listed.kind", kind);
    list.only(match which {
        Which::All => "listed.owner IS NOT NULL",
        Which::Waiting => "listed.waits = 1",
    });
    list
}

/// Events of an owner by their places: all, or those of some types.
pub(crate) fn events(owner: Owner, types: Option<&[EventType]>) -> List<i64> {
    let find = "SELECT position FROM events WHERE id = ?1 AND owner = ?2";
    let mut list = List::new(Source { key: "listed.position", table: "events listed", find }, owner);
    list.fix_whose("listed.owner");
    if let Some(types) = types {
        list.split_by("listed.type", None, types.iter().map(|kind| kind.name()));
    }
    list
}

/// Events of an intent by their sequence: all, or those of some types.
pub(crate) fn events_of(dialect: Dialect, owner: Owner, intent: IntentId, types: Option<&[EventType]>) -> List<i64> {
    let find = "SELECT sequence FROM events WHERE id = ?1 AND owner = ?2";
    let mut list = List::new(Source { key: "listed.sequence", table: "events listed", find }, owner);
    dialect.fix_intent(&mut list, "listed.subject", intent);
    if let Some(types) = types {
        let names: Vec<String> = types.iter().map(|kind| format!("'{}'", kind.name())).collect();
        list.only(&format!("listed.type IN ({})", names.join(", ")));
    }
    list
}

/// Webhook endpoints of an owner that were not deleted.
pub(crate) fn endpoints(owner: Owner) -> List {
    let find = "SELECT id FROM endpoints WHERE id = ?1 AND owner = ?2 AND state <> 'deleted'";
    let mut list = List::new(Source { key: "listed.id", table: "endpoints listed", find }, owner);
    list.fix_whose("listed.owner");
    list.only("listed.state <> 'deleted'");
    list
}

/// Deliveries to an endpoint by the places of their events: all, or those that stand so.
pub(crate) fn deliveries(endpoint: EndpointId, state: Option<&'static str>) -> List<i64> {
    let find = "SELECT position FROM deliveries WHERE id = ?1 AND endpoint = ?2";
    let endpoint = Value::Blob(endpoint.raw().to_bytes().to_vec());
    let mut list = List::of(Source { key: "listed.position", table: "deliveries listed", find }, Some(endpoint));
    list.fix_whose("listed.endpoint");
    match state {
        None => {}
        // Most are so, and there is no index of them.
        Some(state) if state == DeliveryState::Succeeded.name() => list.only("listed.state = 'succeeded'"),
        Some(state) => {
            list.fix("listed.state", state.to_owned());
            list.only("listed.state <> 'succeeded'");
        }
    }
    list
}

/// Every merchant.
pub(crate) fn merchants() -> List {
    let find = "SELECT id FROM merchants WHERE id = ?1";
    List::of(Source { key: "listed.id", table: "merchants listed", find }, None)
}

/// API keys of one holder, or of everybody.
pub(crate) fn keys(dialect: Dialect, holder: Option<KeyHolder>) -> List {
    held(dialect, "SELECT id FROM keys WHERE id = ?1", "keys listed", holder)
}

/// Logged requests of one holder, or of everybody.
pub(crate) fn requests(dialect: Dialect, holder: Option<KeyHolder>) -> List {
    held(dialect, "SELECT id FROM requests WHERE id = ?1", "requests listed", holder)
}

/// What is in a table that has `id` and `owner`, of one holder of keys or of everybody.
fn held(dialect: Dialect, find: &str, table: &'static str, wanted: Option<KeyHolder>) -> List {
    let Some(holder) = wanted else {
        return List::of(Source { key: "listed.id", table, find }, None);
    };
    let whose = Some(dialect.holder(holder));
    match dialect {
        // The operator's has no owner there.
        Dialect::Sqlite => {
            let find = format!("{find} AND owner IS ?2");
            let mut list = List::of(Source { key: "listed.id", table, find: &find }, whose);
            list.only("listed.owner IS ?1");
            list
        }
        Dialect::Postgres => {
            let find = format!("{find} AND owner = ?2");
            let mut list = List::of(Source { key: "listed.id", table, find: &find }, whose);
            list.fix_whose("listed.owner");
            list
        }
    }
}
