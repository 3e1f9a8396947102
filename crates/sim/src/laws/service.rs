// SPDX-License-Identifier: Apache-2.0

//! Agents out of service: a deactivated agent gets neither offer nor task, and a drained agent has no task.

use std::collections::BTreeSet;

use kaon_master::View;

use crate::host::Host;
use crate::report::Broken;

/// The agents of which an operator was told that they are out of service, and has wanted nothing else since.
#[derive(Debug, Default)]
pub struct Service {
    out: BTreeSet<String>,
}

impl Service {
    pub fn taken_out(&mut self, agent: String) {
        self.out.insert(agent);
    }

    /// Somebody has asked for that at least.
    pub fn taken_back(&mut self, agent: &str) {
        self.out.remove(agent);
    }

    pub fn some_are_out(&self) -> bool {
        !self.out.is_empty()
    }

    /// A leader offers what an agent has, or sends it a task.
    pub fn used(&self, agent: &str, how: &str) -> Result<(), Broken> {
        if !self.out.contains(agent) {
            return Ok(());
        }
        let what = format!("{agent} was {how}, though it is out of service");
        Err(Broken { law: "a deactivated agent gets no offer", what })
    }
}

/// What a master takes to be there of an agent: its tasks and operations.
pub fn held(view: &View, agent: &str) -> Vec<String> {
    let is_its = |row| view.tables.agents.get(row).is_some_and(|one| one.id.as_str() == agent);
    let tasks = view.tables.tasks.values().filter(|task| is_its(task.agent));
    let tasks = tasks.map(|task| format!("{} {:?}, told {:?}", task.body.id, task.state, task.told));
    let operations = view.tables.operations.values().filter(|operation| is_its(operation.agent));
    tasks.chain(operations.map(|operation| format!("{} {:?}", operation.uuid, operation.body))).collect()
}

/// Nothing runs on the host of an agent that is drained, but for what a framework left that was removed since.
pub fn empty(view: &View, agent: &str, host: &Host) -> Result<(), Broken> {
    let known = |framework: &str| view.tables.frameworks.values().any(|one| one.id.as_str() == framework);
    match host.running_of(agent).find(|(framework, _)| known(framework)) {
        None => Ok(()),
        Some((framework, task)) => {
            let what = format!("{agent} is drained, and {task} of {framework} runs there");
            Err(Broken { law: "a drained agent has no task", what })
        }
    }
}
