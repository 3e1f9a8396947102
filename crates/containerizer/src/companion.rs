// SPDX-License-Identifier: Apache-2.0

//! A process that runs one command for as long as somebody wants it to.
//!
//! It is what a check's command runs beneath, and the task of a command executor that is a process of its own. Unlike
//! a supervisor it does not outlive whoever started it, and keeps no file. This file is the starter's end; both speak
//! lines over one socket, whose end on the starter's side ends the command with all that is left of it.

pub(crate) mod program;

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::ContainerConfig;
use crate::isolator::{self, IsolatorError};
use crate::plan::Plan;
use crate::spawner::Spawner;
use crate::wait_status::WaitStatus;

/// Why a command could not even be started.
#[derive(Debug, Error)]
pub enum CompanionError {
    /// It cannot be run as asked.
    #[error(transparent)]
    Refused(#[from] IsolatorError),
    /// The system refused.
    #[error("cannot start a process for the command: {0}")]
    Io(#[from] io::Error),
}

/// Where the command's output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// To the files `stdout` and `stderr` of the sandbox.
    Files,
    /// All of it to the file `stderr` of the sandbox.
    Stderr,
    /// To where the starter's own output goes.
    Inherited,
}

/// What a companion is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) plan: Plan,
    pub(crate) inherits_output: bool,
}

/// What a companion says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The command's program runs, as this process.
    Started(u32),
    /// The command never ran, for this reason.
    Failed(String),
    /// The command has ended; what is left of its tree is being cleared away.
    Ended(WaitStatus),
}

/// A command under way. Dropping the stream ends it.
#[derive(Debug)]
pub struct Companion {
    /// Where the companion speaks: see [`Said::parse`]. It takes orders there: see [`signal`].
    pub stream: UnixStream,
    /// Readable when the companion has ended, after all that was beneath it.
    pub pidfd: OwnedFd,
    /// To be waited for then.
    pub child: Child,
}

impl Companion {
    /// Starts `config`'s command. That it lives or dies with an agent is not looked at: it ends with the stream.
    pub fn start(
        spawner: &Spawner,
        config: &ContainerConfig,
        output: Output,
    ) -> Result<Companion, CompanionError> {
        let mut plan = isolator::plan(&isolator::standard(), config)?;
        if output == Output::Stderr {
            plan.stdout.clone_from(&plan.stderr);
        }
        let work = Work { plan, inherits_output: output == Output::Inherited };
        let mut line = serde_json::to_vec(&work).map_err(io::Error::from)?;
        line.push(b'\n');
        let (mut stream, end) = UnixStream::pair()?;
        let (stdout, stderr) = match output {
            Output::Inherited => (Stdio::inherit(), Stdio::inherit()),
            Output::Files | Output::Stderr => (Stdio::null(), Stdio::null()),
        };
        let mut command = spawner.command(crate::dispatch::ACCOMPANY);
        // The command holds our copy of its end and drops it here: when the companion ends, so does the stream.
        let mut child = command.stdin(OwnedFd::from(end)).stdout(stdout).stderr(stderr).spawn()?;
        drop(command);
        match pidfd(&child).and_then(|pidfd| stream.write_all(&line).map(|()| pidfd)) {
            Ok(pidfd) => Ok(Companion { stream, pidfd, child }),
            Err(error) => {
                // It has begun nothing yet.
                let _ended_already = child.kill();
                let _status = child.wait();
                Err(error.into())
            }
        }
    }
}

/// The order that sends a signal to every process of the command.
pub fn signal(signal: i32) -> String {
    format!("signal {signal}\n")
}

impl Said {
    /// From a line, without its end.
    pub fn parse(line: &str) -> Option<Said> {
        match line.split_once(' ')? {
            ("started", pid) => pid.parse().ok().map(Said::Started),
            ("failed", text) => Some(Said::Failed(text.to_string())),
            ("ended", status) => WaitStatus::parse(status).map(Said::Ended),
            _ => None,
        }
    }

    pub(crate) fn line(&self) -> String {
        match self {
            Said::Started(pid) => format!("started {pid}\n"),
            Said::Failed(text) => format!("failed {}\n", text.replace('\n', " ")),
            Said::Ended(status) => format!("ended {}\n", status.raw()),
        }
    }
}

fn pidfd(child: &Child) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(child.id() as i32).ok_or(io::ErrorKind::InvalidInput)?;
    // Our own child, not reaped: its pid cannot have become another's.
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        for said in [
            Said::Started(7),
            Said::Failed("cannot execute 'x': y".into()),
            Said::Ended(WaitStatus::from_raw(256)),
        ] {
            assert_eq!(Said::parse(said.line().trim_end_matches('\n')), Some(said));
        }
        for line in ["", "started", "started x", "stopped 1", "ended x"] {
            assert_eq!(Said::parse(line), None, "{line}");
        }
    }
}
