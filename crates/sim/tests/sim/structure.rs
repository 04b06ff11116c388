//! The crates depend on each other, and know of the world, only as ARCHITECTURE.md says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What each crate may depend on, of our own.
const MAY_DEPEND_ON: [(&str, &[&str]); 8] = [
    ("cluster", &[]),
    ("escrow", &[]),
    ("evm", &["escrow"]),
    ("store", &["escrow"]),
    ("engine", &["escrow", "store"]),
    ("server", &["escrow", "evm", "store", "engine"]),
    ("cli", &["escrow", "evm", "store", "engine", "server"]),
    ("sim", &["escrow", "evm", "store", "engine", "server", "cli"]),
];

/// What the domain may use from outside: nothing that waits, stores, listens or draws.
const DOMAIN_USES: [&str; 3] = ["serde", "sha2", "thiserror"];

/// What does not ship: nothing may depend on it but tests, and it may contain what it likes.
const DEVELOPMENT: [&str; 2] = ["cluster", "sim"];

/// Words that only some crates may contain, with those crates and the reason.
const ONLY_IN: [(&str, &[&str], &str); 7] = [
    ("rusqlite", &["store"], "only the store knows how state is kept"),
    ("SELECT ", &["store"], "only the store contains SQL"),
    ("INSERT ", &["store"], "only the store contains SQL"),
    ("StatusCode", &["server"], "only the server knows status codes"),
    ("axum::", &["server", "cli"], "only the server speaks HTTP, and only the binary listens"),
    ("std::env", &["cli"], "only the binary reads the environment"),
    ("env::var", &["cli"], "only the binary reads the environment"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn packages() -> Vec<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

fn dependencies(package: &Value, kind: Option<&str>) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().expect("dependencies");
    let of_kind = all.iter().filter(|dependency| dependency["kind"].as_str() == kind);
    of_kind.map(|dependency| dependency["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn crates_depend_only_on_those_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_DEPEND_ON.into_iter().collect();
    let packages = packages();
    assert_eq!(packages.len(), allowed.len(), "a crate was added or removed");
    for package in &packages {
        let name = package["name"].as_str().expect("a name");
        for dependency in dependencies(package, None).iter().filter(|name| allowed.contains_key(name.as_str())) {
            assert!(allowed[name].contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn the_domain_is_pure() {
    let packages = packages();
    let escrow = packages.iter().find(|package| package["name"] == "escrow").expect("the domain");
    let uses: Vec<String> = dependencies(escrow, None).into_iter().collect();
    assert_eq!(uses, DOMAIN_USES);
}

#[test]
fn what_a_crate_must_not_know_does_not_stand_in_it() {
    for (word, crates, reason) in ONLY_IN {
        for (name, _) in MAY_DEPEND_ON.iter().filter(|(name, _)| !DEVELOPMENT.contains(name) && !crates.contains(name))
        {
            for file in rust_files(&root().join("crates").join(name).join("src")) {
                let text = std::fs::read_to_string(&file).expect("a source file");
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                for line in code {
                    assert!(!line.contains(word), "{}: {word:?} ({reason}): {line}", file.display());
                }
            }
        }
    }
}

/// The source files of a folder, without those of unit tests, which do not ship.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .filter(|path| path.file_stem().is_some_and(|name| name != "tests"))
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
