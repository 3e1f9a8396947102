// SPDX-License-Identifier: Apache-2.0

//! The clock of one host, which goes a little wrong.

use std::time::Duration;

use kaon_model::{Entropy, Mono, Now, Wall};

const MILLION: u128 = 1_000_000;

/// The simulated world began on 2026-01-01.
const BEGINNING: i64 = 1_767_225_600_000_000_000;

#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Its nanoseconds for each million true ones.
    pace: u128,
    /// How far what it shows people lies beside the truth, in nanoseconds.
    beside: i64,
}

impl Clock {
    /// One that is wrong by up to so many millionths, and by up to a minute.
    pub fn draw(rng: &mut Entropy, drift: u64) -> Clock {
        let pace = MILLION + u128::from(rng.below(2 * drift + 1)) - u128::from(drift);
        let beside = if drift == 0 { 0 } else { rng.below(120_000_000_000) as i64 - 60_000_000_000 };
        Clock { pace, beside }
    }

    /// What it says at this moment.
    pub fn read(&self, truth: Mono) -> Now {
        let mono = Mono::from_nanos((u128::from(truth.nanos()) * self.pace / MILLION) as u64);
        Now { mono, wall: Wall::from_nanos(BEGINNING + self.beside + mono.nanos() as i64) }
    }

    /// The first moment at which it says this.
    pub fn when(&self, mono: Mono) -> Mono {
        Mono::from_nanos((u128::from(mono.nanos()) * MILLION).div_ceil(self.pace) as u64)
    }

    /// Somebody sets it; timers do not notice.
    pub fn jump(&mut self, seconds: i64) {
        let span = Duration::from_secs(seconds.unsigned_abs()).as_nanos() as i64;
        self.beside += span * seconds.signum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_has_come_when_it_is_said_to_come() {
        let mut rng = Entropy::from_u64(1);
        for _ in 0..1000 {
            let clock = Clock::draw(&mut rng, 20_000);
            let due = Mono::from_nanos(rng.below(10_000_000_000_000));
            let at = clock.when(due);
            assert!(clock.read(at).mono >= due);
            assert!(at.nanos() == 0 || clock.read(Mono::from_nanos(at.nanos() - 1)).mono < due);
        }
    }
}
