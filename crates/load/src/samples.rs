// SPDX-License-Identifier: Apache-2.0

//! Latencies, of which percentiles are wanted.

use std::fmt;
use std::time::Duration;

/// Every latency that was measured, in microseconds: a run of some minutes has no more than a few million.
#[derive(Debug, Default)]
pub struct Samples(Vec<u32>);

impl Samples {
    pub fn add(&mut self, latency: Duration) {
        self.0.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    pub fn summary(&self) -> Summary {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        // The smallest latency that so many of ten thousand do not exceed.
        let at = |share: usize| {
            let rank = (sorted.len() * share).div_ceil(10_000).max(1);
            sorted.get(rank - 1).copied().unwrap_or_default()
        };
        Summary { count: sorted.len(), p50: at(5_000), p99: at(9_900), p999: at(9_990), max: at(10_000) }
    }
}

/// Percentiles in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    pub count: usize,
    pub p50: u32,
    pub p99: u32,
    pub p999: u32,
    pub max: u32,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |micros: u32| f64::from(micros) / 1000.0;
        let (p50, p99, p999, max) = (ms(self.p50), ms(self.p99), ms(self.p999), ms(self.max));
        let count = self.count;
        write!(f, "p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms, longest {max:.2} ms, of {count}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut samples = Samples::default();
        assert_eq!(samples.summary(), Summary { count: 0, p50: 0, p99: 0, p999: 0, max: 0 });
        (1..=1000).rev().for_each(|micros| samples.add(Duration::from_micros(micros)));
        assert_eq!(samples.summary(), Summary { count: 1000, p50: 500, p99: 990, p999: 999, max: 1000 });
    }
}
