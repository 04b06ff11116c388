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
