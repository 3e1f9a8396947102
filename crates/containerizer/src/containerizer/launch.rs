// SPDX-License-Identifier: Apache-2.0

//! The start of one supervisor.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::{ContainerError, Running, failed};
use crate::dispatch::SUPERVISE;
use crate::files::{self, Spec, container};
use crate::id::ContainerId;
use crate::spawner::Spawner;
use crate::supervisor::{FAILED, STARTED};

/// Bound: how long a supervisor may take to start its init. It hangs only with the host's disks.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bound: of a supervisor's report.
const LONGEST_REPORT: u64 = 32 << 10;

/// Makes the container's folder, starts its supervisor there, and waits for its word.
pub(super) fn launch(
    spawner: &Spawner,
    folder: &Path,
    id: &ContainerId,
    spec: &Spec,
) -> Result<Running, ContainerError> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(ContainerError::Exists(id.clone()));
        }
        made => made.map_err(failed("make", folder))?,
    }
    let launched = start(spawner, folder, spec).map_err(failed("start the supervisor in", folder)).and_then(
        |(mut child, report)| {
            let told = report_of(report);
            let failure =
                match told.as_deref().map(|line| (line.strip_prefix(STARTED), line.strip_prefix(FAILED))) {
                    Ok((Some(pid), _)) => match (pid.parse(), pidfd(&child)) {
                        (Ok(pid), Ok(supervisor)) => return Ok(Running { pid, supervisor }),
                        (pid, supervisor) => {
                            format!("its supervisor said {pid:?}, watching it said {supervisor:?}")
                        }
                    },
                    Ok((None, Some(text))) => text.to_string(),
                    Ok((None, None)) => "its supervisor was killed while it started".to_string(),
                    Err(error) => format!("its supervisor does not answer: {error}"),
                };
            // Still our child and not reaped, so this pid is no one else's; the init dies with it.
            let _ended_already = child.kill();
            let _status = child.wait();
            Err(ContainerError::Failed { id: id.clone(), text: failure })
        },
    );
    if launched.is_err() {
        // The caller is told all there is to know; a folder left behind would be found as a container later.
        fs::remove_dir_all(folder).map_err(failed("remove", folder))?;
    }
    launched
}

fn start(spawner: &Spawner, folder: &Path, spec: &Spec) -> io::Result<(Child, OwnedFd)> {
    files::replace(&folder.join(container::SPEC), &files::json(spec)?)?;
    let log = OpenOptions::new().append(true).create(true).mode(0o600).open(folder.join(container::LOG))?;
    let (report, tell) = pipe_with(PipeFlags::CLOEXEC)?;
    let mut command = spawner.command(SUPERVISE);
    command.arg(folder).stdin(Stdio::null()).stdout(tell).stderr(log);
    // The command holds our copy of the pipe's other end and drops it here: if the supervisor dies, the pipe ends.
    Ok((command.spawn()?, report))
}

/// The line that the supervisor says, without its end; empty if it dies first.
fn report_of(report: OwnedFd) -> io::Result<String> {
    let begun = Instant::now();
    let mut report = File::from(report).take(LONGEST_REPORT);
    let mut line = Vec::new();
    loop {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(report.get_ref(), PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut chunk = [0u8; 4096];
        let count = report.read(&mut chunk)?;
        line.extend_from_slice(&chunk[..count]);
        if count == 0 || line.ends_with(b"\n") {
            return Ok(String::from_utf8_lossy(&line).trim_end_matches('\n').to_string());
        }
    }
}

fn pidfd(child: &Child) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(child.id() as i32).ok_or(io::ErrorKind::InvalidInput)?;
    // Our own child, not reaped: its pid cannot have become another's.
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}
