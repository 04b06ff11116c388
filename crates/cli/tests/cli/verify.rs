//! `milepost verify`.

use crate::harness::{Gateway, assert_failed, folder, run, run_json, stdout};
use crate::tampering::{Deed, Dialect, deeds, live_a_little};

#[test]
fn it_checks_a_store_that_is_in_use() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &[]);
    let client = gateway.client();
    for round in 1..=2 {
        let intent = client.create_intent();
        let milestone = client.create_milestone(&intent, 0, "1000.00");
        client.complete(&intent, &milestone);
        let report = run_json(folder.path(), &["verify", "--data", "data"]);
        assert_eq!((&report["ok"], &report["escrows"]), (&true.into(), &round.into()));
    }
    let output = run(folder.path(), ["verify", "--data", "data"]);
    assert!(output.status.success());
    assert!(stdout(&output).starts_with("Checked data:\n"), "{}", stdout(&output));
    assert!(stdout(&output).ends_with("all invariants hold\n"), "{}", stdout(&output));
}

#[test]
fn a_changed_event_is_found() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &[]);
    let client = gateway.client();
    let intent = client.create_intent();
    client.create_milestone(&intent, 0, "1000.00");
    gateway.stop();

    let database = folder.path().join("data/milepost.db");
    let mut bytes = std::fs::read(&database).expect("a database");
    let (from, to) = (b"\"milestone.created\"", b"\"milestone.cREATED\"");
    let at = bytes.windows(from.len()).position(|window| window == from).expect("the event is in the database");
    bytes[at..at + to.len()].copy_from_slice(to);
    std::fs::write(&database, bytes).expect("written");

    let output = run(folder.path(), ["verify", "--data", "data"]);
    assert_failed(&output, 1, "1 problem");
    assert!(stdout(&output).contains("does not hash to its stored hash"), "{}", stdout(&output));
    assert!(stdout(&output).contains(&intent), "{}", stdout(&output));
}

const SQLITE: Dialect = Dialect {
    dearer_body: "CAST(replace(CAST(body AS TEXT), '1000.00', '1000.01') AS BLOB)",
    random_id: "randomblob(16)",
    random_hash: "randomblob(32)",
};

#[test]
fn what_was_tampered_with_is_named() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &[]);
    let intent = live_a_little(&gateway);
    gateway.stop();
    assert_eq!(run(folder.path(), ["verify", "--data", "data"]).status.code(), Some(0), "before");
    let whole = folder.path().join("data/milepost.db");
    for Deed { name, sql, said, names_the_intent } in deeds(&SQLITE) {
        let copy = folder.path().join("copy");
        std::fs::create_dir_all(&copy).expect("a folder");
        std::fs::copy(&whole, copy.join("milepost.db")).expect("a copy");
        let db = rusqlite::Connection::open(copy.join("milepost.db")).expect("a database");
        let before = db.total_changes();
        db.execute_batch(&sql).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(db.total_changes() > before, "{name}: nothing was changed");
        drop(db);
        let output = run(folder.path(), ["verify", "--data", "copy"]);
        assert_eq!(output.status.code(), Some(1), "{name}: {}", stdout(&output));
        assert!(stdout(&output).contains(said), "{name}: {}", stdout(&output));
        assert!(!names_the_intent || stdout(&output).contains(&intent), "{name}: {}", stdout(&output));
    }
}

#[test]
fn where_there_is_no_store_none_is_made() {
    let folder = folder();
    assert_failed(&run(folder.path(), ["verify", "--data", "data"]), 3, "there is no Milepost store");
    assert!(!folder.path().join("data").exists());
}
