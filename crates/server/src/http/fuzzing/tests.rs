//! The seeds of `fuzz/seeds`, and some thousand changes of them, always the same.

use std::path::Path;

use super::{TARGETS, Target};

/// What the changes are drawn from.
const SEED: u64 = 0x6d69_6c65_706f_7374;

/// How many changes each target gets.
const CHANGES: usize = 1_500;

/// How often something is changed at once, at most.
const MOST_AT_ONCE: usize = 4;

/// The longest input, in bytes.
const MAX_BYTES: usize = 4096;

/// Bytes and words that parsers give a meaning to.
const WORDS: [&[u8]; 36] = [
    b"0",
    b"1",
    b"9",
    b".",
    b",",
    b"-",
    b"+",
    b"e",
    b"%",
    b"&",
    b"=",
    b"[",
    b"]",
    b"{",
    b"}",
    b"\"",
    b"\\",
    b":",
    b"/",
    b"@",
    b"#",
    b"?",
    b" ",
    b"\n",
    b"\0",
    b"\xff",
    b"%00",
    b"%FF",
    b"null",
    b"true",
    b"0x",
    b"1e9",
    b"9223372036854775807",
    b"\xe2\x82\xac",
    b"[0]",
    b"\\u0000",
];

struct Dice(u64);

impl Dice {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below this one; 0 below 1.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).expect("below a usize")
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// One seed with a few changes.
fn changed(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut data = dice.one_of(seeds).clone();
    for _ in 0..=dice.below(MOST_AT_ONCE) {
        let at = dice.below(data.len() + 1);
        let to = at + dice.below(data.len() + 1 - at);
        match dice.below(6) {
            0 if !data.is_empty() => {
                let at = dice.below(data.len());
                data[at] ^= 1 << dice.below(8);
            }
            0 | 1 => data.insert(at, u8::try_from(dice.below(256)).expect("a byte")),
            2 => drop(data.drain(at..to)),
            3 => drop(data.splice(at..to, dice.one_of(&WORDS).iter().copied())),
            4 => drop(data.splice(at..at, data[at..to].to_vec())),
            _ => {
                let other = dice.one_of(seeds);
                let from = dice.below(other.len() + 1);
                data.splice(at.., other[from..].iter().copied());
            }
        }
        data.truncate(MAX_BYTES);
    }
    data
}

/// Tells what was being tried when something panics.
struct Trying<'a>(&'a str, &'a [u8]);

impl Drop for Trying<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the target {} was given: {}", self.0, self.1.escape_ascii());
        }
    }
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(name);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.expect("readable").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("readable")).collect()
}

/// Plays what belongs to a target.
fn play(wanted: &str) {
    println!("changes are drawn from {SEED:#x}");
    let target = |(name, target): (&str, Target)| (name == wanted).then_some(target);
    let target = TARGETS.into_iter().find_map(target).expect("a target of this name");
    let seeds = seeds(wanted);
    let mut dice = Dice(SEED);
    let changes = (0..CHANGES).map(|_| changed(&mut dice, &seeds));
    for data in seeds.iter().cloned().chain(changes) {
        let _trying = Trying(wanted, &data);
        target(&data);
    }
}

#[test]
fn amounts_keep_their_promises_near_the_seeds() {
    play("amounts");
}

#[test]
fn bodies_keep_their_promises_near_the_seeds() {
    play("bodies");
}

#[test]
fn keys_keep_their_promises_near_the_seeds() {
    play("keys");
}

#[test]
fn queries_keep_their_promises_near_the_seeds() {
    play("queries");
}

#[test]
fn requests_keep_their_promises_near_the_seeds() {
    play("requests");
}

#[test]
fn signatures_keep_their_promises_near_the_seeds() {
    play("signatures");
}

#[test]
fn webhooks_keep_their_promises_near_the_seeds() {
    play("webhooks");
}

/// A target that is forgotten somewhere is never fuzzed.
#[test]
fn every_target_has_a_program_and_seeds() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).expect("a manifest");
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        let program = std::fs::read_to_string(fuzz.join("fuzz_targets").join(format!("{name}.rs"))).expect(name);
        assert!(program.contains(&format!("server::fuzzing::{name}(data)")), "{name}");
        assert!(!seeds(name).is_empty(), "{name}");
    }
    assert_eq!(std::fs::read_dir(fuzz.join("fuzz_targets")).expect("a folder").count(), TARGETS.len());
}
