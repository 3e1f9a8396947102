// SPDX-License-Identifier: Apache-2.0

//! What a run is made of, expanded from its seed.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use kaon_model::Entropy;

use crate::faults::Fault;

#[derive(Clone, Debug)]
pub struct Plan {
    pub masters: usize,
    pub agents: usize,
    pub schedulers: usize,
    /// Bound: a hop takes at most this long while the network is well.
    pub delay_max: Duration,
    /// How often a fault is drawn, on average; those of other kinds than these pass.
    pub fault_each: Duration,
    pub faults: BTreeSet<&'static str>,
    /// How much the clocks of hosts may go wrong, in millionths.
    pub drift: u64,
}

impl Plan {
    /// Each seed leaves some kinds of faults out: what is rare among all may be common among few.
    pub fn draw(rng: &mut Entropy) -> Plan {
        let faults = Fault::KINDS.into_iter().filter(|_| rng.chance(0.7)).collect();
        Plan {
            masters: [1, 3, 3][rng.below(3) as usize],
            agents: 1 + rng.below(5) as usize,
            schedulers: 1 + rng.below(3) as usize,
            delay_max: Duration::from_millis(1 + rng.below(40)),
            fault_each: Duration::from_secs([10, 20, 40][rng.below(3) as usize]),
            faults,
            drift: [0, 100, 20_000][rng.below(3) as usize],
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { masters, agents, schedulers, delay_max, fault_each, drift, .. } = self;
        let faults: Vec<&str> = self.faults.iter().map(|kind| kind.trim_start_matches("fault ")).collect();
        write!(
            f,
            "{masters} masters, {agents} agents, {schedulers} schedulers; hops up to {delay_max:?}; clocks drift up to \
             {drift} ppm; a fault drawn each {fault_each:?}, of: {}",
            faults.join(", ")
        )
    }
}
