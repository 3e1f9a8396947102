// SPDX-License-Identifier: Apache-2.0

//! The checks of tasks that built-in executors run.

use std::time::Duration;

use kaon_api::v1;
use kaon_executor::check::{Probe, Which};
use kaon_executor::command::Input;
use kaon_model::TaskId;

use super::environment::check_environment;
use super::launching::{task_sandbox, user};
use crate::agent::{Agent, Cx};
use crate::effect::{Check, Effect};
use crate::input::{CheckOutcome, Look};
use crate::state::Key;

/// What the machine of a task asks for.
pub(super) struct Asked {
    pub which: Which,
    pub number: u64,
    pub probe: Probe,
    pub timeout: Option<Duration>,
}

impl Agent {
    /// Looks at a task.
    pub(super) fn look(&self, cx: &mut Cx, key: &Key, task: &TaskId, asked: Asked) {
        let (Some(framework), Some(executor)) =
            (self.state.framework(&key.framework), self.state.executor(key))
        else {
            return;
        };
        let Asked { which, number, probe, timeout } = asked;
        let container = executor.container_of(task).clone();
        let mut check = Check {
            sandbox: task_sandbox(executor, &container),
            look: Look { container, which, number },
            probe,
            timeout,
            environment: Vec::new(),
            user: None,
        };
        if let Probe::Command(command) = &check.probe {
            let (Some(agent), Some(info)) = (&self.state.id, executor.checked.get(task)) else { return };
            let environment = check_environment(&self.config, agent, framework, executor, info, command);
            check.environment = environment.unwrap_or_default();
            // Mesos: whom the check's own command names is not looked at: it is the task's user.
            check.user = user(&self.config, framework, info.command.as_deref());
        }
        cx.push(Effect::Check(Box::new(check)));
    }

    pub(super) fn call_off(&self, cx: &mut Cx, key: &Key, task: &TaskId, which: Which, number: u64) {
        let Some(executor) = self.state.executor(key) else { return };
        let container = executor.container_of(task).clone();
        cx.push(Effect::CallOff { look: Look { container, which, number } });
    }

    /// What a look found. One that was called off meanwhile is not missed.
    pub(crate) fn checked(&mut self, cx: &mut Cx, look: Look, outcome: CheckOutcome) {
        let Look { container, which, number } = look;
        let Some((key, Some(task))) =
            self.owners.get(&container).map(|owner| (owner.key.clone(), owner.task.clone()))
        else {
            return;
        };
        if let CheckOutcome::Failed { message } = &outcome {
            let what = if which == Which::Health { "health check" } else { "check" };
            cx.warn(format!("The {what} of task {task} of framework {} failed: {message}", key.framework));
        }
        self.drive(cx, &key, &task, Input::Checked { which, number, outcome });
    }
}

/// What a task's checks need to know of it.
pub(crate) fn for_checks(task: &v1::TaskInfo) -> Option<v1::TaskInfo> {
    if task.check.is_none() && task.health_check.is_none() {
        return None;
    }
    let command = task.command.as_deref().map(|command| v1::CommandInfo {
        environment: command.environment.clone(),
        user: command.user.clone(),
        ..Default::default()
    });
    Some(v1::TaskInfo {
        task_id: task.task_id.clone(),
        agent_id: task.agent_id.clone(),
        // The first says to whom they are charged, which tasks are told.
        resources: task.resources.iter().take(1).cloned().collect(),
        command: command.map(Box::new),
        check: task.check.clone(),
        health_check: task.health_check.clone(),
        ..Default::default()
    })
}
