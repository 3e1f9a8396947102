// SPDX-License-Identifier: Apache-2.0

//! The hands of an agent: what its core has decided, done on this host.
//!
//! Nothing here waits: each order is handed to a thread or a task of its own, and what came of it returns as an input
//! of the core.

mod checks;
mod containers;
mod disk;
mod journal;
mod lock;
mod path;
mod recovery;
mod removal;
pub mod resources;
mod sandboxes;
mod statistics;
mod trash;
mod volumes;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kaon_agent::effect::{Check, Launch, Update};
use kaon_agent::input::{Input, Look, Record, RecoveredContainer};
use kaon_agent::journal::{CorruptJournal, FileOp, Recovered};
use kaon_containerizer::{ContainerError, Containerizer, SpawnError, Spawner};
use kaon_model::ContainerId;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::writer::Writer;
use checks::Checks;
use containers::Containers;
use disk::Disk;
use journal::Journal;
pub use journal::JournalError;
use sandboxes::Sandboxes;
pub use statistics::Meter;
use trash::Trash;

/// What an operator sets of an agent's host.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Sandboxes, and what outlives this process. One agent's alone.
    pub work_dir: PathBuf,
    /// Running containers. One agent's alone; a restart of the host empties it.
    pub runtime_dir: PathBuf,
    /// How long containers go on without an agent.
    pub recovery_timeout: Duration,
    /// Whether to refuse to start where something that the last agent left cannot be read, rather than to set it aside.
    pub strict: bool,
    /// How to watch what executors use of the disk; none if nobody wants to know.
    pub disk: Option<DiskWatch>,
    pub fetcher: Fetcher,
}

/// How to watch what executors use of the disk.
#[derive(Clone, Copy, Debug)]
pub struct DiskWatch {
    pub interval: Duration,
    /// Whether those that use more than they hold are reported, so that they end.
    pub enforce: bool,
}

/// How files are brought into sandboxes.
#[derive(Clone, Debug)]
pub struct Fetcher {
    /// Where what was fetched is kept for the next. One agent's alone, and emptied when it starts.
    pub cache_dir: PathBuf,
    /// Bytes that are kept there.
    pub cache_size: u64,
    /// How long a download may stand still.
    pub stall_timeout: Duration,
    /// What relative paths start from.
    pub frameworks_home: Option<String>,
}

/// What the last agent left here.
#[derive(Debug)]
pub struct Found {
    pub recovered: Recovered,
    pub containers: Vec<(ContainerId, RecoveredContainer)>,
}

