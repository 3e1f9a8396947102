// SPDX-License-Identifier: Apache-2.0

//! That of several masters one leads, and who it is, with a real ZooKeeper.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kaon_api::internal::RegisterAgentMessage;
use kaon_api::libprocess::{self, Upid};
use kaon_api::v1::AgentInfo;
use kaon_api::wire::Message;
use kaon_daemon::zookeeper::{acls, prepare};
use kaon_sdk::zookeeper::{Url, candidates, connect};
use rustix::process::Signal;
use serde_json::Value;
use zookeeper_client::{Acls, Client, CreateMode};

use crate::daemon::Daemon;
use crate::support::{Folder, eventually, read_until};
use crate::zookeeper::{SESSION, Server};

pub fn master(url: &str, more: &[&str]) -> Daemon {
    Daemon::start("master", &flags(url, more))
}

pub fn flags(url: &str, more: &[&str]) -> Vec<String> {
    let own = ["--ip=127.0.0.1", "--port=0", "--hostname=127.0.0.1", "--zk_session_timeout=4secs", "--quiet"];
    let zk = format!("--zk={url}");
    own.into_iter().chain([zk.as_str()]).chain(more.iter().copied()).map(str::to_owned).collect()
}

pub fn text(url: &Url) -> String {
    let credentials = url.credentials.as_ref().map_or(String::new(), |pair| format!("{pair}@"));
    format!("zk://{credentials}{}{}", url.servers, url.path)
}

pub fn leads(daemon: &Daemon) -> bool {
    asked(daemon, "/metrics/snapshot").is_some_and(|figures| figures["master/elected"] == 1.0)
}

/// The id by which it leads.
fn id(daemon: &Daemon) -> Option<Value> {
    asked(daemon, "/state").map(|state| state["id"].clone())
}

/// The JSON of an answer, if it comes: a master that is stepping down breaks off what it says.
fn asked(daemon: &Daemon, path: &str) -> Option<Value> {
    let mut stream = daemon.connect();
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

fn figure(daemon: &Daemon, name: &str) -> f64 {
    json(&daemon.get("/metrics/snapshot").2)[name].as_f64().unwrap()
}

fn json(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body:.200}"))
}

fn location(headers: &str) -> Option<&str> {
    headers.lines().find_map(|line| line.strip_prefix("Location: "))
}

/// Runs a future beside a test that is none.
pub fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn session(url: &Url) -> Client {
    let client = connect(url, SESSION).await.unwrap();
    prepare(&client, url).await.unwrap();
    client
}

#[test]
fn a_standby_points_to_the_leader_and_takes_over_its_agents() {
    let server = Server::start();
    let url = server.url("mesos/a");
    let first = master(&text(&url), &[]);
    eventually("the only master leads", || leads(&first));
    let second = master(&text(&url), &[]);
    let leader = format!("//{}", first.address);
    eventually("the second knows the leader", || second.get("/state").0.contains("307"));
    points_to(&second, &leader);
    describes_itself(&url, &first);

    let folder = Folder::new();
    let one = agent(&text(&url), &folder.path().join("one"));
    // Of several masters any says who leads.
    let other = agent(&format!("{},{}", second.address, first.address), &folder.path().join("other"));
    let ids = |daemon: &Daemon| {
        let all = json(&daemon.get("/slaves").2);
        all["slaves"].as_array().unwrap().iter().map(|one| one["id"].to_string()).collect::<BTreeSet<_>>()
    };
    eventually("the agents are registered", || ids(&first).len() == 2);
    let registered = ids(&first);
    drop(first);
    eventually("the second leads", || leads(&second));
    eventually("the agents are back", || ids(&second).len() == 2);
    assert_eq!(ids(&second), registered, "they keep their ids");
    assert_eq!(
        json(&one.get("/state").2)["master_hostname"],
        "127.0.0.1",
        "it knows what the leader told ZooKeeper"
    );
    drop(other);
}

pub fn agent(masters: &str, folder: &Path) -> Daemon {
    let path = |name: &str| folder.join(name).display().to_string();
    let flags = [
        format!("--master={masters}"),
        format!("--work_dir={}", path("work")),
        format!("--runtime_dir={}", path("run")),
        "--resources=cpus:1;mem:64;disk:64;ports:[]".into(),
        "--ip=127.0.0.1".into(),
        "--port=0".into(),
        "--hostname=127.0.0.1".into(),
        "--registration_backoff_factor=100ms".into(),
        "--quiet".into(),
    ];
    Daemon::start("agent", &flags)
}

