// SPDX-License-Identifier: Apache-2.0

//! No running task is lost: what a scheduler saw running of a checkpointing framework ended by itself or was killed, whatever
//! became of masters, agents and the network meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use kaon_api::v1::TaskState;

use crate::report::Broken;
use crate::scheduler::{Scheduler, TaskView};

/// Why a task may have ended otherwise than by itself.
#[derive(Debug, Default)]
pub struct Excuses {
    /// Agents that have killed what they ran, with whether they were to be gone then.
    pub drained: BTreeMap<String, bool>,
    /// Tasks that must not run on.
    pub limited: BTreeSet<String>,
    /// Agents that died while their disk was full: what they killed the next one may take for failed.
    pub unnoted: BTreeSet<String>,
}

/// Agents that are `doomed` may lose what they run.
pub fn check(schedulers: &[Scheduler], doomed: &BTreeSet<String>, excuses: &Excuses) -> Result<(), Broken> {
    match seen(schedulers, doomed).find(|(id, task)| !excuses.ended_well(id, task)) {
        None => Ok(()),
        Some((id, task)) => {
            let what = format!("{id} was seen running on {}, and came to {:?}", task.agent, task.told);
            Err(Broken { law: "no running task is lost", what })
        }
    }
}

/// The tasks that the law speaks of.
pub fn seen<'a>(
    schedulers: &'a [Scheduler],
    doomed: &'a BTreeSet<String>,
) -> impl Iterator<Item = (&'a String, &'a TaskView)> {
    let tasks = schedulers.iter().filter(|one| one.profile.checkpoint).flat_map(|one| &one.tasks);
    tasks.filter(|(_, task)| task.seen_running && !doomed.contains(&task.agent))
}

impl Excuses {
    /// As its script says, or because it was asked for.
    fn ended_well(&self, id: &str, task: &TaskView) -> bool {
        let drained = self.drained.get(&task.agent).copied();
        let to_be_killed = task.kill_asked || drained.is_some();
        let is_limited = self.limited.contains(id);
        match task.told.as_ref().map(|(state, _)| *state) {
            Some(TaskState::TaskFinished) => task.exit_code == 0,
            Some(TaskState::TaskFailed) => {
                task.exit_code != 0 || is_limited || (to_be_killed && self.unnoted.contains(&task.agent))
            }
            Some(TaskState::TaskKilled) => to_be_killed,
            Some(TaskState::TaskGoneByOperator) => drained == Some(true),
            Some(TaskState::TaskGone | TaskState::TaskLost) => is_limited,
            _ => false,
        }
    }
}
