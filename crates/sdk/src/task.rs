// SPDX-License-Identifier: Apache-2.0

//! Shorthands for tasks.

use kaon_api::v1::{AgentID, CommandInfo, Resource, TaskID, TaskInfo, TaskState};

/// A task that runs `command` by the shell of its agent.
pub fn command_task(id: &str, agent: &AgentID, resources: Vec<Resource>, command: &str) -> TaskInfo {
    let command = CommandInfo { value: Some(command.to_owned()), ..Default::default() };
    TaskInfo {
        name: id.to_owned(),
        task_id: TaskID::from(id),
        agent_id: agent.clone(),
        resources,
        command: Some(Box::new(command)),
        ..Default::default()
    }
}

/// Whether a task in this state has ended for good. TASK_UNREACHABLE has not: its agent may come back with it.
pub fn is_terminal(state: TaskState) -> bool {
    match state {
        TaskState::TaskFinished | TaskState::TaskFailed | TaskState::TaskKilled => true,
        TaskState::TaskError | TaskState::TaskLost | TaskState::TaskDropped => true,
        TaskState::TaskGone | TaskState::TaskGoneByOperator => true,
        TaskState::TaskStaging | TaskState::TaskStarting | TaskState::TaskRunning => false,
        TaskState::TaskKilling | TaskState::TaskUnreachable | TaskState::TaskUnknown => false,
    }
}
