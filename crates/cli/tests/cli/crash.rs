//! The process dies at the worst moment, or its disk fails it.
//!
//! `MILEPOST_CRASH_ROUNDS=50` strikes that often; `MILEPOST_CRASH_SEED` takes the seed that a test printed, and rolls the same
//! dice again (what the scheduler makes of it is not in the seed).

use crate::harness::{Environment, Gateway, folder, run_json, until};
use api::Api;
use dice::Dice;
use ordeal::{Ordeal, Scope};

pub(crate) mod api;
pub(crate) mod dice;
pub(crate) mod ordeal;
mod story;
mod torn;

/// The disks of these tests are made with the dynamic linker of Linux; elsewhere these tests do not apply.
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod power;
#[cfg(target_os = "linux")]
mod space;

#[cfg(not(target_os = "linux"))]
#[test]
fn the_tests_of_failing_disks_do_not_apply_here() {
    println!("they need LD_PRELOAD as Linux has it");
}

/// How many clients work at once.
const CLIENTS: usize = 32;

/// Which environment variable sets how often the gateway is killed, and how often it is otherwise.
const ROUNDS: (&str, u32) = ("MILEPOST_CRASH_ROUNDS", 8);

fn rounds() -> u32 {
    let (name, default) = ROUNDS;
    std::env::var(name).map_or(default, |text| text.parse().expect("rounds are a number"))
}

#[test]
fn a_gateway_that_is_killed_under_load_loses_no_answer_and_does_nothing_twice() {
    let mut ordeal = Ordeal::new(CLIENTS, Dice::new());
    let mut gateway = ordeal.start(&Environment::new());
    for _ in 0..rounds() {
        let api = Api::of(&gateway);
        ordeal.strike(&api, || gateway.kill());
        gateway = ordeal.start(&Environment::new());
        let api = Api::of(&gateway);
        ordeal.assert_kept(&api, Scope::LastLoad);
        ordeal.retry(&api);
    }
    ordeal.wait_for_settlements(&gateway);
    ordeal.conclude(gateway);
}

#[test]
fn what_was_released_before_a_kill_is_settled_after_it() {
    let folder = folder();
    let args = ["--settlement-delay", "2s", "--test-key", "sk_test_development"];
    let killed = Gateway::start(folder.path(), &args);
    let client = killed.client();
    let intent = client.create_intent();
    let milestone = client.create_milestone(&intent, 0, "1000.00");
    client.complete(&intent, &milestone);
    let scheduled = client.escrow(&intent)["settlements"][0].clone();
    killed.kill();
    assert_eq!(scheduled["status"], "SCHEDULED", "it was killed between release and settlement");

    let gateway = Gateway::start(folder.path(), &args);
    let client = gateway.client();
    let settled = until("the settlement", || {
        let settlement = client.escrow(&intent)["settlements"][0].clone();
        (settlement["status"] == "CONFIRMED").then_some(settlement)
    });
    assert_eq!((&settled["id"], &settled["amount"]), (&scheduled["id"], &"1000.00".into()));
    assert_eq!(client.status(&intent), "SETTLED");
    gateway.stop();
    let report = run_json(folder.path(), &["verify", "--data", "data"]);
    assert_eq!((&report["ok"], &report["settlements"]), (&true.into(), &1.into()));
}
