//! A connection to a database.

use tokio::task::JoinHandle;
use tokio_postgres::{Client, Error, NoTls};

/// A connection, and the task that ends with it.
pub(crate) async fn connect(url: &str) -> Result<(Client, JoinHandle<Result<(), Error>>), Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    #[expect(clippy::disallowed_methods, reason = "a test has no host")]
    let ends = tokio::spawn(connection);
    Ok((client, ends))
}

/// A connection that must come about.
pub(crate) async fn client(url: &str) -> Client {
    connect(url).await.expect("the server takes connections").0
}
