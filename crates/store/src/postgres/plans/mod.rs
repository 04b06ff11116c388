//! How PostgreSQL reads lists: along an index from where a page begins, whatever is asked for, and no further than the page. Where a
//! list is in several ranges, no more of each is sorted than the page has.

use std::fmt::Debug;

use cluster::Database;
use escrow::{
    Currency, EndpointId, IntentId, IntentStatus, MerchantId, Mode, Owner, PaymentType, PurposeKind, RawId, Timestamp,
};

use super::session::{Kind as Transaction, Sessions};
use super::statement::Statement;
use super::{DatabaseUrl, PostgresSettings, PostgresStore, audit};
use crate::rows::list::{IdKey, Key, List};
use crate::rows::lists::{self, Dialect, Way};
use crate::rows::split::Kind;
use crate::{EscrowFilter, EventType, KeyHolder, TransferFilter, Which};

const DIALECT: Dialect = Dialect::Postgres;

/// Whose most of everything is.
const OWNER: Owner = Owner { merchant: MerchantId::new(RawId::from_bits(1)), mode: Mode::Sandbox };
const CURSOR: RawId = RawId::from_bits(1000);
const INTENT: IntentId = IntentId::new(CURSOR);
const HOLDERS: [KeyHolder; 2] = [KeyHolder::Owner(OWNER), KeyHolder::Operator];

/// Says what is expected of a list, whatever it is filtered by.
type Expect = fn(&mut Plans);