#[test]
fn a_master_that_is_told_to_stop_makes_way_at_once() {
    let server = Server::start();
    let url = server.url("mesos");
    let mut first = master(&text(&url), &[]);
    eventually("the only master leads", || leads(&first));
    let second = master(&text(&url), &[]);
    eventually("the second knows the leader", || second.get("/state").0.contains("307"));
    let told = Instant::now();
    first.signal(Signal::TERM);
    eventually("the second leads", || leads(&second));
    assert!(told.elapsed() < SESSION / 2, "it took {:?}", told.elapsed());
    assert_eq!(first.ended().code(), Some(0));
}

/// Whatever is asked of a standby that only the leader knows.
fn points_to(standby: &Daemon, leader: &str) {
    for (asked, expected) in [
        ("/state", format!("{leader}/state")),
        ("/master/state?a=b%20c&d", format!("{leader}/master/state?a=b%20c&d")),
        ("/slaves/x", format!("{leader}/slaves/x")),
        ("/weights", format!("{leader}/weights")),
        ("/redirect", leader.to_owned()),
        ("/master/redirect", leader.to_owned()),
    ] {
        let (status, headers, body) = standby.get(asked);
        assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 307 Temporary Redirect", ""), "{asked}");
        assert_eq!(location(&headers), Some(expected.as_str()), "{asked}");
    }
    // Neither the method nor what is in the body is looked at.
    for path in ["/api/v1", "/api/v1/scheduler", "/master/api/v1/scheduler", "/teardown", "/machine/down"] {
        let (status, headers, _) = standby.post(path, "", "rubbish");
        assert!(status.contains("307"), "{path}: {status}");
        assert_eq!(location(&headers).unwrap(), format!("{leader}{path}"));
    }
    for path in ["/health", "/flags", "/metrics/snapshot", "/version", "/files/debug", "/metrics"] {
        assert_eq!(standby.get(path).0, "HTTP/1.1 200 OK", "{path}");
    }
    assert!(standby.get("/redirect/x").0.contains("404"));
    assert!(standby.get("/nosuch").0.contains("404"));
    let message = "POST /master/mesos.internal.PingSlaveMessage HTTP/1.1\r\nHost: x\r\n\
                   User-Agent: libprocess/slave(1)@127.0.0.1:1\r\nContent-Length: 0\r\n\r\n";
    let mut stream = standby.connect();
    stream.write_all(message.as_bytes()).unwrap();
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 202 Accepted"));
    assert_eq!(figure(standby, "kaon/messages_dropped"), 1.0);
    assert_eq!(figure(standby, "master/elected"), 0.0);
}

/// The node of a candidate holds what Mesos writes there, member by member, in its order.
fn describes_itself(url: &Url, leader: &Daemon) {
    let node = wait_for(async {
        let client = session(url).await;
        let names = client.list_children(&url.path).await.unwrap();
        let first = candidates::first(names).unwrap();
        assert!(first.name.starts_with("json.info_") && first.name.len() == "json.info_".len() + 10);
        let (data, stat) = client.get_data(&format!("{}/{}", url.path, first.name)).await.unwrap();
        assert_eq!((stat.version, stat.ephemeral_owner != 0), (0, true));
        String::from_utf8(data).unwrap()
    });
    let info = json(&node);
    let (_, port) = leader.address.rsplit_once(':').unwrap();
    let port: u64 = port.parse().unwrap();
    let keys: Vec<&str> = info.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["id", "ip", "port", "pid", "hostname", "version", "address", "capabilities"]);
    assert!(!node.contains(": ") && !node.contains(", "), "no spaces: {node}");
    assert_eq!(info["id"].as_str().unwrap().len(), 36);
    // 127.0.0.1 in network order, read as a number of this machine.
    assert_eq!(info["ip"], 16_777_343);
    assert_eq!(info["port"], port);
    assert_eq!(info["pid"], format!("master@{}", leader.address));
    assert_eq!(info["hostname"], "127.0.0.1");
    assert_eq!(info["version"], json(&leader.get("/version").2)["version"]);
    let address = serde_json::json!({"hostname": "127.0.0.1", "ip": "127.0.0.1", "port": port});
    assert_eq!(info["address"].to_string(), address.to_string());
    let state = json(&leader.get("/state").2);
    assert_eq!(info["id"], state["id"]);
    let told: Vec<&Value> = info["capabilities"].as_array().unwrap().iter().map(|one| &one["type"]).collect();
    assert_eq!(told, state["capabilities"].as_array().unwrap().iter().collect::<Vec<_>>());
}

