// SPDX-License-Identifier: Apache-2.0

//! The agent's handle on its containers.
//!
//! It keeps nothing in memory: each answer is read from the container's runtime folder and from the kernel, so that
//! an agent that has just started knows as much as one that ran all along.

mod announce;
mod launch;

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rustix::process::Signal;
use thiserror::Error;

use crate::config::ContainerConfig;
use crate::files::{self, Claim, PROTOCOL, Spec, agent, container};
use crate::id::ContainerId;
use crate::isolator::{self, Isolator, IsolatorError};
use crate::process::{self, Identity, Stat, Usage};
use crate::spawner::Spawner;
use crate::supervisor::END;
use crate::wait_status::WaitStatus;

/// Why something could not be done with a container.
#[derive(Debug, Error)]
pub enum ContainerError {
    /// Another agent works in this runtime folder.
    #[error(
        "another agent (pid {pid}) uses the runtime folder '{folder}'; stop it, or give this agent another --runtime_dir"
    )]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// That agent's pid, if it has said so.
        pid: String,
    },
    /// It cannot be launched as asked.
    #[error("container {id} cannot be launched: {error}")]
    Refused {
        /// The container.
        id: ContainerId,
        /// What is wrong with what was asked.
        error: IsolatorError,
    },
    /// There is one of this id already.
    #[error("container {0} exists already")]
    Exists(ContainerId),
    /// There is none of this id.
    #[error("there is no container {0}")]
    Unknown(ContainerId),
    /// Its init could not be started.
    #[error("container {id} failed to launch: {text}")]
    Failed {
        /// The container.
        id: ContainerId,
        /// What the supervisor said.
        text: String,
    },
    /// Its files are in a form that this agent does not know.
    #[error(
        "container {id} has a supervisor of protocol {protocol}, and this agent knows no higher than {PROTOCOL}; \
         run the newer agent again, or end the container by sending its supervisor SIGUSR1"
    )]
    Newer {
        /// The container.
        id: ContainerId,
        /// What its supervisor speaks.
        protocol: u32,
    },
    /// It cannot be removed yet.
    #[error("container {0} still runs; destroy it and wait for its supervisor before removing it")]
    StillRuns(ContainerId),
    /// The signal is not one that can be sent.
    #[error("{0} is not the number of a signal")]
    NoSignal(i32),
    /// The system refused.
    #[error("cannot {what} '{path}': {error}")]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// A container that was just launched.
#[derive(Debug)]
pub struct Running {
    /// The pid of its init.
    pub pid: i32,
    /// Of the supervisor: readable when the container has ended for good, then ask for its [state](Containerizer::state).
    pub supervisor: OwnedFd,
}

/// What a container is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Its supervisor lives; `pid` is its init, once there is one.
    Running {
        /// The pid of the init.
        pid: Option<i32>,
    },
    /// Its init has ended, and the supervisor is clearing away the rest.
    Ending(WaitStatus),
    /// It is over, and this is how its init ended.
    Exited(WaitStatus),
    /// Its init could not be started, for this reason.
    LaunchFailed(String),
    /// It never got to run, and will not: the last agent was killed while it launched it.
    GivenUp,
    /// Nobody knows how it ended: its supervisor was killed, or the host was restarted.
    Lost,
    /// Its files cannot be made sense of, for this reason; it may well run.
    Unreadable(String),
}

/// A container found in the runtime folder.
#[derive(Debug)]
pub struct Observed {
    /// Its id.
    pub id: ContainerId,
    /// What it is doing.
    pub state: State,
    /// Of the supervisor, if that still lives.
    pub supervisor: Option<OwnedFd>,
}

/// Who of a container is signalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Its init alone.
    Init,
    /// Every process of it, whatever session or group it has moved to.
    Tree,
}

/// The containers of one agent.
///
/// All calls block: on small files and on the kernel, and `launch` also on the start of a process (milliseconds).
pub struct Containerizer {
    runtime: PathBuf,
    spawner: Spawner,
    isolators: Vec<Box<dyn Isolator>>,
    identity: Identity,
    /// Held for as long as this agent lives; the kernel gives it back when the process ends in any way.
    _lock: fs::File,
}

impl Containerizer {
    /// Takes over `runtime_folder` (made if need be) with the standard isolators, and tells supervisors that wait
    /// there that they have an agent again.
    pub fn new(runtime_folder: &Path, spawner: Spawner) -> Result<Containerizer, ContainerError> {
        Containerizer::with_isolators(runtime_folder, spawner, isolator::standard())
    }

