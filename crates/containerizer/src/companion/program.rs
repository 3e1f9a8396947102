// SPDX-License-Identifier: Apache-2.0

//! The companion's own process.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions};

use super::{Said, Work};
use crate::process::signal_descendants;
use crate::supervisor::{Signals, Standard, close_inherited_descriptors, launch};
use crate::wait_status::WaitStatus;

/// Bound: of a work order; an environment may be large, but `execve(2)` takes no more than 6 MB.
const LARGEST_WORK: usize = 16 << 20;
/// Bound: of one order afterwards.
const LONGEST_ORDER: usize = 64;
/// How long to wait before looking again for what is left of an ended tree, at first and at most.
const FIRST_SWEEP: Duration = Duration::from_millis(2);
const SLOWEST_SWEEP: Duration = Duration::from_secs(1);

/// Runs as the companion of whoever holds the other end of standard input, which is a socket.
pub(crate) fn run() -> ExitCode {
    let begun = detach().and_then(|signals| {
        let mut starter = Starter::take()?;
        let work = starter.work()?;
        Ok((starter, signals, work))
    });
    let (mut starter, signals, work) = match begun {
        Ok(begun) => begun,
        // Without its other end there is nobody to tell.
        Err(_) => return ExitCode::FAILURE,
    };
    let standard = if work.inherits_output { Standard::Inherited } else { Standard::Files };
    match launch(&work.plan, None, standard) {
        Ok(init) => {
            starter.say(&Said::Started(init.as_raw_pid().unsigned_abs()));
            Companion { starter, signals, init, sweep: None, wanted: true }.attend();
            ExitCode::SUCCESS
        }
        Err(text) => {
            starter.say(&Said::Failed(text));
            ExitCode::FAILURE
        }
    }
}

fn detach() -> io::Result<Signals> {
    close_inherited_descriptors()?;
    rustix::process::setsid()?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    rustix::thread::set_name(c"kaon-companion")?;
    Signals::take()
}

/// Whoever wants the command to run.
struct Starter {
    stream: UnixStream,
    /// Read and not understood yet.
    pending: Vec<u8>,
}

impl Starter {
    fn take() -> io::Result<Starter> {
        // A descriptor of our own, so that the command does not inherit it.
        let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(Starter { stream, pending: Vec::new() })
    }

    fn work(&mut self) -> io::Result<Work> {
        while !self.pending.contains(&b'\n') {
            if self.pending.len() > LARGEST_WORK || !self.read()? {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        let line = self.line().unwrap_or_default();
        Ok(serde_json::from_slice(&line)?)
    }

    /// Whether there was more to read.
    fn read(&mut self) -> io::Result<bool> {
        let mut chunk = [0u8; 4096];
        let count = self.stream.read(&mut chunk)?;
        self.pending.extend_from_slice(&chunk[..count]);
        Ok(count > 0)
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.pending.iter().position(|byte| *byte == b'\n')?;
        Some(self.pending.drain(..=end).collect())
    }

    fn say(&mut self, said: &Said) {
        // One that is gone is noticed when it is listened to.
        let _starter_is_gone = self.stream.write_all(said.line().as_bytes());
    }
}

struct Companion {
    starter: Starter,
    signals: Signals,
    init: Pid,
    /// How long until the tree is swept again; `None` while the command may live.
    sweep: Option<Duration>,
    wanted: bool,
}

impl Companion {
    /// Until nothing of the command is left.
    fn attend(mut self) {
        while self.reap() {
            if let Some(pause) = self.sweep {
                // What is not reached is tried again.
                let _reached = signal_descendants(std::process::id() as i32, Signal::KILL);
                self.sweep = Some((pause * 2).min(SLOWEST_SWEEP));
            }
            self.sleep();
        }
    }

    /// Takes note of every ended child; whether any is left.
    fn reap(&mut self) -> bool {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.init => {
                    self.starter.say(&Said::Ended(WaitStatus::from_raw(status.as_raw())));
                    self.sweep = self.sweep.or(Some(FIRST_SWEEP));
                }
                Ok(Some(_orphan)) => {}
                Ok(None) => return true,
                Err(rustix::io::Errno::INTR) => {}
                Err(_no_child) => return false,
            }
        }
    }

    fn sleep(&mut self) {
        let timeout = self
            .sweep
            .map(|due| Timespec { tv_sec: due.as_secs() as i64, tv_nsec: due.subsec_nanos().into() });
        let heard = {
            let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
            if self.wanted {
                fds.push(PollFd::new(&self.starter.stream, PollFlags::IN));
            }
            // An interrupted or failed poll means looking at everything again, which is always right.
            let _count = poll(&mut fds, timeout.as_ref());
            fds.get(1).is_some_and(|fd| !fd.revents().is_empty())
        };
        let _ended_by_order = self.signals.drain_told_to_end();
        if heard && !self.obey() {
            self.wanted = false;
            self.sweep = self.sweep.or(Some(FIRST_SWEEP));
        }
    }

    /// Carries out what the starter orders; false when the command is no longer wanted.
    fn obey(&mut self) -> bool {
        if !self.starter.read().unwrap_or(false) || self.starter.pending.len() > LONGEST_ORDER {
            return false;
        }
        while let Some(line) = self.starter.line() {
            let text = String::from_utf8_lossy(&line);
            let number = text.trim_end().strip_prefix("signal ").and_then(|number| number.parse().ok());
            let Some(signal) = number.and_then(Signal::from_named_raw) else { return false };
            // Who has ended meanwhile needs no signal.
            let _reached = signal_descendants(std::process::id() as i32, signal);
        }
        true
    }
}
