//! The log of requests.

use escrow::{KeyId, RawId, RequestId};
use store::{KeyHolder, LoggedRequest, PageRequest, Position, Store, StoreError};

use crate::world::{at, owner};

pub(crate) fn logged(number: u128, holder: KeyHolder) -> LoggedRequest {
    let is_full = number.is_multiple_of(2);
    LoggedRequest {
        id: RequestId::new(RawId::from_bits(number)),
        holder,
        key: KeyId::new(RawId::from_bits(7)),
        method: "POST".to_owned(),
        path: "/v1/refunds".to_owned(),
        query: is_full.then(|| "limit=1".to_owned()),
        status: 200,
        created: at(i64::try_from(number).expect("small")),
        latency_ms: 3,
        idempotency_key: is_full.then(|| "once".to_owned()),
        sent: is_full.then(|| r#"{"amount":"1"}"#.to_owned()),
        answered: is_full.then(|| "{}".to_owned()),
    }
}

pub(crate) async fn requests_are_listed_by_holder_and_forgotten_by_time(store: &dyn Store) {
    let (one, operator) = (KeyHolder::Owner(owner(1)), KeyHolder::Operator);
    let all = [logged(1, one), logged(2, operator), logged(3, one)];
    store.log_requests(all.to_vec()).await.expect("a write");
    store.log_requests(vec![LoggedRequest { status: 500, ..all[0].clone() }]).await.expect("a write");
    let [first, second, third] = all;
    let list = async |holder, limit, position| {
        let page = store.requests(holder, PageRequest { limit, position }).await.expect("a read");
        (page.items, page.has_more)
    };
    let newest = Position::Offset(0);
    assert_eq!(list(None, 10, newest).await, (vec![third.clone(), second.clone(), first.clone()], false));
    assert_eq!(list(Some(one), 1, newest).await, (vec![third.clone()], true));
    assert_eq!(list(Some(one), 1, Position::After(third.id.raw())).await, (vec![first.clone()], false));
    assert_eq!(list(Some(operator), 10, newest).await, (vec![second.clone()], false));
    let anothers = PageRequest { limit: 1, position: Position::Before(second.id.raw()) };
    assert!(matches!(store.requests(Some(one), anothers).await, Err(StoreError::UnknownCursor)));
    assert_eq!(store.request(second.id).await.expect("a read"), Some(second.clone()));

    assert!(!store.forget_requests(at(3)).await.expect("a write"), "that was all");
    assert_eq!(list(None, 10, newest).await, (vec![third], false));
    assert_eq!(store.request(second.id).await.expect("a read"), None);
}

pub(crate) async fn many_requests_are_forgotten_in_steps(store: &dyn Store) {
    let all: Vec<_> = (1..=2500).map(|number| logged(number, KeyHolder::Operator)).collect();
    store.log_requests(all).await.expect("a write");
    let mut steps = 1;
    while store.forget_requests(at(2500)).await.expect("a write") {
        steps += 1;
    }
    assert!(steps <= 4, "{steps}");
    let left = store.requests(None, PageRequest { limit: 10, position: Position::Offset(0) }).await.expect("a read");
    assert_eq!(left.items.len(), 1);
}
