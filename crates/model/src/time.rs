// SPDX-License-Identifier: Apache-2.0

//! The two clocks that a core is told of.

use std::ops::{Add, AddAssign};
use std::time::Duration;

/// A moment on the clock that drives timers: nanoseconds since a start of no meaning. Never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(u64);

impl Mono {
    pub const ZERO: Mono = Mono(0);

    pub const fn from_nanos(nanos: u64) -> Mono {
        Mono(nanos)
    }

    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero where it is still to come.
    pub fn since(self, earlier: Mono) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Mono {
    type Output = Mono;
    /// Saturates: a timer "never" lies at the end of the clock, 584 years away.
    fn add(self, span: Duration) -> Mono {
        Mono(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Mono {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

/// A moment as people and peers read it: nanoseconds since 1970. May jump either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(i64);

impl Wall {
    pub const fn from_nanos(nanos: i64) -> Wall {
        Wall(nanos)
    }

    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Seconds since 1970, as in `TaskStatus.timestamp`.
    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// From seconds since 1970; none where they are not finite or do not fit.
    pub fn from_secs_f64(secs: f64) -> Option<Wall> {
        crate::Span::from_secs_f64(secs).map(|span| Wall(span.nanos()))
    }
}

impl Add<Duration> for Wall {
    type Output = Wall;
    fn add(self, span: Duration) -> Wall {
        Wall(self.0.saturating_add(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
    }
}

/// Both clocks at once, as every input of a core carries them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    pub mono: Mono,
    pub wall: Wall,
}

impl Now {
    /// Both clocks moved on by `span`: how simulated time passes.
    pub fn after(self, span: Duration) -> Now {
        Now { mono: self.mono + span, wall: self.wall + span }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_saturate() {
        assert_eq!(Mono::from_nanos(5) + Duration::MAX, Mono::from_nanos(u64::MAX));
        assert_eq!(Mono::from_nanos(5).since(Mono::from_nanos(9)), Duration::ZERO);
        assert_eq!(Wall::from_nanos(5) + Duration::MAX, Wall::from_nanos(i64::MAX));
    }

    #[test]
    fn wall_time_is_told_in_seconds() {
        assert_eq!(Wall::from_nanos(1_500_000_000).secs_f64(), 1.5);
        assert_eq!(Wall::from_secs_f64(1.5), Some(Wall::from_nanos(1_500_000_000)));
        assert_eq!(Wall::from_secs_f64(f64::INFINITY), None);
    }
}
