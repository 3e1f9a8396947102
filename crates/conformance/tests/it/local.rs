// SPDX-License-Identifier: Apache-2.0

//! A cluster in one process, seen from outside.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The binary with the daemons, which is nothing that this crate may depend on: it is found where cargo puts it.
fn daemons() -> PathBuf {
    let suite = PathBuf::from(env!("CARGO_BIN_EXE_kaon-conformance"));
    let path = suite.parent().unwrap().join("examples/daemons");
    if !path.exists() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let build = ["build", "--quiet", "--package", "kaon-daemon", "--example", "daemons"];
        assert!(Command::new(cargo).args(build).status().unwrap().success());
    }
    path
}

/// A process that ends with this.
struct Cluster {
    child: Child,
    master: String,
}

impl Cluster {
    fn start() -> Cluster {
        let mut child = Command::new(daemons())
            .args(["local", "--ip=127.0.0.1", "--port=0", "--hostname=localhost", "--quiet"])
            .arg("--resources=cpus:4;mem:1024;disk:1024;ports:[31000-32000]")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let master = line.trim().strip_prefix("kaon: ready at http://");
        let master = master.unwrap_or_else(|| panic!("it said '{line}'")).to_owned();
        Cluster { child, master }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It ends its tasks before it goes; one that does not is killed.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let end = Instant::now() + Duration::from_secs(20);
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if Instant::now() > end {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The number in front of a word of the last line.
fn count(text: &str, word: &str) -> usize {
    let line = text.lines().last().unwrap_or_default();
    let number = line.split(", ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok());
    number.unwrap_or_else(|| panic!("no '{word}' in '{line}'"))
}

#[test]
fn a_cluster_answers_as_mesos_does() {
    let cluster = Cluster::start();
    let suite = env!("CARGO_BIN_EXE_kaon-conformance");
    let output = Command::new(suite).arg("--master").arg(&cluster.master).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(count(&text, " compared") >= 100, "{text}");
    assert!(count(&text, " equal") >= 70, "{text}");
    assert_eq!(count(&text, " different"), 0, "{text}");
}
