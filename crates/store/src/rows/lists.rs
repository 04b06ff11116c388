//! The lists, each with the filters that it has. For all of them there is an index; `plans` keeps that true.

use escrow::{Currency, EndpointId, IntentId, IntentStatus, Owner, PaymentType, PurposeKind, Timestamp};

use super::codec;
use super::list::{IdKey, List, Source, Value};
use super::period::Bounds;
use super::split::Kind;
use crate::{DeliveryState, EscrowFilter, EventType, KeyHolder, TransferFilter, Which};

/// How far the ways to walk through a list are counted before one is chosen. Where all are longer, a page is soon full by any of
/// them, unless what they lead to hardly overlaps.
pub(crate) const COUNTED: i64 = 1000;

const FIND_ESCROW: &str = "SELECT id FROM escrows WHERE id = ?1 AND owner = ?2";
const ESCROWS: Source<'_> =
    Source { key: "listed.id", from: "escrows listed WHERE listed.owner = ?1", find: FIND_ESCROW };
const BY_METADATA: Source<'_> =
    Source { key: "listed.escrow", from: "metadata listed WHERE listed.owner = ?1", find: FIND_ESCROW };

const FIND_TRANSFER: &str = "SELECT id FROM transfers WHERE id = ?1 AND owner = ?2";
const TRANSFERS: Source<'_> =
    Source { key: "listed.id", from: "transfers listed WHERE listed.owner = ?1", find: FIND_TRANSFER };
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
    /// The condition on the owner of what belongs to one intent, of which there is little.
    const fn is_owned(self) -> &'static str {
        match self {
            // The plus keeps SQLite from going through all that the owner has.
            Dialect::Sqlite => "+listed.owner = ?1",
            // Here the owner leads the index of the intent.
            Dialect::Postgres => "listed.owner = ?1",
        }
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

