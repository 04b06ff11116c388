//! `milepost bench` on a database.

use cluster::Database;

use super::{run, run_json, start};
use crate::harness::{assert_failed, command, folder};

#[test]
fn a_benchmark_runs_on_a_database_that_is_nobody_elses() {
    let Some(database) = Database::fresh() else { return };
    let folder = folder();
    let bench = ["bench", "--connections", "4", "--operations", "12", "--rounds", "1", "--json"];
    let on = |url: &str| command(folder.path()).args(bench).args(["--database-url", url]).output().expect("it runs");
    for _ in 0..2 {
        let output = on(database.url());
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(report["store"], "postgres", "{report}");
    }
    let report = run_json(folder.path(), database.url(), &["verify"]);
    assert_eq!((&report["ok"], &report["milestones"]), (&true.into(), &24.into()), "{report}");

    let used = Database::fresh().expect("another one");
    start(folder.path(), used.url(), &["--migrate"]).stop();
    assert_failed(&on(used.url()), 2, "is in use by merchants; name an empty database");
    let embedded = run(folder.path(), used.url(), &bench);
    let report: serde_json::Value = serde_json::from_slice(&embedded.stdout).expect("JSON");
    assert_eq!(report["store"], "sqlite", "a database that is only in the environment is left alone");
}