/// The lists of [`crate::Store`].
const LISTS: [(&str, Expect); 12] = [
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

/// An index, and the columns of it that are fixed.
type Along = (&'static str, &'static [&'static str]);

/// A query for the keys of a page, and how it is to be read.
struct Expected {
    what: String,
    query: Statement,
    along: Along,
}

/// What is expected of the lists.
#[derive(Default)]
struct Plans(Vec<Expected>);

impl Plans {
    /// Expects a list to be read along an index, wherever a page begins.
    fn expect(&mut self, what: &dyn Debug, along: Along, list: List) {
        self.expect_by(what, along, IdKey(CURSOR.to_bytes()), list);
    }

    fn expect_by<K: Key>(&mut self, what: &dyn Debug, along: Along, key: K, list: List<K>) {
        let queries = list.queries(DIALECT, key);
        let expected = |query| Expected { what: format!("{what:?}"), query: Statement::of(&query), along };
        self.0.extend(queries.into_iter().map(expected));
    }
}

/// A database with enough in it, where there is PostgreSQL.
async fn filled() -> Option<(Database, Sessions)> {
    let database = Database::fresh()?;
    let settings = PostgresSettings::of(DatabaseUrl::parse(database.url()).expect("an address"));
    PostgresStore::migrate(&settings).await.expect("a schema");
    database.sql(include_str!("fill.sql"));
    database.sql("VACUUM ANALYZE");
    Some((database, Sessions::new(&settings).expect("settings")))
}

#[tokio::test]
async fn every_list_is_read_along_an_index_and_no_further_than_the_page() {
    let Some((_database, sessions)) = filled().await else { return };
    let mut plans = Plans::default();
    for (_, expect) in LISTS {
        expect(&mut plans);
    }
    for Expected { what, query, along } in plans.0 {
        let plan = plan(&sessions, query).await;
        assert!(is_fine(&plan, along), "{what}: not along {along:?}: {plan:#?}");
    }
}

#[tokio::test]
async fn what_belongs_to_escrows_and_journals_is_found_by_indexes() {
    let Some((_database, sessions)) = filled().await else { return };
    let ids = |first: u128| (first..first + 20).map(|number| RawId::from_bits(number).to_bytes()).collect::<Vec<_>>();
    let statements = audit::of_escrows(&ids(1000)).into_iter().chain([audit::of_journals(&ids(21_000))]);
    for statement in statements {
        let sql = statement.sql.clone();
        let plan = plan(&sessions, statement).await;
        // Each index is gone into by its first column: by any other one, all of it would be gone through.
        let scans: Vec<&[String]> = plan.windows(2).filter(|lines| lines[0].contains(" on ")).collect();
        assert!(!scans.is_empty(), "{sql}: {plan:#?}");
        for scan in scans {
            let first = match scan[0].split(" on ").nth(1).and_then(|table| table.split(' ').next()) {
                Some("escrows" | "journals") => "(id = ANY ",
                Some("claims") => "(intent = ANY ",
                Some(_) | None => "(owner = ",
            };
            assert!(scan[1].starts_with("Index Cond: ") && scan[1].contains(first), "{sql}: {plan:#?}");
        }
    }
}

#[test]
fn no_list_is_forgotten() {
    let methods = include_str!("../../lib.rs").split("async fn ").skip(1).filter_map(|text| text.split(';').next());
    let lists = methods.filter(|signature| signature.split("->").nth(1).is_some_and(|answer| answer.contains("Page<")));
    let names: Vec<&str> = lists.filter_map(|signature| signature.split('(').next()).collect();
    assert_eq!(names, LISTS.map(|(name, _)| name), "a list of the Store has no check of its plans here");
}

/// How PostgreSQL would run a query, a line for each step and for what is said of it. The tables are too small for it to take pains: it
/// is told not to go through them, nor to gather rows of an index in the order of the table.
async fn plan(sessions: &Sessions, mut statement: Statement) -> Vec<String> {
    let set = |what: &str| Statement::new(format!("SET LOCAL {what} = off"));
    statement.sql = format!("EXPLAIN (COSTS OFF) {}", statement.sql).into();
    let statements = vec![set("enable_seqscan"), set("enable_bitmapscan"), statement];
    let rows = sessions.run(Transaction::Read, statements).await.map_err(|fault| fault.details()).expect("a plan");
    let lines = rows.iter().flatten().map(|row| row.get::<_, String>(0));
    lines.map(|line| line.trim_start().trim_start_matches("->").trim_start().to_owned()).collect()
}

/// Whether a plan walks along an index in the order of its keys, with these columns fixed, and stops where the page ends.
fn is_fine(plan: &[String], (index, columns): Along) -> bool {
    const STEPS: [&str; 9] = [
        "Limit",
        "Sort",
        "Nested Loop",
        "Values Scan",
        "Subquery Scan on found",
        "SubPlan",
        "Sort Key: ",
        "Index Cond: ",
        "Filter: ",
    ];
    // What is looked up for each key that is found.
    const LOOK_UPS: [&str; 2] = [" using escrows_by_id on escrows e", " using metadata_pkey on metadata m"];
    let is_walk = |line: &str| line.contains(&format!(" using {index} on ")) && line.ends_with(" listed");
    let is_known = |line: &str| {
        is_walk(line)
            || STEPS.iter().any(|step| line.starts_with(step))
            || LOOK_UPS.iter().any(|look_up| line.contains(look_up))
    };
    let Some(walk) = plan.iter().position(|line| is_walk(line)) else { return false };
    let is_fixed =
        |column: &&str| plan.get(walk + 1).is_some_and(|condition| condition.contains(&format!("({column} = ")));
    let ends_with_page = walk.checked_sub(1).and_then(|above| plan.get(above)).is_some_and(|above| above == "Limit");
    ends_with_page
        && columns.iter().all(is_fixed)
        && plan.iter().filter(|line| is_walk(line)).count() == 1
        && plan.iter().all(|line| is_known(line))
}

fn escrows(plans: &mut Plans) {
    for filter in escrow_filters() {
        // Which way is chosen depends on what is stored, so that each must do.
        let ways = lists::ways(&filter);
        let all: &[Way<'_>] = if ways.is_empty() { &[Way::Everything] } else { &ways };
        for way in all {
            let along: Along = match way {
                Way::Everything => ("escrows_pkey", &["owner"]),
                Way::State => ("escrows_by_state", &["owner", "status", "payment_type", "currency"]),
                Way::Metadata(..) => ("metadata_pkey", &["owner", "name", "value"]),
            };
            let bounds = (RawId::from_bits(1), RawId::from_bits(u128::MAX - 1));
            plans.expect(&(way, &filter), along, lists::escrows_by(DIALECT, *way, OWNER, &filter, bounds));
        }
    }
}

/// Every combination of what a filter of escrows can have. The period is that of most: its bounds are looked for before.
fn escrow_filters() -> Vec<EscrowFilter> {
    let bit = |number: u32, place: u32| number >> place & 1 == 1;
    let of_number = |number: u32| EscrowFilter {
        status: bit(number, 0).then_some(IntentStatus::Succeeded),
        payment_type: bit(number, 1).then_some(PaymentType::Conditional),
        currency: bit(number, 2).then_some(Currency::Usd),
        created_from: bit(number, 3).then_some(Timestamp::from_ms(1)),
        created_to: bit(number, 4).then_some(Timestamp::from_ms(3000)),
        metadata: (5..7)
            .filter(|place| bit(number, *place))
            .map(|place| (format!("name {place}"), "value".to_owned()))
            .collect(),
    };
    (0..1 << 7).map(of_number).collect()
}

fn settlements(plans: &mut Plans) {
    parts(plans, Kind::Settlement);
}

fn refunds(plans: &mut Plans) {
    parts(plans, Kind::Refund);
}

fn parts(plans: &mut Plans, kind: Kind) {
    plans.expect(&kind, ("parts_by_owner", &["owner", "kind"]), lists::parts(DIALECT, OWNER, kind, None));
    let of_intent = lists::parts(DIALECT, OWNER, kind, Some(INTENT));
    plans.expect(&(kind, INTENT), ("parts_pkey", &["owner", "escrow", "kind"]), of_intent);
}

fn transfers(plans: &mut Plans) {
    let some = vec![PurposeKind::Release, PurposeKind::Settle, PurposeKind::Release];
    for intent in [None, Some(INTENT)] {
        for currency in [None, Some(Currency::Usd)] {
            for kinds in [None, Some(some.clone()), Some(PurposeKind::ALL.to_vec())] {
                let filter = TransferFilter { intent, currency, kinds };
                let along: Along = match (intent, currency.is_some() || filter.kinds.is_some()) {
                    (Some(_), _) => ("transfers_by_intent", &["owner", "intent"]),
                    (None, true) => ("transfers_by_kind", &["owner", "currency", "kind"]),
                    (None, false) => ("transfers_pkey", &["owner"]),
                };
                plans.expect(&filter, along, lists::transfers(DIALECT, OWNER, &filter));
            }
        }
    }
}

fn events(plans: &mut Plans) {
    let all: Vec<EventType> = EventType::all().collect();
    plans.expect_by(&"every type", ("events_pkey", &["owner"]), 1000, lists::events(OWNER, None));
    for types in [&all[..1], &all[..2], &all] {
        plans.expect_by(&types, ("events_by_type", &["owner", "type"]), 1000, lists::events(OWNER, Some(types)));
    }
    for types in [None, Some(&all[..2])] {
        let of_intent = lists::events_of(DIALECT, OWNER, INTENT, types);
        plans.expect_by(&types, ("events_by_subject", &["owner", "subject"]), 2, of_intent);
    }
}

fn disputes(plans: &mut Plans) {
    everybodys(plans, Kind::Dispute);
}

fn everybodys_settlements(plans: &mut Plans) {
    everybodys(plans, Kind::Settlement);
}

fn everybodys(plans: &mut Plans, kind: Kind) {
    for (which, index) in [(Which::All, "parts_by_id"), (Which::Waiting, "parts_that_wait")] {
        plans.expect(&(kind, which), (index, &["kind"]), lists::everybodys_parts(kind, which));
    }
}

fn merchants(plans: &mut Plans) {
    plans.expect(&"merchants", ("merchants_pkey", &[]), lists::merchants());
}

fn keys(plans: &mut Plans) {
    plans.expect(&"keys", ("keys_by_id", &[]), lists::keys(DIALECT, None));
    for holder in HOLDERS {
        plans.expect(&holder, ("keys_pkey", &["owner"]), lists::keys(DIALECT, Some(holder)));
    }
}

fn endpoints(plans: &mut Plans) {
    plans.expect(&"endpoints", ("endpoints_pkey", &["owner"]), lists::endpoints(OWNER));
}

fn deliveries(plans: &mut Plans) {
    let endpoint = EndpointId::new(RawId::from_bits(1));
    let all: Along = ("deliveries_pkey", &["endpoint"]);
    let not_taken: Along = ("deliveries_not_taken", &["endpoint", "state"]);
    let of_states = [(None, all), (Some("succeeded"), all), (Some("pending"), not_taken), (Some("failed"), not_taken)];
    for (state, along) in of_states {
        plans.expect_by(&state, along, 1000, lists::deliveries(endpoint, state));
    }
}

fn requests(plans: &mut Plans) {
    plans.expect(&"requests", ("requests_by_id", &[]), lists::requests(DIALECT, None));
    for holder in HOLDERS {
        plans.expect(&holder, ("requests_pkey", &["owner"]), lists::requests(DIALECT, Some(holder)));
    }
}
