//! A cluster is there, is gone, and is there again, as its test says.

use std::net::TcpStream;

use cluster::{Certificate, Cluster, Settings, Stop};

use crate::client::{client, connect};

#[tokio::test]
async fn what_was_committed_is_there_after_every_way_of_stopping() {
    let Some(cluster) = Cluster::for_test() else { return };
    let database = cluster.create_database();
    client(database.url()).await.batch_execute("CREATE TABLE kept (n int)").await.expect("a table");
    for (n, how) in [(1, Stop::Fast), (2, Stop::Immediate), (3, Stop::Immediate)] {
        client(database.url()).await.batch_execute(&format!("INSERT INTO kept VALUES ({n})")).await.expect("a row");
        let port = cluster.port();
        cluster.stop(how);
        TcpStream::connect(("127.0.0.1", port)).expect_err("nobody listens");
        cluster.start_again();
        assert_eq!(cluster.port(), port);
        let rows = client(database.url()).await.query("SELECT n FROM kept", &[]).await.expect("rows");
        assert_eq!(rows.len(), n);
    }
}

#[tokio::test]
async fn terminated_backends_end_their_connections_and_no_others_are_refused() {
    let Some(cluster) = Cluster::for_test() else { return };
    let (_one, one_ends) = connect(&cluster.admin_url()).await.expect("a connection");
    let (_two, two_ends) = connect(&cluster.admin_url()).await.expect("another");
    assert_eq!(cluster.terminate_backends(), 2);
    one_ends.await.expect("no panic").expect_err("it was terminated");
    two_ends.await.expect("no panic").expect_err("so was this");
    client(&cluster.admin_url()).await;
}

#[test]
fn a_cluster_does_not_outlive_its_value() {
    let Some(cluster) = Cluster::for_test() else { return };
    let (port, folder) = (cluster.port(), cluster.folder().to_owned());
    assert!(folder.join("data").is_dir());
    drop(cluster);
    TcpStream::connect(("127.0.0.1", port)).expect_err("nobody listens");
    assert!(!folder.exists());
}

#[test]
fn a_halted_cluster_is_stopped_like_any_other() {
    let Some(cluster) = Cluster::for_test() else { return };
    let halted = std::process::Command::new("kill").args(["-s", "STOP", &cluster.pid().to_string()]).status();
    assert!(halted.expect("kill runs").success());
    cluster.stop(Stop::Immediate);
    cluster.start_again();
    assert_eq!(cluster.sql("SELECT 1"), "1");
}

#[test]
fn settings_are_those_of_tests_unless_asked_for() {
    let Some(cluster) = Cluster::for_test() else { return };
    assert_eq!(cluster.sql("SHOW fsync"), "off");
    let Some(cluster) = Settings::default().durable().set("application_name", "it's me").for_test() else { return };
    assert_eq!(cluster.sql("SHOW fsync"), "on");
    assert_eq!(cluster.sql("SELECT boot_val, reset_val FROM pg_settings WHERE name = 'full_page_writes'"), "on|on");
}

#[test]
fn a_password_is_asked_for() {
    let Some(cluster) = Cluster::for_test() else { return };
    let rules = cluster.sql("SELECT DISTINCT auth_method FROM pg_hba_file_rules");
    assert_eq!(rules, "scram-sha-256");
}

#[test]
fn tls_is_offered_where_there_is_a_certificate() {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let certificate = Certificate { chain_pem: own.cert.pem(), key_pem: own.signing_key.serialize_pem() };
    let Some(cluster) = Settings::default().certificate(certificate).for_test() else { return };
    // The client of `sql` takes TLS where it can.
    assert_eq!(cluster.sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), "t");
}
