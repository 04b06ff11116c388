//! The database fails, in the ways that databases do: what was answered stands, nothing is half done, and it goes on by itself.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use cluster::{Cluster, Database, Stop};
use escrow::Span;
use store::{DatabaseUrl, Outcome, PostgresSettings, PostgresStore, Store, StoreError, Times, Unit};

use crate::world::{World, at, audit, commit, intent, load, owner, reply, stored, with_reply};

/// Settings with short patience, for the database at this port, or where the address says.
fn settings(database: &Database, port: Option<u16>) -> PostgresSettings {
    let mut url = database.url().to_owned();
    if let Some(port) = port {
        let (before, rest) = url.rsplit_once(':').expect("a port");
        let name = rest.split_once('/').expect("a name").1;
        url = format!("{before}:{port}/{name}");
    }
    let url = DatabaseUrl::parse(&url).expect("an address");
    PostgresSettings {
        times: Times::Given,
        statement_timeout: Span::from_seconds(3),
        lock_timeout: Span::from_seconds(1),
        connect_timeout: Span::from_seconds(2),
        ..PostgresSettings::of(url)
    }
}

async fn made(settings: &PostgresSettings) -> PostgresStore {
    PostgresStore::migrate(settings).await.expect("a schema");
    PostgresStore::open(settings).await.expect("a store")
}

fn opening(world: &World, key: &str) -> Unit {
    with_reply(world.open(owner(1), at(1000)), reply(owner(1), key, at(1000)))
}

/// What the proxy does when it sees that something is to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtCommit {
    /// It passes everything on.
    Nothing,
    /// It ends the connection before the server hears of it.
    Cut,
    /// It lets the server hear of it, and ends the connection before the reply.
    CutReply,
    /// As [`AtCommit::CutReply`], but the server hears of it a second after the client has lost the connection.
    Delay,
}

const WAYS: [AtCommit; 4] = [AtCommit::Nothing, AtCommit::Cut, AtCommit::CutReply, AtCommit::Delay];

/// Passes on what a client and the server say to each other, until the client commits something.
struct Meddler {
    port: u16,
    way: Arc<AtomicU8>,
}

impl Meddler {
    fn before(server: u16) -> Meddler {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let way = Arc::new(AtomicU8::new(0));
        let shared = way.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (Ok(server), way) = (TcpStream::connect(("127.0.0.1", server)), shared.clone()) else { continue };
                let (Ok(from_server), Ok(to_client)) = (server.try_clone(), client.try_clone()) else { continue };
                std::thread::spawn(move || drop(io::copy(&mut &from_server, &mut &to_client)));
                std::thread::spawn(move || drop(meddle(&client, &server, &way)));
            }
        });
        Meddler { port, way }
    }

    /// Does so at the next commit, once.
    fn at_next_commit(&self, way: AtCommit) {
        let place = WAYS.iter().position(|other| *other == way).expect("a way");
        self.way.store(u8::try_from(place).expect("few"), Ordering::SeqCst);
    }
}

