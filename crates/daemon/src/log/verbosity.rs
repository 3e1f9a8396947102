// SPDX-License-Identifier: Apache-2.0

//! More of the log for a while, as operators ask for it.
//!
//! Level 0 logs what `--logging_level` says, level 1 details too, from level 2 on everything. It is one for the whole process.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing_subscriber::filter::LevelFilter;

struct Verbosity {
    level: u32,
    /// How often it was set: an older timer does not end what was asked for later.
    turn: u64,
    /// What level 0 stands for.
    base: LevelFilter,
    apply: Option<Box<dyn Fn(LevelFilter) + Send>>,
}

static VERBOSITY: Mutex<Verbosity> =
    Mutex::new(Verbosity { level: 0, turn: 0, base: LevelFilter::INFO, apply: None });

/// Puts a log under control.
pub fn control(base: LevelFilter, apply: impl Fn(LevelFilter) + Send + 'static) {
    let mut verbosity = lock();
    verbosity.base = base;
    verbosity.apply = Some(Box::new(apply));
}

pub fn level() -> u32 {
    lock().level
}

/// Sets the level; afterwards it is 0 again.
pub fn set(level: u32, duration: Duration) {
    let turn = lock().turn(level);
    tracing::info!("Verbosity of the log is {level} for {} s", duration.as_secs_f64());
    if level > 0 {
        tokio::spawn(async move {
            tokio::time::sleep(duration).await;
            let mut verbosity = lock();
            if verbosity.turn == turn {
                verbosity.turn(0);
            }
        });
    }
}

impl Verbosity {
    fn turn(&mut self, level: u32) -> u64 {
        self.level = level;
        self.turn += 1;
        let filter = match level {
            0 => self.base,
            1 => self.base.max(LevelFilter::DEBUG),
            _ => LevelFilter::TRACE,
        };
        if let Some(apply) = &self.apply {
            apply(filter);
        }
        self.turn
    }
}

fn lock() -> MutexGuard<'static, Verbosity> {
    // Every change is whole, so one who panicked in between left nothing half done.
    VERBOSITY.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_level_holds_for_its_time_and_a_later_one_for_its_own() {
        let (sender, filters) = std::sync::mpsc::channel();
        control(LevelFilter::WARN, move |filter| sender.send(filter).expect("somebody listens"));
        set(1, Duration::from_millis(50));
        set(2, Duration::from_millis(1500));
        assert_eq!(level(), 2);
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(level(), 2, "the first timer is not the second's");
        let end = std::time::Instant::now() + Duration::from_secs(8);
        while level() != 0 {
            assert!(std::time::Instant::now() < end, "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let filters: Vec<LevelFilter> = filters.try_iter().collect();
        assert_eq!(filters, [LevelFilter::DEBUG, LevelFilter::TRACE, LevelFilter::WARN]);
    }
}
