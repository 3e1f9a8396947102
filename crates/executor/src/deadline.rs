// SPDX-License-Identifier: Apache-2.0

//! A moment that outlives the host.

use std::time::Duration;

use kaon_model::{Mono, Now, Wall};

/// A moment on both clocks: one drives the timer, the other is what a record can keep over a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline {
    pub mono: Mono,
    pub wall: Wall,
}

impl Deadline {
    pub fn now(now: Now) -> Deadline {
        Deadline { mono: now.mono, wall: now.wall }
    }

    pub fn after(now: Now, span: Duration) -> Deadline {
        Deadline { mono: now.mono + span, wall: now.wall + span }
    }

    /// One that has passed meanwhile is due at once.
    pub fn restore(now: Now, wall: Wall) -> Deadline {
        let left = u64::try_from(wall.nanos().saturating_sub(now.wall.nanos())).unwrap_or(0);
        Deadline { mono: now.mono + Duration::from_nanos(left), wall }
    }

    /// A moment that has passed, perhaps before the host began.
    pub fn past(now: Now, wall: Wall) -> Deadline {
        let ago = u64::try_from(now.wall.nanos().saturating_sub(wall.nanos())).unwrap_or(0);
        Deadline { mono: Mono::from_nanos(now.mono.nanos().saturating_sub(ago)), wall }
    }

    pub fn has_come(self, now: Now) -> bool {
        self.mono <= now.mono
    }
}
