//! Stores in databases of their own.

use cluster::Database;
use store::{DatabaseUrl, PostgresSettings, PostgresStore, Times};

/// The settings for a database. Time is what the test says.
pub(crate) fn settings(database: &Database) -> PostgresSettings {
    let url = DatabaseUrl::parse(database.url()).expect("an address");
    PostgresSettings { times: Times::Given, ..PostgresSettings::of(url) }
}

/// A store in a database that is empty.
pub(crate) async fn made(database: &Database) -> PostgresStore {
    let settings = settings(database);
    PostgresStore::migrate(&settings).await.expect("a schema");
    PostgresStore::open(&settings).await.expect("a store")
}
