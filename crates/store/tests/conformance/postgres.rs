//! Stores in databases of their own.

use store::{DatabaseUrl, PostgresSettings, PostgresStore, Times};

/// A store in a new database.
pub(crate) async fn fresh() -> PostgresStore {
    let settings = settings().await;
    PostgresStore::migrate(&settings).await.expect("a schema");
    PostgresStore::open(&settings).await.expect("a store")
}

/// The settings for a new database. Time is what the test says.
pub(crate) async fn settings() -> PostgresSettings {
    let admin = std::env::var("MILEPOST_TEST_POSTGRES").expect("MILEPOST_TEST_POSTGRES");
    let (client, connection) = tokio_postgres::connect(&admin, tokio_postgres::NoTls).await.expect("a server");
    let connection = tokio::spawn(connection);
    let name = format!("t{}", std::process::id());
    client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).await.expect("dropped");
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database");
    drop(client);
    connection.await.expect("a task").expect("a connection");
    let url = format!("{}/{name}", admin.rsplit_once('/').expect("an address").0);
    let url = DatabaseUrl::parse(&url).expect("an address");
    PostgresSettings { times: Times::Given, ..PostgresSettings::of(url) }
}
