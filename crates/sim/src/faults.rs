// SPDX-License-Identifier: Apache-2.0

//! The faults of a run, drawn from its seed.

use std::time::Duration;

use kaon_model::{Entropy, Mono};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing gets from one node to the other, nor back unless it is one-way.
    Cut { agent: usize, one_way: bool, span: Duration },
    /// The connections between the master and an agent are reset.
    Reset { agent: usize },
    /// kill -9 of the agent process; it is started again.
    CrashAgent { agent: usize },
    /// A scheduler's stream breaks.
    DropStream { scheduler: usize },
}

impl Fault {
    pub fn count(&self) -> &'static str {
        match self {
            Fault::Cut { one_way: false, .. } => "fault cut",
            Fault::Cut { one_way: true, .. } => "fault one-way cut",
            Fault::Reset { .. } => "fault reset",
            Fault::CrashAgent { .. } => "fault agent crash",
            Fault::DropStream { .. } => "fault stream broken",
        }
    }
}

/// Faults at random moments of the safety phase, every 40 seconds on average.
pub fn draw(rng: &mut Entropy, safety: Duration, agents: usize, schedulers: usize) -> Vec<(Mono, Fault)> {
    let count = safety.as_secs() / 40;
    let mut faults: Vec<(Mono, Fault)> = (0..count)
        .map(|_| {
            let at = Mono::ZERO + Duration::from_millis(rng.below(safety.as_millis() as u64));
            let agent = rng.below(agents as u64) as usize;
            let fault = match rng.below(10) {
                0 | 1 => Fault::Cut { agent, one_way: false, span: cut_span(rng) },
                2 => Fault::Cut { agent, one_way: true, span: cut_span(rng) },
                3 | 4 => Fault::Reset { agent },
                5..=7 => Fault::CrashAgent { agent },
                _ => Fault::DropStream { scheduler: rng.below(schedulers as u64) as usize },
            };
            (at, fault)
        })
        .collect();
    faults.sort_by_key(|(at, _)| *at);
    faults
}

/// Mostly shorter than the 75 seconds after which an agent is given up, sometimes longer.
fn cut_span(rng: &mut Entropy) -> Duration {
    Duration::from_secs(if rng.chance(0.3) { 70 + rng.below(100) } else { 1 + rng.below(55) })
}
