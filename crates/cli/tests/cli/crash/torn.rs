//! A write-ahead log with a torn end.

use std::fs;
use std::path::Path;

use super::CLIENTS;
use super::api::Api;
use super::dice::Dice;
use super::ordeal::{Ordeal, Scope};
use crate::harness::{Environment, run_json};

/// How many logs are torn.
const LOGS: u32 = 4;

/// A log has a header and then frames, each with a header and a page. <https://www.sqlite.org/fileformat2.html#walformat>
const LOG_HEADER_BYTES: u64 = 32;
const FRAME_BYTES: u64 = 24 + 4096;

/// Where the shared memory says how many frames a checkpoint may have moved. <https://www.sqlite.org/walformat.html#walidxfmt>
const MOVED_FRAMES_AT: usize = 128;

/// The most garbage that is put at the end of a log, in bytes.
const MOST_GARBAGE: u64 = 20_000;

/// A disk that keeps its promises tears only what was not synced. Here even synced commits are torn off, so that answers are
/// lost; but what is left is what there was at some moment, and no commit is there in part. Only what a checkpoint has begun to
/// move into the database stays, as its being synced is what the checkpoint builds on.
#[test]
fn behind_a_torn_log_is_a_moment_of_the_past() {
    let (mut dice, mut lost) = (Dice::new(), 0);
    for _ in 0..LOGS {
        let mut ordeal = Ordeal::new(CLIENTS, dice.fork());
        let gateway = ordeal.start(&Environment::new());
        let api = Api::of(&gateway);
        ordeal.strike(&api, || gateway.kill());
        let data = ordeal.data();
        tear(&data, &mut ordeal.dice);
        let gateway = ordeal.start(&Environment::new());
        let findings = ordeal.examine(&Api::of(&gateway), Scope::Everything);
        assert!(findings.doubled.is_empty() && findings.wrong.is_empty(), "{findings:#?}");
        assert!(findings.is_a_prefix(), "something is there that came after what was lost: {findings:#?}");
        assert_eq!(run_json(ordeal.folder(), &["verify", "--data", "data"])["ok"], true);
        gateway.client().create_intent();
        gateway.stop();
        assert_eq!(run_json(ordeal.folder(), &["verify", "--data", "data"])["ok"], true);
        lost += findings.lost.len();
    }
    println!("{LOGS} logs torn, {lost} answered requests torn off, no commit in part");
}

/// Cuts the log off somewhere and puts garbage there.
fn tear(data: &Path, dice: &mut Dice) {
    let path = data.join("milepost.db-wal");
    let mut log = fs::read(&path).expect("a log");
    let memory = fs::read(data.join("milepost.db-shm")).expect("shared memory");
    let moved: [u8; 4] = memory[MOVED_FRAMES_AT..MOVED_FRAMES_AT + 4].try_into().expect("four bytes");
    let first = match u64::from(u32::from_ne_bytes(moved)) {
        0 => 0,
        frames => LOG_HEADER_BYTES + frames * FRAME_BYTES,
    };
    let length = u64::try_from(log.len()).expect("a length");
    let cut = first + dice.below(length.saturating_sub(first) + 1);
    log.truncate(usize::try_from(cut).expect("a length"));
    log.extend((0..dice.below(MOST_GARBAGE)).map(|_| dice.roll().to_le_bytes()[0]));
    fs::write(path, log).expect("written");
}
