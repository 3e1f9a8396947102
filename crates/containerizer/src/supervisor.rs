// SPDX-License-Identifier: Apache-2.0

//! The process that stands above one container.
//!
//! It starts the container's init, is there when it ends, writes down how, and clears away what is left of the tree.
//! It needs no agent for that, and outlives many. One thread, no heap to speak of, no work while nothing happens.

mod agent_watch;
mod init;
mod signals;

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions};

use crate::files::{self, Claim, PROTOCOL, Spec, container};
use crate::process::{Identity, signal_descendants};
use crate::wait_status::WaitStatus;
use agent_watch::AgentWatch;
pub(crate) use init::{Standard, launch, open_output};
pub(crate) use signals::{END, Signals, close_inherited_descriptors};

/// What a supervisor says to the agent that waits for it, on its standard output: one of these and a text.
pub(crate) const STARTED: &str = "started ";
pub(crate) const FAILED: &str = "failed ";

/// How long to wait before looking again for what is left of an ended tree, at first and at most. Each child's end
/// wakes us anyhow; this is for processes that fork while they are being killed, or hang in the kernel.
const FIRST_SWEEP: Duration = Duration::from_millis(2);
const SLOWEST_SWEEP: Duration = Duration::from_secs(1);

/// Bound: how often a status that cannot be written is tried again, one second apart. A full disk may be cleared.
const STATUS_TRIES: u32 = 300;

/// Runs as the supervisor of the container with the runtime folder `folder`.
pub(crate) fn run(folder: &Path) -> ExitCode {
    match Supervisor::start(folder) {
        Ok(supervisor) => supervisor.supervise(),
        Err(text) => {
            eprintln!("{text}");
            report(FAILED, &text);
            ExitCode::FAILURE
        }
    }
}

struct Supervisor {
    folder: PathBuf,
    init: Pid,
    signals: Signals,
    agent: AgentWatch,
    /// How long until the tree is swept again; `None` while the container may live.
    sweep: Option<Duration>,
}

impl Supervisor {
    fn start(folder: &Path) -> Result<Supervisor, String> {
        let said = |what: &str| {
            let what = what.to_string();
            move |error: io::Error| format!("the supervisor cannot {what}: {error}")
        };
        let signals = detach().map_err(said("detach from the agent"))?;
        let spec = files::read_json::<Spec>(&folder.join(container::SPEC))
            .and_then(|spec| spec.ok_or_else(|| io::ErrorKind::NotFound.into()))
            .map_err(said("read its specification"))?;
        if spec.protocol != PROTOCOL {
            return Err(format!("the supervisor speaks protocol {PROTOCOL}, its agent {}", spec.protocol));
        }
        claim(folder).map_err(said("claim its container"))?;

        // From here on this container is ours alone, and a failure is a fact for its record.
        let agent = AgentWatch::new(&spec);
        match init::launch(&spec.plan, Some(folder), Standard::Files) {
            Ok(init) => {
                report(STARTED, &init.as_raw_pid().to_string());
                Ok(Supervisor { folder: folder.to_path_buf(), init, signals, agent, sweep: None })
            }
            Err(text) => {
                files::replace_durably(&folder.join(container::ERROR), text.as_bytes())
                    .map_err(said("record that its container could not be started"))?;
                Err(text)
            }
        }
    }

    /// Waits for the container's end, and brings it about when nobody wants it any more.
    fn supervise(mut self) -> ExitCode {
        loop {
            if !self.reap() {
                return ExitCode::SUCCESS;
            }
            if let Some(pause) = self.sweep {
                if let Err(error) = signal_descendants(std::process::id() as i32, Signal::KILL) {
                    eprintln!("cannot kill what is left of the container: {error}");
                }
                self.sweep = Some((pause * 2).min(SLOWEST_SWEEP));
            }
            self.sleep();
        }
    }

    /// Until a signal or the agent's end, or until the next thing is due.
    fn sleep(&mut self) {
        // A container that is ending anyhow needs no agent.
        let due = self.sweep.or_else(|| self.agent.due());
        let timeout =
            due.map(|due| Timespec { tv_sec: due.as_secs() as i64, tv_nsec: due.subsec_nanos().into() });
        let (signalled, agent_gone) = {
            let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
            fds.extend(self.agent.pidfd().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
            // An interrupted or failed poll means looking at everything again, which is always right.
            let _count = poll(&mut fds, timeout.as_ref());
            (!fds[0].revents().is_empty(), fds.get(1).is_some_and(|fd| !fd.revents().is_empty()))
        };
        if signalled && self.signals.drain_told_to_end() {
            self.end("told to by the agent");
        }
        if agent_gone {
            self.agent.lost();
        }
        if let Some(reason) = self.agent.verdict() {
            self.end(&reason);
        }
    }

    fn end(&mut self, reason: &str) {
        if self.sweep.is_none() {
            eprintln!("ending the container: {reason}");
            self.sweep = Some(FIRST_SWEEP);
        }
    }

    /// Takes note of every ended child; whether any is left.
    fn reap(&mut self) -> bool {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.init => {
                    record(&self.folder, WaitStatus::from_raw(status.as_raw()));
                    // What the init has left behind ends with it, without any word: that is no news.
                    self.sweep = self.sweep.or(Some(FIRST_SWEEP));
                }
                Ok(Some(_orphan)) => {}
                Ok(None) => return true,
                Err(rustix::io::Errno::INTR) => {}
                Err(_no_child) => return false,
            }
        }
    }
}

/// Leaves everything that the agent's process had given to this one.
fn detach() -> io::Result<Signals> {
    close_inherited_descriptors()?;
    std::env::set_current_dir("/")?;
    rustix::process::setsid()?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    rustix::thread::set_name(c"kaon-supervisor")?;
    Signals::take()
}

/// Makes this process the one that answers for the container.
fn claim(folder: &Path) -> io::Result<()> {
    let claim = Claim { protocol: PROTOCOL, supervisor: Some(Identity::current()?) };
    if files::create_once(&folder.join(container::CLAIM), &files::json(&claim)?)? {
        return Ok(());
    }
    Err(io::Error::other("it is claimed already, or was given up by an agent that restarted"))
}

/// Writes down how the init ended. Nothing else can tell the next agent, so a failing disk is given time.
fn record(folder: &Path, status: WaitStatus) {
    for _ in 0..STATUS_TRIES {
        match files::replace_durably(&folder.join(container::STATUS), status.raw().to_string().as_bytes()) {
            Ok(()) => return,
            // The whole folder was removed: nobody will ask.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return eprintln!("the runtime folder is gone");
            }
            Err(error) => {
                eprintln!("cannot record that the container ended with wait status {}: {error}", status.raw())
            }
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Tells the agent how the launch went, and hangs up. An agent that is gone reads the folder instead.
fn report(word: &str, text: &str) {
    let mut line = format!("{word}{text}");
    line.retain(|character| character != '\n');
    line.push('\n');
    let _agent_is_gone = io::stdout().write_all(line.as_bytes()).and_then(|()| io::stdout().flush());
    match std::fs::OpenOptions::new().write(true).open("/dev/null") {
        Ok(null) => {
            if let Err(error) = rustix::stdio::dup2_stdout(null.as_fd()) {
                eprintln!("cannot hang up on the agent: {error}");
            }
        }
        Err(error) => eprintln!("cannot open /dev/null: {error}"),
    }
}
