//! How SQLite reads lists: along an index from where a page begins, whatever is asked for. No plan has a step that goes through a
//! whole table or index, or that sorts.

use std::fmt::Debug;

use escrow::{
    Currency, EndpointId, IntentId, IntentStatus, MerchantId, Mode, Owner, PaymentType, PurposeKind, RawId, Timestamp,
};
use rusqlite::{Connection, params_from_iter};

use super::DIALECT;
use super::open;
use super::requests::RequestLog;
use crate::rows::list::{IdKey, Key, List, Query};
use crate::rows::lists::{self, Way};
use crate::rows::split::Kind;
use crate::{EscrowFilter, EventType, KeyHolder, TransferFilter, Which};

/// Asserts how a list is read, whatever it is filtered by.
type Check = fn(&Databases);

/// The two databases of a store.
struct Databases {
    books: Connection,
    requests: RequestLog,
}

/// The lists of [`crate::Store`].
const LISTS: [(&str, Check); 12] = [
    ("escrows", escrows),
    ("settlements", settlements),
    ("refunds", refunds),
    ("transfers", transfers),
    ("events", events),
    ("disputes", disputes),
    ("everybodys_settlements", everybodys_settlements),
    ("merchants", merchants),
    ("keys", keys),
    ("endpoints", endpoints),
    ("deliveries", deliveries),
    ("requests", requests),
];

const OWNER: Owner = Owner { merchant: MerchantId::new(RawId::from_bits(1)), mode: Mode::Sandbox };
const CURSOR: RawId = RawId::from_bits(1 << 100);
const INTENT: IntentId = IntentId::new(CURSOR);

#[test]
fn every_list_is_read_along_an_index() {
    let dir = tempfile::tempdir().expect("a folder");
    let books = open::writer(dir.path()).expect("a database");
    let store = Databases { books, requests: RequestLog::open(dir.path()).expect("a database") };
    for (_, check) in LISTS {
        check(&store);
    }
}

#[test]
fn no_list_is_forgotten() {
    let methods = include_str!("../lib.rs").split("async fn ").skip(1).filter_map(|text| text.split(';').next());
    let lists = methods.filter(|signature| signature.split("->").nth(1).is_some_and(|answer| answer.contains("Page<")));
    let names: Vec<&str> = lists.filter_map(|signature| signature.split('(').next()).collect();
    assert_eq!(names, LISTS.map(|(name, _)| name), "a list of the Store has no check of its plans here");
}

/// Asserts how a list is read, wherever a page begins: in nothing but ranges of this index, which end with the ids.
fn check(db: &Connection, what: &dyn Debug, ranges: &str, list: impl Fn() -> List) {
    check_by(db, what, ranges, IdKey(CURSOR.to_bytes()), list());
}

fn check_by<K: Key>(db: &Connection, what: &dyn Debug, ranges: &str, key: K, list: List<K>) {
    for query in list.queries(DIALECT, key) {
        let plan = plan(db, query);
        let is_merge = |step: &str| ["MERGE (UNION ALL)", "LEFT", "RIGHT"].contains(&step);
        let is_range = |step: &str| step.starts_with("SEARCH listed ") && step.ends_with(ranges);
        // What is looked up for each id that is found there.
        let is_look_up = |step: &str| {
            let is_of_one = step.ends_with("(id=?)") || step.ends_with("(owner=? AND name=? AND value=? AND escrow=?)");
            step.starts_with("CORRELATED SCALAR SUBQUERY") || (step.starts_with("SEARCH ") && is_of_one)
        };
        let is_fine = plan.iter().all(|step| is_merge(step) || is_range(step) || is_look_up(step));
        assert!(is_fine && plan.iter().any(|step| is_range(step)), "{what:?}: {plan:#?}");
    }
}

/// How SQLite would run a query, a line for each step.
fn plan(db: &Connection, Query { sql, values }: Query) -> Vec<String> {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a query");
    let steps = statement.query_map(params_from_iter(values), |row| row.get(3)).expect("a plan");
    steps.map(|step| step.expect("a step")).collect()
}

