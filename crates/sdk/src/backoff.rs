// SPDX-License-Identifier: Apache-2.0

//! How long to wait before trying again.

use std::time::Duration;

/// Doubles from a first to a greatest wait; each wait is drawn from the upper half, so that many clients that
/// lost the same master do not all come back at one moment.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, max: Duration) -> Backoff {
        Backoff { first, max, next: first }
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    /// The next wait; `random` spreads it.
    pub(crate) fn wait(&mut self, random: u64) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.max);
        let fraction = (random >> 11) as f64 / (1_u64 << 53) as f64;
        whole.mul_f64(0.5 + 0.5 * fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_a_limit_and_start_over() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(350));
        let longest: Vec<_> = (0..4).map(|_| backoff.wait(u64::MAX).as_millis()).collect();
        assert_eq!(longest, [100, 200, 350, 350]);
        backoff.reset();
        assert_eq!(backoff.wait(0), Duration::from_millis(50));
    }
}
