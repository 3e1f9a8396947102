// SPDX-License-Identifier: Apache-2.0

//! What wait(2) says about the end of a process, in words.

/// Whether the process ended by itself with status 0.
pub fn succeeded(status: i32) -> bool {
    status == 0
}

/// Mesos: `exited with status 1`, `terminated with signal Killed`.
pub fn describe(status: i32) -> String {
    let dumped = if status & 0x80 != 0 { " (core dumped)" } else { "" };
    match status & 0x7f {
        0 => format!("exited with status {}", (status >> 8) & 0xff),
        signal => format!("terminated with signal {}{dumped}", signal_name(signal)),
    }
}

/// The names that strsignal(3) gives on Linux.
fn signal_name(signal: i32) -> String {
    let name = match signal {
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
        // The C library keeps 32 and 33 for itself; its first real-time signal is 34.
        34..=64 => return format!("Real-time signal {}", signal - 34),
        _ => return format!("Unknown signal {signal}"),
    };
    name.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_as_mesos_tells_them() {
        for (status, text) in [
            (0, "exited with status 0"),
            (1 << 8, "exited with status 1"),
            (255 << 8, "exited with status 255"),
            (9, "terminated with signal Killed"),
            (15, "terminated with signal Terminated"),
            (11 | 0x80, "terminated with signal Segmentation fault (core dumped)"),
            (34, "terminated with signal Real-time signal 0"),
        ] {
            assert_eq!(describe(status), text);
            assert_eq!(succeeded(status), status == 0);
        }
    }
}
