//! `milepost bench` on a database.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use cluster::Database;
use serde_json::Value;

use super::{run_json, start};
use crate::harness::{assert_failed, command, folder, stderr};

/// A search path on which pgbench only says how fast it was, since the real one takes its time to learn it.
fn path_with_pgbench(folder: &Path) -> String {
    let program = folder.join("pgbench");
    std::fs::write(&program, "#!/bin/sh\necho 'tps = 100.5 (without initial connection time)'\n").expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).expect("it is ours");
    format!("{}:{}", folder.display(), std::env::var("PATH").expect("a path"))
}

#[test]
fn a_benchmark_runs_on_a_database_that_is_nobody_elses() {
    let (Some(database), Some(used)) = (Database::fresh(), Database::fresh()) else { return };
    let folder = folder();
    let path = path_with_pgbench(folder.path());
    let bench = |environment: &str, args: &[&str]| {
        let mut command = command(folder.path());
        command.env("PATH", &path).env("MILEPOST_DATABASE_URL", environment).arg("bench").args(args);
        let few = ["--connections", "4", "--operations", "12", "--rounds", "1", "--merchants", "2", "--json"];
        command.args(few).output().expect("milepost runs")
    };
    let mut milestones = 0;
    for gateways in ["1", "2"] {
        let output = bench(used.url(), &["--database-url", database.url(), "--gateways", gateways]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
        assert_eq!(report["store"], "postgres", "{report}");
        let verified = run_json(folder.path(), database.url(), &["verify"]);
        assert_eq!(verified["ok"], true, "{verified}");
        let before = std::mem::replace(&mut milestones, verified["milestones"].as_u64().expect("a count"));
        assert!(milestones > before, "{verified}");
    }

    start(folder.path(), used.url(), &["--migrate"]).stop();
    assert_failed(&bench("", &["--database-url", used.url()]), 2, "is in use by merchants; name an empty database");
    let output = bench(used.url(), &[]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    assert_eq!(report["store"], "sqlite", "a database that is only in the environment is left alone");
}
