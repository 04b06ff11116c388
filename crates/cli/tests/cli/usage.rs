//! The command line, the environment and the configuration file.

use std::path::Path;

use crate::harness::{assert_failed, command, folder, run, run_json, stderr, stdout};

#[test]
fn wrong_use_is_told_from_failure() {
    let folder = folder();
    for (args, complaint) in [
        (&[][..], "Usage"),
        (&["launch"], "unrecognized subcommand"),
        (&["serve", "--port", "1"], "there is no --port; use --listen 127.0.0.1:1"),
        (&["verify", "--port", "1"], "unexpected argument"),
        (&["serve", "--listen", "3000"], "--listen: expected an address and a port"),
        (&["serve", "--settlement-delay", "soon"], "--settlement-delay: expected a length of time"),
        (&["serve", "--fee-basis-points", "10001"], "--fee-basis-points: expected"),
        (&["serve", "--default-resolution", "buyer"], "--default-resolution: expected MERCHANT_WON or BUYER_WON"),
        (&["serve", "--public-url", "pay.example.com"], "--public-url: expected an address"),
        (&["serve", "--rate-limits", "some"], "--rate-limits: expected documented or off"),
        (&["serve", "--test-key", "sk_live_abcdefgh"], "--test-key: only sk_test_"),
        (&["serve", "--database-url", "mysql://db"], "--database-url: expected an address such as postgres://"),
        (&["serve", "--database-connections", "2"], "--database-connections: expected a whole number from 3 to 100"),
        (&["serve", "--database-lock-timeout", "0"], "--database-lock-timeout: expected more than none"),
        (
            &["verify", "--data", "data", "--database-url", "postgres://u:s3cret@127.0.0.1/d"],
            "--data: the store is the database postgres://u@127.0.0.1:5432/d; leave one of the two out",
        ),
        (
            &["backup", "--to", "copy", "--database-url", "postgres://u:s3cret@127.0.0.1/d"],
            "back it up with PostgreSQL's own tools, pg_dump",
        ),
        (&["keys", "create", "--mode", "test"], "--merchant"),
        (&["demo", "--key", "sk_test_abcdefgh"], "--api"),
        (&["serve", "--config", "missing.toml"], "cannot read missing.toml"),
    ] {
        let output = run(folder.path(), args);
        assert_failed(&output, 2, complaint);
        assert!(!stderr(&output).contains("s3cret"), "{args:?}: {}", stderr(&output));
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing was done");
}

#[test]
fn help_and_version_are_no_failures() {
    let folder = folder();
    for args in [&["--help"][..], &["serve", "--help"], &["keys", "create", "--help"], &["--version"]] {
        let output = run(folder.path(), args);
        assert!(output.status.success(), "{args:?}");
        assert!(stdout(&output).contains("milepost"), "{args:?}");
    }
}

#[test]
fn with_json_failures_are_objects_too() {
    let folder = folder();
    let output = run(folder.path(), ["verify", "--json"]);
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).expect("JSON");
    assert_eq!(error["error"]["exit_code"], 3);
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_reader_that_has_left_is_no_failure() {
    let folder = folder();
    run_json(folder.path(), &["keys", "create", "--merchant", "A", "--mode", "test", "--data", "milepost-data"]);
    for args in [&["keys", "list"][..], &["keys", "list", "--json"], &["verify"], &["demo"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = command(folder.path()).args(args).stdout(writer).output().expect("milepost runs");
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{args:?}");
    }
}

/// The folder that `migrate` makes its store in.
fn store_made(folder: &Path, variable: Option<&str>, args: &[&str]) -> String {
    let mut command = command(folder);
    command.args(["migrate", "--json"]).args(args);
    if let Some(value) = variable {
        command.env("MILEPOST_DATA", value);
    }
    let output = command.output().expect("milepost runs");
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let data = made["data"].as_str().expect("a folder").to_owned();
    assert!(folder.join(&data).join("milepost.db").exists());
    data
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = folder();
    let path = folder.path();
    assert_eq!(store_made(path, None, &[]), "./milepost-data");
    std::fs::write(path.join("milepost.toml"), "data = \"from-the-file\"").expect("written");
    assert_eq!(store_made(path, None, &[]), "from-the-file");
    assert_eq!(store_made(path, Some(""), &[]), "from-the-file", "an empty variable sets nothing");
    assert_eq!(store_made(path, Some("from-a-variable"), &[]), "from-a-variable");
    assert_eq!(store_made(path, Some("from-a-variable"), &["--data", "from-a-flag"]), "from-a-flag");
    std::fs::write(path.join("other.toml"), "data = \"from-another-file\"").expect("written");
    assert_eq!(store_made(path, None, &["--config", "other.toml"]), "from-another-file");
}

#[test]
fn a_database_out_of_reach_is_told_from_wrong_use() {
    let folder = folder();
    // A port where nobody listens: it was this test's own.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("postgres://u:s3cret@{}/d", listener.local_addr().expect("it listens"));
    drop(listener);
    for args in [&["serve", "--listen", "127.0.0.1:0"][..], &["verify"], &["migrate"], &["keys", "list"]] {
        let output = command(folder.path()).env("MILEPOST_DATABASE_URL", &url).args(args).output().expect("it runs");
        assert_failed(&output, 3, "the database postgres://u@127.0.0.1:");
        assert!(!stderr(&output).contains("s3cret"), "{args:?}: {}", stderr(&output));
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing was made");
}

#[test]
fn a_wrong_file_is_refused_by_name() {
    let folder = folder();
    std::fs::write(folder.path().join("milepost.toml"), "port = 3000").expect("written");
    assert_failed(&run(folder.path(), ["serve"]), 2, "milepost.toml: unknown setting \"port\"");
}

#[test]
fn a_store_is_made_once_and_found_again() {
    let folder = folder();
    let first = run_json(folder.path(), &["migrate"]);
    assert_eq!(run_json(folder.path(), &["migrate"]), first);
}
