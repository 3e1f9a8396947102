// SPDX-License-Identifier: Apache-2.0

//! What a framework hears of operations that are not carried out.

use kaon_api::v1;
use kaon_api::v1::offer::operation::Type;
use kaon_api::v1::task_status::Reason;
use kaon_model::{AgentId, TaskId, TaskState};

use crate::events;
use crate::master::{Master, Turn};
use crate::state::FrameworkRow;

impl Master {
    /// M1: the offers are not what they must be. Tasks are told; other operations only if they have an id.
    pub(super) fn refuse_for_offers(
        &mut self,
        turn: &mut Turn,
        row: FrameworkRow,
        operation: v1::offer::Operation,
        problem: &str,
    ) {
        let aware = self.state.framework(row).is_partition_aware();
        let state = if aware { TaskState::Dropped } else { TaskState::Lost };
        let launched = operation.launch.into_iter().flat_map(|launch| launch.task_infos);
        let grouped = operation.launch_group.into_iter().flat_map(|group| group.task_group.tasks);
        for task in launched.chain(grouped) {
            let message = format!("Task launched with invalid offers: {problem}");
            self.refuse_task(turn, row, &task, state, Reason::ReasonInvalidOffers, message);
        }
        let kind = operation.r#type.unwrap_or_default();
        if !matches!(kind, Type::Launch | Type::LaunchGroup | Type::Unknown) {
            let message = format!("Operation attempted with invalid offers: {problem}");
            self.drop_operation(turn, row, kind, operation.id, message);
        }
    }

    /// A task comes to nothing before it was one. It has no entry, and its state no uuid.
    pub(super) fn refuse_task(
        &mut self,
        turn: &mut Turn,
        row: FrameworkRow,
        task: &v1::TaskInfo,
        state: TaskState,
        reason: Reason,
        message: String,
    ) {
        let (id, agent) =
            (TaskId::from(task.task_id.value.as_str()), AgentId::from(task.agent_id.value.as_str()));
        let status = events::own_status(&id, Some(&agent), state, reason, message, turn.now.wall);
        self.state.tables.counters.count_end(&status);
        self.state.framework_mut(row).counters.count_end(status.state);
        self.tell(turn, row, events::update(status));
    }
}
