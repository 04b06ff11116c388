//! `milepost serve`.

use std::process::Command;

use crate::harness::{Gateway, assert_failed, folder, run, run_json, until};

#[test]
fn the_first_line_is_for_machines() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &[]);
    let announced = gateway.announced.as_object().expect("an object");
    let names: Vec<&str> = announced.keys().map(String::as_str).collect();
    assert_eq!(names, ["listening", "api", "checkout", "dashboard", "test_key", "store", "version"]);
    let listening = announced["listening"].as_str().expect("an address");
    assert!(listening.starts_with("http://127.0.0.1:") && !listening.ends_with(":0"), "{listening}");
    assert_eq!(announced["api"], format!("{listening}/v1"));
    assert_eq!(announced["checkout"], format!("{listening}/pay/"));
    assert_eq!(announced["dashboard"], format!("{listening}/dashboard"));
    assert!(announced["test_key"].as_str().expect("a key").starts_with("sk_test_"));
    assert_eq!(announced["store"], "sqlite");
    assert_eq!(announced["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_main_job_works_as_soon_as_it_is_announced() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &["--settlement-delay", "100ms", "--rate-limits", "off"]);
    let client = gateway.client();
    let intent = client.create_intent();
    let shares = ["300.00", "500.00", "200.00"];
    let milestones: Vec<String> =
        (0..).zip(shares).map(|(index, amount)| client.create_milestone(&intent, index, amount)).collect();
    for (milestone, held) in milestones.iter().zip(["700.00", "200.00", "0.00"]) {
        client.complete(&intent, milestone);
        assert_eq!(client.escrow(&intent)["heldAmount"], held);
    }
    until("the intent to be settled", || (client.status(&intent) == "SETTLED").then_some(()));
    gateway.stop();
    assert_eq!(run_json(folder.path(), &["verify", "--data", "data"])["settlements"], 3);
}

#[test]
fn what_it_tells_people_to_paste_works() {
    let folder = folder();
    let gateway = Gateway::start_for_people(folder.path());
    let lines: Vec<String> =
        std::iter::from_fn(|| Some(gateway.line())).take_while(|line| !line.contains("Ctrl-C")).collect();
    let curl_at = lines.iter().position(|line| line.contains("curl -s")).expect("a line to paste");
    let output = Command::new("sh").args(["-c", &lines[curl_at..].join("\n")]).output().expect("a shell");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&answer["object"], &answer["data"]["amount"]), (&"payment_intent".into(), &"1000.00".into()));
    assert!(output.stdout.ends_with(b"\n"), "the prompt that follows is on a line of its own");
    gateway.stop();
    assert_eq!(run_json(folder.path(), &["verify", "--data", "data"])["milestones"], 3);

    let again = Gateway::start_for_people(folder.path());
    let lines: Vec<String> =
        std::iter::from_fn(|| Some(again.line())).take_while(|line| !line.contains("Ctrl-C")).collect();
    for way in ["milepost keys create --merchant", "milepost serve --test-key sk_test_development --data data"] {
        assert!(lines.iter().any(|line| line.trim_start().starts_with(way)), "{lines:?}");
    }
}

#[test]
fn sigterm_and_sigint_end_it_with_success() {
    for signal in ["TERM", "INT"] {
        let folder = folder();
        let mut gateway = Gateway::start(folder.path(), &[]);
        gateway.client().create_intent();
        gateway.signal(signal);
        assert_eq!(gateway.wait().code(), Some(0), "SIG{signal}");
    }
}

#[test]
fn a_key_is_shown_once_and_goes_on_working() {
    let folder = folder();
    let first = Gateway::start(folder.path(), &[]);
    let key = first.announced["test_key"].as_str().expect("a key").to_owned();
    let intent = first.client().create_intent();
    first.stop();
    let second = Gateway::start(folder.path(), &[]);
    assert!(second.announced["test_key"].is_null());
    assert_eq!(second.client_with(&key).status(&intent), "INITIATED");
}

#[test]
fn a_key_that_is_brought_along_works_beside_the_others() {
    let folder = folder();
    let first = Gateway::start(folder.path(), &[]);
    let intent = first.client().create_intent();
    first.stop();
    for _ in 0..2 {
        let gateway = Gateway::start(folder.path(), &["--test-key", "sk_test_development"]);
        assert_eq!(gateway.announced["test_key"], "sk_test_development");
        assert_eq!(gateway.client().status(&intent), "INITIATED", "it belongs to the same merchant");
        gateway.stop();
    }
    let keys = run_json(folder.path(), &["keys", "list", "--data", "data"]);
    assert_eq!(keys["data"].as_array().expect("a list").len(), 2);
    let id = keys["data"][1]["id"].as_str().expect("an id");
    run_json(folder.path(), &["keys", "revoke", id, "--data", "data"]);
    let args = ["serve", "--listen", "127.0.0.1:0", "--data", "data", "--test-key", "sk_test_development"];
    assert_failed(&run(folder.path(), args), 2, "is revoked");
}

#[test]
fn a_second_process_on_the_same_folder_is_refused() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &[]);
    let output = run(folder.path(), ["serve", "--listen", "127.0.0.1:0", "--data", "data"]);
    assert_failed(&output, 3, "is in use by another milepost");
    gateway.client().create_intent();
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_left_as_it_is() {
    let folder = folder();
    Gateway::start(folder.path(), &[]).stop();
    let database = folder.path().join("data/milepost.db");
    let mut bytes = std::fs::read(&database).expect("a database");
    // The schema version: `user_version` in the header of an SQLite file.
    let version: [u8; 4] = bytes[60..64].try_into().expect("four bytes");
    let known = u32::from_be_bytes(version);
    bytes[60..64].copy_from_slice(&(known + 1).to_be_bytes());
    std::fs::write(&database, &bytes).expect("written");
    let complaint = format!("schema version {}, and this milepost knows versions up to {known}", known + 1);
    for args in [&["serve", "--listen", "127.0.0.1:0", "--data", "data"][..], &["verify", "--data", "data"]] {
        assert_failed(&run(folder.path(), args), 3, &complaint);
        assert_eq!(std::fs::read(&database).expect("a database"), bytes);
    }
}

#[test]
fn a_port_that_is_taken_is_refused_before_anything_is_made() {
    let folder = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = run(folder.path(), ["serve", "--listen", &address, "--data", "data"]);
    assert_failed(&output, 3, &format!("cannot listen on {address}"));
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_lost_or_damaged_secret_is_never_replaced() {
    let folder = folder();
    Gateway::start(folder.path(), &[]).stop();
    let secret = folder.path().join("data/secret.key");
    let serve = || run(folder.path(), ["serve", "--listen", "127.0.0.1:0", "--data", "data"]);
    std::fs::write(&secret, [7; 32]).expect("written");
    assert_failed(&serve(), 3, "is not the one that the gateways of data have: restore it from your backup");
    std::fs::write(&secret, "short").expect("written");
    assert_failed(&serve(), 3, "exactly 32 bytes");
    std::fs::remove_file(&secret).expect("removed");
    assert_failed(&serve(), 3, "restore it from your backup");
    assert!(!secret.exists());
}
