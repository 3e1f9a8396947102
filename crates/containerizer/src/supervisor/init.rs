// SPDX-License-Identifier: Apache-2.0

//! The one place where a plan is carried out.

use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal};

use super::signals;
use crate::config::Rlimit;
use crate::files::{self, container};
use crate::plan::Plan;
use crate::reason;

/// Where standard output and standard error go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standard {
    /// Into the plan's files.
    Files,
    /// Where those of this process go.
    Inherited,
}

/// Starts the container's init as `plan` says, and returns its pid; or the text of what went wrong.
///
/// Returns once the init's program runs: what fails before or in the exec is told here, not by an exit status.
/// `record` is the folder in which the pid is recorded, if anybody wants to find it there.
pub(crate) fn launch(plan: &Plan, record: Option<&Path>, standard: Standard) -> Result<Pid, String> {
    let (said, tell) =
        pipe_with(PipeFlags::CLOEXEC).map_err(|error| format!("cannot make a pipe: {error}"))?;
    let mut tell = File::from(tell);

    // Only the fork is this command's: the child execs by itself, so that it can tell of a failure in its own words
    // and as its own user.
    let mut command = Command::new(&plan.program);
    let supervisor = rustix::process::getpid();
    let (plan, record) = (plan.clone(), record.map(Path::to_path_buf));
    if standard == Standard::Inherited {
        command.stdin(Stdio::null());
    }
    // SAFETY: the closure runs between fork and exec. The supervisor has one thread, so that the child's memory is
    // whole: no lock of another thread can be held in it, and allocating is as safe as anywhere.
    unsafe {
        command.pre_exec(move || {
            let Err(text) = carry_out(&plan, record.as_deref(), standard, supervisor);
            // Into the sandbox, once that is open; until then into the supervisor's log.
            eprintln!("{text}");
            // Read only when the fork has returned, which waits for us: more than a pipe holds would never be.
            let _supervisor_is_gone = tell.write_all(reason::fitting(&text).as_bytes());
            Err(io::ErrorKind::Other.into())
        });
    }
    let spawned = command.spawn();
    // Drops the closure, and with it our end of the pipe: now the child's exec, or end, ends the text.
    drop(command);
    match spawned {
        Ok(child) => Pid::from_raw(child.id() as i32).ok_or_else(|| "the kernel gave the pid 0".to_string()),
        Err(error) => {
            let mut text = String::new();
            let read = File::from(said).take(reason::LONGEST as u64).read_to_string(&mut text);
            Err(if read.is_ok() && !text.is_empty() { text } else { format!("cannot fork: {error}") })
        }
    }
}

/// In the child: every step of the plan. Returns only if one fails.
fn carry_out(
    plan: &Plan,
    record: Option<&Path>,
    standard: Standard,
    supervisor: Pid,
) -> Result<Infallible, String> {
    let at = |what: String| move |error: io::Error| format!("cannot {what}: {error}");
    // Its own session: a signal to the supervisor's group, or from a terminal of the container, stays there.
    rustix::process::setsid().map_err(|error| format!("cannot begin a session: {error}"))?;
    if let Some(folder) = record {
        let pid = rustix::process::getpid().as_raw_pid().to_string();
        files::replace(&folder.join(container::PID), pid.as_bytes()).map_err(at("record the pid".into()))?;
    }
    for rlimit in &plan.rlimits {
        set_rlimit(rlimit)?;
    }
    if let Some(user) = &plan.credentials {
        user.assume().map_err(at(format!("become the user '{}'", user.name)))?;
    }
    die_with(supervisor).map_err(at("tie the container to its supervisor".into()))?;

    // From here on as the container's user: whatever waits at these paths can harm nobody else.
    rustix::process::umask(Mode::from_raw_mode(plan.umask));
    std::env::set_current_dir(&plan.working_directory)
        .map_err(at(format!("enter the directory '{}'", plan.working_directory.display())))?;
    if standard == Standard::Files {
        redirect(plan)?;
    }
    signals::reset_dispositions();

    let (name, arguments) = plan.argv.split_first().ok_or("the plan holds no argv")?;
    let mut program = Command::new(&plan.program);
    // Mesos: a bare name is looked up in the container's own PATH.
    let error = program.arg0(name).args(arguments).env_clear().envs(&plan.environment).exec();
    Err(format!("cannot execute '{}': {error}", plan.program))
}

fn redirect(plan: &Plan) -> Result<(), String> {
    let open = |path: &Path| {
        open_output(path).map_err(|error| format!("cannot open '{}' for output: {error}", path.display()))
    };
    let (stdout, stderr) = (open(&plan.stdout)?, open(&plan.stderr)?);
    rustix::stdio::dup2_stdout(stdout.as_fd()).map_err(|error| format!("cannot redirect output: {error}"))?;
    rustix::stdio::dup2_stderr(stderr.as_fd()).map_err(|error| format!("cannot redirect errors: {error}"))
}

fn set_rlimit(rlimit: &Rlimit) -> Result<(), String> {
    let value = rustix::process::Rlimit { current: rlimit.soft, maximum: rlimit.hard };
    rustix::process::setrlimit(rlimit.resource.kernel(), value)
        .map_err(|error| format!("cannot set the limit {}: {error}", rlimit.resource.wire_name()))
}

/// Asks the kernel to kill this process when the supervisor is killed. After the change of user, which clears it.
fn die_with(supervisor: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have been killed just before: then nobody would ever tell.
    if rustix::process::getppid() == Some(supervisor) {
        return Ok(());
    }
    Err(io::Error::other("the supervisor has been killed"))
}

/// Opens a file of output for appending, made if need be.
///
/// A link is not followed, and a named pipe refused rather than waited for: both could have been put there by what was fetched.
pub(crate) fn open_output(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().append(true).create(true).mode(0o644).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it exists and is not a regular file"));
    }
    let blocking = fcntl_getfl(&file)? - OFlags::NONBLOCK;
    fcntl_setfl(&file, blocking)?;
    Ok(file)
}
