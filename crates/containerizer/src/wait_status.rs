// SPDX-License-Identifier: Apache-2.0

//! How a process ended, as `wait(2)` tells it.

use std::fmt;

/// A raw wait status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitStatus(i32);

impl WaitStatus {
    /// From the number that `wait(2)` returned.
    pub fn from_raw(raw: i32) -> WaitStatus {
        WaitStatus(raw)
    }

    /// The number that `wait(2)` returned.
    pub fn raw(self) -> i32 {
        self.0
    }

    /// The exit code, if the process exited by itself.
    pub fn code(self) -> Option<i32> {
        (self.0 & 0x7f == 0).then_some((self.0 >> 8) & 0xff)
    }

    /// The signal that ended the process, if one did.
    pub fn signal(self) -> Option<i32> {
        let signal = self.0 & 0x7f;
        (signal != 0 && signal != 0x7f).then_some(signal)
    }

    /// Whether it exited with 0.
    pub fn success(self) -> bool {
        self.code() == Some(0)
    }

    pub(crate) fn parse(text: &str) -> Option<WaitStatus> {
        text.trim().parse().ok().map(WaitStatus)
    }
}

/// Mesos: the very words of its status messages, `exited with status 1` and `terminated with signal Killed`.
impl fmt::Display for WaitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code(), self.signal()) {
            (Some(code), _) => write!(f, "exited with status {code}"),
            (None, Some(signal)) => {
                write!(f, "terminated with signal ")?;
                match signal_text(signal) {
                    Some(text) => f.write_str(text)?,
                    None => write!(f, "Unknown signal {signal}")?,
                }
                f.write_str(if self.0 & 0x80 != 0 { " (core dumped)" } else { "" })
            }
            (None, None) => write!(f, "wait status {}", self.0),
        }
    }
}

/// The texts of `strsignal(3)` for the signals that end processes.
fn signal_text(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "Hangup",
        2 => "Interrupt",
        3 => "Quit",
        4 => "Illegal instruction",
        5 => "Trace/breakpoint trap",
        6 => "Aborted",
        7 => "Bus error",
        8 => "Floating point exception",
        9 => "Killed",
        10 => "User defined signal 1",
        11 => "Segmentation fault",
        12 => "User defined signal 2",
        13 => "Broken pipe",
        14 => "Alarm clock",
        15 => "Terminated",
        16 => "Stack fault",
        24 => "CPU time limit exceeded",
        25 => "File size limit exceeded",
        26 => "Virtual timer expired",
        27 => "Profiling timer expired",
        29 => "I/O possible",
        30 => "Power failure",
        31 => "Bad system call",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_read_as_mesos_writes_them() {
        let cases = [
            (0, Some(0), None, "exited with status 0"),
            (1 << 8, Some(1), None, "exited with status 1"),
            (255 << 8, Some(255), None, "exited with status 255"),
            (9, None, Some(9), "terminated with signal Killed"),
            (11 | 0x80, None, Some(11), "terminated with signal Segmentation fault (core dumped)"),
            (34, None, Some(34), "terminated with signal Unknown signal 34"),
        ];
        for (raw, code, signal, text) in cases {
            let status = WaitStatus::from_raw(raw);
            assert_eq!((status.code(), status.signal(), status.to_string().as_str()), (code, signal, text));
        }
    }
}
