//! The secret that all gateways of a store have.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use cluster::Database;
use tempfile::TempDir;

use super::{environment, run, run_json, start, store};
use crate::harness::{Gateway, assert_failed, folder};

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

#[test]
fn a_gateway_with_another_secret_is_refused_and_told_what_to_do() {
    let Some(database) = store() else { return };
    let (first, second) = (folder(), folder());
    let gateway = start(first.path(), database.url(), &[]);
    let key = gateway.announced["test_key"].as_str().expect("a key").to_owned();
    let secret = first.path().join("data/secret.key");
    let told = run(second.path(), database.url(), &SERVE);
    assert_failed(&told, 3, "secret.key is missing, and no API key of this store works without it");
    assert_failed(&told, 3, "copy that of one of them, and name it with --secret-file FILE");
    assert!(!second.path().join("milepost-data").exists(), "nothing was made");

    let mine = second.path().join("mine.key");
    std::fs::write(&mine, [7; 32]).expect("written");
    std::fs::set_permissions(&mine, Permissions::from_mode(0o600)).expect("they are mine");
    let mine = mine.to_str().expect("a path");
    let create = ["keys", "create", "--merchant", "Sandbox", "--mode", "test", "--secret-file", mine];
    for args in [&[&SERVE[..], &["--secret-file", mine]].concat()[..], &create] {
        assert_failed(&run(second.path(), database.url(), args), 3, "mine.key is not the one that the gateways of");
    }

    let same = secret.to_str().expect("a path");
    let other = start(second.path(), database.url(), &["--secret-file", same]);
    other.client_with(&key).create_intent();
}

#[test]
fn of_gateways_with_fresh_secrets_of_their_own_that_start_at_once_one_is_refused() {
    let Some(database) = Database::fresh() else { return };
    let folders: Vec<TempDir> = (0..3).map(|_| folder()).collect();
    let begin = |folder: &TempDir| Gateway::begin(&environment(database.url()), folder.path(), &["--migrate"]);
    let begun: Vec<Gateway> = folders.iter().map(begin).collect();
    let (started, refused): (Vec<_>, Vec<_>) = begun.into_iter().map(Gateway::announce).partition(Result::is_ok);
    assert_eq!((started.len(), refused.len()), (1, 2));
    for end in refused {
        let (code, log) = end.err().expect("it ended");
        assert_eq!(code, Some(3), "{log}");
        assert!(log.contains("--secret-file FILE"), "{log}");
    }
    let gateway = started.into_iter().flatten().next().expect("one");
    gateway.client().create_intent();
    let listed = run_json_with_any_secret(&folders[0], database.url());
    assert_eq!(listed, 1, "nothing of the others is in the store");
}

/// How many keys there are, which takes no secret to see.
fn run_json_with_any_secret(folder: &TempDir, url: &str) -> usize {
    run_json(folder.path(), url, &["keys", "list"])["data"].as_array().expect("a list").len()
}

#[test]
fn an_embedded_store_may_have_its_secret_elsewhere() {
    let folder = folder();
    let secret = folder.path().join("elsewhere/secret.key");
    let flag = ["--secret-file", "elsewhere/secret.key"];
    let gateway = Gateway::start(folder.path(), &flag);
    let key = gateway.announced["test_key"].as_str().expect("a key").to_owned();
    gateway.stop();
    assert!(secret.exists() && !folder.path().join("data/secret.key").exists());
    let backup = ["backup", "--data", "data", "--to", "copy", "--secret-file", "elsewhere/secret.key"];
    assert!(crate::harness::run(folder.path(), backup).status.success());
    std::fs::remove_dir_all(folder.path().join("data")).expect("removed");
    std::fs::rename(folder.path().join("copy"), folder.path().join("data")).expect("restored");
    assert_eq!(read(&folder.path().join("data/secret.key")), read(&secret));
    Gateway::start(folder.path(), &[]).client_with(&key).create_intent();
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("it is there")
}
