//! Merchants and API keys.

use escrow::{KeyId, RawId};
use store::{ApiKey, KeyHolder, KeyKind, Merchant, Scopes, Store};

use crate::world::{at, merchant, owner};

pub(crate) async fn merchants_are_there_once(store: &dyn Store) {
    let named =
        |number, name: &str, created| Merchant { id: merchant(number), name: name.to_owned(), created: at(created) };
    let (younger, older) = (named(1, "younger", 20), named(2, "older", 10));
    for merchant in [&younger, &older, &named(3, "older", 5), &named(1, "another", 5)] {
        store.add_merchant(merchant.clone()).await.expect("a write");
    }
    assert_eq!(store.merchants().await.expect("a read"), [older, younger]);
}

fn scopes() -> Scopes {
    Scopes::Only(["escrow:write", "account:read"].map(|text| text.parse().expect("a scope")).into())
}

pub(crate) async fn keys_are_found_by_their_hash(store: &dyn Store) {
    let key = |number: u128, kind, holder, created| ApiKey {
        id: KeyId::new(RawId::from_bits(number)),
        kind,
        holder,
        name: (number == 1).then(|| "shop".to_owned()),
        scopes: if number == 1 { scopes() } else { Scopes::Full },
        last_four: "abcd".to_owned(),
        created: at(created),
        expires: None,
        revoked: None,
        last_used: None,
    };
    let test = key(1, KeyKind::Test, KeyHolder::Owner(owner(1)), 20);
    let admin = key(2, KeyKind::Admin, KeyHolder::Operator, 10);
    store.add_key(test.clone(), [1; 32]).await.expect("a write");
    store.add_key(admin.clone(), [2; 32]).await.expect("a write");
    store.add_key(key(3, KeyKind::Live, KeyHolder::Operator, 5), [2; 32]).await.expect("a write");
    store.add_key(key(2, KeyKind::Live, KeyHolder::Operator, 5), [3; 32]).await.expect("a write");
    assert_eq!(store.keys().await.expect("a read"), [admin.clone(), test.clone()]);
    assert_eq!(store.key([1; 32]).await.expect("a read"), Some(test.clone()));
    assert_eq!(store.key([3; 32]).await.expect("a read"), None);
    let revoked = ApiKey { expires: Some(at(30)), revoked: Some(at(40)), last_four: "else".to_owned(), ..test.clone() };
    assert!(store.update_key(revoked).await.expect("a write"));
    let expected = ApiKey { expires: Some(at(30)), revoked: Some(at(40)), ..test };
    assert_eq!(store.key([1; 32]).await.expect("a read"), Some(expected.clone()));
    assert!(store.update_key(ApiKey { expires: None, revoked: None, ..expected.clone() }).await.expect("a write"));
    assert_eq!(store.key([1; 32]).await.expect("a read").expect("a key").revoked, None);
    let unknown = ApiKey { id: KeyId::new(RawId::from_bits(9)), ..expected };
    assert!(!store.update_key(unknown).await.expect("a write"));
}
