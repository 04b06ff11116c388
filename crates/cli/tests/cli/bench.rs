//! Benchmarks measure; that they run, and count right, is all a test can say.

use crate::harness::{assert_failed, folder, run, run_json};

#[test]
fn endpoints_that_work_are_told_everything_beside_others_that_fail() {
    let folder = folder();
    let args = ["--events", "100", "--endpoints", "4", "--refusing", "1", "--hanging", "1"];
    let report = run_json(folder.path(), &[&["bench", "webhooks"][..], &args].concat());
    assert_eq!(report["endpoints"], serde_json::json!({"healthy": 2, "refusing": 1, "hanging": 1}));
    for (load, least) in [("burst", 100), ("steady", 20)] {
        let load = &report[load];
        let events = load["events"].as_u64().expect("a count");
        assert!(events >= least, "{report}");
        assert_eq!(load["delivered"], events * 2, "{report}");
        assert!(load["per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{report}");
        assert!(load["lag_max_ms"].as_f64().is_some_and(|lag| lag >= 0.0), "{report}");
    }
    assert_eq!((&report["missing"], &report["out_of_order"]), (&0.into(), &0.into()), "{report}");
    assert!(report["refusing_calls"].as_u64() > Some(0), "{report}");
    assert!(report["hanging_calls"].as_u64() > Some(0), "{report}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left behind");
}

#[test]
fn a_benchmark_needs_an_endpoint_that_works() {
    let folder = folder();
    let args = ["bench", "webhooks", "--endpoints", "3", "--refusing", "2", "--hanging", "1"];
    assert_failed(&run(folder.path(), args), 2, "--endpoints: expected more than --refusing and --hanging together");
}

#[test]
fn the_main_job_is_measured_on_a_store_that_is_empty_and_on_one_that_is_filled() {
    let folder = folder();
    let few = ["--connections", "4", "--operations", "12", "--rounds", "1", "--merchants", "2", "--fill", "30"];
    let report = run_json(folder.path(), &[&["bench"][..], &few].concat());
    assert_eq!((&report["store"], &report["filled"]["intents"]), (&"sqlite".into(), &30.into()), "{report}");
    for workloads in [&report["workloads"], &report["filled"]["workloads"]] {
        for name in ["constant_handler", "create", "complete", "read"] {
            assert!(workloads[name]["per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{name}: {report}");
        }
    }
    assert!(report["filled"]["of_before"].as_f64().is_some_and(|part| part > 0.0), "{report}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left behind");
}

#[test]
fn whole_lives_end_with_their_last_event() {
    let folder = folder();
    let report = run_json(folder.path(), &["bench", "life", "--intents", "10"]);
    let each = report["events_each"].as_u64().expect("a count");
    assert!(each > 10, "{report}");
    assert_eq!((&report["events_expected"], &report["events_delivered"]), (&(each * 10).into(), &(each * 10).into()));
    assert!(report["lives_per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{report}");
}

#[test]
fn curves_have_a_point_for_each_number_of_connections_and_each_load() {
    let folder = folder();
    let report = run_json(folder.path(), &["bench", "curves", "--operations", "100", "--connections", "2"]);
    let points = |name: &str, by: &str| -> Vec<u64> {
        let points = report[name].as_array().expect("a list").iter();
        points.map(|point| point[by].as_u64().expect("a number")).collect()
    };
    assert_eq!(points("by_connections", "connections"), [1, 2]);
    assert_eq!(points("by_load", "percent_of_top"), [10, 25, 50, 70, 80, 90]);
}
