// SPDX-License-Identifier: Apache-2.0

//! How far a long run is, for people who wait for it.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Tells on stderr, on a terminal in one line that changes, else in a line each ten seconds.
pub struct Progress {
    of: u64,
    terminal: bool,
    next: Cell<Duration>,
}

impl Progress {
    pub fn new(of: u64) -> Progress {
        let terminal = std::io::stderr().is_terminal();
        Progress { of, terminal, next: Cell::new(pause(terminal)) }
    }

    /// To be called often.
    pub fn show(&self, elapsed: Duration, done: u64, simulated: Duration) {
        if elapsed < self.next.get() {
            return;
        }
        self.next.set(elapsed + pause(self.terminal));
        let (hours, seconds) = (simulated.as_secs_f64() / 3600.0, elapsed.as_secs());
        let text = format!("{done} of {} seeds, {hours:.0} simulated hours in {seconds} s", self.of);
        if self.terminal {
            eprint!("\r{text}\x1b[K");
            // A line that cannot be shown is not worth a word.
            let _ = std::io::stderr().flush();
        } else {
            eprintln!("{text}");
        }
    }

    pub fn end(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}

fn pause(terminal: bool) -> Duration {
    if terminal { Duration::from_millis(500) } else { Duration::from_secs(10) }
}
