// SPDX-License-Identifier: Apache-2.0

//! Brings a task's files into its sandbox.
//!
//! The work is done by a process of its own that runs as the task's user: what is fetched, from where and into what
//! is chosen by the framework, so none of it happens with the agent's rights. This file is the agent's end.

mod beneath;
mod decompress;
mod download;
mod extract;
mod info;
mod job;
pub(crate) mod program;
mod uri;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdin, Stdio};

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use thiserror::Error;

pub use info::{Action, Duration as FetcherDuration, FetcherInfo, Item, Uri};

use crate::reason;
use crate::spawner::Spawner;

/// Why a fetch could not even be started.
#[derive(Debug, Error)]
#[error("cannot start the fetcher: {0}")]
pub struct FetchError(#[from] io::Error);

/// Starts fetches.
#[derive(Debug)]
pub enum Fetch {}

/// A fetch on its way. Dropping it ends it.
#[derive(Debug)]
pub struct Fetching {
    /// Readable when the fetch has ended: then [`finish`](Self::finish).
    pub pidfd: OwnedFd,
    child: Child,
    reason: File,
    /// Open for as long as the fetch is wanted; the kernel closes it when the agent dies.
    _lifeline: ChildStdin,
}

impl Fetch {
    /// Starts to fetch what `info` lists, as its user.
    pub fn start(spawner: &Spawner, info: &FetcherInfo) -> Result<Fetching, FetchError> {
        let mut line = serde_json::to_vec(info).map_err(io::Error::from)?;
        line.push(b'\n');
        let mut command = spawner.fetcher();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        match connect(&mut child, &line) {
            Ok((pidfd, reason, lifeline)) => Ok(Fetching { pidfd, child, reason, _lifeline: lifeline }),
            Err(error) => {
                end(&mut child);
                Err(error.into())
            }
        }
    }
}

impl Fetching {
    /// How the fetch went; waits for its end. The error is a text for the task's status message.
    pub fn finish(mut self) -> Result<(), String> {
        let mut reason = String::new();
        let read = (&mut self.reason).take(reason::LONGEST as u64).read_to_string(&mut reason);
        let status = self.child.wait().map_err(|error| format!("Cannot wait for the fetcher: {error}"))?;
        match read {
            Ok(_) if status.success() => Ok(()),
            Ok(_) if !reason.trim().is_empty() => Err(reason.trim().to_string()),
            _ => Err(format!("The fetcher was stopped ({status}) before it could say why")),
        }
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn connect(child: &mut Child, line: &[u8]) -> io::Result<(OwnedFd, File, ChildStdin)> {
    let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
    let pid = Pid::from_raw(child.id() as i32).ok_or_else(gone)?;
    // Our own child, not reaped: its pid cannot have become another's.
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    let mut lifeline = child.stdin.take().ok_or_else(gone)?;
    lifeline.write_all(line)?;
    let reason = OwnedFd::from(child.stdout.take().ok_or_else(gone)?);
    Ok((pidfd, File::from(reason), lifeline))
}

fn end(child: &mut Child) {
    // Both fail only if it was waited for already.
    let _ended = child.kill();
    let _status = child.wait();
}
