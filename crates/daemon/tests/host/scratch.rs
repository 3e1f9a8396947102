// SPDX-License-Identifier: Apache-2.0

//! An agent's host of a test's own, with no process and no file left when it is dropped.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use kaon_agent::effect::Launch;
use kaon_agent::input::{ContainerEvent, Input, Record};
use kaon_api::v1;
use kaon_containerizer::Spawner;
use kaon_daemon::host::{Fetcher, Found, Host, HostError, Settings};
use kaon_model::ContainerId;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

/// How long anything here may take before it counts as hung.
pub const PATIENCE: Duration = Duration::from_secs(30);

fn spawner() -> Spawner {
    static SPAWNER: OnceLock<Spawner> = OnceLock::new();
    SPAWNER.get_or_init(|| Spawner::prepare().expect("the binary can be sealed")).clone()
}

/// A running agent's part.
pub struct Agent {
    pub host: Host,
    pub found: Found,
    inputs: mpsc::Receiver<Input>,
}

pub struct Scratch {
    pub root: PathBuf,
    pub runtime: Runtime,
    pub agent: Option<Agent>,
    /// Why the journal failed, if it did.
    pub failure: Arc<Mutex<Option<String>>>,
}

impl Scratch {
    pub fn without_agent() -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("kaon-host-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(&root).expect("makes the scratch folder");
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        Scratch { root, runtime, agent: None, failure: Arc::default() }
    }

    pub fn new() -> Scratch {
        let mut scratch = Scratch::without_agent();
        scratch.start();
        scratch
    }

    pub fn settings(&self) -> Settings {
        Settings {
            work_dir: self.root.join("work"),
            runtime_dir: self.root.join("runtime"),
            recovery_timeout: Duration::from_secs(60),
            strict: true,
            disk: None,
            fetcher: Fetcher {
                cache_dir: self.root.join("cache/own"),
                cache_size: 1 << 20,
                stall_timeout: Duration::from_secs(10),
                frameworks_home: None,
            },
        }
    }

    pub fn open(&self, settings: &Settings) -> Result<Agent, HostError> {
        let (sender, inputs) = mpsc::channel(1024);
        let failure = self.failure.clone();
        let failed = move |error: kaon_daemon::host::JournalError| {
            *failure.lock().expect("not poisoned") = Some(error.to_string());
        };
        let handle = self.runtime.handle().clone();
        let (host, found) = Host::open(settings, spawner(), handle, sender, failed)?;
        Ok(Agent { host, found, inputs })
    }

    pub fn start(&mut self) {
        let agent = self.open(&self.settings());
        self.agent = Some(agent.expect("the agent starts"));
    }

    /// The agent dies; what runs lives on.
    pub fn stop(&mut self) {
        self.agent = None;
    }

    pub fn host(&self) -> &Host {
        &self.agent.as_ref().expect("an agent was started").host
    }

    pub fn found(&self) -> &Found {
        &self.agent.as_ref().expect("an agent was started").found
    }

    pub fn work(&self, path: &str) -> PathBuf {
        self.root.join("work").join(path)
    }

    pub fn sandbox(&self, id: &str) -> PathBuf {
        self.work(&sandbox(id))
    }

    /// Where the containerizer keeps what it knows of a container.
    pub fn folder(&self, id: &str) -> PathBuf {
        self.root.join("runtime/containers").join(id)
    }

    pub fn read(&self, id: &str, file: &str) -> String {
        fs::read_to_string(self.sandbox(id).join(file)).unwrap_or_default()
    }

    /// Launches a script.
    pub fn launch(&self, id: &str, script: &str) {
        self.host().launch(launch(id, script));
    }

    /// The next thing that happens.
    pub fn next(&mut self) -> Input {
        self.next_within(PATIENCE).expect("something happens in time")
    }

    pub fn next_within(&mut self, patience: Duration) -> Option<Input> {
        let agent = self.agent.as_mut().expect("an agent was started");
        let next = async { tokio::time::timeout(patience, agent.inputs.recv()).await };
        self.runtime.block_on(next).ok().map(|input| input.expect("the host lives"))
    }

    pub fn event(&mut self) -> (String, ContainerEvent) {
        match self.next() {
            Input::Container { container, event } => (container.to_string(), event),
            other => panic!("{other:?}"),
        }
    }

    pub fn recorded(&mut self) -> Record {
        match self.next() {
            Input::Recorded { record } => record,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the only container under way runs; its pid.
    pub fn launched(&mut self) -> u32 {
        match self.event() {
            (_, ContainerEvent::Launched { pid }) => pid,
            other => panic!("{other:?}"),
        }
    }

    /// Waits for the end of the only container that runs; its wait status.
    pub fn exited(&mut self) -> Option<i32> {
        match self.event() {
            (_, ContainerEvent::Exited { status }) => status,
            other => panic!("{other:?}"),
        }
    }

    /// Waits for the news that the only container under way never ran; why.
    pub fn refused(&mut self) -> String {
        match self.event() {
            (_, ContainerEvent::LaunchFailed { message }) => message,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.agent = None;
        let settings = Settings { strict: false, ..self.settings() };
        if let Ok(agent) = self.open(&settings) {
            let containers = || agent.found.containers.iter().map(|(id, _)| id);
            containers().for_each(|id| agent.host.destroy(id));
            containers().for_each(|id| agent.host.forget(id));
            let begun = Instant::now();
            let left = || {
                fs::read_dir(self.root.join("runtime/containers")).is_ok_and(|mut all| all.next().is_some())
            };
            while left() && begun.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let _ignored_while_panicking = fs::remove_dir_all(&self.root);
    }
}

pub fn sandbox(id: &str) -> String {
    format!("slaves/S0/frameworks/F/executors/e/runs/{id}")
}

pub fn launch(id: &str, script: &str) -> Launch {
    let command = v1::CommandInfo { value: Some(script.to_owned()), ..Default::default() };
    Launch {
        container: ContainerId::from(id),
        sandbox: sandbox(id),
        command,
        environment: vec![("PATH".into(), "/usr/bin:/bin".into()), ("GREETING".into(), "hello".into())],
        user: None,
        container_info: None,
        around: None,
        resources: Vec::new(),
        volumes: Vec::new(),
        dies_with_agent: false,
    }
}

/// The wait status of a process that exits with a code.
pub fn exit(code: i32) -> Option<i32> {
    Some(code << 8)
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

/// Waits until a script has written a number.
pub fn number(file: &Path) -> u32 {
    eventually("a number from a script", || fs::read_to_string(file).ok()?.trim().parse().ok())
}

/// Whether a process lives; a zombie does not.
pub fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
