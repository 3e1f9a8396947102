// SPDX-License-Identifier: Apache-2.0

//! An executor that is over, kept small.

use std::sync::Arc;

use kaon_api::v1;
use kaon_api::v1::agent::response::GetTasks;
use kaon_api::wire::Message;
use kaon_model::{ContainerId, ExecutorId, TaskId};

use super::executor::{Executor, Kind, Phase};
use super::framework::Framework;

/// As its bytes on the wire: as a row it would take several times the memory, and few are looked at again.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    id: ExecutorId,
    container: ContainerId,
    kind: Kind,
    sandbox: Box<str>,
    info: Arc<[u8]>,
    tasks: Arc<[u8]>,
}

impl Past {
    pub fn new(executor: &Executor) -> Past {
        let completed_tasks = executor.completed.iter().map(|task| v1::Task::clone(task)).collect();
        Past {
            id: executor.id.clone(),
            container: executor.container.clone(),
            kind: executor.kind,
            sandbox: executor.sandbox.as_str().into(),
            info: executor.info.encode().into(),
            tasks: GetTasks { completed_tasks, ..Default::default() }.encode().into(),
        }
    }

    /// The executor as it was when it ended.
    pub fn executor(&self, framework: &Framework) -> Executor {
        let info = v1::ExecutorInfo::decode(&self.info).expect("these bytes were written by Past::new");
        let tasks = GetTasks::decode(&self.tasks).expect("these bytes were written by Past::new");
        let (container, sandbox) = (self.container.clone(), self.sandbox.to_string());
        Executor {
            phase: Phase::Terminated,
            completed: tasks.completed_tasks.into_iter().map(Arc::new).collect(),
            ..Executor::new(framework, info, self.kind, container, sandbox)
        }
    }

    /// Whether this task may have been one of its own, without a look at the bytes.
    pub fn may_know(&self, task: &TaskId) -> bool {
        // A command task's executor goes by the task's own id.
        self.kind != Kind::Command || self.id.as_str() == task.as_str()
    }
}
