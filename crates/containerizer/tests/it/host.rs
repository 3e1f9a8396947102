// SPDX-License-Identifier: Apache-2.0

//! A scratch host: folders of its own, and no process left when it is dropped.

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kaon_containerizer::containerizer::ContainerError;
use kaon_containerizer::{
    Command, ContainerConfig, ContainerId, Containerizer, Running, Sandbox, Spawner, State, WaitStatus,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long anything here may take before it counts as hung.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn spawner() -> Spawner {
    static SPAWNER: OnceLock<Spawner> = OnceLock::new();
    SPAWNER.get_or_init(|| Spawner::prepare().expect("the binary can be sealed")).clone()
}

pub fn id(text: &str) -> ContainerId {
    ContainerId::new(text).expect("a valid id")
}

pub struct Host {
    pub root: PathBuf,
    pub containers: Option<Containerizer>,
}

impl Host {
    /// A host whose agent has not started.
    pub fn without_agent() -> Host {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("kaon-it-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(&root).expect("makes the scratch folder");
        Host { root, containers: None }
    }

    pub fn new() -> Host {
        let mut host = Host::without_agent();
        host.start_agent();
        host
    }

    pub fn start_agent(&mut self) {
        self.containers = Some(Containerizer::new(&self.runtime(), spawner()).expect("the agent starts"));
    }

    pub fn runtime(&self) -> PathBuf {
        self.root.join("runtime")
    }

    pub fn folder(&self, id: &ContainerId) -> PathBuf {
        self.runtime().join("containers").join(id.as_str())
    }

    pub fn agent(&self) -> &Containerizer {
        self.containers.as_ref().expect("an agent was started")
    }

    pub fn sandbox(&self, id: &ContainerId, user: Option<&str>) -> PathBuf {
        let sandbox = Sandbox { agent: "S0", framework: "F", executor: id.as_str(), container: id.as_str() };
        sandbox.create(&self.root.join("work"), user).expect("makes the sandbox")
    }

    pub fn config(&self, id: &ContainerId, command: Command) -> ContainerConfig {
        config(self.sandbox(id, None), command)
    }

    pub fn launch(&self, id: &ContainerId, command: Command) -> Running {
        self.agent().launch(id, &self.config(id, command)).expect("launches")
    }

    /// Runs a shell script to its end; its status and what it wrote.
    pub fn run(&self, name: &str, script: &str) -> (WaitStatus, String) {
        let id = id(name);
        let config = self.config(&id, Command::shell(script));
        self.run_config(&id, &config)
    }

    pub fn run_config(&self, id: &ContainerId, config: &ContainerConfig) -> (WaitStatus, String) {
        let running = self.agent().launch(id, config).expect("launches");
        let status = self.wait(id, &running.supervisor);
        (status, fs::read_to_string(config.sandbox.join("stdout")).expect("has a stdout"))
    }

    /// Why a container cannot be launched.
    pub fn refusal(&self, id: &ContainerId, config: &ContainerConfig) -> String {
        match self.agent().launch(id, config) {
            Ok(running) => panic!("launched {running:?}"),
            Err(ContainerError::Failed { text, .. }) => text,
            Err(other) => other.to_string(),
        }
    }

    pub fn wait(&self, id: &ContainerId, supervisor: impl AsFd) -> WaitStatus {
        wait_for_end(supervisor);
        match self.agent().state(id).expect("is known") {
            State::Exited(status) => status,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if self.containers.is_none() && self.runtime().is_dir() {
            self.containers = Containerizer::new(&self.runtime(), spawner()).ok();
        }
        for found in self.containers.iter().flat_map(|agent| agent.recover().unwrap_or_default()) {
            let _ended = self.agent().destroy(&found.id);
            if let Some(supervisor) = found.supervisor {
                wait_for_end(supervisor);
            }
        }
        let _ignored_while_panicking = fs::remove_dir_all(&self.root);
    }
}

pub fn config(sandbox: PathBuf, command: Command) -> ContainerConfig {
    ContainerConfig {
        command,
        environment: Vec::new(),
        user: None,
        sandbox,
        rlimits: Vec::new(),
        die_with_agent: false,
        recovery_timeout: Duration::from_secs(900),
    }
}

/// Waits on a pidfd.
pub fn wait_for_end(pidfd: impl AsFd) {
    assert!(ends_within(pidfd, PATIENCE), "it has not ended");
}

pub fn ends_within(pidfd: impl AsFd, patience: Duration) -> bool {
    let timeout = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: patience.subsec_nanos().into() };
    poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timeout)).expect("polls") == 1
}

/// Waits until `ready` gives something.
pub fn eventually<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The pids that a script has written into files of its sandbox.
pub fn pids(sandbox: &Path, names: &[&str]) -> Vec<i32> {
    let read = |name: &&str| fs::read_to_string(sandbox.join(name)).ok()?.trim().parse().ok();
    eventually("pids of the script", || names.iter().map(read).collect())
}

/// Whether a process lives; a zombie does not.
pub fn lives(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
