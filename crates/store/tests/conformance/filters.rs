//! Lists of which filters keep some.

use std::collections::BTreeMap;

use escrow::{Currency, Escrow, IntentStatus, Metadata, PaymentType, PurposeKind, RawId, Terms, Timestamp};
use store::{
    EscrowFilter, MAX_FOUND_NAME_CHARS, MAX_FOUND_VALUE_CHARS, MemoryStore, Page, PageRequest, Position, SqliteStore,
    Store, StoreError, TransferFilter, Versioned,
};

use crate::world::{World, at, owner, pay, refund, stored, terms};

const EVERYTHING: PageRequest = PageRequest { limit: 100, position: Position::Offset(0) };

fn with_metadata(json: &str) -> Terms {
    Terms { metadata: Some(Metadata::from_json(json.to_owned())), ..terms(1_000, Currency::Usd) }
}

async fn opened(store: &dyn Store, world: &World, number: u128, terms: Terms) -> RawId {
    stored(store, world.open_with(owner(number), terms, Vec::new(), at(1000))).await.escrow.id.raw()
}

fn with_members(members: &[(&str, &str)]) -> EscrowFilter {
    let metadata = members.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    EscrowFilter { metadata, ..EscrowFilter::default() }
}

async fn ids(store: &dyn Store, filter: EscrowFilter, request: PageRequest) -> (Vec<RawId>, bool) {
    let page = store.escrows(owner(1), filter, request).await.expect("a page");
    (page.items.iter().map(|escrow| escrow.id.raw()).collect(), page.has_more)
}

