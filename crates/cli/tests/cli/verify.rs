//! `milepost verify`.

use crate::harness::{Gateway, assert_failed, folder, run, run_json, stdout};

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

/// What somebody does to events who can write into the database, and what `verify` says of it.
#[test]
fn events_that_were_tampered_with_are_named() {
    const INTENT: &str = "(SELECT id FROM escrows)";
    let of = |sequence: &str| format!("subject = {INTENT} AND sequence = {sequence}");
    let last = format!("(SELECT max(sequence) FROM events WHERE subject = {INTENT})");
    let copy = "INSERT INTO events (owner, position, subject, sequence, id, created, hash, body, type)
        SELECT owner, (SELECT last + 1 FROM streams s WHERE s.owner = e.owner), subject, sequence + 1,
            randomblob(16), created, hash, body, type FROM events e WHERE ";
    for (deed, sql, said) in [
        (
            "changed",
            format!(
                "UPDATE events SET body = CAST(replace(CAST(body AS TEXT), '1000.00', '1000.01') AS BLOB) WHERE {}",
                of("2")
            ),
            "(sequence 2) does not hash to its stored hash",
        ),
        ("missing", format!("DELETE FROM events WHERE {}", of("2")), "has sequence 3 in place of 2"),
        ("inserted", format!("{copy}{}", of(&last)), "does not hash to its stored hash"),
        ("cut off", format!("DELETE FROM events WHERE {}", of(&last)), "its state says"),
        (
            "cut off with its place",
            format!(
                "DELETE FROM events WHERE {}; UPDATE streams SET last = last - 1
                 WHERE owner = (SELECT owner FROM escrows)",
                of(&last)
            ),
            "its state says",
        ),
        (
            "listed as another",
            format!("UPDATE events SET type = 'dispute.raised' WHERE {}", of("1")),
            "its body does not say",
        ),
        (
            "under another id",
            format!("UPDATE events SET id = randomblob(16) WHERE {}", of("2")),
            "its body does not say",
        ),
        (
            "in another order",
            format!(
                "UPDATE events SET position = position + 1000 WHERE {one};
                 UPDATE events SET position = position - 1 WHERE {two};
                 UPDATE events SET position = position - 999 WHERE {one}",
                one = of("1"),
                two = of("2")
            ),
            "before one that came before it",
        ),
        ("counted on", "UPDATE streams SET last = last + 5".to_owned(), "says its last event is in place"),
        ("moved", format!("UPDATE events SET position = position + 1000 WHERE {}", of(&last)), "have places up to"),
    ] {
        let folder = folder();
        let gateway = Gateway::start(folder.path(), &[]);
        let client = gateway.client();
        let intent = client.create_intent();
        client.create_milestone(&intent, 0, "1000.00");
        gateway.stop();
        let db = rusqlite::Connection::open(folder.path().join("data/milepost.db")).expect("a database");
        db.execute_batch(&sql).unwrap_or_else(|error| panic!("{deed}: {error}"));
        assert!(db.changes() > 0, "{deed}: nothing was changed");
        drop(db);
        let output = run(folder.path(), ["verify", "--data", "data"]);
        assert_eq!(output.status.code(), Some(1), "{deed}: {}", stdout(&output));
        assert!(stdout(&output).contains(said), "{deed}: {}", stdout(&output));
        assert!(
            stdout(&output).contains(&intent) || ["moved", "counted on"].contains(&deed),
            "{deed}: {}",
            stdout(&output)
        );
    }
}

