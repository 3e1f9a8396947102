// SPDX-License-Identifier: Apache-2.0

//! How a process ended, as `wait(2)` tells it.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_ends_by_a_code_or_a_signal() {
        let cases = [
            (0, Some(0), None),
            (1 << 8, Some(1), None),
            (255 << 8, Some(255), None),
            (9, None, Some(9)),
            (11 | 0x80, None, Some(11)),
            (0x137f, None, None),
        ];
        for (raw, code, signal) in cases {
            let status = WaitStatus::from_raw(raw);
            assert_eq!((status.code(), status.signal(), status.success()), (code, signal, raw == 0));
        }
    }
}
