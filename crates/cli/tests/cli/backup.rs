//! `milepost backup`: what was answered before it began is in the copy, whatever goes on meanwhile.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::harness::{Client, Gateway, assert_failed, folder, run, run_json, until};

/// Creates intents and completes them until it is told to stop.
fn work(client: &Client, is_over: &AtomicBool, done: &AtomicU32) {
    while !is_over.load(Ordering::Relaxed) {
        let intent = client.create_intent();
        let milestone = client.create_milestone(&intent, 0, "300.00");
        client.complete(&intent, &milestone);
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Tells whoever works to stop, however the test ends.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_gateway_under_load_is_copied_and_goes_on_from_the_copy() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &["--settlement-delay", "100ms"]);
    let client = gateway.client();
    let key = gateway.announced["test_key"].as_str().expect("a key").to_owned();
    let (is_over, done) = (AtomicBool::new(false), AtomicU32::new(0));
    let before = std::thread::scope(|scope| {
        let _end = End(&is_over);
        for client in std::iter::repeat_with(|| gateway.client()).take(4) {
            let (is_over, done) = (&is_over, &done);
            scope.spawn(move || work(&client, is_over, done));
        }
        until("some work to be done", || (done.load(Ordering::Relaxed) >= 20).then_some(()));
        let before = client.create_intent();
        let at_first = done.load(Ordering::Relaxed);
        for copy in ["one", "two"] {
            let report = run_json(folder.path(), &["backup", "--data", "data", "--to", copy]);
            assert_eq!((&report["ok"], &report["to"]), (&true.into(), &copy.into()), "{report}");
            assert!(report["escrows"].as_u64().expect("a number") > 20, "{report}");
        }
        until("work to go on", || (done.load(Ordering::Relaxed) > at_first).then_some(()));
        before
    });
    let after = client.create_intent();
    gateway.kill();

    std::fs::remove_dir_all(folder.path().join("data")).expect("the store is lost");
    std::fs::rename(folder.path().join("one"), folder.path().join("data")).expect("restored");
    let restored = Gateway::start(folder.path(), &["--settlement-delay", "100ms"]);
    let client = restored.client_with(&key);
    assert_eq!(client.status(&before), "INITIATED");
    assert_eq!(client.try_get(&format!("/payment-intents/{after}")).0, 404, "it was made after the copy");
    let milestone = client.create_milestone(&before, 0, "1000.00");
    client.complete(&before, &milestone);
    until("the settlement", || (client.status(&before) == "SETTLED").then_some(()));
    restored.stop();
    assert_eq!(run_json(folder.path(), &["verify", "--data", "data"])["ok"], true);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_copy_is_whole_or_not_there() {
    let folder = folder();
    let backup = |data: &str, to: &str| run(folder.path(), ["backup", "--data", data, "--to", to]);
    assert_failed(&backup("data", "copy"), 3, "there is no Milepost store in data");
    assert_eq!(names(folder.path()), [] as [&str; 0], "nothing is left of it");

    Gateway::start(folder.path(), &[]).stop();
    assert!(backup("data", "copy/").status.success());
    assert_eq!(names(&folder.path().join("copy")), ["milepost.db", "secret.key"]);
    let secret = |of: &str| std::fs::read(folder.path().join(of).join("secret.key")).expect("a secret");
    assert_eq!(secret("copy"), secret("data"));
    assert_failed(&backup("data", "copy"), 2, "copy is there already");
    assert_failed(&backup("data", "data/copy"), 2, "lies in the folder of the store itself");
    assert_failed(&backup("data", "nowhere/copy"), 3, "cannot write nowhere/copy.part");
    std::fs::create_dir(folder.path().join("other.part")).expect("a folder");
    assert_failed(&backup("data", "other"), 3, "of a backup that is under way, or was cut off");

    std::fs::remove_file(folder.path().join("data/secret.key")).expect("removed");
    assert_failed(&backup("data", "late"), 3, "secret.key");
    assert_eq!(names(folder.path()), ["copy", "data", "other.part"]);
}

#[cfg(unix)]
#[test]
fn a_copy_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    Gateway::start(folder.path(), &[]).stop();
    assert!(run(folder.path(), ["backup", "--data", "data", "--to", "copy"]).status.success());
    let mode = |path: &str| std::fs::metadata(folder.path().join(path)).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode("copy"), mode("copy/secret.key")), (0o700, 0o600));
}