fn escrows(store: &Databases) {
    for filter in escrow_filters() {
        // Which way is chosen depends on what is stored, so that each must do.
        let ways = lists::ways(&filter);
        let all: &[Way<'_>] = if ways.is_empty() { &[Way::Everything] } else { &ways };
        for way in all {
            let ranges = match way {
                Way::Everything => "INDEX escrows_by_owner (owner=? AND id>? AND id<?)",
                Way::State => {
                    "INDEX escrows_by_state \
                     (owner=? AND status=? AND payment_type=? AND currency=? AND id>? AND id<?)"
                }
                Way::Metadata(..) => "PRIMARY KEY (owner=? AND name=? AND value=? AND escrow>? AND escrow<?)",
            };
            let bounds = (RawId::from_bits(1), RawId::from_bits(u128::MAX - 1));
            check(&store.books, &(way, &filter), ranges, || lists::escrows_by(DIALECT, *way, OWNER, &filter, bounds));
        }
    }
}

/// Every combination of what a filter of escrows can have.
fn escrow_filters() -> Vec<EscrowFilter> {
    let bit = |number: u32, place: u32| number >> place & 1 == 1;
    let of_number = |number: u32| EscrowFilter {
        status: bit(number, 0).then_some(IntentStatus::Succeeded),
        payment_type: bit(number, 1).then_some(PaymentType::Conditional),
        currency: bit(number, 2).then_some(Currency::Usd),
        created_from: bit(number, 3).then_some(Timestamp::from_ms(1)),
        created_to: bit(number, 4).then_some(Timestamp::from_ms(2)),
        metadata: (5..7)
            .filter(|place| bit(number, *place))
            .map(|place| (format!("name {place}"), "value".to_owned()))
            .collect(),
    };
    (0..1 << 7).map(of_number).collect()
}

const PARTS_OF_OWNER: &str = "INDEX parts_by_owner (owner=? AND kind=? AND id>? AND id<?)";

fn settlements(store: &Databases) {
    check(&store.books, &Kind::Settlement, PARTS_OF_OWNER, || lists::parts(DIALECT, OWNER, Kind::Settlement, None));
}

fn refunds(store: &Databases) {
    let of_intent = "PRIMARY KEY (escrow=? AND kind=? AND id>? AND id<?)";
    for (intent, ranges) in [(None, PARTS_OF_OWNER), (Some(INTENT), of_intent)] {
        check(&store.books, &(Kind::Refund, intent), ranges, || lists::parts(DIALECT, OWNER, Kind::Refund, intent));
    }
}

fn transfers(store: &Databases) {
    let some = vec![PurposeKind::Release, PurposeKind::Settle, PurposeKind::Release];
    for intent in [None, Some(INTENT)] {
        for currency in [None, Some(Currency::Usd)] {
            for kinds in [None, Some(some.clone()), Some(PurposeKind::ALL.to_vec())] {
                let filter = TransferFilter { intent, currency, kinds };
                let ranges = match (intent, currency.is_some() || filter.kinds.is_some()) {
                    (Some(_), _) => "INDEX transfers_by_intent (intent=? AND id>? AND id<?)",
                    (None, true) => "INDEX transfers_by_kind (owner=? AND currency=? AND kind=? AND id>? AND id<?)",
                    (None, false) => "PRIMARY KEY (owner=? AND id>? AND id<?)",
                };
                check(&store.books, &filter, ranges, || lists::transfers(DIALECT, OWNER, &filter));
            }
        }
    }
}

fn events(store: &Databases) {
    let all: Vec<EventType> = EventType::all().collect();
    let ranges = "INDEX sqlite_autoindex_events_1 (owner=? AND position>? AND position<?)";
    check_by(&store.books, &"every type", ranges, 7, lists::events(OWNER, None));
    let ranges = "INDEX events_by_type (owner=? AND type=? AND position>? AND position<?)";
    for types in [&all[..1], &all[..2], &all] {
        check_by(&store.books, &types, ranges, 7, lists::events(OWNER, Some(types)));
    }
    let ranges = "INDEX events_by_intent (subject=? AND sequence>? AND sequence<?)";
    for types in [None, Some(&all[..2])] {
        check_by(&store.books, &types, ranges, 7, lists::events_of(DIALECT, OWNER, INTENT, types));
    }
}

fn disputes(store: &Databases) {
    everybodys(store, Kind::Dispute);
}

fn everybodys_settlements(store: &Databases) {
    everybodys(store, Kind::Settlement);
}

fn everybodys(store: &Databases, kind: Kind) {
    for (which, ranges) in [
        (Which::All, "INDEX parts_by_id (kind=? AND id>? AND id<?)"),
        (Which::Waiting, "INDEX parts_that_wait (kind=? AND id>? AND id<?)"),
    ] {
        check(&store.books, &(kind, which), ranges, || lists::everybodys_parts(kind, which));
    }
}

fn merchants(store: &Databases) {
    check(&store.books, &"merchants", "PRIMARY KEY (id>? AND id<?)", lists::merchants);
}

const HOLDERS: [KeyHolder; 2] = [KeyHolder::Owner(OWNER), KeyHolder::Operator];

fn keys(store: &Databases) {
    check(&store.books, &"keys", "PRIMARY KEY (id>? AND id<?)", || lists::keys(DIALECT, None));
    for holder in HOLDERS {
        let ranges = "INDEX keys_by_owner (owner=? AND id>? AND id<?)";
        check(&store.books, &holder, ranges, || lists::keys(DIALECT, Some(holder)));
    }
}

fn endpoints(store: &Databases) {
    let ranges = "INDEX endpoints_by_owner (owner=? AND id>? AND id<?)";
    check(&store.books, &"endpoints", ranges, || lists::endpoints(OWNER));
}

fn deliveries(store: &Databases) {
    let endpoint = EndpointId::new(CURSOR);
    let all = "INDEX sqlite_autoindex_deliveries_2 (endpoint=? AND position>? AND position<?)";
    let not_taken = "INDEX deliveries_not_taken (endpoint=? AND state=? AND position>? AND position<?)";
    for (state, ranges) in
        [(None, all), (Some("succeeded"), all), (Some("pending"), not_taken), (Some("failed"), not_taken)]
    {
        check_by(&store.books, &state, ranges, 7, lists::deliveries(endpoint, state));
    }
}

fn requests(store: &Databases) {
    let ranges = "INDEX sqlite_autoindex_requests_1 (id>? AND id<?)";
    check(store.requests.db(), &"requests", ranges, || lists::requests(DIALECT, None));
    for holder in HOLDERS {
        let ranges = "INDEX requests_by_owner (owner=? AND id>? AND id<?)";
        check(store.requests.db(), &holder, ranges, || lists::requests(DIALECT, Some(holder)));
    }
}
