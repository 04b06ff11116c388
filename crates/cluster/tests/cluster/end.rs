//! A cluster ends with the process that started it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::client::connect;

/// How often it is looked for something that another process does, and how long between.
const LOOKS: u32 = 3000;
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The program that starts a cluster, and what it printed.
fn program(folder: &Path) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cluster"));
    let mut child = command.arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut url = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut url).expect("an address");
    (child, url.trim().to_owned())
}

fn is_empty(folder: &Path) -> bool {
    // Whoever removes a folder as a user that does not own the one around it leaves the folder itself.
    std::fs::read_dir(folder)
        .expect("the folder")
        .all(|inner| inner.expect("an entry").path().read_dir().map_or(true, |mut entries| entries.next().is_none()))
}

fn reachable_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(folder.path(), everybody).expect("its owner sets them");
    folder
}

#[tokio::test]
async fn a_cluster_ends_with_its_process_and_leaves_no_files() {
    if !cluster::are_wanted() {
        return;
    }
    for kill in [false, true] {
        let folder = reachable_folder();
        let (mut child, url) = program(folder.path());
        let (_client, ends) = connect(&url).await.expect("a connection");
        if kill {
            child.kill().expect("it runs");
        } else {
            drop(child.stdin.take());
        }
        ends.await.expect("no panic").expect_err("the server has ended");
        assert_eq!(child.wait().expect("it ended").success(), !kill);
        assert!(
            (0..LOOKS).any(|_| is_empty(folder.path()) || {
                sleep(LOOK_EVERY);
                false
            }),
            "files are left"
        );
    }
}

#[test]
fn a_cluster_that_cannot_start_says_why() {
    if !cluster::are_wanted() {
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_cluster")).arg("/nowhere").output().expect("it runs");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("a folder for PostgreSQL in /nowhere failed: No such file"), "{said}");
}
