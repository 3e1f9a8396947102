// SPDX-License-Identifier: Apache-2.0

//! Starts processes that run this very binary.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::{env, io};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use thiserror::Error;

use crate::image;

/// Why supervisors cannot be started on this host.
#[derive(Debug, Error)]
#[error(
    "cannot copy the running binary into sealed memory, from which supervisors run ({0}); is /proc mounted, and does the sysctl vm.memfd_noexec allow it?"
)]
pub struct SpawnError(#[from] io::Error);

/// What a supervisor is named in `ps`.
const NAME: &str = "kaon";

/// The variable that names how many files the programs of this crate, and so the containers, may open: a daemon takes
/// more for itself than is good for a task, some of which look at each number that a file could have.
const OPEN_FILES: &str = "KAON_OPEN_FILES";

/// Variables that a fetcher may inherit: how to reach the network, and whom to trust there.
const FETCHER_VARIABLES: [&str; 10] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "TZ",
];

/// The sealed image of the running binary, ready to be started any number of times.
#[derive(Debug, Clone)]
pub struct Spawner {
    image: Arc<OwnedFd>,
    /// How many files a process may open that nobody has said anything else of. None: any number.
    open_files: Option<u64>,
}

/// Gives up the open files that the process which started this one has taken for itself alone.
pub(crate) fn settle_open_files() {
    let given = env::var(OPEN_FILES).ok().and_then(|count| count.parse().ok());
    let limit = getrlimit(Resource::Nofile);
    if let Some(count) = given.filter(|count| limit.current.is_none_or(|current| *count < current)) {
        // One that goes down is always granted.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(count), ..limit });
    }
}

impl Spawner {
    /// Seals the image. Call it early in `main`, before the first thread, so that nothing else is in memory twice and
    /// an unusable host is noticed before anything was promised; and before this process takes more files for itself.
    pub fn prepare() -> Result<Spawner, SpawnError> {
        Ok(Spawner::of(image::seal_own_binary()?))
    }

    /// The running binary as it lies on the disk, for a process that starts few others and does not outlive them:
    /// copying it would take longer than all else that such a process does.
    pub fn unsealed() -> Result<Spawner, SpawnError> {
        Ok(Spawner::of(std::fs::File::open("/proc/self/exe")?.into()))
    }

    fn of(image: OwnedFd) -> Spawner {
        Spawner { image: Arc::new(image), open_files: getrlimit(Resource::Nofile).current }
    }

    /// A command that runs our binary with one of the internal verbs, in an empty environment.
    ///
    /// Starting it never forks the calling process: without hooks, ids or a working directory the standard library uses
    /// `posix_spawn`, which shares memory with the child until the exec and copies nothing, not even page tables.
    pub(crate) fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(format!("/proc/self/fd/{}", self.image.as_raw_fd()));
        command.arg0(NAME).arg(verb).env_clear();
        command.envs(self.open_files.map(|count| (OPEN_FILES, count.to_string())));
        command
    }

    /// A command for the fetcher, which needs some of our own environment.
    pub(crate) fn fetcher(&self) -> Command {
        let mut command = self.command(crate::dispatch::FETCH);
        command.envs(FETCHER_VARIABLES.iter().filter_map(|name| Some((name, env::var_os(name)?))));
        command
    }
}