    /// Like [`new`](Self::new), with isolators of one's own.
    pub fn with_isolators(
        runtime_folder: &Path,
        spawner: Spawner,
        isolators: Vec<Box<dyn Isolator>>,
    ) -> Result<Containerizer, ContainerError> {
        let (runtime, identity, lock) = announce::announce(runtime_folder)?;
        Ok(Containerizer { runtime, spawner, isolators, identity, _lock: lock })
    }

    /// Starts a container. Returns when its init's program runs.
    pub fn launch(&self, id: &ContainerId, config: &ContainerConfig) -> Result<Running, ContainerError> {
        let plan = isolator::plan(&self.isolators, config)
            .map_err(|error| ContainerError::Refused { id: id.clone(), error })?;
        let spec = Spec {
            protocol: PROTOCOL,
            plan,
            agent: self.identity.clone(),
            agent_file: self.runtime.join(agent::IDENTITY),
            die_with_agent: config.die_with_agent,
            recovery_timeout: config.recovery_timeout,
        };
        launch::launch(&self.spawner, &self.folder(id), id, &spec)
    }

    /// All containers of this runtime folder, in order of their ids: what a restarted agent asks first.
    ///
    /// A container whose supervisor has not begun yet, because the last agent was killed while launching it, is given up here: that
    /// supervisor will find it so and start nothing.
    pub fn recover(&self) -> Result<Vec<Observed>, ContainerError> {
        let containers = self.runtime.join(agent::CONTAINERS);
        let entries = fs::read_dir(&containers).map_err(failed("list", &containers))?;
        let mut found = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed("list", &containers))?.file_name();
            // Anything else here is not ours: leave it alone.
            let Some(id) = name.to_str().and_then(|name| ContainerId::new(name).ok()) else { continue };
            let claim = self.folder(&id).join(container::CLAIM);
            let nobody = files::json(&Claim { protocol: PROTOCOL, supervisor: None });
            let given_up = nobody.and_then(|claimant| files::create_once(&claim, &claimant));
            let observed = given_up.map_err(failed("claim", &claim)).and_then(|_| self.observe(id.clone()));
            // One container's damage must not hide the others.
            found.push(observed.unwrap_or_else(|error| Observed {
                id,
                state: State::Unreadable(error.to_string()),
                supervisor: None,
            }));
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(found)
    }

    /// What the container is doing.
    pub fn state(&self, id: &ContainerId) -> Result<State, ContainerError> {
        Ok(self.observe(id.clone())?.state)
    }

    /// Sends a signal to the init or to all processes of the container; how many processes it reached.
    pub fn signal(&self, id: &ContainerId, signal: i32, scope: Scope) -> Result<usize, ContainerError> {
        let signal = Signal::from_named_raw(signal).ok_or(ContainerError::NoSignal(signal))?;
        let folder = self.folder(id);
        let Some((supervisor, _pidfd)) = self.supervisor(id)? else { return Ok(0) };
        let reached = match scope {
            Scope::Tree => process::signal_descendants(supervisor.pid, signal),
            Scope::Init => init(&folder).and_then(|pid| signal_child(supervisor.pid, pid, signal)),
        };
        reached.map_err(failed("signal the processes of", &folder))
    }

    /// Kills every process of the container. Returns at once: the supervisor's pidfd tells when it is done.
    ///
    /// Of a container that has lost its supervisor, kills what can still be found; whether there was anything to kill.
    pub fn destroy(&self, id: &ContainerId) -> Result<bool, ContainerError> {
        let folder = self.folder(id);
        match self.supervisor(id)? {
            Some((_, pidfd)) => process::send(&pidfd, END).map_err(failed("end", &folder)),
            None => self.sweep(id).map(|reached| reached > 0),
        }
    }

    /// What the container's processes use; nothing if it does not run.
    pub fn usage(&self, id: &ContainerId) -> Result<Usage, ContainerError> {
        match self.supervisor(id)? {
            Some((supervisor, _pidfd)) => {
                process::usage(supervisor.pid).map_err(failed("measure the processes of", &self.folder(id)))
            }
            None => Ok(Usage::default()),
        }
    }

    /// Forgets an ended container: removes its runtime folder, not its sandbox.
    pub fn remove(&self, id: &ContainerId) -> Result<(), ContainerError> {
        let folder = self.folder(id);
        if self.supervisor(id)?.is_some() {
            return Err(ContainerError::StillRuns(id.clone()));
        }
        self.sweep(id)?;
        fs::remove_dir_all(&folder).map_err(failed("remove", &folder))
    }

    fn folder(&self, id: &ContainerId) -> PathBuf {
        self.runtime.join(agent::CONTAINERS).join(id.as_str())
    }

    fn observe(&self, id: ContainerId) -> Result<Observed, ContainerError> {
        let folder = self.folder(&id);
        // Whether it lives is looked at first: all that it writes, it writes before it ends.
        let supervisor = self.supervisor(&id)?;
        let text = |name: &str| {
            let path = folder.join(name);
            files::read_text(&path).map_err(failed("read", &path))
        };
        let status = text(container::STATUS)?.and_then(|text| WaitStatus::parse(&text));
        let state = match (&supervisor, status) {
            (Some(_), Some(status)) => State::Ending(status),
            (Some(_), None) => {
                State::Running { pid: text(container::PID)?.and_then(|text| text.trim().parse().ok()) }
            }
            (None, Some(status)) => State::Exited(status),
            (None, None) => match text(container::ERROR)? {
                Some(text) => State::LaunchFailed(text),
                None if self.is_given_up(&id)? => State::GivenUp,
                None => State::Lost,
            },
        };
        Ok(Observed { id, state, supervisor: supervisor.map(|(_, pidfd)| pidfd) })
    }

    /// Whether an agent has claimed it, so that no supervisor can.
    fn is_given_up(&self, id: &ContainerId) -> Result<bool, ContainerError> {
        let path = self.folder(id).join(container::CLAIM);
        let claim = files::read_json::<Claim>(&path).map_err(failed("read", &path))?;
        Ok(claim.is_some_and(|claim| claim.supervisor.is_none()))
    }

    /// The container's supervisor with its pidfd, while it lives. Frees it if it is an ended child of ours.
    fn supervisor(&self, id: &ContainerId) -> Result<Option<(Identity, OwnedFd)>, ContainerError> {
        let folder = self.folder(id);
        let path = folder.join(container::CLAIM);
        let Some(claim) = files::read_json::<Claim>(&path).map_err(failed("read", &path))? else {
            return if folder.is_dir() { Ok(None) } else { Err(ContainerError::Unknown(id.clone())) };
        };
        if claim.protocol > PROTOCOL {
            return Err(ContainerError::Newer { id: id.clone(), protocol: claim.protocol });
        }
        let Some(supervisor) = claim.supervisor else { return Ok(None) };
        let Some(pidfd) = supervisor.open().map_err(failed("find the supervisor of", &folder))? else {
            return Ok(None);
        };
        match Stat::of(supervisor.pid).map_err(failed("find the supervisor of", &folder))? {
            Some(stat) if !matches!(stat.state, b'Z' | b'X') => Ok(Some((supervisor, pidfd))),
            _ => {
                process::reap(&pidfd);
                Ok(None)
            }
        }
    }

    /// Kills what a killed supervisor has left behind: the init dies with it, but children of the init do not.
    ///
    /// There is no tree any more to find them by, but they carry the sandbox's path in their environment.
    fn sweep(&self, id: &ContainerId) -> Result<usize, ContainerError> {
        let folder = self.folder(id);
        let path = folder.join(container::SPEC);
        let spec = files::read_json::<Spec>(&path).map_err(failed("read", &path))?;
        let path = folder.join(container::CLAIM);
        let claim = files::read_json::<Claim>(&path).map_err(failed("read", &path))?;
        let (Some(spec), Some(supervisor)) = (spec, claim.and_then(|claim| claim.supervisor)) else {
            return Ok(0);
        };
        let Some(sandbox) = spec.plan.environment.get("MESOS_SANDBOX") else { return Ok(0) };
        if folder.join(container::STATUS).exists() || supervisor.boot_id != self.identity.boot_id {
            return Ok(0);
        }
        process::signal_marked(&format!("MESOS_SANDBOX={sandbox}"), supervisor.start_time, Signal::KILL)
            .map_err(failed("clear away what is left of", &folder))
    }
}

/// The recorded pid of the container's init.
fn init(folder: &Path) -> io::Result<i32> {
    let text = files::read_text(&folder.join(container::PID))?.unwrap_or_default();
    text.trim().parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "its pid is not recorded"))
}

/// Signals the process `pid` if it still is a child of `parent`.
fn signal_child(parent: i32, pid: i32, signal: Signal) -> io::Result<usize> {
    let Some(stat) = Stat::of(pid)?.filter(|stat| stat.parent == parent) else { return Ok(0) };
    match process::open_verified(pid, stat.start_time)? {
        Some(pidfd) => Ok(usize::from(process::send(&pidfd, signal)?)),
        None => Ok(0),
    }
}

/// Gives an error of the system its subject.
fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> ContainerError + 'a {
    move |error| ContainerError::Io { what, path: path.to_path_buf(), error }
}