#[test]
fn a_leader_that_was_stopped_wakes_up_as_a_standby() {
    let server = Server::start();
    let url = server.url("mesos");
    let pings = ["--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=1000"];
    let first = master(&text(&url), &pings);
    eventually("the only master leads", || leads(&first));
    let second = master(&text(&url), &pings);
    let old_id = id(&first);
    let peer = Peer::register(&first);
    eventually("it pings its agent", || peer.heard("mesos.internal.PingSlaveMessage"));
    let mut asked_before = first.connect();
    first.signal(Signal::STOP);
    // What lay in the sockets arrives.
    std::thread::sleep(Duration::from_millis(500));
    let heard = peer.length();
    let weights =
        r#"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"a","weight":2.0}]}}"#;
    let call = format!(
        "POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{weights}",
        weights.len()
    );
    asked_before.write_all(call.as_bytes()).unwrap();
    std::thread::sleep(3 * SESSION);
    assert!(leads(&second), "the other one leads after three sessions");
    assert_eq!(peer.length(), heard);
    first.signal(Signal::CONT);
    // Timers that are long due, and a call that waits: a leader would ping, write to the registry, and say so.
    let mut said = Vec::new();
    let _ = asked_before.set_read_timeout(Some(Duration::from_secs(3)));
    let _ = asked_before.read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said);
    assert!(!said.contains("200 OK") && !said.contains("202 Accepted"), "{said}");
    assert_eq!(json(&second.get("/weights").2), serde_json::json!([]), "nothing was written");
    assert_eq!(peer.length(), heard, "nothing was sent: {}", peer.rest(heard));
    assert!(peer.ended(), "the link of a leader ends with it");
    // From its first word on.
    let (status, headers, _) = first.get("/state");
    let leader = format!("//{}/state", second.address);
    assert!(status.contains("503") || location(&headers) == Some(leader.as_str()), "{status} {headers}");
    eventually("it finds the leader", || location(&first.get("/state").1) == Some(leader.as_str()));
    drop(second);
    eventually("it leads again", || leads(&first));
    assert_ne!(id(&first), old_id, "as another master");
}

#[test]
fn a_master_waits_for_an_ensemble_that_is_not_there_yet() {
    let port = Server::free_port();
    let alone = master(&format!("zk://127.0.0.1:{port}/m"), &[]);
    assert_eq!(alone.get("/health").0, "HTTP/1.1 200 OK");
    for path in ["/state", "/redirect", "/api/v1"] {
        let (status, _, body) = alone.get(path);
        assert_eq!(
            (status.as_str(), body.as_str()),
            ("HTTP/1.1 503 Service Unavailable", "No leader elected")
        );
    }
    let mut server = Server::start_at(port);
    eventually("it leads", || leads(&alone));
    // The ensemble is gone: what it said last is good for a while, and no longer.
    server.stop();
    std::thread::sleep(SESSION / 2);
    assert!(leads(&alone), "half a session is no reason to step down");
    std::thread::sleep(SESSION / 2);
    assert!(!leads(&alone), "after a session nobody knows who leads");
    assert_eq!(alone.get("/state").2, "No leader elected");
    server.restart();
    eventually("it leads again", || leads(&alone));
}

#[test]
fn rubbish_that_stands_first_leads_nobody_and_harms_nobody() {
    let server = Server::start();
    let url = server.url("m");
    let rubbish = format!("{}/json.info_0000000000", url.path);
    wait_for(async {
        let client = session(&url).await;
        let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
        client.create(&rubbish, b"{\"id\":7", &options).await.unwrap();
    });
    let one = master(&text(&url), &[]);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(one.get("/state").2, "No leader elected");
    wait_for(async { session(&url).await.delete(&rubbish, None).await.unwrap() });
    eventually("it leads once nothing stands before it", || leads(&one));
    let mut watching = one.connect();
    let subscribe = r#"{"type":"SUBSCRIBE"}"#;
    let length = subscribe.len();
    let head = "POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length:";
    watching.write_all(format!("{head} {length}\r\n\r\n{subscribe}").as_bytes()).unwrap();
    read_until(&mut watching, "HEARTBEAT\"}");
    // A candidacy that somebody takes away ends the leadership; the master stands again.
    let old_id = id(&one);
    assert!(old_id.is_some());
    wait_for(async {
        let client = session(&url).await;
        let first = candidates::first(client.list_children(&url.path).await.unwrap()).unwrap();
        client.delete(&format!("{}/{}", url.path, first.name), None).await.unwrap();
    });
    eventually("it leads as another", || id(&one).is_some_and(|id| Some(id) != old_id));
    watching.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let ended = watching.read_to_end(&mut Vec::new());
    let is_open = ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    assert!(!is_open, "a stream of the old leader ends with it");
}

