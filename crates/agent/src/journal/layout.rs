// SPDX-License-Identifier: Apache-2.0

//! Where things lie below the work directory.

use kaon_model::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId};

pub(crate) const BOOT_ID: &str = "meta/boot_id";
pub(crate) const META_AGENTS: &str = "meta/slaves";
pub(crate) const LATEST: &str = "latest";
pub(crate) const DRAIN_CONFIG: &str = "drain.config";
/// What was done to the resources, with the operations that did it.
pub(crate) const RESOURCE_STATE: &str = "meta/resources/resources_and_operations.state";
pub(crate) const RESOURCE_STATE_TARGET: &str = "meta/resources/resources_and_operations.target";
/// The same for agents from before operations.
pub(crate) const RESOURCES: &str = "meta/resources/resources.info";
pub(crate) const RESOURCES_TARGET: &str = "meta/resources/resources.target";

/// The two trees that name an agent's things alike: the facts about them, and the sandboxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    Meta,
    Sandboxes,
}

impl Tree {
    pub fn agents(self) -> &'static str {
        match self {
            Tree::Meta => META_AGENTS,
            Tree::Sandboxes => "slaves",
        }
    }

    pub fn agent(self, agent: &AgentId) -> String {
        format!("{}/{agent}", self.agents())
    }

    pub fn framework(self, agent: &AgentId, framework: &FrameworkId) -> String {
        format!("{}/frameworks/{framework}", self.agent(agent))
    }

    pub fn executor(self, agent: &AgentId, framework: &FrameworkId, executor: &ExecutorId) -> String {
        format!("{}/executors/{executor}", self.framework(agent, framework))
    }

    pub fn run(
        self,
        agent: &AgentId,
        framework: &FrameworkId,
        executor: &ExecutorId,
        run: &ContainerId,
    ) -> String {
        format!("{}/runs/{run}", self.executor(agent, framework, executor))
    }
}

/// The sandbox of a task of the built-in executor for groups.
pub(crate) fn nested_sandbox(executor_sandbox: &str, container: &ContainerId) -> String {
    format!("{executor_sandbox}/containers/{container}")
}

/// The folder of a task among the facts.
pub(crate) fn task(run: &str, task: &TaskId) -> String {
    format!("{run}/tasks/{task}")
}

/// That an agent is to be emptied, while it is.
pub(crate) fn drain_config(agent: &AgentId) -> String {
    format!("{}/{DRAIN_CONFIG}", Tree::Meta.agent(agent))
}

/// The log of a task's updates.
pub(crate) fn updates(run: &str, task_id: &TaskId) -> String {
    format!("{}/task.updates", task(run, task_id))
}
