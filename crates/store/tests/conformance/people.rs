//! Merchants, API keys, and the journals that tell what happens to them.

use escrow::{Chain, EventId, Hash, KeyId, MerchantId, RawId};
use store::{
    AccountEvent, ApiKey, Audited, EventRow, EventType, Journal, JournalChange, KeyHolder, KeyKind, Merchant, Outcome,
    PageRequest, Position, Scopes, Store, StoreError, Unit, Wanted,
};

use crate::world::{at, audit, commit, load_reply, merchant, owner, reply, with_reply};

const EVERYTHING: PageRequest = PageRequest { limit: 100, position: Position::Offset(0) };

/// A journal of a holder continued by one event.
pub(crate) fn told(holder: KeyHolder, base: Option<Journal>, number: u128) -> JournalChange {
    let journal = base.unwrap_or(Journal { id: RawId::from_bits(number << 32), chain: Chain::EMPTY });
    let kind = EventType::Account(AccountEvent::KeyCreated);
    let body = format!(r#"{{"type":"{kind}","number":{number}}}"#).into_bytes();
    let chain = journal.chain.followed_by(&body);
    let id = EventId::new(RawId::from_bits(number));
    let event = EventRow { id, kind, sequence: chain.count, created: at(5), hash: chain.head, body };
    let next = Journal { chain, ..journal };
    JournalChange { holder, base, next, events: vec![event], merchant: None, key: None, changed: None, endpoint: None }
}

pub(crate) fn of(changes: Vec<JournalChange>) -> Unit {
    Unit { journals: changes, ..Unit::default() }
}

async fn journal(store: &dyn Store, holder: KeyHolder) -> Option<Journal> {
    let wanted = Wanted { journals: vec![holder], ..Wanted::default() };
    store.load(wanted).await.expect("a read").journals.pop().flatten()
}

fn named(number: u128, name: &str) -> Merchant {
    Merchant { id: merchant(number), name: name.to_owned(), created: at(20) }
}

fn key(number: u128, kind: KeyKind, holder: KeyHolder) -> ApiKey {
    let limited = ["escrow:write", "account:read"].map(|text| text.parse().expect("a scope"));
    ApiKey {
        id: KeyId::new(RawId::from_bits(number)),
        kind,
        holder,
        name: (number == 1).then(|| "shop".to_owned()),
        scopes: if number == 1 { Scopes::Only(limited.into()) } else { Scopes::Full },
        last_four: "abcd".to_owned(),
        created: at(20),
        expires: (number == 2).then(|| at(50)),
        revoked: None,
        last_used: None,
    }
}

async fn add_merchant(store: &dyn Store, number: u128, merchant: Merchant) -> Outcome {
    let base = journal(store, KeyHolder::Operator).await;
    let change = JournalChange { merchant: Some(merchant), ..told(KeyHolder::Operator, base, number) };
    commit(store, of(vec![change])).await
}

async fn add_key(store: &dyn Store, number: u128, key: ApiKey, hash: [u8; 32]) -> Outcome {
    let change = told(key.holder, journal(store, key.holder).await, number);
    commit(store, of(vec![JournalChange { key: Some((key, hash)), ..change }])).await
}

pub(crate) async fn a_store_is_for_one_secret(store: &dyn Store) {
    assert!(!store.has_secret().await.expect("a read"));
    for (fingerprint, is_known) in [([1; 32], true), ([1; 32], true), ([2; 32], false), ([1; 32], true)] {
        assert_eq!(store.knows_secret(fingerprint).await.expect("a write"), is_known);
        assert!(store.has_secret().await.expect("a read"));
    }
}

pub(crate) async fn merchants_are_there_once(store: &dyn Store) {
    let (one, two) = (named(1, "one"), named(2, "two"));
    assert_eq!(add_merchant(store, 1, one.clone()).await, Outcome::Committed);
    assert_eq!(add_merchant(store, 2, two.clone()).await, Outcome::Committed);
    let before = journal(store, KeyHolder::Operator).await;
    for taken in [named(3, "one"), named(1, "three")] {
        assert_eq!(add_merchant(store, 3, taken).await, Outcome::Lost);
    }
    assert_eq!(journal(store, KeyHolder::Operator).await, before, "what was lost is not told");
    assert_eq!(store.merchants(EVERYTHING).await.expect("a read").items, [two.clone(), one.clone()]);
    assert_eq!(store.merchant(merchant(1)).await.expect("a read"), Some(one.clone()));
    assert_eq!(store.merchant(merchant(3)).await.expect("a read"), None);
    assert_eq!(store.merchant_named("two").await.expect("a read"), Some(two));
    assert_eq!(store.merchant_named("Two").await.expect("a read"), None);
    let first = PageRequest { limit: 1, position: Position::After(merchant(2).raw()) };
    assert_eq!(store.merchants(first).await.expect("a read").items, [one]);
    let unknown = PageRequest { limit: 1, position: Position::After(MerchantId::new(RawId::from_bits(9)).raw()) };
    assert!(matches!(store.merchants(unknown).await, Err(StoreError::UnknownCursor)));
}

pub(crate) async fn keys_are_found_by_id_by_hash_and_by_holder(store: &dyn Store) {
    let (holder, operator) = (KeyHolder::Owner(owner(1)), KeyHolder::Operator);
    let (test, admin) = (key(1, KeyKind::Test, holder), key(2, KeyKind::Admin, operator));
    assert_eq!(add_key(store, 1, test.clone(), [1; 32]).await, Outcome::Committed);
    assert_eq!(add_key(store, 2, admin.clone(), [2; 32]).await, Outcome::Committed);
    assert_eq!(add_key(store, 3, key(3, KeyKind::Admin, operator), [2; 32]).await, Outcome::Lost, "the hash is taken");
    assert_eq!(add_key(store, 3, key(2, KeyKind::Admin, operator), [3; 32]).await, Outcome::Lost, "the id is taken");

    assert_eq!(store.key_of_hash([1; 32]).await.expect("a read"), Some(test.clone()));
    assert_eq!(store.key_of_hash([3; 32]).await.expect("a read"), None);
    assert_eq!(store.key(admin.id).await.expect("a read"), Some(admin.clone()));
    assert_eq!(store.key(KeyId::new(RawId::from_bits(9))).await.expect("a read"), None);
    for (whose, expected) in [
        (None, vec![admin.clone(), test.clone()]),
        (Some(holder), vec![test.clone()]),
        (Some(operator), vec![admin.clone()]),
        (Some(KeyHolder::Owner(owner(2))), Vec::new()),
    ] {
        assert_eq!(store.keys(whose, EVERYTHING).await.expect("a read").items, expected);
    }
    let after_anothers = PageRequest { limit: 1, position: Position::After(admin.id.raw()) };
    assert!(matches!(store.keys(Some(holder), after_anothers).await, Err(StoreError::UnknownCursor)));
}

pub(crate) async fn keys_change_when_they_end_and_nothing_else(store: &dyn Store) {
    let holder = KeyHolder::Owner(owner(1));
    let test = key(1, KeyKind::Test, holder);
    assert_eq!(add_key(store, 1, test.clone(), [1; 32]).await, Outcome::Committed);
    let change = async |key: ApiKey| {
        let change = told(holder, journal(store, holder).await, 7);
        commit(store, of(vec![JournalChange { changed: Some(key), ..change }])).await
    };
    let revoked = ApiKey {
        expires: Some(at(30)),
        revoked: Some(at(40)),
        last_four: "else".to_owned(),
        scopes: Scopes::Full,
        last_used: Some(at(50)),
        ..test.clone()
    };
    assert_eq!(change(revoked).await, Outcome::Committed);
    let expected = ApiKey { expires: Some(at(30)), revoked: Some(at(40)), ..test.clone() };
    assert_eq!(store.key(test.id).await.expect("a read"), Some(expected.clone()));
    assert_eq!(change(ApiKey { id: KeyId::new(RawId::from_bits(9)), ..test.clone() }).await, Outcome::Lost);

    let unknown = KeyId::new(RawId::from_bits(9));
    for (at_ms, shown_ms) in [(60, 60), (55, 60), (70, 70)] {
        store.note_key_uses(vec![(test.id, at(at_ms)), (unknown, at(at_ms))]).await.expect("a write");
        let last_used = store.key(test.id).await.expect("a read").expect("a key").last_used;
        assert_eq!(last_used, Some(at(shown_ms)));
    }
}

pub(crate) async fn a_journal_goes_on_from_where_it_was_or_not_at_all(store: &dyn Store) {
    let (one, operator) = (KeyHolder::Owner(owner(1)), KeyHolder::Operator);
    assert_eq!(journal(store, one).await, None);
    let first = told(one, None, 1);
    assert_eq!(commit(store, of(vec![first.clone()])).await, Outcome::Committed);
    let stored = journal(store, one).await;
    assert_eq!(stored, Some(first.next));
    // Whoever saw it earlier loses, with all that goes along: another journal and a reply.
    let late = with_reply(of(vec![told(operator, None, 2), told(one, None, 3)]), reply(owner(1), "late", at(5)));
    let before = audit(store).await;
    assert_eq!(commit(store, late).await, Outcome::Lost);
    assert_eq!(audit(store).await, before);
    assert_eq!(load_reply(store, owner(1), "late").await, None);
    let both = with_reply(of(vec![told(operator, None, 2), told(one, stored, 3)]), reply(owner(1), "both", at(5)));
    assert_eq!(commit(store, both).await, Outcome::Committed);
    assert!(load_reply(store, owner(1), "both").await.is_some());

    let told_of: Vec<_> = audit(store)
        .await
        .into_iter()
        .map(|audited| match audited {
            Audited::Journal { holder, journal, events } => {
                let head = events.last().map_or(Hash::ZERO, |(_, _, event)| event.hash);
                assert_eq!((journal.chain.count, journal.chain.head), (events.len() as u64, head));
                let places: Vec<u64> = events.iter().map(|(_, position, _)| *position).collect();
                assert!(events.iter().all(|(whose, ..)| *whose == holder.stream()));
                (holder, places)
            }
            Audited::Escrow { .. } | Audited::Stray { .. } | Audited::Account(..) | Audited::Balance(..) => {
                panic!("{audited:?}")
            }
        })
        .collect();
    assert_eq!(told_of, [(operator, vec![1]), (one, vec![1, 2])]);
}
