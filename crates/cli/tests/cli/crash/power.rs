//! The power fails: `kill -9` on a disk that forgets what was not synced.

use super::api::Api;
use super::dice::Dice;
use super::disk::{Unsynced, VolatileDisk};
use super::ordeal::{Ordeal, Scope};
use super::{CLIENTS, rounds};
use crate::harness::Environment;

#[test]
fn a_power_failure_under_load_loses_no_answer_and_does_nothing_twice() {
    let mut ordeal = Ordeal::new(CLIENTS, Dice::new());
    let disk = VolatileDisk::below(&ordeal.data());
    let mut gateway = ordeal.start(&disk.mount());
    for _ in 0..rounds() {
        let api = Api::of(&gateway);
        ordeal.strike(&api, || gateway.kill());
        let unsynced = if ordeal.dice.flip() { Unsynced::Lost } else { Unsynced::Scattered };
        disk.lose_power(unsynced, &mut ordeal.dice);
        gateway = ordeal.start(&disk.mount());
        let api = Api::of(&gateway);
        ordeal.assert_kept(&api, Scope::LastLoad);
        ordeal.retry(&api);
    }
    ordeal.wait_for_settlements(&gateway);
    ordeal.conclude(gateway);
}

/// How many blows may fall at a moment when there is nothing to lose.
const MOST_BLOWS: usize = 10;

/// The proof that the test above would see a sync that is missing: here the log's syncs are taken away. A checkpoint that came just
/// before a blow has moved all that was answered into the database, which is synced, so that there may have to be another one.
#[test]
fn a_log_that_is_not_synced_loses_answers_and_that_is_seen() {
    let mut ordeal = Ordeal::new(CLIENTS, Dice::new());
    ordeal.start(&Environment::new()).stop();
    for blow in 1..=MOST_BLOWS {
        let mut disk = VolatileDisk::below(&ordeal.data());
        disk.be_deaf("-wal");
        let gateway = ordeal.start(&disk.mount());
        let api = Api::of(&gateway);
        ordeal.strike(&api, || gateway.kill());
        disk.lose_power(Unsynced::Lost, &mut ordeal.dice);
        let gateway = ordeal.start(&Environment::new());
        let api = Api::of(&gateway);
        let findings = ordeal.examine(&api, Scope::Everything);
        println!("{} answered requests were lost, {} were kept", findings.lost.len(), findings.replayed);
        if !findings.lost.is_empty() {
            return;
        }
        println!("blow {blow} fell right behind a checkpoint");
        ordeal.retry(&api);
        gateway.stop();
    }
    panic!("a log that is never synced went unnoticed");
}