#[test]
fn a_master_of_another_region_does_not_stand_by() {
    let server = Server::start();
    let url = server.url("m");
    let domain = |region: &str| {
        format!(r#"{{"fault_domain":{{"region":{{"name":"{region}"}},"zone":{{"name":"z"}}}}}}"#)
    };
    let own = |region: &str| flags(&text(&url), &[&format!("--domain={}", domain(region))]);
    let first = Daemon::start("master", &own("east"));
    eventually("it leads", || leads(&first));
    let folder = Folder::new();
    let log = folder.path().join("log");
    let stderr = Stdio::from(std::fs::File::create(&log).unwrap());
    let mut other = Daemon::start_with("master", &own("west"), stderr);
    assert_eq!(other.ended().code(), Some(1));
    let told = std::fs::read_to_string(&log).unwrap();
    assert!(told.contains("'east'") && told.contains("'west'"), "{told}");
    let same = Daemon::start("master", &own("east"));
    eventually("it stands by", || same.get("/state").0.contains("307"));
}

#[test]
fn whoever_may_not_stand_says_so_and_ends() {
    let server = Server::start();
    let url = server.url("@mesos");
    wait_for(async { drop(session(&url).await) });
    let strangers = text(&url).replace("u:p@", "x:y@");
    let (status, said) = Daemon::fails("master", &flags(&strangers, &[]));
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("json.info_") && said.contains("not authorized"), "{said}");
    assert!(!said.contains("x:y"), "credentials are nobody's business: {said}");
}

#[test]
fn a_registry_that_cannot_be_read_keeps_masters_from_leading_and_stays_as_it_is() {
    let server = Server::start();
    let url = server.url("m");
    let head = format!("{}/kaon.registry", url.path);
    for (data, said) in [("kaon registry 9\n", "use the newer version"), ("another's", "is damaged")] {
        wait_for(async {
            let client = session(&url).await;
            let _ = client.delete(&head, None).await;
            let options = CreateMode::Persistent.with_acls(acls(&url));
            client.create(&head, data.as_bytes(), &options).await.unwrap();
        });
        let folder = Folder::new();
        let log = folder.path().join("log");
        let stderr = Stdio::from(std::fs::File::create(&log).unwrap());
        let mut one = Daemon::start_with("master", &flags(&text(&url), &[]), stderr);
        assert_eq!(one.ended().code(), Some(1));
        let told = std::fs::read_to_string(&log).unwrap();
        assert!(told.contains(said) && told.contains(&head), "{told}");
        let left = wait_for(async { session(&url).await.get_data(&head).await.unwrap() });
        assert_eq!((left.0.as_slice(), left.1.version), (data.as_bytes(), 0));
    }
}

/// An agent that only listens.
struct Peer {
    heard: Arc<Mutex<Vec<u8>>>,
    ended: Arc<AtomicBool>,
}

impl Peer {
    /// Registers with a master, and keeps what that says on its link from then on.
    fn register(master: &Daemon) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let SocketAddr::V4(own) = listener.local_addr().unwrap() else { panic!("an address of IPv4") };
        let peer = Peer { heard: Arc::default(), ended: Arc::default() };
        let (heard, ended) = (peer.heard.clone(), peer.ended.clone());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut bytes) {
                heard.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
            ended.store(true, Ordering::SeqCst);
        });
        let info =
            AgentInfo { hostname: "127.0.0.1".into(), port: Some(own.port().into()), ..Default::default() };
        let message = RegisterAgentMessage {
            agent: Box::new(info),
            version: Some("1.11.0".into()),
            ..Default::default()
        };
        let (from, to) = (Upid::new("slave(1)", own), Upid::new("master", master.address.parse().unwrap()));
        let mut out = Vec::new();
        let name = "mesos.internal.RegisterSlaveMessage";
        libprocess::encode(&from, &to, name, &message.encode(), &[], &mut out);
        let mut stream = master.connect();
        stream.write_all(&out).unwrap();
        assert!(read_until(&mut stream, "\r\n\r\n").contains("202"));
        peer
    }

    fn heard(&self, word: &str) -> bool {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).contains(word)
    }

    fn length(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    fn rest(&self, from: usize) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()[from..]).into_owned()
    }

    fn ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }
}