/// What somebody does to everything else who can write into the database, and what `verify` says of it.
#[test]
fn rows_that_were_tampered_with_are_named() {
    for (deed, sql, said) in [
        ("a balance raised", "UPDATE balances SET minor = minor + 1 WHERE account = 'payable'", "its transfers add up to"),
        (
            "two balances raised together",
            "UPDATE balances SET minor = minor + 1 WHERE account = 'payable';
             UPDATE balances SET minor = minor - 1 WHERE account LIKE 'rail%'",
            "its transfers add up to",
        ),
        ("a balance removed", "DELETE FROM balances WHERE account = 'payable'", "its transfers add up to"),
        ("a transfer raised", "UPDATE transfers SET minor = minor + 1 WHERE kind = 'release'", "was due"),
        ("a transfer removed", "DELETE FROM transfers WHERE kind = 'release'", "its transfers add up to"),
        (
            "a transfer made twice",
            "INSERT INTO transfers SELECT owner, randomblob(16), intent, created, kind, subject, method, minor, currency, from_after, to_after
             FROM transfers WHERE kind = 'release'",
            "repeats Release",
        ),
        (
            "another payee in the terms",
            "UPDATE parts SET body = replace(body, 'bank_account_123', 'bank_account_666') WHERE kind = 0",
            "settlementDestination of payment_intent",
        ),
        (
            "another payee of one payout",
            "UPDATE parts SET body = replace(body, 'bank_account_123', 'bank_account_666') WHERE kind = 2",
            "which was not agreed",
        ),
        (
            "another payee everywhere but in events",
            "UPDATE parts SET body = replace(body, 'bank_account_123', 'bank_account_666')",
            "settlementDestination of payment_intent",
        ),
        ("a part removed", "DELETE FROM parts WHERE kind = 2", "payable settlements are"),
        ("a job removed", "DELETE FROM jobs", "its jobs none"),
        ("a job put off", "UPDATE jobs SET due = due + 86400000", "its duties are"),
        ("the intent removed", "DELETE FROM escrows", "which does not exist"),
        ("a key renamed", "UPDATE keys SET name = 'mine'", "name of api_key"),
        ("a key that may do something else", "UPDATE keys SET scopes = 'escrow:read'", "scopes of api_key"),
        ("a key that expires later", "UPDATE keys SET expires = 4000000000000", "expiresAt of api_key"),
        ("a key removed", "DELETE FROM keys", "its last event is api_key.created"),
        (
            "a key inserted",
            "INSERT INTO keys (id, hash, kind, owner, last_four, created)
             SELECT randomblob(16), randomblob(32), kind, owner, last_four, created FROM keys LIMIT 1",
            "no event tells of api_key",
        ),
        ("a merchant renamed", "UPDATE merchants SET name = 'Mallory'", "name of merchant"),
        ("a webhook endpoint moved", "UPDATE endpoints SET url = 'https://mallory.example/'", "url of webhook_endpoint"),
        ("a webhook endpoint removed", "DELETE FROM endpoints", "its last event is webhook_endpoint.created"),
    ] {
        let folder = folder();
        let gateway = Gateway::start(folder.path(), &[]);
        let client = gateway.client();
        let intent = client.create_intent();
        let milestone = client.create_milestone(&intent, 0, "500.00");
        client.complete(&intent, &milestone);
        let endpoint = serde_json::json!({"url": "http://127.0.0.1:9/hook"});
        client.post("/webhook-endpoints", &endpoint);
        gateway.stop();
        let db = rusqlite::Connection::open(folder.path().join("data/milepost.db")).expect("a database");
        let before = db.total_changes();
        db.execute_batch(sql).unwrap_or_else(|error| panic!("{deed}: {error}"));
        assert!(db.total_changes() > before, "{deed}: nothing was changed");
        drop(db);
        let output = run(folder.path(), ["verify", "--data", "data"]);
        assert_eq!(output.status.code(), Some(1), "{deed}: {}", stdout(&output));
        assert!(stdout(&output).contains(said), "{deed}: {}", stdout(&output));
    }
}

#[test]
fn where_there_is_no_store_none_is_made() {
    let folder = folder();
    assert_failed(&run(folder.path(), ["verify", "--data", "data"]), 3, "there is no Milepost store");
    assert!(!folder.path().join("data").exists());
}
