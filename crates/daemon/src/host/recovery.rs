// SPDX-License-Identifier: Apache-2.0

//! Finds what the last agent left on this host.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kaon_agent::input::RecoveredContainer;
use kaon_containerizer::{ContainerId as Name, Containerizer, State};
use kaon_model::ContainerId;
use rustix::fs::OFlags;

use super::journal::UNFINISHED;
use super::{HostError, io_error};

/// Bound: bytes of one file of facts, of which the largest is a task's log of updates: a few of those may be as large as a
/// call can be.
const FILE_MAX: u64 = 512 << 20;
/// Bound: bytes of all of them.
const TOTAL_MAX: u64 = 2 << 30;
/// Bound: how many there are.
const FILES_MAX: usize = 4_000_000;
/// Bound: folders within folders; an agent makes no more than twelve.
const DEPTH_MAX: usize = 16;

/// How long containers may be between their supervisor's start and their own.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);

/// What is left of a container: it is waited for, or only to be forgotten.
pub(super) struct Remnant {
    pub id: ContainerId,
    pub name: Name,
    /// Of the supervisor, if that still lives.
    pub supervisor: Option<OwnedFd>,
    /// What the core is told. Of what runs, the end is still to be told.
    pub state: RecoveredContainer,
}

/// The facts below `meta/`, by their paths below the work folder; a symbolic link as its target's text. Those of agents
/// before the last are left out: nobody asks for them.
pub(super) fn files(work_dir: &Path) -> Result<Vec<(String, Vec<u8>)>, HostError> {
    let agents = work_dir.join("meta/slaves");
    let latest = fs::read_link(agents.join("latest")).ok();
    let latest = latest.and_then(|target| Some(agents.join(target.file_name()?)));
    let mut listing = Listing { work_dir, files: Vec::new(), bytes: 0 };
    let mut folders = vec![(work_dir.join("meta"), 1)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound && depth == 1 => break,
            Err(error) => return Err(io_error("list", &folder)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(io_error("list", &folder))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(io_error("look at", &path))?;
            let is_older = folder == agents && latest.as_ref() != Some(&path);
            if !kind.is_dir() {
                listing.take(path, kind.is_symlink())?;
            } else if depth >= DEPTH_MAX {
                tracing::warn!(
                    "Passing over '{}', which is deeper than an agent's facts lie",
                    path.display()
                );
            } else if !is_older {
                folders.push((path, depth + 1));
            }
        }
    }
    Ok(listing.files)
}

struct Listing<'a> {
    work_dir: &'a Path,
    files: Vec<(String, Vec<u8>)>,
    bytes: u64,
}

impl Listing<'_> {
    fn take(&mut self, path: PathBuf, is_link: bool) -> Result<(), HostError> {
        // Every name that an agent writes is text.
        let Some(name) = path.strip_prefix(self.work_dir).ok().and_then(Path::to_str) else {
            tracing::warn!("Passing over '{}', whose name is no text", path.display());
            return Ok(());
        };
        let last = name.rsplit('/').next().unwrap_or_default();
        if last.starts_with('.') && last.ends_with(UNFINISHED) {
            // The last agent died while it wrote this, or lost its disk: what it replaces is still there.
            return fs::remove_file(&path).map_err(io_error("remove", &path));
        }
        let bytes = if is_link {
            let target = fs::read_link(&path).map_err(io_error("read", &path))?;
            target.to_string_lossy().into_owned().into_bytes()
        } else {
            read(&path)?
        };
        self.bytes += bytes.len() as u64;
        self.files.push((name.to_owned(), bytes));
        let meta = || self.work_dir.join("meta");
        if self.bytes > TOTAL_MAX {
            return Err(HostError::TooLarge { path: meta(), limit: format!("{TOTAL_MAX} bytes") });
        }
        if self.files.len() > FILES_MAX {
            return Err(HostError::TooLarge { path: meta(), limit: format!("{FILES_MAX} files") });
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, HostError> {
    // Neither led elsewhere nor held up, by whatever lies here.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let open = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path);
    let mut bytes = Vec::new();
    let read = open.and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut bytes));
    read.map_err(io_error("read", path))?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(HostError::TooLarge { path: path.to_path_buf(), limit: format!("{FILE_MAX} bytes") });
    }
    Ok(bytes)
}

/// The containers, as they are found.
pub(super) fn containers(
    containerizer: &Containerizer,
    runtime_dir: &Path,
    strict: bool,
) -> Result<Vec<Remnant>, HostError> {
    let mut remnants = Vec::new();
    for found in containerizer.recover()? {
        let id = ContainerId::from(found.id.as_str());
        let state = settled(containerizer, &found.id, found.state);
        if let (State::Unreadable(reason), true) = (&state, strict) {
            let (id, folder) = (id.to_string(), runtime_dir.to_path_buf());
            return Err(HostError::Unreadable { id, folder, reason: reason.clone() });
        }
        if state == State::GivenUp {
            // To the core it is as if it had not come to that.
            tracing::warn!("Container {id} was just to be launched when the last agent died");
            containerizer.remove(&found.id)?;
            continue;
        }
        let state = judge(containerizer, &found.id, state);
        remnants.push(Remnant { id, name: found.id, supervisor: found.supervisor, state });
    }
    Ok(remnants)
}

/// Waits for a container that is just being started, by a supervisor that has outlived its agent.
fn settled(containerizer: &Containerizer, name: &Name, mut state: State) -> State {
    let begun = Instant::now();
    while state == (State::Running { pid: None }) && begun.elapsed() < PATIENCE {
        sleep(PAUSE);
        state = containerizer.state(name).unwrap_or_else(|error| State::Unreadable(error.to_string()));
    }
    state
}

/// What the core is told.
fn judge(containerizer: &Containerizer, name: &Name, state: State) -> RecoveredContainer {
    let unknown = RecoveredContainer::Ended { status: None };
    match state {
        State::Running { pid: Some(pid) } if pid > 0 => RecoveredContainer::Running { pid: pid as u32 },
        State::Ending(status) | State::Exited(status) => {
            RecoveredContainer::Ended { status: Some(status.raw()) }
        }
        State::Running { .. } => {
            tracing::error!("Destroying container {name}, which does not get to run");
            destroy(containerizer, name);
            unknown
        }
        State::LaunchFailed(reason) => {
            tracing::warn!("Container {name} failed to launch while there was no agent: {reason}");
            unknown
        }
        State::Lost | State::GivenUp => {
            tracing::warn!("Container {name} has lost its supervisor, so that nobody knows how it ended");
            destroy(containerizer, name);
            unknown
        }
        State::Unreadable(reason) => {
            tracing::error!("Counting container {name} as lost, though it may well run: {reason}");
            unknown
        }
    }
}

fn destroy(containerizer: &Containerizer, name: &Name) {
    if let Err(error) = containerizer.destroy(name) {
        tracing::error!("Cannot clear away what is left of container {name}: {error}");
    }
}
