//! `verify` counts what there is, and sees what is wrong.

use engine::testing::SilentWitness;
use engine::verify::{Invariant, verify};
use escrow::{Effect, Escrow, Hash, MerchantId, Owner, RawId};
use store::{Change, Outcome, Unit, Versioned, Wanted};

use crate::world::{OWNER, World, complete, confirm};

async fn main_job() -> (World, Versioned) {
    let world = World::new();
    let (intent, milestones) = world.open(&["30", "70"]).await;
    world.ask(complete(intent, milestones[0]), None).await.expect("an answer");
    let wanted = Wanted { escrows: vec![intent], ..Wanted::default() };
    let mut loaded = world.store.load(wanted).await.expect("a store");
    let base = loaded.escrows.pop().flatten().expect("the intent");
    (world, base)
}

/// Stores a change behind the domain's back, and tells which invariant is found broken.
async fn broken_by(tamper: impl FnOnce(&mut Change)) -> Vec<Invariant> {
    let (world, base) = main_job().await;
    let next = base.escrow.clone();
    let mut change = Change { base: Some(base), next, transfers: Vec::new(), events: Vec::new(), effects: Vec::new() };
    tamper(&mut change);
    let unit = Unit { change: Some(change), ..Unit::default() };
    let outcomes = world.store.commit(vec![unit]).await.expect("a store");
    assert_eq!(outcomes, [Outcome::Committed]);
    let report = verify(world.store.as_ref(), Box::new(SilentWitness)).await.expect("a store");
    report.broken.iter().map(|broken| broken.invariant).collect()
}

#[tokio::test(start_paused = true)]
async fn a_store_that_nobody_touched_is_clean_and_counted() {
    let (world, _) = main_job().await;
    let report = world.assert_clean().await;
    assert_eq!((report.escrows, report.milestones, report.settlements, report.jobs), (1, 2, 1, 1));
    assert_eq!((report.transfers, report.events), (2, 12));
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_behind_its_back_is_named() {
    let moved = broken_by(|change| change.next.funds.payable = change.next.terms.amount).await;
    assert!(moved.contains(&Invariant::State) && moved.contains(&Invariant::Ledger), "{moved:?}");
    let cut = broken_by(|change| change.next.chain.count -= 1).await;
    assert_eq!(cut, [Invariant::Events]);
    let rehashed = broken_by(|change| change.next.chain.head = Hash::ZERO).await;
    assert_eq!(rehashed, [Invariant::Events]);
    let forgotten = broken_by(|change| {
        let duties = change.next.duties();
        change.effects = duties.iter().map(|(duty, _)| Effect::Drop(*duty)).collect();
    });
    assert_eq!(forgotten.await, [Invariant::Jobs]);
}

#[tokio::test(start_paused = true)]
async fn a_transfer_made_twice_is_named() {
    let (world, _) = main_job().await;
    let release = world.transfers().await[0];
    let broken = broken_by(|change| {
        let mut transfer = release.transfer;
        transfer.id = escrow::TransferId::new(escrow::RawId::from_bits(u128::MAX));
        change.transfers.push(store::TransferRow { transfer, created: release.created });
    });
    let broken = broken.await;
    assert!(broken.contains(&Invariant::Ledger) && broken.contains(&Invariant::Once), "{broken:?}");
}

/// Where a payer named the transaction of twos.
async fn named() -> (World, Versioned) {
    let world = World::new();
    let (intent, _) = world.open(&[]).await;
    let asked = confirm(&world, intent, Some(Hash::from_bytes([2; 32])), None).await;
    world.engine.submit(asked).await.expect("an answer");
    world.assert_clean().await;
    let base = world.versioned(intent).await;
    (world, base)
}

/// Stores a state behind the domain's back, as if it followed from another one.
async fn force(world: &World, base: Versioned, next: Escrow) {
    let change = Change { base: Some(base), next, transfers: Vec::new(), events: Vec::new(), effects: Vec::new() };
    let unit = Unit { change: Some(change), ..Unit::default() };
    assert_eq!(world.store.commit(vec![unit]).await.expect("a store"), [Outcome::Committed]);
}

async fn broken(world: &World) -> Vec<(Invariant, String)> {
    let report = verify(world.store.as_ref(), Box::new(SilentWitness)).await.expect("a store");
    assert_eq!(report.broken_total, report.broken.len() as u64);
    report.broken.into_iter().map(|broken| (broken.invariant, broken.what)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_is_not_claimed_is_named() {
    let (world, mut base) = named().await;
    // What the state before named already is not claimed again.
    let other = Hash::from_bytes([3; 32]);
    base.escrow.payments[0].transaction = Some(other);
    let next = base.escrow.clone();
    let named = Hash::from_bytes([2; 32]);
    let what = [
        format!("{}: transaction 0x{other} is not claimed", next.id),
        format!("{}: transaction 0x{named} is claimed, and not named", next.id),
    ];
    force(&world, base, next).await;
    assert_eq!(broken(&world).await, what.map(|what| (Invariant::Once, what)));
}

#[tokio::test(start_paused = true)]
async fn a_claim_among_another_owners_is_named() {
    let (world, base) = named().await;
    let untouched = base.escrow.clone();
    let mut moved = untouched.clone();
    moved.owner = Owner { merchant: MerchantId::new(RawId::from_bits(2)), ..OWNER };
    let other = Hash::from_bytes([3; 32]);
    moved.payments[0].transaction = Some(other);
    force(&world, base, moved).await;
    let base = world.versioned(untouched.id).await;
    let what = format!("{}: transaction 0x{other} is claimed, and not named", untouched.id);
    force(&world, base, untouched).await;
    assert_eq!(broken(&world).await, [(Invariant::Once, what)]);
}