/// The escrows that pass a filter, found in this way.
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
                list.only(&format!("EXISTS (SELECT 1 FROM escrows e WHERE e.id = listed.escrow AND {conditions})"));
            }
        }
    }
    let id = if matches!(way, Way::Metadata(..)) { "listed.escrow" } else { "listed.id" };
    for (name, value) in filter.metadata.iter().filter(|(name, value)| way != Way::Metadata(name, value)) {
        let (name, value) = (list.bind(dialect.member(name)), list.bind(dialect.member(value)));
        list.only(&format!(
            "EXISTS (SELECT 1 FROM metadata m
                WHERE m.owner = ?1 AND m.name = {name} AND m.value = {value} AND m.escrow = {id})"
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
    match way {
        Way::Everything => {}
        Way::State => {
            let [status, payment_type, currency] = state(filter);
            list.split_by("listed.status", status.1, IntentStatus::ALL.iter().map(|status| status.name()));
            list.split_by("listed.payment_type", payment_type.1, PaymentType::ALL.iter().map(|of| of.name()));
            list.split_by("listed.currency", currency.1, Currency::ALL.iter().map(|currency| currency.code()));
        }
        Way::Metadata(name, value) => {
            let (name, value) = (list.bind(dialect.member(name)), list.bind(dialect.member(value)));
            list.only(&format!("listed.name = {name} AND listed.value = {value}"));
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
    let from = format!("transfers listed WHERE {}", dialect.is_owned());
    let mut list = List::new(Source { key: "listed.id", from: &from, find: FIND_TRANSFER }, owner);
    let intent = list.bind(intent.raw().to_bytes().to_vec());
    list.only(&format!("listed.intent = {intent}"));
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
    let owned = if intent.is_some() { dialect.is_owned() } else { "listed.owner = ?1" };
    let from = format!("parts listed WHERE {owned} AND listed.kind = {kind}");
    let find = format!("SELECT id FROM parts WHERE kind = {kind} AND id = ?1 AND owner = ?2");
    let mut list = List::new(Source { key: "listed.id", from: &from, find: &find }, owner);
    if let Some(intent) = intent {
        let intent = list.bind(intent.raw().to_bytes().to_vec());
        list.only(&format!("listed.escrow = {intent}"));
    }
    list
}

/// Parts of a kind that is listed, of everybody.
pub(crate) fn everybodys_parts(kind: Kind, which: Which) -> List {
    let kind = kind as i64;
    let condition = match which {
        Which::All => "listed.owner IS NOT NULL",
        Which::Waiting => "listed.waits = 1",
    };
    let from = format!("parts listed WHERE listed.kind = {kind} AND {condition}");
    let find = format!("SELECT id FROM parts WHERE kind = {kind} AND id = ?1 AND owner IS NOT NULL");
    List::of(Source { key: "listed.id", from: &from, find: &find }, None)
}

/// Events of an owner by their places: all, or those of some types.
pub(crate) fn events(owner: Owner, types: Option<&[EventType]>) -> List<i64> {
    let find = "SELECT position FROM events WHERE id = ?1 AND owner = ?2";
    let mut list =
        List::new(Source { key: "listed.position", from: "events listed WHERE listed.owner = ?1", find }, owner);
    if let Some(types) = types {
        list.split_by("listed.type", None, types.iter().map(|kind| kind.name()));
    }
    list
}

/// Events of an intent by their sequence: all, or those of some types.
pub(crate) fn events_of(dialect: Dialect, owner: Owner, intent: IntentId, types: Option<&[EventType]>) -> List<i64> {
    let find = "SELECT sequence FROM events WHERE id = ?1 AND owner = ?2";
    let from = format!("events listed WHERE {}", dialect.is_owned());
    let mut list = List::new(Source { key: "listed.sequence", from: &from, find }, owner);
    let intent = list.bind(intent.raw().to_bytes().to_vec());
    list.only(&format!("listed.subject = {intent}"));
    if let Some(types) = types {
        let names: Vec<String> = types.iter().map(|kind| format!("'{}'", kind.name())).collect();
        list.only(&format!("listed.type IN ({})", names.join(", ")));
    }
    list
}

/// Webhook endpoints of an owner that were not deleted.
pub(crate) fn endpoints(owner: Owner) -> List {
    let from = "endpoints listed WHERE listed.owner = ?1 AND listed.state <> 'deleted'";
    let find = "SELECT id FROM endpoints WHERE id = ?1 AND owner = ?2 AND state <> 'deleted'";
    List::new(Source { key: "listed.id", from, find }, owner)
}

/// Deliveries to an endpoint by the places of their events: all, or those that stand so.
pub(crate) fn deliveries(endpoint: EndpointId, state: Option<&'static str>) -> List<i64> {
    let find = "SELECT position FROM deliveries WHERE id = ?1 AND endpoint = ?2";
    let from = "deliveries listed WHERE listed.endpoint = ?1";
    let endpoint = Value::Blob(endpoint.raw().to_bytes().to_vec());
    let mut list = List::of(Source { key: "listed.position", from, find }, Some(endpoint));
    match state {
        None => {}
        // Most are so, and there is no index of them.
        Some(state) if state == DeliveryState::Succeeded.name() => list.only(&format!("listed.state = '{state}'")),
        Some(state) => list.only(&format!("listed.state = '{state}' AND listed.state <> 'succeeded'")),
    }
    list
}

/// Every merchant.
pub(crate) fn merchants() -> List {
    let find = "SELECT id FROM merchants WHERE id = ?1";
    List::of(Source { key: "listed.id", from: "merchants listed WHERE true", find }, None)
}

/// API keys of one holder, or of everybody.
pub(crate) fn keys(dialect: Dialect, holder: Option<KeyHolder>) -> List {
    held(dialect, "keys", holder)
}

/// Logged requests of one holder, or of everybody.
pub(crate) fn requests(dialect: Dialect, holder: Option<KeyHolder>) -> List {
    held(dialect, "requests", holder)
}

/// What is in a table that has `id` and `owner`, of one holder of keys or of everybody.
fn held(dialect: Dialect, table: &str, wanted: Option<KeyHolder>) -> List {
    let find = format!("SELECT id FROM {table} WHERE id = ?1");
    let Some(holder) = wanted else {
        let from = format!("{table} listed WHERE true");
        return List::of(Source { key: "listed.id", from: &from, find: &find }, None);
    };
    let is = match dialect {
        Dialect::Sqlite => "IS",
        Dialect::Postgres => "=",
    };
    let (from, find) = (format!("{table} listed WHERE listed.owner {is} ?1"), format!("{find} AND owner {is} ?2"));
    List::of(Source { key: "listed.id", from: &from, find: &find }, Some(dialect.holder(holder)))
}
