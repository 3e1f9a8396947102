// SPDX-License-Identifier: Apache-2.0

//! RECONCILE: a framework asks what became of its tasks.

use kaon_api::v1;
use kaon_api::v1::scheduler::call;
use kaon_api::v1::task_status::Reason;
use kaon_model::{AgentId, TaskId, TaskState};

use crate::events;
use crate::master::{Master, Turn};
use crate::state::{FrameworkRow, TaskRow};

impl Master {
    /// No task named means all that are known; each named one is answered by itself, or not at all while its agent may
    /// still come back.
    pub(super) fn reconcile(&mut self, turn: &mut Turn, row: FrameworkRow, call: &call::Reconcile) {
        self.state.tables.counters.messages_reconcile_tasks += 1;
        if call.tasks.is_empty() {
            for task in self.state.tasks.of_framework(row) {
                let status = self.known_status(turn, task);
                self.tell(turn, row, events::update(status));
            }
        }
        for task in &call.tasks {
            self.reconcile_task(turn, row, &task.task_id, task.agent_id.as_ref());
        }
    }

    pub(super) fn reconcile_task(
        &mut self,
        turn: &mut Turn,
        row: FrameworkRow,
        task: &v1::TaskID,
        agent: Option<&v1::AgentID>,
    ) {
        let status = match self.state.tasks.row(row, &task.value) {
            Some(at) => Some(self.known_status(turn, at)),
            None => self.unknown_status(turn, row, &task.value, agent.map(|id| id.value.as_str())),
        };
        if let Some(status) = status {
            self.tell(turn, row, events::update(status));
        }
    }

    fn known_status(&self, turn: &Turn, at: TaskRow) -> v1::TaskStatus {
        let task = self.state.task(at);
        let text = "Reconciliation: Latest task state";
        let mut status = self.status_of(at, task.told_state(), Reason::ReasonReconciliation, text, turn);
        if let Some(last) = task.statuses.last() {
            status.healthy = last.healthy;
            status.check_status = last.check_status.clone();
            status.container_status = last.container_status.clone();
        }
        status
    }

    /// What is said of a task that the master does not know; the first that applies.
    fn unknown_status(
        &self,
        turn: &Turn,
        row: FrameworkRow,
        task: &str,
        agent: Option<&str>,
    ) -> Option<v1::TaskStatus> {
        let may_come_back = match agent {
            Some(id) => match self.state.agents.row(id) {
                // The list without it was not the whole one.
                Some(row) => self.state.agents.is_doubted(row),
                // What is not yet durable may still be otherwise after a failover.
                None => self.awaiting.agents.contains(id) || self.recovered.contains_key(id),
            },
            None => !self.recovered.is_empty() || self.state.agents.some_are_doubted(),
        };
        if may_come_back {
            return None;
        }
        let mut since = None;
        let (state, text) = match agent {
            Some(id) if self.state.agents.row(id).is_some() => {
                (TaskState::Gone, "Reconciliation: Task is unknown to the agent")
            }
            Some(id) if self.registry.unreachable_since(id).is_some() => {
                since = self.registry.unreachable_since(id).cloned();
                (TaskState::Unreachable, "Reconciliation: Task is unreachable")
            }
            Some(id) if self.registry.is_gone(id) => {
                (TaskState::GoneByOperator, "Reconciliation: Task is gone")
            }
            _ => (TaskState::Unknown, "Reconciliation: Task is unknown"),
        };
        let aware = self.state.framework(row).is_partition_aware();
        let state = if aware { state } else { TaskState::Lost };
        let (task, agent) = (TaskId::from(task), agent.map(AgentId::from));
        let reason = Reason::ReasonReconciliation;
        let mut status = events::own_status(&task, agent.as_ref(), state, reason, text, turn.now.wall);
        status.unreachable_time = since;
        Some(status)
    }
}
