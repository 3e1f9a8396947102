// SPDX-License-Identifier: Apache-2.0

//! An enforced deadline is kept: a machine whose window was promised to be enforced is down when its tasks have had their time,
//! unless no master led for so long, or an operator thought better of it.

use std::time::Duration;

use kaon_api::v1::machine_info::Mode;
use kaon_master::Registry;
use kaon_master::state::Machine;
use kaon_model::Wall;

use crate::report::Broken;

/// The machine goes down so long after the grace at the latest; then there are pauses of the leader and slow writes.
const PATIENCE: Duration = Duration::from_secs(60 + 240);

/// What an operator was promised.
#[derive(Clone, Debug)]
pub struct Deadline {
    pub machine: Machine,
    /// By the clock of the master that was asked; the others' are up to two minutes beside it.
    pub start: i64,
    pub grace: Duration,
}

#[derive(Debug, Default)]
pub struct Deadlines(Vec<Deadline>);

impl Deadlines {
    pub fn promised(&mut self, deadline: Deadline) {
        self.0.push(deadline);
    }

    /// `wall` and how long the leader has `led`. Says how many were found to be kept.
    pub fn check(&mut self, registry: &Registry, wall: Wall, led: Duration) -> (u64, Result<(), Broken>) {
        let (mut kept, mut broken) = (0, None);
        let enforced: Vec<Machine> = registry.enforced().iter().map(|one| Machine::named(&one.id)).collect();
        self.0.retain(|deadline| {
            let info = registry.machines().find(|info| Machine::named(&info.id) == deadline.machine);
            match info.and_then(|info| info.mode) {
                Some(Mode::Down) => {
                    kept += 1;
                    false
                }
                Some(Mode::Draining) if enforced.contains(&deadline.machine) => {
                    let time = deadline.grace + PATIENCE;
                    if wall > Wall::from_nanos(deadline.start) + time && led > time {
                        broken = Some(format!("{:?} is not down", deadline.machine));
                    }
                    true
                }
                // Taken off the schedule, or up again.
                _ => false,
            }
        });
        let law = "an enforced deadline is kept";
        (kept, broken.map_or(Ok(()), |what| Err(Broken { law, what })))
    }
}