pub(crate) async fn metadata_is_found_by_its_text(store: &dyn Store) {
    let world = World::default();
    let (name, value) = ("n".repeat(MAX_FOUND_NAME_CHARS), "€".repeat(MAX_FOUND_VALUE_CHARS));
    let texts = opened(store, &world, 1, with_metadata(r#"{"orderId":"7","note":"a \"b\"\nü","empty":""}"#)).await;
    let numbers = opened(store, &world, 1, with_metadata(r#"{"orderId":7,"rate":1.50,"paid":true,"none":null}"#)).await;
    let deep = opened(store, &world, 1, with_metadata(r#"{"orderId":["7"],"a":{"orderId":"7"},"a[b]":"7"}"#)).await;
    let long = format!(r#"{{"{name}":"{value}","x{name}":"7","more":"{value}€"}}"#);
    let long = opened(store, &world, 1, with_metadata(&long)).await;
    opened(store, &world, 1, Terms { metadata: None, ..terms(1_000, Currency::Usd) }).await;
    opened(store, &world, 2, with_metadata(r#"{"orderId":"7","rate":1.50}"#)).await;
    for (members, expected) in [
        (vec![("orderId", "7")], vec![numbers, texts]),
        (vec![("orderId", "8")], vec![]),
        (vec![("orderid", "7")], vec![]),
        (vec![("note", "a \"b\"\nü")], vec![texts]),
        (vec![("empty", "")], vec![texts]),
        (vec![("rate", "1.50")], vec![numbers]),
        (vec![("rate", "1.5")], vec![]),
        (vec![("paid", "true")], vec![numbers]),
        (vec![("none", "null")], vec![]),
        (vec![("a", "7")], vec![]),
        (vec![("a[b]", "7")], vec![deep]),
        (vec![(&name, &value)], vec![long]),
        (vec![(&format!("x{name}"), "7")], vec![]),
        (vec![("more", &format!("{value}€"))], vec![]),
        (vec![("orderId", "7"), ("paid", "true")], vec![numbers]),
        (vec![("orderId", "7"), ("paid", "false")], vec![]),
        (vec![("orderId", "7"), ("a[b]", "7")], vec![]),
        (vec![("' OR 1 --", "\u{0}")], vec![]),
    ] {
        assert_eq!(ids(store, with_members(&members), EVERYTHING).await, (expected, false), "{members:?}");
    }
}

/// Twenty escrows of the first owner, which differ in all that lists are filtered by; newest first.
async fn varied(store: &dyn Store, world: &World) -> Vec<Escrow> {
    let mut all = Vec::new();
    for number in 0..20 {
        let json = format!(r#"{{"shop":"{}","even":{},"number":{number}}}"#, number % 3, number % 2 == 0);
        let amount = terms(1_000, [Currency::Usd, Currency::Eur][number % 5 / 3]).amount;
        let payment_type = [PaymentType::DeliveryVsPayment, PaymentType::Conditional][number % 7 / 4];
        let terms = Terms { amount, payment_type, ..with_metadata(&json) };
        let now = at(1000 * i64::try_from(number).expect("small"));
        let mut base = stored(store, world.open_with(owner(1), terms, Vec::new(), now)).await;
        if number % 4 > 0 {
            base = stored(store, world.after(&base, pay(), now)).await;
        }
        all.insert(0, base.escrow);
    }
    all
}

/// Every combination of filters that keep some of the varied ones.
fn combinations() -> Vec<EscrowFilter> {
    let members =
        [vec![], vec![("shop", "1")], vec![("even", "true"), ("shop", "2")], vec![("even", "true"), ("shop", "9")]];
    let mut filters: Vec<EscrowFilter> = members.iter().map(|members| with_members(members)).collect();
    let mut also = |change: fn(&mut EscrowFilter)| {
        let changed: Vec<EscrowFilter> = filters
            .iter()
            .cloned()
            .map(|mut filter| {
                change(&mut filter);
                filter
            })
            .collect();
        filters.extend(changed);
    };
    also(|filter| filter.status = Some(IntentStatus::Succeeded));
    also(|filter| filter.payment_type = Some(PaymentType::Conditional));
    also(|filter| filter.currency = Some(Currency::Eur));
    also(|filter| filter.created_from = Some(at(4000)));
    also(|filter| filter.created_to = Some(at(16_500)));
    filters
}

fn passes(filter: &EscrowFilter, escrow: &Escrow) -> bool {
    let json = escrow.terms.metadata.as_ref().map_or("", Metadata::json);
    let has = |name: &str, value: &str| {
        [format!(r#""{name}":{value},"#), format!(r#""{name}":"{value}","#)].iter().any(|member| json.contains(member))
    };
    filter.status.unwrap_or(escrow.status()) == escrow.status()
        && filter.payment_type.unwrap_or(escrow.terms.payment_type) == escrow.terms.payment_type
        && filter.currency.unwrap_or(escrow.terms.amount.currency()) == escrow.terms.amount.currency()
        && filter.created_from.unwrap_or(escrow.created) <= escrow.created
        && filter.created_to.unwrap_or(escrow.created) >= escrow.created
        && filter.metadata.iter().all(|(name, value)| has(name, value))
}

pub(crate) async fn every_combination_leads_through_what_passes(store: &dyn Store) {
    let all = varied(store, &World::default()).await;
    for filter in combinations() {
        let expected: Vec<Escrow> = all.iter().filter(|escrow| passes(&filter, escrow)).cloned().collect();
        // Downwards from the newest, by cursors and by offsets, then upwards from the oldest of all.
        let mut seen: Vec<Escrow> = Vec::new();
        loop {
            let position = seen.last().map_or(Position::Offset(0), |last| Position::After(last.id.raw()));
            let request = PageRequest { limit: 3, position };
            let page = store.escrows(owner(1), filter.clone(), request).await.expect("a page");
            let request = PageRequest { position: Position::Offset(seen.len() as u64), ..request };
            assert_eq!(store.escrows(owner(1), filter.clone(), request).await.expect("a page"), page, "{filter:?}");
            seen.extend(page.items);
            // There is more exactly as long as something is missing.
            assert_eq!(page.has_more, seen.len() < expected.len(), "{filter:?} after {}", seen.len());
            if !page.has_more {
                break;
            }
        }
        assert_eq!(seen, expected, "{filter:?}");
        let oldest = all.last().expect("twenty");
        let mut seen: Vec<Escrow> = expected.iter().filter(|escrow| escrow.id == oldest.id).cloned().collect();
        loop {
            let cursor = seen.first().unwrap_or(oldest).id.raw();
            let request = PageRequest { limit: 3, position: Position::Before(cursor) };
            let page = store.escrows(owner(1), filter.clone(), request).await.expect("a page");
            seen.splice(0..0, page.items);
            assert_eq!(page.has_more, seen.len() < expected.len(), "{filter:?} before {}", seen.len());
            if !page.has_more {
                break;
            }
        }
        assert_eq!(seen, expected, "{filter:?}");
    }
}

pub(crate) async fn cursors_stand_while_others_come(store: &dyn Store) {
    let world = World::default();
    let mut all = Vec::new();
    for _ in 0..6 {
        all.insert(0, opened(store, &world, 1, with_metadata(r#"{"shop":"a"}"#)).await);
    }
    let filters = [
        EscrowFilter::default(),
        with_members(&[("shop", "a")]),
        EscrowFilter { currency: Some(Currency::Usd), ..EscrowFilter::default() },
        EscrowFilter { created_from: Some(at(0)), ..EscrowFilter::default() },
    ];
    for filter in filters {
        let came = all.len();
        let mut seen = Vec::new();
        loop {
            let position = seen.last().map_or(Position::Offset(0), |last| Position::After(*last));
            let (page, has_more) = ids(store, filter.clone(), PageRequest { limit: 2, position }).await;
            seen.extend(page);
            if !has_more {
                break;
            }
            all.insert(0, opened(store, &world, 1, with_metadata(r#"{"shop":"a"}"#)).await);
        }
        // Nothing is left out or told twice, and what came meanwhile is before the first.
        let first = all.len() - came;
        assert_eq!(seen, all[first..], "{filter:?}");
        let before = PageRequest { limit: first, position: Position::Before(seen[0]) };
        assert_eq!(ids(store, filter, before).await, (all[..first].to_vec(), false));
    }
}

pub(crate) async fn only_the_owners_escrows_pass(store: &dyn Store) {
    let world = World::default();
    let mine = opened(store, &world, 1, with_metadata(r#"{"shop":"a"}"#)).await;
    let others = opened(store, &world, 2, with_metadata(r#"{"shop":"a"}"#)).await;
    for filter in [
        with_members(&[("shop", "a")]),
        EscrowFilter { status: Some(IntentStatus::Initiated), ..with_members(&[("shop", "a")]) },
        EscrowFilter { status: Some(IntentStatus::Initiated), ..EscrowFilter::default() },
        EscrowFilter { created_from: Some(at(1000)), created_to: Some(at(1000)), ..EscrowFilter::default() },
    ] {
        assert_eq!(ids(store, filter.clone(), EVERYTHING).await, (vec![mine], false), "{filter:?}");
        let cursor = PageRequest { limit: 1, position: Position::Before(others) };
        let answer = store.escrows(owner(1), filter, cursor).await;
        assert!(matches!(answer, Err(StoreError::UnknownCursor)), "{answer:?}");
    }
}

/// Numbers below a bound, from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("small")
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Random) -> T) -> Option<T> {
        (self.below(3) == 0).then(|| make(self))
    }

    fn members(&mut self) -> BTreeMap<String, String> {
        let count = self.below(3);
        (0..count).map(|_| (self.one_of(&["a", "b", "c"]).to_owned(), self.one_of(&["1", "2"]).to_owned())).collect()
    }

    fn page(&mut self, cursors: &[RawId]) -> PageRequest {
        let position = match self.below(3) {
            0 => Position::Offset(self.below(5) as u64),
            1 => Position::After(self.one_of(cursors)),
            _ => Position::Before(self.one_of(cursors)),
        };
        PageRequest { limit: self.below(8), position }
    }
}

/// Both stores, with the same in them.
struct Pair {
    memory: MemoryStore,
    sqlite: SqliteStore,
    world: World,
    random: Random,
    real_ms: u64,
    ahead_ms: u64,
    created: Vec<Timestamp>,
    escrows: Vec<RawId>,
}

impl Pair {
    /// An escrow comes into being, and perhaps is paid and given back. Time goes on, and sometimes the sandbox's clock ahead of it.
    async fn grow(&mut self) {
        self.real_ms += [10, 60_000, 40 * 3_600_000][self.random.below(3)];
        self.ahead_ms += [0, 0, 0, 300 * 24 * 3_600_000][self.random.below(4)];
        self.world.ids.draw_at(self.real_ms);
        let now = at(i64::try_from(self.real_ms + self.ahead_ms).expect("a time"));
        let members: Vec<String> =
            self.random.members().iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
        let terms = Terms {
            amount: terms(100_000_000, self.random.one_of(&Currency::ALL)).amount,
            payment_type: self.random.one_of(&[PaymentType::DeliveryVsPayment, PaymentType::Conditional]),
            ..with_metadata(&format!("{{{}}}", members.join(",")))
        };
        let whose = owner(self.random.below(3).max(1) as u128);
        let mut base = self.commit(self.world.open_with(whose, terms, Vec::new(), now)).await;
        for command in [pay(), refund(Some("1")), refund(Some("2"))].into_iter().take(self.random.below(4)) {
            base = self.commit(self.world.after(&base, command, now)).await;
        }
        if whose == owner(1) {
            self.created.push(now);
            self.escrows.push(base.escrow.id.raw());
        }
    }

    async fn commit(&self, unit: store::Unit) -> Versioned {
        stored(&self.memory, unit.clone()).await;
        stored(&self.sqlite, unit).await
    }

    fn time(&mut self) -> Timestamp {
        let created = self.random.one_of(&self.created);
        at(created.ms() + self.random.one_of(&[-1, 0, 1]))
    }

    async fn compare(&mut self, seed: u64) -> usize {
        let filter = EscrowFilter {
            status: self.random.maybe(|random| random.one_of(&[IntentStatus::Initiated, IntentStatus::Succeeded])),
            payment_type: self.random.maybe(|random| random.one_of(PaymentType::ALL)),
            currency: self.random.maybe(|random| random.one_of(&Currency::ALL)),
            created_from: (self.random.below(3) == 0).then(|| self.time()),
            created_to: (self.random.below(3) == 0).then(|| self.time()),
            metadata: self.random.members(),
        };
        let page = self.random.page(&self.escrows);
        let expected = self.memory.escrows(owner(1), filter.clone(), page).await.expect("a page");
        let found = self.sqlite.escrows(owner(1), filter.clone(), page).await.expect("a page");
        assert_eq!(found, expected, "seed {seed}: {filter:?} {page:?}");
        found.items.len() + self.compare_transfers(seed).await
    }

    async fn compare_transfers(&mut self, seed: u64) -> usize {
        let filter = TransferFilter {
            intent: self.random.maybe(|random| random.one_of(&self.escrows)).map(escrow::IntentId::new),
            currency: self.random.maybe(|random| random.one_of(&Currency::ALL)),
            kinds: self.random.maybe(|random| (0..random.below(4)).map(|_| random.one_of(PurposeKind::ALL)).collect()),
        };
        let everything = self.memory.transfers(owner(1), TransferFilter::default(), EVERYTHING).await.expect("a page");
        let cursors: Vec<RawId> = everything.items.iter().map(|stored| stored.transfer.id.raw()).collect();
        if cursors.is_empty() {
            return 0;
        }
        let page = self.random.page(&cursors);
        let expected = self.memory.transfers(owner(1), filter.clone(), page).await.expect("a page");
        let found: Page<_> = self.sqlite.transfers(owner(1), filter.clone(), page).await.expect("a page");
        assert_eq!(found, expected, "seed {seed}: {filter:?} {page:?}");
        found.items.len()
    }
}

#[tokio::test]
async fn both_stores_find_the_same() {
    let mut found = 0;
    for seed in 1..=4_u64 {
        let dir = tempfile::tempdir().expect("a folder");
        let mut pair = Pair {
            memory: MemoryStore::new(),
            sqlite: SqliteStore::open(dir.path()).expect("a store"),
            world: World::default(),
            random: Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            real_ms: 1_700_000_000_000,
            ahead_ms: 0,
            created: Vec::new(),
            escrows: Vec::new(),
        };
        for _ in 0..60 {
            pair.grow().await;
            if pair.escrows.is_empty() {
                continue;
            }
            for _ in 0..8 {
                found += pair.compare(seed).await;
            }
        }
        pair.sqlite.close().await;
    }
    assert!(found > 500, "too little passes the filters to compare: {found}");
}
