//! A disk that is full, or read-only.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use super::CLIENTS;
use super::api::Api;
use super::dice::Dice;
use super::disk::{VolatileDisk, names};
use super::ordeal::{Ordeal, Scope};
use crate::harness::{Environment, Gateway, assert_failed, command, folder, run_json};

#[test]
fn a_disk_that_fills_up_stops_writes_only_and_only_until_there_is_room() {
    let mut ordeal = Ordeal::new(CLIENTS, Dice::new());
    let disk = VolatileDisk::below(&ordeal.data());
    let gateway = ordeal.start(&disk.mount());
    let api = Api::of(&gateway);
    for _ in 0..3 {
        ordeal.strike(&api, || disk.fill());
        ordeal.assert_kept(&api, Scope::LastLoad);
        assert!(gateway.log().contains("the disk is full"), "{}", gateway.log());
        disk.make_room();
        assert_eq!(ordeal.retry(&api), 0, "what was answered 503 had not been done");
    }
    ordeal.conclude(gateway);
}

#[test]
fn what_a_full_disk_cannot_take_is_answered_503() {
    let folder = folder();
    let disk = VolatileDisk::below(&folder.path().join("data"));
    let gateway = Gateway::start_in(&disk.mount(), folder.path(), &[]);
    let client = gateway.client();
    let intent = client.create_intent();
    disk.fill();
    let milestones = format!("/payment-intents/{intent}/escrow/milestones");
    let milestone = serde_json::json!({"milestoneIndex": 0, "amount": "1000.00"});
    let (status, refused) = client.try_post(&milestones, &milestone);
    assert_eq!((status, &refused["error"]["code"]), (503, &"service_unavailable".into()), "{refused}");
    assert_eq!(refused["error"]["message"], "The store is not available; nothing was done");
    assert_eq!(refused["error"]["retryAfter"], 1);
    assert_eq!(client.status(&intent), "INITIATED", "reads go on");
    assert_eq!(client.get(&milestones)["data"], serde_json::json!([]), "nothing was done");
    disk.make_room();
    let milestone = client.create_milestone(&intent, 0, "1000.00");
    client.complete(&intent, &milestone);
    gateway.stop();
    let report = run_json(folder.path(), &["verify", "--data", "data"]);
    assert_eq!((&report["ok"], &report["milestones"]), (&true.into(), &1.into()));
}

#[test]
fn no_store_is_made_or_opened_on_a_full_disk() {
    let folder = folder();
    let disk = VolatileDisk::below(&folder.path().join("data"));
    for is_first_start in [true, false] {
        disk.fill();
        let refused = serve(folder.path(), &disk.mount());
        assert_failed(&refused, 3, "data/milepost.db cannot be created, read or written: the disk is full");
        disk.make_room();
        let gateway = Gateway::start_in(&disk.mount(), folder.path(), &[]);
        assert_eq!(gateway.announced["test_key"].is_string(), is_first_start, "the failed start did nothing by halves");
        gateway.stop();
    }
    assert_eq!(run_json(folder.path(), &["verify", "--data", "data"])["ok"], true);
}

#[test]
fn a_read_only_disk_is_refused_and_left_as_it_is() {
    let folder = folder();
    let data = folder.path().join("data");
    let disk = VolatileDisk::below(&data);
    let gateway = Gateway::start_in(&disk.mount(), folder.path(), &[]);
    gateway.client().create_intent();
    gateway.stop();
    let before = contents(&data);
    disk.freeze();
    let refused = serve(folder.path(), &disk.mount());
    assert_failed(&refused, 3, "data/milepost.lock cannot be created, read or written: Read-only file system");
    assert_eq!(contents(&data), before);
}

/// Runs `milepost serve` to its end, which comes soon where it cannot serve.
fn serve(folder: &Path, environment: &Environment) -> Output {
    let args = ["serve", "--listen", "127.0.0.1:0", "--data", "data"];
    command(folder).envs(environment).args(args).output().expect("milepost runs")
}

fn contents(data: &Path) -> BTreeMap<String, Vec<u8>> {
    names(data).into_iter().map(|name| (name.clone(), std::fs::read(data.join(name)).expect("a file"))).collect()
}
