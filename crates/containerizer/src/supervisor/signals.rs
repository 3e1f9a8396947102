// SPDX-License-Identifier: Apache-2.0

//! The supervisor's signals and descriptors.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

/// The signal by which an agent ends a container. Invariant: this meaning holds in every version of the protocol.
pub(crate) const END: rustix::process::Signal = rustix::process::Signal::USR1;

/// What a terminal or a service manager sends to a whole group when the *agent* is meant.
const IGNORED: [libc::c_int; 8] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR2,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
];

/// Bound: the highest signal number of Linux.
const LAST_SIGNAL: libc::c_int = 64;

/// The descriptor on which the end of a child, or an order to end, becomes readable.
pub(crate) struct Signals {
    descriptor: OwnedFd,
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Signals {
    /// From here on signals are read, not delivered.
    pub(crate) fn take() -> io::Result<Signals> {
        for signal in IGNORED {
            // SAFETY: sets a disposition without a handler; no other thread exists.
            unsafe { libc::signal(signal, libc::SIG_IGN) };
        }
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: the set is initialised by `sigemptyset` before anything reads it, and lives through the calls.
        let descriptor = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD);
            libc::sigaddset(set.as_mut_ptr(), END.as_raw());
            if libc::sigprocmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut()) != 0 {
                return Err(io::Error::last_os_error());
            }
            libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
        };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
        Ok(Signals { descriptor: unsafe { OwnedFd::from_raw_fd(descriptor) } })
    }

    /// Reads all pending signals; whether one of them was the order to end.
    pub(crate) fn drain_told_to_end(&self) -> bool {
        const RECORD: usize = size_of::<libc::signalfd_siginfo>();
        let mut told = false;
        let mut record = [0u8; RECORD];
        while let Ok(RECORD) = rustix::io::read(&self.descriptor, &mut record) {
            // The signal's number is the record's first field, in the host's own byte order.
            told |= i32::from_ne_bytes([record[0], record[1], record[2], record[3]]) == END.as_raw();
        }
        told
    }
}

/// Gives the calling process the signal dispositions of a fresh login, whatever was ignored above it.
///
/// The mask is the standard library's affair: its `Command` empties it before the exec.
pub(super) fn reset_dispositions() {
    // All zeros is "default, no flags, empty mask" in the layout of every architecture, with room to spare.
    let default = [0u64; 8];
    for signal in 1..=LAST_SIGNAL {
        // SAFETY: the kernel reads at most its own struct from `default`, and no handler is installed. Not through
        // the C library, which keeps two signals to itself and would leave them as they are. KILL and STOP refuse.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                std::ptr::null::<u64>(),
                size_of::<u64>(),
            )
        };
    }
}

/// Closes whatever an agent's parent had left open in the agent, and so in us.
pub(crate) fn close_inherited_descriptors() -> io::Result<()> {
    // SAFETY: called first in a process that has opened nothing itself yet, so no owner of any of these
    // descriptors exists.
    match unsafe { libc::close_range(3, libc::c_uint::MAX, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
