//! Replies under idempotency keys.

use escrow::{Mode, Owner};
use store::{Outcome, Store, Unit};

use crate::world::{at, commit, load_reply, owner, reply, with_reply};

const DAY_MS: i64 = 24 * 3600 * 1000;

pub(crate) async fn replies_are_forgotten_by_their_time(store: &dyn Store) {
    let times = [("a", 10), ("b", DAY_MS - 1), ("c", DAY_MS + 5), ("d", DAY_MS + 6), ("e", 3 * DAY_MS)];
    for (key, ms) in times {
        let unit = with_reply(Unit::default(), reply(owner(1), key, at(ms)));
        assert_eq!(commit(store, unit).await, Outcome::Committed);
    }
    // A time before the latest one changes nothing.
    for (before, first_kept_ms) in [(0, 0), (11, 11), (DAY_MS + 6, DAY_MS + 6), (DAY_MS, DAY_MS + 6), (20, DAY_MS + 6)]
    {
        store.forget_replies(at(before)).await.expect("a write");
        for (key, ms) in times {
            let expected = (ms >= first_kept_ms).then(|| reply(owner(1), key, at(ms)));
            assert_eq!(load_reply(store, owner(1), key).await, expected, "{key} before {before}");
        }
    }
    for (key, ms) in [("c", DAY_MS + 10), ("a", 3 * DAY_MS)] {
        let again = reply(owner(1), key, at(ms));
        assert_eq!(commit(store, with_reply(Unit::default(), again.clone())).await, Outcome::Committed);
        assert_eq!(load_reply(store, owner(1), key).await, Some(again));
    }
    let taken = with_reply(Unit::default(), reply(owner(1), "d", at(3 * DAY_MS)));
    assert_eq!(commit(store, taken).await, Outcome::Lost);
    store.forget_replies(at(4 * DAY_MS)).await.expect("a write");
    assert_eq!(load_reply(store, owner(1), "e").await, None);
    // The clock steps back behind what was forgotten: a reply made now is known all the same.
    let late = with_reply(Unit::default(), reply(owner(1), "late", at(DAY_MS)));
    assert_eq!(commit(store, late).await, Outcome::Committed);
    assert!(load_reply(store, owner(1), "late").await.is_some());
}

pub(crate) async fn keys_belong_to_their_owner(store: &dyn Store) {
    let live = Owner { mode: Mode::Live, ..owner(1) };
    for (who, key) in [(owner(1), "key"), (live, "key"), (owner(2), "key"), (owner(1), "KEY"), (owner(1), "clé ")] {
        assert_eq!(commit(store, with_reply(Unit::default(), reply(who, key, at(1)))).await, Outcome::Committed);
    }
    assert_eq!(load_reply(store, live, "key").await, Some(reply(live, "key", at(1))));
    assert_eq!(load_reply(store, owner(2), "KEY").await, None);
}
