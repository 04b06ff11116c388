//! That no secret is in a database.

use super::{run_json, start, store};
use crate::harness::folder;
use crate::secrets::{ARGS, Told, abort, are_nowhere, live_with_secrets};
use crate::traces::{Found, files};

#[test]
fn no_secret_is_in_any_row_of_a_database() {
    let Some(database) = store() else { return };
    let folder = folder();
    let made = |args: &[&str]| {
        let made = run_json(folder.path(), database.url(), &[&["keys", "create", "--data", "data"], args].concat());
        made["secret"].as_str().expect("a secret").to_owned()
    };
    let (admin, test) = (made(&["--mode", "admin"]), made(&["--merchant", "One", "--mode", "test"]));
    let gateway = start(folder.path(), database.url(), &ARGS);
    let data = folder.path().join("data");
    let mut told = Told::beside(&data);
    let mut found = live_with_secrets(&mut told, &gateway, [&test, &admin]);
    found.extend(abort(gateway));
    let tables = database.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'");
    // Bytes are shown as hexadecimal digits, as which secrets are looked for as well.
    let rows = tables.lines().map(|table| Found::text(table, &database.sql(&format!("SELECT t::text FROM {table} t"))));
    found.extend(rows);
    let stored: String = found.iter().map(Found::squeezed).collect();
    assert!(
        stored.contains("requestid") && tables.lines().count() > 5,
        "what is searched is what was stored: {tables}"
    );
    found.extend(files(&data));
    are_nowhere(told, found);
}
