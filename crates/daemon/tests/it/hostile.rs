// SPDX-License-Identifier: Apache-2.0

//! Clients that mean ill, or are broken: every endpoint, call and message of both daemons meets them.

mod attacks;
mod walk;

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::cluster::{Framework, agent_flags, flags};
use crate::daemon::Daemon;
use crate::support::Folder;
use walk::Target;

/// Connections to each daemon that say nothing.
const IDLE: usize = 1000;
/// How long anybody else may have to wait for an answer meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bound: the most that either daemon may take, in bytes: what it holds of bodies at a time, and some for answers.
const MEMORY_MAX: u64 = 1536 << 20;

#[test]
fn nobody_can_keep_the_daemons_from_serving_others() {
    // Idle and slow connections, with those of the daemons, are more files than the usual limit allows.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit }).unwrap();
    let folder = Folder::new();
    let log = |name: &str| File::create(folder.path().join(name)).unwrap();
    let master = Daemon::start_with("master", &flags(&["--registry=in_memory"]), log("master.log").into());
    let agent = Daemon::start_with("agent", &agent_flags(&master, &folder), log("agent.log").into());
    let targets = [walk::master(&master), walk::agent(&agent)];

    let idle: Vec<TcpStream> =
        targets.iter().flat_map(|target| (0..IDLE).map(|_| target.daemon.connect())).collect();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _end = End(&over);
        let good = scope.spawn(|| be_good(&targets, &over));
        let slow = scope.spawn(|| be_slow(&targets, &over));
        for target in &targets {
            attacks::endpoints(target);
            attacks::calls(target);
            attacks::messages(target);
            attacks::nested_bodies(target);
            attacks::large_bodies(target);
        }
        over.store(true, Ordering::Relaxed);
        let longest = good.join().expect("others are served");
        assert!(longest < PATIENCE, "somebody waited for {longest:?}");
        slow.join().unwrap();
    });

    // Both are as they were, for those who have waited and for those who come.
    let mut waited = idle.into_iter();
    for (target, mut idle) in targets.iter().zip([waited.next().unwrap(), waited.nth(IDLE - 1).unwrap()]) {
        idle.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        idle.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        let most = most_memory(target.daemon.child.id());
        assert!(most < MEMORY_MAX, "the {} took {} MiB", target.name, most >> 20);
    }
    let mut framework = Framework::subscribe(&master);
    let agent_id = framework.run(&master, "after", "true");
    framework.until(&master, &agent_id, "TASK_FINISHED");
    for name in ["master.log", "agent.log"] {
        let log = std::fs::read_to_string(folder.path().join(name)).unwrap();
        let panic = log.lines().find(|line| line.contains("panicked at"));
        assert_eq!(panic, None, "in {name}");
    }
}

/// Lets the other threads end, even if this one panics.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks as others would; the longest wait.
fn be_good(targets: &[Target<'_>], over: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    let (mut rounds, body) = (0, r#"{"type":"GET_HEALTH"}"#);
    while !over.load(Ordering::Relaxed) {
        for target in targets {
            let begun = Instant::now();
            assert_eq!(target.daemon.get("/health").0, "HTTP/1.1 200 OK");
            assert_eq!(target.daemon.get("/state").0, "HTTP/1.1 200 OK");
            assert_eq!(target.daemon.call("/api/v1", "", body).0, "HTTP/1.1 200 OK");
            longest = longest.max(begun.elapsed());
        }
        rounds += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(rounds > 10, "the attacks are over after {rounds} rounds");
    longest
}

/// Sends a byte a second to every endpoint: of the head on one connection, of the body on another.
fn be_slow(targets: &[Target<'_>], over: &AtomicBool) {
    let mut connections = Vec::new();
    for target in targets {
        for path in &target.paths {
            let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
            let mut body = target.daemon.connect();
            body.write_all(head.as_bytes()).unwrap();
            connections.push((target.daemon.connect(), head));
            connections.push((body, "{\"type\":\"".into()));
        }
    }
    for at in 0.. {
        for (connection, text) in &mut connections {
            let byte = text.as_bytes().get(at).copied().unwrap_or(b' ');
            // It may have been closed: a head must be whole within seconds.
            let _ = connection.write_all(&[byte]);
        }
        for _ in 0..10 {
            if over.load(Ordering::Relaxed) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The most memory that a process had at any time, in bytes.
fn most_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}
