//! How long the domain takes: a decision, an amount, a link of the event chain.
#![allow(clippy::expect_used, reason = "a benchmark may fail by panicking")]

mod main_job;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use escrow::{Actor, Amount, Ctx, Currency, Hash, IntentId, RawId, Settings, Timestamp};
use main_job::{Counter, completion, main_job};

/// A body of an event is about so long, in bytes.
const EVENT_BYTES: usize = 900;

fn decisions(criterion: &mut Criterion) {
    let (ids, settings) = (Counter::new(), Settings::default());
    let ctx = Ctx { now: Timestamp::from_ms(1_800_000_000_000), by: &Actor::Merchant, ids: &ids, settings: &settings };
    let opened = escrow::open(main_job(), &ctx).expect("an intent").next;
    let paid = escrow::decide(&opened, completion(&opened, 0), &ctx).expect("a decision").next;
    criterion.bench_function("open with three milestones", |bencher| {
        bencher.iter(|| escrow::open(black_box(main_job()), &ctx));
    });
    criterion.bench_function("decide: complete the first milestone, which pays", |bencher| {
        bencher.iter(|| escrow::decide(black_box(&opened), completion(&opened, 0), &ctx));
    });
    criterion.bench_function("decide: complete the second milestone", |bencher| {
        bencher.iter(|| escrow::decide(black_box(&paid), completion(&paid, 1), &ctx));
    });
    criterion.bench_function("decide: refuse to complete the third before the second", |bencher| {
        bencher.iter(|| escrow::decide(black_box(&paid), completion(&paid, 2), &ctx));
    });
}

fn parsing(criterion: &mut Criterion) {
    criterion.bench_function("parse an amount", |bencher| {
        bencher.iter(|| Amount::parse(black_box("1000.000001"), Currency::Usdc));
    });
    criterion.bench_function("parse an id", |bencher| {
        let text = IntentId::new(RawId::from_bits(u128::MAX / 3)).to_string();
        bencher.iter(|| black_box(text.as_str()).parse::<IntentId>());
    });
}

fn chain(criterion: &mut Criterion) {
    let body = vec![b'e'; EVENT_BYTES];
    criterion.bench_function("chain an event", |bencher| {
        bencher.iter(|| Hash::ZERO.following(black_box(&body)));
    });
}

criterion_group!(benches, decisions, parsing, chain);
criterion_main!(benches);
