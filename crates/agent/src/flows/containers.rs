// SPDX-License-Identifier: Apache-2.0

//! What containers tell of themselves.

use kaon_executor::command::Input;
use kaon_model::{ContainerId, TaskId};

use crate::agent::{Agent, Cx};
use crate::effect::Effect;
use crate::input::ContainerEvent;
use crate::journal::facts;
use crate::state::{Key, Kind, Owner, Phase};

impl Agent {
    pub(crate) fn container_event(&mut self, cx: &mut Cx, container: ContainerId, event: ContainerEvent) {
        if let ContainerEvent::Limitation { limit, message, resources } = event {
            return self.limited(cx, &container, limit, message, resources);
        }
        let Some(Owner { key, task }) = self.owners.get(&container).cloned() else {
            return unknown_container(cx, container, &event);
        };
        if matches!(event, ContainerEvent::LaunchFailed { .. }) {
            self.state.counters.container_launch_errors += 1;
        }
        match task {
            Some(task) => self.task_container(cx, &key, &task, &container, event),
            None => self.executor_container(cx, &key, event),
        }
    }

    /// The container of a task that a built-in executor runs.
    fn task_container(
        &mut self,
        cx: &mut Cx,
        key: &Key,
        task: &TaskId,
        container: &ContainerId,
        event: ContainerEvent,
    ) {
        let ended = matches!(event, ContainerEvent::LaunchFailed { .. } | ContainerEvent::Exited { .. });
        if ended && self.remainder_ended(cx, key, container) {
            return;
        }
        let input = match event {
            ContainerEvent::Launched { pid } => {
                self.forked(cx, key, Some(task), pid);
                Input::Launched
            }
            ContainerEvent::LaunchFailed { message } => Input::LaunchFailed { message },
            ContainerEvent::Exited { status } => Input::Exited { status },
            ContainerEvent::Limitation { .. } => return,
        };
        self.drive(cx, key, task, input);
    }

    /// The container of a custom executor.
    fn executor_container(&mut self, cx: &mut Cx, key: &Key, event: ContainerEvent) {
        match event {
            ContainerEvent::Launched { pid } => {
                self.forked(cx, key, None, pid);
                self.welcome(cx, key);
            }
            ContainerEvent::LaunchFailed { message } => self.launch_failed(cx, key, message),
            ContainerEvent::Exited { status } => self.executor_over(cx, key, status),
            ContainerEvent::Limitation { .. } => {}
        }
    }

    /// An executor may be quicker to subscribe than the news of its launch.
    fn welcome(&mut self, cx: &mut Cx, key: &Key) {
        let Some(executor) = self.state.executor_mut(key) else { return };
        if let (Some(again), Some(peer)) = (executor.welcome.take(), executor.peer.clone()) {
            self.subscription_recorded(cx, key, &peer, again);
        }
    }

    fn forked(&mut self, cx: &mut Cx, key: &Key, task: Option<&TaskId>, pid: u32) {
        let Some(agent) = self.state.id.clone() else { return };
        let Some(executor) = self.state.executor_mut(key) else { return };
        if executor.kind == Kind::Default {
            // Its tasks' processes are known to the containerizer alone, as in Mesos.
            let links: Vec<_> = task
                .and_then(|task| {
                    Some(facts::task_sandbox(&executor.sandbox, task, executor.nested.get(task)?))
                })
                .into_iter()
                .collect();
            return self.record(cx, links, None);
        }
        executor.pid = Some(pid);
        if task.is_some() && executor.phase == Phase::Registering {
            executor.phase = Phase::Running;
        }
        if executor.checkpoints {
            let op = facts::forked(&facts::run_folder(&agent, executor), pid);
            self.record(cx, vec![op], None);
        }
    }
}

/// One that nobody here launched, or whose owner is gone, must not run on.
fn unknown_container(cx: &mut Cx, container: ContainerId, event: &ContainerEvent) {
    match event {
        ContainerEvent::Launched { .. } => {
            cx.warn(format!("Destroying container {container}, which belongs to no executor"));
            cx.push(Effect::Destroy { container });
        }
        ContainerEvent::LaunchFailed { .. } | ContainerEvent::Exited { .. } => {
            cx.push(Effect::Forget { container });
        }
        ContainerEvent::Limitation { .. } => {}
    }
}
