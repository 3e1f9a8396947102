// SPDX-License-Identifier: Apache-2.0

//! That election and registry keep their word with a real ZooKeeper.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kaon_api::v1::MasterInfo;
use kaon_daemon::store::{Entry, Store, StoreError, ZooKeeperStore};
use kaon_daemon::zookeeper::{acls, prepare, stand};
use kaon_sdk::zookeeper::{Url, candidates};
use tokio::runtime::Handle;
use zookeeper_client::Client;

use crate::support::Folder;

pub const SESSION: Duration = Duration::from_secs(4);

/// One server on a port of its own, which ends with the test.
pub struct Server {
    child: Child,
    port: u16,
    folder: Folder,
}

impl Server {
    pub fn start() -> Server {
        Server::start_at(Server::free_port())
    }

    pub fn free_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    pub fn start_at(port: u16) -> Server {
        let folder = Folder::new();
        let data = folder.path().join("data");
        let text = format!(
            "tickTime=500\ndataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n",
            data.display()
        );
        std::fs::write(folder.path().join("zoo.cfg"), text).unwrap();
        let child = Server::run(&folder);
        let mut server = Server { child, port, folder };
        server.wait();
        server
    }

    fn run(folder: &Folder) -> Child {
        Command::new("java")
            .args(["-Xmx128m", "-cp", "/usr/share/java/zookeeper.jar"])
            .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
            .arg(folder.path().join("zoo.cfg"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("java runs; scripts/ensure zookeeper installs it with ZooKeeper")
    }

    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts what was stopped, with what it had.
    pub fn restart(&mut self) {
        self.child = Server::run(&self.folder);
        self.wait();
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "ZooKeeper has ended: {ended:?}; scripts/ensure zookeeper installs it");
            assert!(Instant::now() < deadline, "ZooKeeper does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A path that begins with `@` is that of masters with credentials.
    pub fn url(&self, path: &str) -> Url {
        let credentials = if path.starts_with('@') { "u:p@" } else { "" };
        format!("zk://{credentials}127.0.0.1:{}/{}", self.port, path.trim_start_matches('@')).parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn connect(
    url: &Url,
    session_timeout: Duration,
) -> Result<Client, kaon_sdk::zookeeper::ZooKeeperError> {
    let client = kaon_sdk::zookeeper::connect(url, session_timeout).await?;
    prepare(&client, url).await.map(|()| client)
}

fn info(id: &str) -> MasterInfo {
    MasterInfo { id: id.into(), ip: 16777343, port: 5050, ..Default::default() }
}

fn entry(text: &str) -> Entry {
    Entry { record: text.as_bytes().to_vec(), snapshot: None }
}

fn open(client: &Client, url: &Url, name: &str, handle: &Handle) -> Result<ZooKeeperStore, StoreError> {
    ZooKeeperStore::open(client.clone(), handle.clone(), &url.path, name, acls(url))
}

/// Runs what blocks beside the runtime.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_registry_is_written_by_the_leader_alone() {
    let server = beside(Server::start).await;
    let url = server.url("mesos/a");
    let first = connect(&url, SESSION).await.unwrap();
    let second = connect(&url, SESSION).await.unwrap();
    let one = stand(&first, &url, &info("one")).await.unwrap();
    let two = stand(&second, &url, &info("two")).await.unwrap();

    let names = first.list_children(&url.path).await.unwrap();
    let leader = candidates::first(names).unwrap();
    assert_eq!(leader.name, one);
    assert_eq!(candidates::read(&second, &url, &leader).await.unwrap(), Some(info("one")));

    // Small records and one that takes several nodes, a snapshot that does, and records after it.
    let handle = Handle::current();
    let large = "x".repeat(1_200_000);
    let expected = large.clone();
    let (client, place, name) = (first.clone(), url.clone(), one.clone());
    let mut deposed = beside(move || {
        let mut store = open(&client, &place, &name, &handle).unwrap();
        store.append(&[entry("a"), entry("b")]).unwrap();
        store.append(&[entry(&large)]).unwrap();
        let loaded = open(&client, &place, &name, &handle).unwrap().load().unwrap();
        assert_eq!(loaded.snapshot, None);
        assert_eq!(loaded.records, [b"a".to_vec(), b"b".to_vec(), large.clone().into_bytes()]);
        let whole = Entry { record: Vec::new(), snapshot: Some(large.into_bytes()) };
        store.append(&[entry("c"), whole.clone(), entry("d")]).unwrap();
        store.append(&[whole]).unwrap();
        store.append(&[entry("e")]).unwrap();
        store
    })
    .await;
    let folder = format!("{}/kaon.registry", url.path);
    let nodes = second.list_children(&folder).await.unwrap();
    assert_eq!(nodes.len(), 4, "a snapshot in three parts, and one node of the log: {nodes:?}");

    // The second takes over when the first has given up its candidacy, and the first writes no more.
    first.delete(&format!("{}/{one}", url.path), None).await.unwrap();
    let handle = Handle::current();
    let (client, place) = (second.clone(), url.clone());
    beside(move || {
        let mut store = open(&client, &place, &two, &handle).unwrap();
        assert_eq!(store.load().unwrap().records, [b"e".to_vec()]);
        assert_eq!(store.load().unwrap().snapshot, Some(expected.into_bytes()));
        let late = deposed.append(&[entry("too late")]);
        assert!(matches!(late, Err(StoreError::Deposed(_))), "{late:?}");
        store.append(&[entry("f")]).unwrap();
        assert_eq!(store.load().unwrap().records, [b"e".to_vec(), b"f".to_vec()]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_keep_others_from_writing() {
    let server = beside(Server::start).await;
    let url = server.url("@mesos");
    let client = connect(&url, SESSION).await.unwrap();
    let name = stand(&client, &url, &info("one")).await.unwrap();
    let stranger = Client::connector().connect(&url.servers).await.unwrap();
    let path = format!("{}/{name}", url.path);
    assert!(stranger.get_data(&path).await.is_ok(), "everybody reads");
    let refused = stranger.set_data(&path, b"{}", None).await;
    assert!(matches!(refused, Err(zookeeper_client::Error::NoAuth)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_damaged_foreign_or_newer_is_refused_and_left_alone() {
    let server = beside(Server::start).await;
    let url = server.url("m");
    let client = connect(&url, SESSION).await.unwrap();
    let name = stand(&client, &url, &info("one")).await.unwrap();
    let handle = Handle::current();
    let head = format!("{}/kaon.registry", url.path);
    let try_open = async |data: &str| {
        client.set_data(&head, data.as_bytes(), None).await.unwrap();
        let (client, url, name, handle) = (client.clone(), url.clone(), name.clone(), handle.clone());
        beside(move || open(&client, &url, &name, &handle).and_then(|store| store.load()).map(drop)).await
    };
    let (c, u, n, h) = (client.clone(), url.clone(), name.clone(), handle.clone());
    beside(move || open(&c, &u, &n, &h).unwrap().append(&[entry("a")]).unwrap()).await;
    assert!(matches!(try_open("kaon registry 9\n").await, Err(StoreError::Newer { found: 9, .. })));
    assert!(matches!(try_open("something else").await, Err(StoreError::Damaged { .. })));
    assert!(matches!(try_open("kaon registry 1\nlog 1 2\n").await, Err(StoreError::Damaged { .. })));
    try_open("kaon registry 1\nlog 1 1\n").await.unwrap();
    client.set_data(&format!("{head}/log.0000000001"), b"garbage", None).await.unwrap();
    assert!(matches!(try_open("kaon registry 1\nlog 1 1\n").await, Err(StoreError::Damaged { .. })));
    assert_eq!(client.list_children(&head).await.unwrap(), ["log.0000000001"]);
}
