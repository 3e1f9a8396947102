// SPDX-License-Identifier: Apache-2.0

//! Whether the wall clock can be believed.

use std::time::Duration;

use kaon_model::Now;

/// How often it must have gone on as it should after it jumped ahead, or was never looked at before.
const CONFIRMATIONS: u8 = 2;

/// How far it may be ahead of the time that has passed: clocks are set right in small steps all the time.
const TOLERANCE: Duration = Duration::from_millis(500);

/// The wall clock, held against the one that cannot jump.
///
/// A jump ahead is mostly an error that is mended soon. What it would make due cannot be undone, so it must have been
/// confirmed by two full ticks first. A jump back makes nothing due.
#[derive(Debug, Default)]
pub(super) struct Clock {
    last: Option<Now>,
    doubts: u8,
}

impl Clock {
    /// Whether what is due by the wall clock is due. Called with each tick.
    pub fn is_sure(&mut self, now: Now) -> bool {
        let jumped = self.last.is_none_or(|last| {
            let passed = now.mono.since(last.mono);
            now.wall > last.wall + passed + TOLERANCE
        });
        self.doubts = if jumped { CONFIRMATIONS } else { self.doubts.saturating_sub(1) };
        self.last = Some(now);
        self.doubts == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jump(now: Now, span: Duration) -> Now {
        Now { wall: now.wall + span, ..now }
    }

    #[test]
    fn a_jump_ahead_is_believed_after_two_ticks() {
        let second = Duration::from_secs(1);
        let mut clock = Clock::default();
        let mut now = Now::default().after(second);
        let mut tick = |now: Now| clock.is_sure(now);
        assert_eq!([tick(now), tick(now.after(second)), tick(now.after(second * 2))], [false, false, true]);
        now = jump(now.after(second * 3), second * 3600);
        assert_eq!([tick(now), tick(now.after(second)), tick(now.after(second * 2))], [false, false, true]);
        // Small steps, and steps back, are nothing to wait for.
        now = jump(now.after(second * 3), Duration::from_millis(400));
        assert!(tick(now));
        assert!(tick(Now { wall: Now::default().wall, ..now.after(second) }));
        // But to be set right after that is a jump ahead again.
        assert!(!tick(now.after(second * 2)));
    }
}
