//! Money moving, told in plain words: every file of `scenarios` is played over the HTTP API, on every store, and reads as it
//! happens.
//!
//! `UPDATE_SCENARIOS=1 cargo nextest run -p sim` writes down what happens; what the files then say is for people to judge.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use store::{DatabaseUrl, MemoryStore, PostgresSettings, PostgresStore, SqliteStore, Store, Times};

use crate::script::Script;
use crate::world::World;

mod acts;
mod clock;
mod script;
mod show;
mod simulated;
mod steps;
mod structure;
mod world;

/// Set by whoever wants the files written anew.
const UPDATE: &str = "UPDATE_SCENARIOS";

#[tokio::test]
async fn every_scenario_reads_as_it_happens() {
    let mut differences = Vec::new();
    for path in files() {
        let written = fs::read_to_string(&path).expect("a scenario");
        let happened = play_on_every_store(&path, &written).await;
        if std::env::var_os(UPDATE).is_some() {
            fs::write(&path, happened).expect("a scenario can be written");
        } else if let Some(difference) = script::difference(&written, &happened) {
            differences.push(format!("{}:{difference}", path.display()));
        }
    }
    assert!(
        differences.is_empty(),
        "what happens (+) is not what is written (-)\n\n{}\nWhere what happens is right: {UPDATE}=1 cargo nextest run -p sim\n",
        differences.join("\n")
    );
}

/// Plays a scenario on each store; what happens must be the same.
async fn play_on_every_store(path: &Path, written: &str) -> String {
    let name = path.display();
    let script = Script::read(written).unwrap_or_else(|error| panic!("{name}:{error}"));
    let in_memory = play(path, &script, Arc::new(MemoryStore::new())).await;
    let folder = tempfile::tempdir().expect("a folder");
    let in_sqlite = play(path, &script, Arc::new(SqliteStore::open(folder.path()).expect("a store"))).await;
    assert_same(&name.to_string(), "SQLite", &in_memory, &in_sqlite);
    if let Some(database) = cluster::Database::fresh() {
        let in_postgres = play(path, &script, Arc::new(postgres(&database).await)).await;
        assert_same(&name.to_string(), "PostgreSQL", &in_memory, &in_postgres);
    }
    in_memory
}

fn assert_same(scenario: &str, store: &str, in_memory: &str, there: &str) {
    if let Some(difference) = script::difference(in_memory, there) {
        panic!("{scenario}: on {store} (+) another thing happens than in memory (-), line {difference}");
    }
}

/// A store in a database of its own, in which the time is that of the scenario.
async fn postgres(database: &cluster::Database) -> PostgresStore {
    let url = DatabaseUrl::parse(database.url()).expect("an address");
    let settings = PostgresSettings { times: Times::Given, ..PostgresSettings::of(url) };
    PostgresStore::migrate(&settings).await.expect("a schema");
    PostgresStore::open(&settings).await.expect("a store")
}

async fn play(path: &Path, script: &Script, store: Arc<dyn Store>) -> String {
    let mut world = World::new(store).await;
    let played = script.play(&mut world).await;
    world.end().await;
    played.unwrap_or_else(|error| panic!("{}:{error}", path.display()))
}

/// The scenarios, by name.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = fs::read_dir(&folder).expect("the folder of scenarios").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = entries.collect();
    files.sort();
    for file in &files {
        assert!(file.extension().is_some_and(|extension| extension == "txt"), "{} is no scenario", file.display());
    }
    assert!(!files.is_empty(), "{} has no scenarios", folder.display());
    files
}
