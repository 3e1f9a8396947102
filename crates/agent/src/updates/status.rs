// SPDX-License-Identifier: Apache-2.0

//! Statuses that the agent makes itself.

use kaon_api::wire::Enumeration;
use kaon_api::{internal, v1};
use kaon_executor::Report;
use kaon_model::{AgentId, ExecutorId, FrameworkId, TaskId, Uuid, Wall};

pub(crate) use v1::task_status::Source;

/// An update with a fresh identity, about a task that may or may not have an executor.
#[allow(clippy::too_many_arguments, reason = "each is one field of the message")]
pub(crate) fn new_update(
    agent: &AgentId,
    framework: &FrameworkId,
    executor: Option<&ExecutorId>,
    task: &TaskId,
    report: Report,
    source: Source,
    uuid: Uuid,
    wall: Wall,
) -> internal::StatusUpdate {
    let executor_id = executor.map(|executor| v1::ExecutorID::from(executor.as_str()));
    let status = v1::TaskStatus {
        task_id: v1::TaskID::from(task.as_str()),
        state: v1::TaskState::from_number(report.state.number())
            .expect("both lists of states are the contract's"),
        message: report.message,
        source: Some(source),
        reason: report.reason,
        agent_id: Some(v1::AgentID::from(agent.as_str())),
        executor_id: executor_id.clone(),
        timestamp: Some(wall.secs_f64()),
        uuid: Some(uuid.to_vec()),
        ..Default::default()
    };
    internal::StatusUpdate {
        framework_id: v1::FrameworkID::from(framework.as_str()),
        executor_id,
        agent_id: Some(v1::AgentID::from(agent.as_str())),
        status: Box::new(status),
        timestamp: wall.secs_f64(),
        uuid: Some(uuid.to_vec()),
        ..Default::default()
    }
}
