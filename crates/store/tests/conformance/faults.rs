//! The database fails, in the ways that databases do: what was answered stands, nothing is half done, and it goes on by itself.
#![expect(clippy::disallowed_methods, reason = "how long real servers keep somebody waiting is what is tested")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use cluster::{Cluster, Database, Pooler, Proxy, Settings, Stop, Way};
use escrow::Span;
use futures_util::future::join_all;
use store::{Audited, DatabaseUrl, Outcome, PostgresSettings, PostgresStore, Store, StoreError, Times, Unit};

use crate::world::{World, at, audit, commit, intent, load, owner, reply, stored, with_reply};

/// Settings with short patience, for the database at this port, or where the address says.
fn settings(database: &Database, port: Option<u16>) -> PostgresSettings {
    let mut url = database.url().to_owned();
    if let Some(port) = port {
        let (before, rest) = url.rsplit_once(':').expect("a port");
        let name = rest.split_once('/').expect("a name").1;
        url = format!("{before}:{port}/{name}");
    }
    let url = address(&url);
    PostgresSettings {
        times: Times::Given,
        statement_timeout: Span::from_seconds(3),
        lock_timeout: Span::from_seconds(1),
        connect_timeout: Span::from_seconds(2),
        ..PostgresSettings::of(url)
    }
}

fn address(url: &str) -> DatabaseUrl {
    DatabaseUrl::parse(url).expect("an address")
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
    /// It lets the server wait for three seconds, as a client does that stands still.
    Freeze,
}