fn meddle(mut client: &TcpStream, mut server: &TcpStream, way: &AtomicU8) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    // A look-up of a commit ends as one does: only what also stores an escrow is meddled with.
    let mut has_stored = false;
    // What was said last, since words may be said in two pieces.
    let mut heard: Vec<u8> = Vec::new();
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return server.shutdown(Shutdown::Both);
        }
        let said = &buffer[..count];
        heard.extend_from_slice(said);
        has_stored |= heard.windows(13).any(|words| words == b"INTO escrows ");
        let is_end = heard.windows(7).any(|word| word == b"COMMIT\0");
        heard.drain(..if is_end { heard.len() } else { heard.len().saturating_sub(12) });
        let is_commit = is_end && std::mem::take(&mut has_stored);
        let way = if is_commit { WAYS[usize::from(way.swap(0, Ordering::SeqCst))] } else { AtCommit::Nothing };
        match way {
            AtCommit::Nothing => server.write_all(said)?,
            AtCommit::Cut => {
                client.shutdown(Shutdown::Both)?;
                return server.shutdown(Shutdown::Both);
            }
            AtCommit::CutReply => {
                client.shutdown(Shutdown::Both)?;
                server.write_all(said)?;
                // The server is heard out by the other thread, which finds nobody to tell.
            }
            AtCommit::Delay => {
                client.shutdown(Shutdown::Both)?;
                // Nothing can say that the server has not heard of it; it must be late.
                std::thread::sleep(Duration::from_secs(1));
                server.write_all(said)?;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_reply_was_lost_counts_once() {
    let Some(database) = Database::fresh() else { return };
    let port = database.url().rsplit_once(':').and_then(|(_, rest)| rest.split_once('/')).expect("a port").0;
    let meddler = Meddler::before(port.parse().expect("a port"));
    let store = made(&settings(&database, Some(meddler.port))).await;
    let world = World::default();
    for (way, key) in [(AtCommit::Cut, "cut"), (AtCommit::CutReply, "reply"), (AtCommit::Delay, "delay")] {
        let unit = opening(&world, key);
        let id = intent(&unit);
        meddler.at_next_commit(way);
        assert_eq!(commit(&store, unit.clone()).await, Outcome::Committed, "{way:?}");
        assert_eq!(meddler.way.load(Ordering::SeqCst), 0, "{way:?} has happened");
        assert_eq!(load(&store, id).await.expect("it is there").version, 1, "{way:?}");
        assert_eq!(commit(&store, unit).await, Outcome::Lost, "{way:?}: it is there once");
    }
    let void = database.sql("SELECT count(*) FROM commits WHERE is_void");
    assert_ne!(void, "0", "what was not committed can never be");
    assert_eq!(audit(&store).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_were_ended_are_replaced() {
    let Some(cluster) = Cluster::for_test() else { return };
    let database = cluster.create_database();
    let store = made(&settings(&database, None)).await;
    let world = World::default();
    for round in 0..5 {
        let unit = world.open(owner(1), at(1000));
        let id = intent(&unit);
        assert!(cluster.terminate_backends() > 0, "round {round}");
        assert_eq!(commit(&store, unit).await, Outcome::Committed, "round {round}");
        cluster.terminate_backends();
        assert!(load(&store, id).await.is_some(), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_is_said_so_in_time_and_got_over() {
    let Some(cluster) = Cluster::for_test() else { return };
    let database = cluster.create_database();
    let store = made(&settings(&database, None)).await;
    let world = World::default();
    let first = stored(&store, world.open(owner(1), at(1000))).await;
    for how in [Stop::Fast, Stop::Immediate] {
        cluster.stop(how);
        let begun = Instant::now();
        let unit = world.open(owner(1), at(1000));
        let id = intent(&unit);
        let refused = store.commit(vec![unit.clone()]).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        assert!(store.ping().await.is_err() && store.escrow(id).await.is_err());
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        cluster.start_again();
        assert_eq!(load(&store, first.escrow.id).await.as_ref(), Some(&first), "what was answered stands");
        assert!(load(&store, id).await.is_none(), "what was refused is not there");
        assert_eq!(commit(&store, unit).await, Outcome::Committed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_lock_does_not_wait_for_ever() {
    let Some(database) = Database::fresh() else { return };
    let store = made(&settings(&database, None)).await;
    let world = World::default();
    let (client, connection) = tokio_postgres::connect(database.url(), tokio_postgres::NoTls).await.expect("a server");
    let connection = tokio::task::spawn_blocking(move || tokio::runtime::Handle::current().block_on(connection));
    client.batch_execute("BEGIN; LOCK TABLE escrows IN ACCESS EXCLUSIVE MODE").await.expect("a lock");
    let unit = world.open(owner(1), at(1000));
    let begun = Instant::now();
    let refused = store.commit(vec![unit.clone()]).await.expect_err("locked out");
    assert_eq!(refused.to_string(), "the store is unavailable: something else keeps a part of the database locked");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    client.batch_execute("ROLLBACK").await.expect("unlocked");
    assert_eq!(commit(&store, unit).await, Outcome::Committed);
    drop(client);
    connection.await.expect("a task").expect("a connection");
}
