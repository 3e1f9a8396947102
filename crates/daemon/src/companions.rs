// SPDX-License-Identifier: Apache-2.0

//! Commands that run for as long as this process wants them to.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Child;

use kaon_containerizer::companion::{self, Output, Said};
use kaon_containerizer::{Companion, ContainerConfig, Spawner, WaitStatus};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::Handle;

use crate::front::aside;
use crate::pidfd;

/// Bound: of what a companion says at once; the reason of a failed start is the longest.
const LONGEST_LINE: usize = 64 << 10;

/// A command that was started. Dropping it ends the command with all that it has started.
pub struct Running {
    /// The command's own process.
    pub pid: u32,
    stream: UnixStream,
    pending: Vec<u8>,
    _reaper: Reaper,
}

/// Starts a command, and returns when its program runs. The error is a text for people.
pub async fn start(spawner: &Spawner, config: ContainerConfig, output: Output) -> Result<Running, String> {
    let spawner = spawner.clone();
    let started = aside(move || Companion::start(&spawner, &config, output)).await;
    let Companion { stream, pidfd, child } = started.map_err(|error| error.to_string())?;
    let reaper = Reaper { companion: Some((pidfd, child)), runtime: Handle::current() };
    let lost = |error: io::Error| format!("Cannot speak with the command's companion: {error}");
    stream.set_nonblocking(true).map_err(lost)?;
    let stream = UnixStream::from_std(stream).map_err(lost)?;
    let mut running = Running { pid: 0, stream, pending: Vec::new(), _reaper: reaper };
    match running.next().await.map_err(lost)? {
        Some(Said::Started(pid)) => Ok(Running { pid, ..running }),
        Some(Said::Failed(text)) => Err(text),
        Some(Said::Ended(_)) | None => Err("The command's companion ended before it".to_string()),
    }
}

impl Running {
    /// Waits for the command's end; none if nobody knows how it ended. May be cancelled without loss.
    pub async fn ended(&mut self) -> Option<WaitStatus> {
        loop {
            match self.next().await {
                Ok(Some(Said::Ended(status))) => return Some(status),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// Sends a signal to every process of the command.
    pub async fn signal(&mut self, signal: i32) -> io::Result<()> {
        self.stream.write_all(companion::signal(signal).as_bytes()).await
    }

    async fn next(&mut self) -> io::Result<Option<Said>> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return Ok(Said::parse(String::from_utf8_lossy(&line).trim_end_matches('\n')));
            }
            if self.pending.len() > LONGEST_LINE {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if self.stream.read_buf(&mut self.pending).await? == 0 {
                return Ok(None);
            }
        }
    }
}

/// Waits for the end of a companion when nobody else does any more.
struct Reaper {
    companion: Option<(OwnedFd, Child)>,
    runtime: Handle,
}

impl Drop for Reaper {
    fn drop(&mut self) {
        let Some((pidfd, mut child)) = self.companion.take() else { return };
        self.runtime.spawn(async move {
            if let Err(error) = pidfd::ended(pidfd).await {
                tracing::warn!("Cannot watch a command's companion: {error}");
                return;
            }
            // It has ended, so this does not wait.
            if let Err(error) = child.wait() {
                tracing::warn!("Cannot learn how a command's companion ended: {error}");
            }
        });
    }
}
