// SPDX-License-Identifier: Apache-2.0

//! Processes as the kernel's `/proc` shows them.

mod tree;

use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

pub use tree::Usage;
pub(crate) use tree::{signal_descendants, signal_marked, usage};

/// One process of all that ever lived on this host: a pid alone is used again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: i32,
    /// When it started, in the kernel's clock ticks since boot.
    pub(crate) start_time: u64,
    /// Which boot that was.
    pub(crate) boot_id: String,
}

impl Identity {
    /// The calling process.
    pub(crate) fn current() -> io::Result<Identity> {
        let stat =
            Stat::of(std::process::id() as i32)?.ok_or_else(|| io::Error::other("/proc is not mounted"))?;
        Ok(Identity { pid: stat.pid, start_time: stat.start_time, boot_id: boot_id()? })
    }

    /// A pidfd of this very process, or `None` if it is no more. A zombie still is.
    pub(crate) fn open(&self) -> io::Result<Option<OwnedFd>> {
        if self.boot_id != boot_id()? {
            return Ok(None);
        }
        open_verified(self.pid, self.start_time)
    }
}

/// A pidfd of the process `pid` that started at `start_time`, or `None` if there is no such process.
pub(crate) fn open_verified(pid: i32, start_time: u64) -> io::Result<Option<OwnedFd>> {
    let Some(raw) = Pid::from_raw(pid).filter(|_| pid > 0) else { return Ok(None) };
    let pidfd = match pidfd_open(raw, PidfdFlags::empty()) {
        Ok(pidfd) => pidfd,
        Err(rustix::io::Errno::SRCH | rustix::io::Errno::INVAL) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // Looked at after opening: the pidfd pins the process, so if the start time is right, it is this one.
    Ok(Stat::of(pid)?.filter(|stat| stat.start_time == start_time).map(|_| pidfd))
}

/// Sends a signal; whether the process was still there.
pub(crate) fn send(pidfd: &OwnedFd, signal: Signal) -> io::Result<bool> {
    match pidfd_send_signal(pidfd, signal) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Frees the kernel's record of an ended child. Of another's child there is nothing to free.
pub(crate) fn reap(pidfd: &OwnedFd) {
    use std::os::fd::AsFd;
    let _not_a_child =
        rustix::process::waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
}

fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_string())
}

/// The fields of `/proc/<pid>/stat` that are needed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: i32,
    pub(crate) state: u8,
    pub(crate) parent: i32,
    /// Own and reaped children's time in user mode, in clock ticks.
    pub(crate) user: [u64; 2],
    /// Own and reaped children's time in the kernel, in clock ticks.
    pub(crate) system: [u64; 2],
    pub(crate) threads: u64,
    pub(crate) start_time: u64,
}

impl Stat {
    /// Of the process `pid`, or `None` if there is none.
    pub(crate) fn of(pid: i32) -> io::Result<Option<Stat>> {
        match fs::read(format!("/proc/{pid}/stat")) {
            Ok(line) => Stat::parse(&line).map(Some).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, format!("cannot read /proc/{pid}/stat"))
            }),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn parse(line: &[u8]) -> Option<Stat> {
        // The command's name may hold anything, blanks and brackets included: fields count from the last bracket.
        let close = line.iter().rposition(|byte| *byte == b')')?;
        let pid = std::str::from_utf8(&line[..line.iter().position(|byte| *byte == b' ')?]).ok()?;
        let rest: Vec<&str> =
            std::str::from_utf8(line.get(close + 2..)?).ok()?.split_ascii_whitespace().collect();
        // proc(5) numbers fields from 1, and the first here is the third there.
        let field = |number: usize| rest.get(number - 3).and_then(|text| text.parse::<i64>().ok());
        let count = |number: usize| field(number).map(|value| value.max(0) as u64);
        Some(Stat {
            pid: pid.parse().ok()?,
            state: *rest.first()?.as_bytes().first()?,
            parent: field(4)? as i32,
            user: [count(14)?, count(16)?],
            system: [count(15)?, count(17)?],
            threads: count(20)?,
            start_time: count(22)?,
        })
    }
}

/// Whether an error of reading below `/proc` means that the process has ended.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_does_not_shift_the_fields() {
        let line =
            b"42 (a) R (b)) S 7 42 42 0 -1 4194304 1 0 0 0 11 12 13 14 20 0 3 0 987 4096 256 1844 1 1 0";
        let stat = Stat::parse(line).expect("parses");
        assert_eq!((stat.pid, stat.state, stat.parent, stat.threads), (42, b'S', 7, 3));
        assert_eq!((stat.user, stat.system), ([11, 13], [12, 14]));
        assert_eq!(stat.start_time, 987);
        assert_eq!(Stat::parse(b"42 (cut"), None);
        assert_eq!(Stat::parse(b"42 (cut) S 1 2"), None);
    }

    #[test]
    fn an_identity_is_one_process_and_not_its_pid() {
        let me = Identity::current().expect("reads /proc");
        assert!(me.open().expect("opens").is_some());
        let earlier = Identity { start_time: me.start_time - 1, ..me.clone() };
        assert!(earlier.open().expect("opens").is_none());
        let other_boot = Identity { boot_id: "another".into(), ..me };
        assert!(other_boot.open().expect("opens").is_none());
    }
}
