//! That `verify` names what somebody did to a database.

use super::{run, start, store};
use crate::harness::{folder, stdout};
use crate::tampering::{Deed, Dialect, deeds, live_a_little};

const POSTGRES: Dialect = Dialect {
    dearer_body: "convert_to(replace(convert_from(body, 'UTF8'), '1000.00', '1000.01'), 'UTF8')",
    random_id: "uuid_send(gen_random_uuid())",
    random_hash: "sha256(uuid_send(gen_random_uuid()))",
};

const TABLES: [&str; 10] =
    ["balances", "transfers", "parts", "jobs", "escrows", "keys", "merchants", "endpoints", "events", "streams"];

#[test]
fn what_was_tampered_with_in_a_database_is_named() {
    let Some(database) = store() else { return };
    let folder = folder();
    let gateway = start(folder.path(), database.url(), &[]);
    let intent = live_a_little(&gateway);
    gateway.stop();
    assert_eq!(run(folder.path(), database.url(), &["verify"]).status.code(), Some(0), "before");
    let all_rows = TABLES.map(|table| format!("SELECT t::text FROM {table} t ORDER BY 1;")).concat();
    for Deed { name, sql, said, names_the_intent } in deeds(&POSTGRES) {
        let copy = database.copy();
        let before = copy.sql(&all_rows);
        copy.sql(&sql);
        assert!(copy.sql(&all_rows) != before, "{name}: nothing was changed");
        let output = run(folder.path(), copy.url(), &["verify"]);
        assert_eq!(output.status.code(), Some(1), "{name}: {}", stdout(&output));
        assert!(stdout(&output).contains(said), "{name}: {}", stdout(&output));
        assert!(!names_the_intent || stdout(&output).contains(&intent), "{name}: {}", stdout(&output));
    }
}
