// SPDX-License-Identifier: Apache-2.0

//! How the tasks of built-in executors go on after a restart of the agent.

use kaon_api::v1;
use kaon_api::v1::framework_info::capability::Type as Capability;
use kaon_api::v1::task_status::Reason;
use kaon_executor::command::{Action, Command, Input};
use kaon_executor::group::Order;
use kaon_executor::{Attached, DEFAULT_KILL_GRACE, Report, Spec, grace_of};
use kaon_model::{ContainerId, Now, TaskId, TaskState};

use super::Containers;
use crate::agent::{Agent, Cx};
use crate::input::RecoveredContainer;
use crate::state::{Executor, Key, Kind, Owner, Phase, has_capability};

/// What becomes of a task that the last agent left live.
enum Fate {
    /// Its machine goes on, and is told this.
    GoesOn(Input),
    /// It was never launched.
    NeverStarted,
    /// It ran, and nothing is left of it.
    Vanished,
}

impl Agent {
    pub(super) fn take_up_built_in(
        &mut self,
        cx: &mut Cx,
        key: &Key,
        containers: &Containers,
        rebooted: bool,
    ) {
        let Some(framework) = self.state.framework(&key.framework) else { return };
        let tells_killing = has_capability(&framework.info, Capability::TaskKillingState);
        let dropped = framework.lost_as(TaskState::Dropped);
        let Some(executor) = self.state.executor_mut(key) else { return };
        executor.phase = Phase::Running;
        let live: Vec<TaskId> = executor.live_tasks().map(|(task, _)| task.clone()).collect();
        let mut orders = Vec::new();
        let (mut going_on, mut lost) = (Vec::new(), Vec::new());
        for task in live {
            let group = executor.noted.note(&task).map(|note| note.group);
            let (fate, container) =
                restore_task(executor, &task, containers, tells_killing, rebooted, cx.now, &mut orders);
            if let Some(container) = container {
                self.owners.insert(container, Owner { key: key.clone(), task: Some(task.clone()) });
            }
            match fate {
                Fate::GoesOn(input) => going_on.push((task, input)),
                Fate::NeverStarted => lost.push((task, group, never_started(dropped))),
                Fate::Vanished => lost.push((task, group, vanished())),
            }
        }
        self.perform(cx, key, orders);
        // First: a group is launched whole or not at all, so that nobody hears that what is left of one is running.
        for (task, group, report) in lost {
            self.report_own(cx, &key.framework, Some(key), &task, report);
            self.end_group(cx, key, group);
        }
        for (task, input) in going_on {
            self.drive(cx, key, &task, input);
        }
        self.settle_machine(cx, key);
    }

    fn end_group(&mut self, cx: &mut Cx, key: &Key, group: Option<u32>) {
        let (Some(group), Some(executor)) = (group, self.state.executor_mut(key)) else { return };
        let mut orders = Vec::new();
        executor.machine.end_group(cx.now, group, &mut orders);
        self.perform(cx, key, orders);
    }
}

fn never_started(state: TaskState) -> Report {
    Report {
        state,
        reason: Some(Reason::ReasonAgentRestarted),
        message: Some("Task launched during agent restart".to_string()),
    }
}

fn vanished() -> Report {
    Report {
        state: TaskState::Failed,
        reason: Some(Reason::ReasonExecutorTerminated),
        message: Some("Executor terminated".to_string()),
    }
}

/// Makes a task's machine anew from the notes about it, if its container is known.
fn restore_task(
    executor: &mut Executor,
    id: &TaskId,
    containers: &Containers,
    tells_killing: bool,
    rebooted: bool,
    now: Now,
    orders: &mut Vec<Order>,
) -> (Fate, Option<ContainerId>) {
    let Some(task) = executor.tasks.get(id).cloned() else { return (Fate::Vanished, None) };
    let note = executor.noted.note(id).cloned();
    let container = match &note {
        Some(note) => Some(note.container.clone()),
        None => (executor.kind == Kind::Command).then(|| executor.container.clone()),
    };
    let found = container.as_ref().and_then(|container| containers.get(container));
    let (Some(container), Some(found)) = (container.clone(), found) else {
        // Launches are noted by the containerizer before they begin: what it does not know of never was, unless the
        // process is known to have run, or a reboot has wiped its memory.
        let begun = !matches!(task.state, v1::TaskState::TaskStaging | v1::TaskState::TaskStarting);
        let has_run = executor.pid.is_some() || rebooted || begun;
        return (if has_run { Fate::Vanished } else { Fate::NeverStarted }, None);
    };
    let spec = Spec {
        kill_grace: grace_of(task.kill_policy.as_ref()).unwrap_or(DEFAULT_KILL_GRACE),
        max_completion: note.as_ref().and_then(|note| note.limit),
        tells_killing,
        ..Spec::default()
    };
    let checked = note.as_ref().and_then(|note| note.checked.clone());
    let spec = match &checked {
        Some(info) => spec.checked_by(info),
        None => spec,
    };
    executor.checked.extend(checked.map(|info| (id.clone(), info)));
    let snapshot = note.as_ref().map(|note| note.snapshot).unwrap_or_default();
    let mut actions: Vec<Action> = Vec::new();
    let machine = Command::restore(spec, snapshot, told(&task), now, &mut actions);
    orders.extend(actions.into_iter().map(|action| Order { task: id.clone(), action }));
    executor.machine.restore(id.clone(), note.map_or(0, |note| note.group), machine);
    executor.nested.insert(id.clone(), container.clone());
    let input = match found {
        RecoveredContainer::Running { .. } => Input::Launched,
        RecoveredContainer::Ended { status } => Input::Exited { status: *status },
    };
    (Fate::GoesOn(input), Some(container))
}

/// What the task's last status carried of its checks, if it has been said to run.
fn told(task: &v1::Task) -> Option<Attached> {
    if matches!(task.state, v1::TaskState::TaskStaging | v1::TaskState::TaskStarting) {
        return None;
    }
    let last = task.statuses.last();
    Some(Attached {
        healthy: last.and_then(|status| status.healthy),
        check_status: last.and_then(|status| status.check_status.clone()),
    })
}
