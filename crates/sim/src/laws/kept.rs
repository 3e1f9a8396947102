// SPDX-License-Identifier: Apache-2.0

//! No running task is lost: what a scheduler saw running of a checkpointing framework ended by itself or was killed, whatever
//! became of masters, agents and the network meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use kaon_api::v1::TaskState;

use crate::report::Broken;
use crate::scheduler::{Scheduler, TaskView};

/// Agents that are `doomed` may lose what they run. Those that were `drained` have killed it, some of them to be gone.
pub fn check(
    schedulers: &[Scheduler],
    doomed: &BTreeSet<String>,
    drained: &BTreeMap<String, bool>,
) -> Result<(), Broken> {
    let ended_well = |task: &TaskView| ended_well(task, drained.get(&task.agent).copied());
    match seen(schedulers, doomed).find(|(_, task)| !ended_well(task)) {
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

/// As its script says, or because it was asked for.
fn ended_well(task: &TaskView, drained: Option<bool>) -> bool {
    match task.told.as_ref().map(|(state, _)| *state) {
        Some(TaskState::TaskFinished) => task.exit_code == 0,
        Some(TaskState::TaskFailed) => task.exit_code != 0,
        Some(TaskState::TaskKilled) => task.kill_asked || drained.is_some(),
        Some(TaskState::TaskGoneByOperator) => drained == Some(true),
        _ => false,
    }
}
