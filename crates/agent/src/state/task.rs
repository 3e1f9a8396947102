// SPDX-License-Identifier: Apache-2.0

//! The record of a task, as masters and readers are told it.

use kaon_api::v1;

use super::{Framework, Kind};

/// Bound: statuses kept of a task; the oldest is forgotten.
const MAX_STATUSES: usize = 100;

/// What an agent remembers of a task that it was asked to run.
pub(crate) fn new_task(
    info: &v1::TaskInfo,
    framework: &Framework,
    executor: &v1::ExecutorInfo,
    kind: Kind,
) -> v1::Task {
    let of_task = info.command.as_ref().and_then(|command| command.user.clone());
    let of_executor = executor.command.as_ref().and_then(|command| command.user.clone());
    v1::Task {
        name: info.name.clone(),
        task_id: info.task_id.clone(),
        framework_id: v1::FrameworkID::from(framework.id.as_str()),
        // Mesos: a master throws a whole re-registration away when a running task names an executor that is not
        // listed, and those of command tasks never are.
        executor_id: (kind != Kind::Command).then(|| executor.executor_id.clone()),
        agent_id: info.agent_id.clone(),
        state: v1::TaskState::TaskStaging,
        resources: info.resources.clone(),
        labels: info.labels.clone(),
        discovery: info.discovery.clone(),
        container: info.container.clone(),
        health_check: info.health_check.clone(),
        kill_policy: info.kill_policy.clone(),
        // Mesos: the framework's user is not told of a task.
        user: of_task.or(of_executor),
        limits: info.limits.clone(),
        ..Default::default()
    }
}

/// Notes a new status. Mesos: statuses of one state in a row are one, and `data` is not kept.
pub(crate) fn add_status(task: &mut v1::Task, status: &v1::TaskStatus) {
    task.state = status.state;
    let kept = v1::TaskStatus { data: None, ..status.clone() };
    if task.statuses.last().is_some_and(|last| last.state == status.state) {
        task.statuses.pop();
    }
    if task.statuses.len() >= MAX_STATUSES {
        task.statuses.remove(0);
    }
    task.statuses.push(kept);
}
