//! A database is its test's own.

use cluster::{Cluster, Database};

use crate::client::connect;

#[tokio::test]
async fn each_test_has_an_empty_database_that_is_dropped_with_its_connections() {
    let (Some(one), Some(other)) = (Database::fresh(), Database::fresh()) else { return };
    one.sql("CREATE TABLE mine (n int)");
    assert_eq!(other.sql("SELECT count(*) FROM pg_tables WHERE tablename = 'mine'"), "0");

    let (_client, ends) = connect(one.url()).await.expect("a connection");
    let name = one.name().to_owned();
    drop(one);
    ends.await.expect("no panic").expect_err("the database is gone");
    assert_eq!(other.sql(&format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")), "0");
}

#[test]
fn text_is_not_sorted_by_bytes_where_the_server_can_do_otherwise() {
    let Some(cluster) = Cluster::for_test() else { return };
    let version: u32 = cluster.sql("SHOW server_version_num").parse().expect("a number");
    let has_icu = cluster.sql("SELECT count(*) > 0 FROM pg_collation WHERE collprovider = 'i'") == "t";
    assert_eq!(cluster.sql("SELECT 'a' < 'B'"), if version >= 150_000 && has_icu { "t" } else { "f" });
}