/// Why an agent cannot work on this host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(
        "another agent (pid {pid}) uses the work folder '{folder}'; stop it, or give this agent another --work_dir"
    )]
    Locked { folder: PathBuf, pid: String },
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    #[error(transparent)]
    Containers(#[from] ContainerError),
    #[error(
        "container {id} cannot be made sense of: {reason}. Mend or remove its folder below the runtime folder '{folder}' \
         once nothing of it runs, or start with --no-strict to count it as lost"
    )]
    Unreadable { id: String, folder: PathBuf, reason: String },
    #[error(transparent)]
    Journal(#[from] CorruptJournal),
    #[error(
        "there is more below '{path}' than an agent writes ({limit}); is it the work folder of an agent?"
    )]
    TooLarge { path: PathBuf, limit: String },
    #[error("cannot {what} '{path}': {error}")]
    Io { what: &'static str, path: PathBuf, error: io::Error },
    #[error("cannot start the thread '{name}': {error}")]
    Thread { name: &'static str, error: io::Error },
}

/// One agent's part of this host.
pub struct Host {
    journal: Writer<Record, Vec<FileOp>>,
    closing: Arc<AtomicBool>,
    sandboxes: Arc<Sandboxes>,
    containers: Containers,
    checks: Checks,
    disk: Option<Disk>,
    /// Held for as long as this agent lives; the kernel gives it back when the process ends in any way.
    _lock: File,
}

impl Host {
    /// Takes the host over from the last agent. Blocks: on files, and for seconds where containers are just starting.
    ///
    /// What happens from now on comes as `inputs`. `failed` is called when a fact cannot be written: the process must
    /// end then, since what was to follow that fact never will. Tasks live on under their supervisors.
    pub fn open(
        settings: &Settings,
        spawner: Spawner,
        runtime: Handle,
        inputs: mpsc::Sender<Input>,
        failed: impl FnOnce(JournalError) + Send + 'static,
    ) -> Result<(Host, Found), HostError> {
        let work_dir = std::path::absolute(&settings.work_dir)
            .map_err(|error| io_error("find", &settings.work_dir)(error))?;
        let lock = lock::lock(&work_dir)?;
        // It locks the runtime folder in turn, before anything is touched.
        let containerizer = Containerizer::new(&settings.runtime_dir, spawner.clone())?;
        let files = recovery::files(&work_dir)?;
        let recovered = kaon_agent::journal::recover(files, settings.strict)?;
        let remnants = recovery::containers(&containerizer, &settings.runtime_dir, settings.strict)?;
        let containers = remnants.iter().map(|found| (found.id.clone(), found.state.clone())).collect();
        let trash = Trash::start(&work_dir)?;
        let sandboxes = Arc::new(Sandboxes::start(work_dir.clone(), trash.clone())?);
        let told = inputs.clone();
        let checks = Checks::new(work_dir.clone(), spawner.clone(), runtime.clone(), inputs.clone());
        let closing = Arc::new(AtomicBool::new(false));
        let disk = settings
            .disk
            .map(|watch| Disk::start(watch, work_dir.clone(), inputs.clone(), closing.clone()))
            .transpose()?;
        let facts = Journal { work_dir, trash, inputs: inputs.clone(), closing: closing.clone() };
        let journal = Writer::spawn(
            "journal",
            move |batch: &[Vec<FileOp>]| facts.perform(batch),
            // Nobody listens only when the process is about to end.
            move |record| drop(told.blocking_send(Input::Recorded { record })),
            failed,
        )
        .map_err(|error| HostError::Thread { name: "journal", error })?;
        let hands =
            Containers::start(containerizer, spawner, sandboxes.clone(), settings, runtime, inputs, remnants);
        Ok((
            Host { journal, closing, sandboxes, containers: hands, checks, disk, _lock: lock },
            Found { recovered, containers },
        ))
    }

    /// Writes facts, in the order of the calls; `Recorded` follows.
    pub fn record(&self, record: Record, ops: Vec<FileOp>) {
        self.journal.append(record, ops);
    }

    /// Makes the sandbox, fetches what the command needs, starts the process. Exactly one end follows, `LaunchFailed` or
    /// `Exited`, and in the latter case `Launched` before it.
    pub fn launch(&self, launch: Launch) {
        self.containers.launch(launch);
    }

    /// Sends a signal to every process of a container, if there is one.
    pub fn signal(&self, container: &ContainerId, signal: i32) {
        self.containers.signal(container, signal);
    }

    /// Ends a container, whatever it is doing, if there is one.
    pub fn destroy(&self, container: &ContainerId) {
        self.containers.destroy(container);
    }

    /// Notes what an executor holds by now.
    pub fn update(&self, update: Update) {
        if let Some(disk) = &self.disk {
            disk.update(update);
        }
    }

    /// Drops what is kept of a container that has ended.
    pub fn forget(&self, container: &ContainerId) {
        self.containers.forget(container);
    }

    /// Looks at a task; `Checked` follows, unless it is called off.
    pub fn check(&self, check: Check) {
        self.checks.look(check);
    }

    /// Ends a look for which nobody waits any more.
    pub fn call_off(&self, look: &Look) {
        self.checks.call_off(look);
    }

    /// Removes a folder below the work folder. What is launched afterwards finds it gone.
    pub fn remove(&self, path: &str) {
        self.sandboxes.remove(path);
    }

    /// Measures containers.
    pub fn meter(&self) -> Meter {
        Meter::new(self.containers.shared(), self.disk.as_ref().map(Disk::figures))
    }
}

impl Drop for Host {
    /// What is on its way to the disk gets there, unless that is full.
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

/// The boot that this process lives in.
pub fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_string())
}

/// Mesos: the runtime folder of an agent that is not told another one.
pub fn default_runtime_dir() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        PathBuf::from("/var/run/mesos")
    } else {
        std::env::temp_dir().join("mesos/runtime")
    }
}

/// Gives an error of the system its subject.
fn io_error<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> HostError + 'a {
    move |error| HostError::Io { what, path: path.to_path_buf(), error }
}
