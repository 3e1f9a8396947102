// SPDX-License-Identifier: Apache-2.0

//! A framework as far as it has something on this agent.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_api::v1::framework_info::capability::Type as Capability;
use kaon_model::{ExecutorId, FrameworkId, TaskId, TaskState};

use super::Executor;
use super::past::Past;

#[derive(Clone, Debug)]
pub(crate) struct Framework {
    pub id: FrameworkId,
    pub info: Arc<v1::FrameworkInfo>,
    /// The scheduler's own address, as the master told it; `@0.0.0.0:0` for schedulers that speak HTTP.
    pub pid: String,
    /// It is to end: no new tasks, and nobody hears of its old ones.
    pub terminating: bool,
    pub executors: BTreeMap<ExecutorId, Arc<Executor>>,
    completed: VecDeque<Past>,
}

impl Framework {
    pub fn new(id: FrameworkId, info: v1::FrameworkInfo, pid: String) -> Framework {
        let (executors, completed) = (BTreeMap::new(), VecDeque::new());
        Framework { id, info: Arc::new(info), pid, terminating: false, executors, completed }
    }

    /// Whether its tasks outlive the agent's process.
    pub fn checkpoints(&self) -> bool {
        self.info.checkpoint()
    }

    fn has(&self, capability: Capability) -> bool {
        has_capability(&self.info, capability)
    }

    /// What it is told of a task that is lost in this way: other frameworks know only LOST.
    pub fn lost_as(&self, state: TaskState) -> TaskState {
        if self.has(Capability::PartitionAware) { state } else { TaskState::Lost }
    }

    /// Where the scheduler itself listens, if it does.
    pub fn scheduler(&self) -> Option<Upid> {
        self.pid.parse().ok().filter(|pid: &Upid| !pid.is_empty())
    }

    pub fn remember(&mut self, executor: &Executor, bound: usize) {
        self.completed.push_back(Past::new(executor));
        while self.completed.len() > bound {
            self.completed.pop_front();
        }
    }

    /// Takes over what is remembered of an earlier life of it here.
    pub fn inherit(&mut self, before: &Framework) {
        self.completed.clone_from(&before.completed);
    }

    pub fn has_past(&self) -> bool {
        !self.completed.is_empty()
    }

    /// The executors that are over, oldest first.
    pub fn past(&self) -> impl Iterator<Item = Executor> {
        self.completed.iter().map(|past| past.executor(self))
    }

    /// The record of a task that is only history.
    pub fn ended(&self, task: &TaskId) -> Option<Arc<v1::Task>> {
        let find = |executor: &Executor| {
            let mut records = executor.completed.iter();
            records.find(|record| *task == *record.task_id.value.as_str()).cloned()
        };
        let over = self.completed.iter().filter(|past| past.may_know(task));
        self.executors
            .values()
            .find_map(|executor| find(executor))
            .or_else(|| over.map(|past| past.executor(self)).find_map(|executor| find(&executor)))
    }
}

pub(crate) fn has_capability(info: &v1::FrameworkInfo, wanted: Capability) -> bool {
    info.capabilities.iter().any(|capability| capability.r#type == Some(wanted))
}
