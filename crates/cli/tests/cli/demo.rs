//! `milepost demo`.

use serde_json::Value;

use crate::harness::{Gateway, assert_failed, folder, run, stderr, stdout};

#[test]
fn it_plays_the_main_job_by_itself() {
    let folder = folder();
    let output = run(folder.path(), ["demo"]);
    assert!(output.status.success(), "{}\n{}", stdout(&output), stderr(&output));
    let text = stdout(&output);
    assert!(text.ends_with("all invariants hold\n"), "{text}");
    let told: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    for row in [
        &["balance", "before", "0.00", "0.00", "0.00", "0.00"][..],
        &["after", "the", "last", "release", "0.00", "1000.00", "0.00", "1000.00"],
        &["after", "settlement", "0.00", "0.00", "0.00", "0.00"],
        &["CREDIT", "1000.00", "held", "0.00", "1000.00"],
        &["RELEASE", "500.00", "available", "300.00", "800.00"],
        // Settlements that fall due at once arrive in any order, so that what was reserved before each is not the same every time.
        &["SETTLEMENT", "200.00", "reserved"],
    ] {
        assert!(told.iter().any(|line| line.starts_with(row)), "{row:?} is not in\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours where there is no terminal: {text}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "it leaves nothing behind");
}

#[test]
fn every_step_is_an_object_for_machines() {
    let folder = folder();
    let output = run(folder.path(), ["demo", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let parse = |line: &str| serde_json::from_str::<Value>(line).expect("an object a line");
    let steps: Vec<Value> = stdout(&output).lines().map(parse).collect();
    let names: Vec<&str> = steps.iter().map(|step| step["step"].as_str().expect("a step")).collect();
    let moved = names.iter().filter(|name| **name != "money_moved").copied().collect::<Vec<_>>();
    let (created, completed) = ("milestone_created", "milestone_completed");
    let expected = [
        "balance_before",
        "intent_created",
        created,
        created,
        created,
        "funded",
        completed,
        completed,
        completed,
        "balance_released",
        "settled",
        "balance_after",
        "ledger",
        "verified",
    ];
    assert_eq!(moved, expected);
    let settled = steps.iter().find(|step| step["step"] == "settled").expect("the end");
    assert_eq!((&settled["status"], &settled["money"]["settled"]), (&"SETTLED".into(), &"1000.00".into()));
}

#[test]
fn it_plays_on_another_gateway() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &["--settlement-delay", "100ms", "--fee-basis-points", "250"]);
    let api = gateway.announced["listening"].as_str().expect("an address");
    let key = gateway.announced["test_key"].as_str().expect("a key");
    let output = run(folder.path(), ["demo", "--api", api, "--key", key]);
    assert!(output.status.success(), "{}\n{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("waiting for the settlement"), "{}", stdout(&output));
    let refused = run(folder.path(), ["demo", "--api", api, "--key", "sk_test_nobodyknows"]);
    assert_failed(&refused, 1, "Invalid API key");
}

#[test]
fn it_never_plays_with_real_money_nor_without_a_key() {
    let folder = folder();
    for (key, complaint) in [
        ("sk_live_abcdefgh", "--key: the demo plays with sk_test_… and sk_hackathon_… keys only"),
        ("sk_test_short", "--key: an API key looks like"),
        ("", "this needs an API key, such as sk_test_…"),
    ] {
        assert_failed(&run(folder.path(), ["demo", "--api", "http://127.0.0.1:9", "--key", key]), 2, complaint);
    }
    let output = run(folder.path(), ["demo", "--api", "https://127.0.0.1:9", "--key", "sk_test_abcdefgh"]);
    assert_failed(&output, 2, "--api: gateways are reached over plain HTTP only");
}

#[test]
fn a_gateway_that_is_not_there_is_unavailable() {
    let folder = folder();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let output = run(folder.path(), ["demo", "--api", &format!("http://{free}"), "--key", "sk_test_abcdefgh"]);
    assert_failed(&output, 3, &format!("no gateway answers at http://{free}; start one with `milepost serve`"));
}
