// SPDX-License-Identifier: Apache-2.0

//! The files through which agent and supervisor know of each other.
//!
//! A container's runtime folder is the whole protocol: who wrote what is said at each name below. Every file appears
//! at once and whole (a temporary name, then a rename or link), so that a reader never sees half of one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::process::Identity;

/// The version of this protocol. Raised when an older supervisor or agent would misread a file; what must hold for
/// all versions stands in `docs/design/supervisor.md`.
pub(crate) const PROTOCOL: u32 = 1;

/// Bound: bytes read of any file here; an environment may be large, but `execve(2)` takes no more than 6 MB.
const LARGEST_FILE: u64 = 16 << 20;

/// Names in the runtime folder of an agent.
pub(crate) mod agent {
    /// Held locked by the running agent.
    pub(crate) const LOCK: &str = "agent.lock";
    /// Which process that is (an `Identity`), for supervisors.
    pub(crate) const IDENTITY: &str = "agent.json";
    /// The containers' folders, by id.
    pub(crate) const CONTAINERS: &str = "containers";
}

/// Names in the runtime folder of one container.
pub(crate) mod container {
    /// From the agent: what to run (a `Spec`).
    pub(crate) const SPEC: &str = "spec.json";
    /// From the supervisor, or from an agent that gives the container up before there is one: a `Claim`.
    pub(crate) const CLAIM: &str = "supervisor.json";
    /// From the supervisor: what it has to say about itself.
    pub(crate) const LOG: &str = "supervisor.log";
    /// Mesos: the pid of the container's init, as text.
    pub(crate) const PID: &str = "pid";
    /// Mesos: the raw wait status of the init, as text.
    pub(crate) const STATUS: &str = "status";
    /// From the supervisor: why the init could not be started, as text.
    pub(crate) const ERROR: &str = "error";
}

/// What an agent tells a supervisor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) protocol: u32,
    pub(crate) plan: Plan,
    /// The agent that launches.
    pub(crate) agent: Identity,
    /// Where the next agent will say who it is.
    pub(crate) agent_file: PathBuf,
    pub(crate) die_with_agent: bool,
    pub(crate) recovery_timeout: Duration,
}

/// Who answers for a container. Written once: whoever is second has lost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) protocol: u32,
    /// The supervisor; `None` if an agent gave the container up before its supervisor had started.
    pub(crate) supervisor: Option<Identity>,
}

/// Writes `path` whole, replacing what was there. Not durable against loss of power.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = write_temporary(path, bytes, false)?;
    fs::rename(&temporary, path)
}

/// Writes `path` whole and durably: on return it survives loss of power.
pub(crate) fn replace_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = write_temporary(path, bytes, true)?;
    fs::rename(&temporary, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// Writes `path` whole unless it exists; whether it was this call that made it.
pub(crate) fn create_once(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let temporary = write_temporary(path, bytes, false)?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// The bytes of `path`, or `None` if it does not exist.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the file is larger than any that is written here",
        ));
    }
    Ok(Some(bytes))
}

/// The text of `path`, or `None` if it does not exist.
pub(crate) fn read_text(path: &Path) -> io::Result<Option<String>> {
    Ok(read(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// The JSON value in `path`, or `None` if it does not exist.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    read(path)?.map(|bytes| serde_json::from_slice(&bytes).map_err(io::Error::from)).transpose()
}

/// `value` as bytes of JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(io::Error::from)
}

fn write_temporary(path: &Path, bytes: &[u8], durable: bool) -> io::Result<PathBuf> {
    // Unique among processes by the pid, among threads by the count.
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unique = format!(".{name}.{}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let temporary = path.with_file_name(unique);
    // Only root may read it: environments hold secrets.
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    if durable {
        file.sync_all()?;
    }
    Ok(temporary)
}
