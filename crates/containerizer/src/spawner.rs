// SPDX-License-Identifier: Apache-2.0

//! Starts processes that run this very binary.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::{env, io};

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
}

impl Spawner {
    /// Seals the image. Call it early in `main`, before the first thread, so that nothing else is in memory twice and
    /// an unusable host is noticed before anything was promised.
    pub fn prepare() -> Result<Spawner, SpawnError> {
        Ok(Spawner { image: Arc::new(image::seal_own_binary()?) })
    }

    /// The running binary as it lies on the disk, for a process that starts few others and does not outlive them:
    /// copying it would take longer than all else that such a process does.
    pub fn unsealed() -> Result<Spawner, SpawnError> {
        Ok(Spawner { image: Arc::new(std::fs::File::open("/proc/self/exe")?.into()) })
    }

    /// A command that runs our binary with one of the internal verbs, in an empty environment.
    ///
    /// Starting it never forks the calling process: without hooks, ids or a working directory the standard library uses
    /// `posix_spawn`, which shares memory with the child until the exec and copies nothing, not even page tables.
    pub(crate) fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(format!("/proc/self/fd/{}", self.image.as_raw_fd()));
        command.arg0(NAME).arg(verb).env_clear();
        command
    }

    /// A command for the fetcher, which needs some of our own environment.
    pub(crate) fn fetcher(&self) -> Command {
        let mut command = self.command(crate::dispatch::FETCH);
        command.envs(FETCHER_VARIABLES.iter().filter_map(|name| Some((name, env::var_os(name)?))));
        command
    }
}
