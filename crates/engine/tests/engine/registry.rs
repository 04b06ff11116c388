//! Merchants and keys are changed one act after the other, each told, and `verify` sees when one is not.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use engine::testing::{ManualHost, SilentWitness, new_key, new_merchant};
use engine::verify::{Invariant, verify};
use engine::{
    Act, ActRequest, Answer, By, Config, Done, FreshIds, Host, KeyState, Keyring, Made, NewKey, Parts, Refused,
    Registry, Rendered, SimulatedPayments, Task,
};
use escrow::{Chain, EventId, Hash, RawId, Span, Timestamp};
use futures_util::FutureExt;
use store::{AccountEvent, EventRow, EventType, Journal, JournalChange, KeyHolder, KeyKind, Outcome, Unit, Wanted};

use crate::world::{PlainEvents, World};

const TOKEN: &str = "sk_test_brought-along";

fn registry(world: &World) -> Registry {
    world.engine.registry(Keyring::new(&[7; 32]))
}

async fn journal(world: &World, holder: KeyHolder) -> Journal {
    let wanted = Wanted { journals: vec![holder], ..Wanted::default() };
    world.store.load(wanted).await.expect("a store").journals.pop().flatten().expect("a journal")
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_brought_along_twice_is_one_and_told_once() {
    let world = World::new();
    let registry = registry(&world);
    let merchant = new_merchant(&registry, "one").await;
    let first = new_key(&registry, TOKEN, NewKey::first(merchant)).await;
    let told = journal(&world, first.holder).await;
    assert_eq!(new_key(&registry, TOKEN, NewKey::first(merchant)).await, first);
    assert_eq!(journal(&world, first.holder).await, told);
    assert!(registry.adopt("sk_test_x", NewKey::first(merchant)).await.expect("a store").is_err(), "too short");
    let report = world.assert_clean().await;
    assert_eq!((report.journals, report.events), (2, 2));
}

/// Two gateways that each saw the store as it was before the other acted.
#[tokio::test(start_paused = true)]
async fn of_two_gateways_that_act_at_once_both_are_told() {
    let (one, two) = {
        let one = World::new();
        let two = one.another();
        (one, two)
    };
    let (first, second) = (registry(&one), registry(&two));
    let merchant = new_merchant(&first, "one").await;
    let create = |registry: Registry| async move {
        let act = Act::CreateKey(NewKey::full(KeyHolder::Operator, KeyKind::Admin));
        for _ in 0..50 {
            assert!(matches!(registry.act(&act).await, Ok(Ok(Done::Key(_)))));
        }
    };
    tokio::join!(create(first), create(second));
    assert_eq!(journal(&one, KeyHolder::Operator).await.chain.count, 101);
    one.assert_clean().await;
    assert!(one.store.merchant(merchant).await.expect("a store").is_some());
}

/// A host that lets something happen when randomness is next drawn: in the middle of an act.
struct Meddling {
    host: ManualHost,
    deed: Mutex<Option<Deed>>,
}

type Deed = Box<dyn FnOnce() + Send>;

#[async_trait]
impl Host for Meddling {
    fn now(&self) -> Timestamp {
        self.host.now()
    }

    fn ticks_us(&self) -> i64 {
        self.host.ticks_us()
    }

    fn random(&self, bytes: &mut [u8]) {
        let deed = self.deed.lock().expect("not poisoned").take();
        deed.into_iter().for_each(|deed| deed());
        self.host.random(bytes);
    }

    async fn sleep(&self, span: Span) {
        self.host.sleep(span).await;
    }

    fn spawn(&self, task: Task) {
        self.host.spawn(task);
    }
}

/// A key that one gateway revokes while another rolls it never works again.
#[tokio::test(start_paused = true)]
async fn a_roll_by_one_gateway_takes_back_no_revocation_by_another() {
    let world = World::new();
    let other = Arc::new(registry(&world));
    let act = Act::CreateKey(NewKey::full(KeyHolder::Operator, KeyKind::Admin));
    let Ok(Ok(Done::Key(Made { key, .. }))) = other.act(&act).await else { panic!("no key") };
    let id = key.id;
    let revoke: Deed = Box::new(move || {
        let revoked = other.act(&Act::RevokeKey { id }).now_or_never().expect("the store in memory answers at once");
        assert!(matches!(revoked, Ok(Ok(Done::Revoked(_)))), "{revoked:?}");
    });
    let host = ManualHost::at_ms(world.host.now().ms());
    // Its randomness must differ, or it would make the same ids.
    host.random(&mut [0; 1 << 16]);
    let host = Arc::new(Meddling { host, deed: Mutex::new(Some(revoke)) });
    let parts = Parts {
        store: world.store.clone(),
        host: host.clone(),
        present: Arc::new(PlainEvents),
        payments: Arc::new(SimulatedPayments),
        config: Config::default(),
    };
    let registry = Registry::new(parts, Arc::new(FreshIds::new(host)), Keyring::new(&[7; 32]));
    let rolled = registry.act(&Act::RollKey { id, grace: Span::from_seconds(60) }).await.expect("a store");
    assert_eq!(rolled.err(), Some(Refused::KeyOver(KeyState::Revoked)));
    assert!(world.store.key(id).await.expect("a store").expect("a key").revoked.is_some());
    world.assert_clean().await;
}

#[tokio::test(start_paused = true)]
async fn what_depends_on_who_asks_is_not_remembered_and_what_is_decided_is() {
    let world = World::new();
    let registry = registry(&world);
    let merchant = new_merchant(&registry, "one").await;
    let key = Arc::new(new_key(&registry, TOKEN, NewKey::first(merchant)).await);
    let perform = async |act: Act, idempotency_key: &str| {
        let idempotency = engine::Idempotency {
            owner: key.holder.stream(),
            key: idempotency_key.to_owned(),
            fingerprint: Hash::from_bytes([1; 32]),
        };
        let render = |result: Result<&Done, &Refused>| {
            let told = result.map(|_| "done").map_err(ToString::to_string);
            Rendered { status: 200, body: format!("{told:?}").into_bytes(), kept: Some(b"kept".to_vec()) }
        };
        let request =
            ActRequest { by: By::Key(key.clone()), act, idempotency: Some(idempotency), render: Arc::new(render) };
        registry.perform(request).await.expect("an answer")
    };
    let unknown = Act::RevokeKey { id: escrow::KeyId::new(RawId::from_bits(1)) };
    for _ in 0..2 {
        assert!(matches!(perform(unknown.clone(), "a").await, Answer::Decided(_)), "nothing is remembered");
    }
    let create = Act::CreateKey(NewKey::first(merchant));
    let Answer::Decided(first) = perform(create.clone(), "b").await else { panic!("it is new") };
    assert_eq!((first.body.as_slice(), first.kept), (br#"Ok("done")"#.as_slice(), None));
    let Answer::Replayed(again) = perform(create, "b").await else { panic!("it was answered before") };
    assert_eq!(again.body, b"kept");
    world.assert_clean().await;
}

/// Continues a journal behind the registry's back, and tells which invariants are found broken.
async fn broken_by(tamper: impl FnOnce(&mut JournalChange)) -> Vec<Invariant> {
    let world = World::new();
    new_merchant(&registry(&world), "one").await;
    let base = journal(&world, KeyHolder::Operator).await;
    let id = EventId::new(RawId::from_bits(1));
    let body = format!("an event api_key.created {id}").into_bytes();
    let chain = base.chain.followed_by(&body);
    let event = EventRow {
        id,
        kind: EventType::Account(AccountEvent::KeyCreated),
        sequence: chain.count,
        created: world.engine.host().now(),
        hash: chain.head,
        body,
    };
    let mut change = JournalChange {
        holder: KeyHolder::Operator,
        base: Some(base),
        next: Journal { chain, ..base },
        events: vec![event],
        merchant: None,
        key: None,
        changed: None,
        endpoint: None,
    };
    tamper(&mut change);
    let outcomes = world.store.commit(vec![Unit { journals: vec![change], ..Unit::default() }]).await;
    assert_eq!(outcomes.expect("a store"), [Outcome::Committed]);
    let report = verify(world.store.as_ref(), Box::new(SilentWitness)).await.expect("a store");
    report.broken.iter().map(|broken| broken.invariant).collect()
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_was_changed_is_named() {
    assert_eq!(broken_by(|_| ()).await, []);
    assert_eq!(broken_by(|change| change.events[0].body = b"another".to_vec()).await, [Invariant::Events]);
    assert_eq!(broken_by(|change| change.events[0].sequence += 1).await, [Invariant::Events]);
    assert_eq!(broken_by(|change| change.events.clear()).await, [Invariant::Events]);
    let cut = |change: &mut JournalChange| change.next.chain = Chain { count: 1, ..change.next.chain };
    assert_eq!(broken_by(cut).await, [Invariant::Events]);
    let inserted = |change: &mut JournalChange| change.events.push(change.events[0].clone());
    assert_eq!(broken_by(inserted).await, [Invariant::Events]);
}