const WAYS: [AtCommit; 5] = [AtCommit::Nothing, AtCommit::Cut, AtCommit::CutReply, AtCommit::Delay, AtCommit::Freeze];

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
                std::thread::spawn(move || {
                    drop(io::copy(&mut &from_server, &mut &to_client));
                    drop(to_client.shutdown(Shutdown::Both));
                });
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
            AtCommit::Freeze => {
                std::thread::sleep(Duration::from_secs(3));
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
async fn who_stands_still_in_a_commit_keeps_nobody_waiting() {
    let Some(database) = Database::fresh() else { return };
    let port = database.url().rsplit_once(':').and_then(|(_, rest)| rest.split_once('/')).expect("a port").0;
    let meddler = Meddler::before(port.parse().expect("a port"));
    let frozen = made(&settings(&database, Some(meddler.port))).await;
    let other = PostgresStore::open(&settings(&database, None)).await.expect("a store");
    let (one, two) = (World::default(), World::drawing_from(1000));
    let unit = one.open(owner(1), at(1000));
    let id = intent(&unit);
    meddler.at_next_commit(AtCommit::Freeze);
    let others = async {
        while meddler.way.load(Ordering::SeqCst) != 0 {
            tokio::task::yield_now().await;
        }
        // It has the locks of the owner, and stands still.
        let begun = Instant::now();
        assert_eq!(commit(&other, two.open(owner(1), at(1000))).await, Outcome::Committed);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    };
    let (outcome, ()) = tokio::join!(commit(&frozen, unit), others);
    assert_eq!(outcome, Outcome::Committed, "it begins anew when it goes on");
    assert_eq!(load(&other, id).await.map(|stored| stored.version), Some(1));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let Some(database) = Database::fresh() else { return };
    let proxy = Proxy::before(database.url());
    let direct = settings(&database, None);
    let store = made(&PostgresSettings { url: address(&proxy.url(database.url())), ..direct }).await;
    let world = World::default();
    let first = stored(&store, world.open(owner(1), at(1000))).await;
    proxy.hang();
    let begun = Instant::now();
    let unit = world.open(owner(1), at(1000));
    let refused = store.commit(vec![unit.clone()]).await.expect_err("nobody answers");
    assert_eq!(refused.to_string(), "the store is unavailable: the database did not answer in time");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    proxy.resume();
    assert_eq!(commit(&store, unit).await, Outcome::Committed);
    assert_eq!(load(&store, first.escrow.id).await.as_ref(), Some(&first));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whether_it_was_stored_is_in_doubt_while_nobody_can_say() {
    let Some(cluster) = Cluster::for_test() else { return };
    let database = cluster.create_database();
    let proxy = Proxy::before(database.url());
    let direct = settings(&database, None);
    let store = made(&PostgresSettings { url: address(&proxy.url(database.url())), ..direct }).await;
    let unit = World::default().open(owner(1), at(1000));
    let id = intent(&unit);
    proxy.cut_at(Way::ToClients, b"COMMIT\0");
    let gone = async {
        // It has heard of the commit when the connection ends; then it is gone for longer than anybody looks.
        while database.sql("SELECT count(*) FROM escrows") == "0" {
            tokio::task::yield_now().await;
        }
        cluster.stop(Stop::Immediate);
    };
    proxy.refuse();
    let (doubted, ()) = tokio::join!(store.commit(vec![unit.clone()]), gone);
    assert!(matches!(doubted, Err(StoreError::InDoubt)), "{doubted:?}");
    cluster.start_again();
    proxy.admit();
    assert_eq!(load(&store, id).await.map(|stored| stored.version), Some(1), "it was");
    assert_eq!(commit(&store, unit).await, Outcome::Lost);
}

/// A small disk of its own, where this machine lets us make one.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn made() -> Option<(SmallDisk, tempfile::TempDir)> {
        let dir = tempfile::tempdir().expect("a folder");
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=192m,mode=0777", "tmpfs"])
            .arg(dir.path())
            .output();
        let is_made = mount.is_ok_and(|output| output.status.success());
        is_made.then(|| (SmallDisk(dir.path().to_owned()), dir))
    }

    /// Leaves no room on it.
    fn fill(&self) {
        let mut ballast = std::fs::File::create(self.0.join("ballast")).expect("a file");
        let block = vec![0; 1 << 16];
        while ballast.write_all(&block).is_ok() {}
        while ballast.write_all(&[0; 512]).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("ballast")).expect("room");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(std::process::Command::new("umount").arg("-l").arg(&self.0).output());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stores_nothing_and_is_got_over_once_there_is_room() {
    let Some((disk, _dir)) = SmallDisk::made() else {
        return eprintln!("skipped: a disk of its own needs a right to mount that this user lacks");
    };
    let small = Settings::default().within(&disk.0).set("min_wal_size", "32MB").set("max_wal_size", "32MB");
    let Some(cluster) = small.for_test() else { return };
    let database = cluster.create_database();
    let store = made(&settings(&database, None)).await;
    let world = World::default();
    disk.fill();
    let mut kept = Vec::new();
    let refused = loop {
        let key = format!("{} {}", "k".repeat(200), kept.len());
        let mut unit = opening(&world, &key);
        unit.replies.iter_mut().for_each(|reply| reply.body = vec![7; 100_000]);
        match store.commit(vec![unit.clone()]).await {
            Ok(outcomes) => {
                assert_eq!(outcomes, [Outcome::Committed]);
                kept.push(intent(&unit));
            }
            Err(refused) => break (refused, unit),
        }
        assert!(kept.len() < 3000, "the disk is not that large");
    };
    assert!(matches!(refused.0, StoreError::Unavailable(_) | StoreError::InDoubt), "{:?}", refused.0);
    disk.make_room();
    // Where the log itself found no room, the server has ended, and does not come back by itself before there is some.
    let mut outcome = store.commit(vec![refused.1.clone()]).await;
    let begun = Instant::now();
    while outcome.is_err() && begun.elapsed() < Duration::from_secs(30) {
        outcome = store.commit(vec![refused.1.clone()]).await;
    }
    assert!(matches!(outcome.expect("room").as_slice(), [Outcome::Committed | Outcome::Lost]));
    for id in &kept {
        assert!(load(&store, *id).await.is_some(), "what was answered stands");
    }
    assert_eq!(audit(&store).await.iter().filter(|it| matches!(it, Audited::Escrow { .. })).count(), kept.len() + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_gateways_share_connections() {
    let Some(cluster) = Cluster::for_test() else { return };
    let Some(pooler) = Pooler::for_test(&cluster) else { return };
    let database = cluster.create_database();
    PostgresStore::migrate(&settings(&database, None)).await.expect("a schema");
    let pooled = PostgresSettings { url: address(&pooler.url(database.url())), ..settings(&database, None) };
    // More connections than the pooler has, so that statements of one gateway run where those of another ran just before.
    let stores = join_all((0..3).map(|_| PostgresStore::open(&pooled))).await;
    let stores: Vec<PostgresStore> = stores.into_iter().map(|store| store.expect("a store")).collect();
    let worlds: Vec<World> = (0..3).map(|number| World::drawing_from(number * 10_000)).collect();
    for round in 0..30 {
        let units: Vec<Unit> = worlds.iter().map(|world| world.open(owner(round % 4), at(1000))).collect();
        let ids: Vec<_> = units.iter().map(intent).collect();
        let commits = join_all(stores.iter().zip(units).map(|(store, unit)| store.commit(vec![unit]))).await;
        for outcomes in commits {
            assert_eq!(outcomes.expect("a commit"), [Outcome::Committed]);
        }
        let looks = stores.iter().zip(ids.iter().rev()).map(|(store, id)| load(store, *id));
        assert!(join_all(looks).await.iter().all(Option::is_some), "each sees what the others have committed");
    }
    assert_eq!(audit(&stores[0]).await, audit(&stores[1]).await);
}
