// SPDX-License-Identifier: Apache-2.0

//! KillTask: a task is to end.

use kaon_api::internal::KillTaskMessage;
use kaon_api::v1;
use kaon_api::v1::executor::{Event, event};
use kaon_api::v1::task_status::Reason;
use kaon_executor::command::Input;
use kaon_executor::{Report, grace_of};
use kaon_model::{FrameworkId, TaskId, TaskState};

use crate::agent::{Agent, Cx};
use crate::state::{Key, Kind, Phase, Session, is_terminal};

impl Agent {
    pub(crate) fn kill_task(&mut self, cx: &mut Cx, message: KillTaskMessage) {
        let framework_id = FrameworkId::from(message.framework_id.value.as_str());
        let task = TaskId::from(message.task_id.value.as_str());
        if !matches!(self.state.session, Session::Recovering | Session::Terminating) {
            self.kill(cx, &framework_id, task, message.kill_policy);
        }
    }

    /// Ends a task, by `kill_policy` where that is given, else by its own.
    pub(crate) fn kill(
        &mut self,
        cx: &mut Cx,
        framework_id: &FrameworkId,
        task: TaskId,
        kill_policy: Option<v1::KillPolicy>,
    ) {
        // Mesos: an unknown framework's kill is ignored; the master finds out when the agent registers again.
        let Some(framework) = self.state.framework(framework_id).filter(|framework| !framework.terminating)
        else {
            return cx.warn(format!(
                "Ignoring the kill of task {task} of unknown or ending framework {framework_id}"
            ));
        };
        let Some(key) = self.state.executor_of(framework_id, &task) else {
            let key = (framework_id.clone(), task.clone());
            if self.updates.has_ended(&key) {
                return;
            }
            self.disowned.insert(key, cx.now.mono);
            let state = framework.lost_as(TaskState::Dropped);
            let reason = Some(Reason::ReasonExecutorTerminated);
            let message = Some("Cannot find executor".to_string());
            return self.report_own(cx, framework_id, None, &task, Report { state, reason, message });
        };
        let executor = self.state.executor(&key).expect("executor_of names executors that exist");
        if executor.queued(&task).is_some() {
            return self.kill_queued(cx, &key, &task);
        }
        if executor.tasks.get(&task).is_none_or(|task| is_terminal(task.state)) {
            return;
        }
        match (executor.kind, executor.peer.is_some()) {
            (Kind::Command | Kind::Default, _) => {
                let grace = grace_of(kill_policy.as_ref());
                self.drive(cx, &key, &task, Input::Kill { grace });
            }
            (Kind::Custom, true) => self.send_kill(cx, &key, &task, kill_policy),
            // It hears of the kill when it subscribes again.
            (Kind::Custom, false) => {
                let executor = self.state.executor_mut(&key).expect("looked up above");
                executor.kills.insert(task, kill_policy);
            }
        }
    }

    /// Takes a task, with all of its group, out of an executor's queue.
    fn kill_queued(&mut self, cx: &mut Cx, key: &Key, task: &TaskId) {
        let Some(executor) = self.state.executor_mut(key) else { return };
        let group = executor.queued(task).and_then(|queued| queued.group);
        let is_meant =
            |id: &str, in_group: Option<u32>| *task == *id || (group.is_some() && in_group == group);
        let mut killed = Vec::new();
        let (kind, nested) = (executor.kind, &mut executor.nested);
        executor.queue.retain(|queued| {
            let meant = is_meant(&queued.info.task_id.value, queued.group);
            if meant {
                killed.push((TaskId::from(queued.info.task_id.value.as_str()), queued.task.clone()));
            }
            !meant
        });
        for (task, record) in &killed {
            nested.remove(task);
            // Its end waits for acknowledgement like that of any other task.
            executor.tasks.insert(task.clone(), record.clone());
        }
        let idle = executor.queue.is_empty() && executor.machine.is_empty() && !executor.used;
        let phase = executor.phase;
        for (task, _) in killed {
            let report = Report {
                state: TaskState::Killed,
                reason: Some(Reason::ReasonTaskKilledDuringLaunch),
                message: Some("Killed before delivery to the executor".to_string()),
            };
            self.report_own(cx, &key.framework, Some(key), &task, report);
        }
        // Mesos: an executor that was never given a task ends; one that has not come yet is told so when it comes.
        if idle && (phase == Phase::Preparing || (phase == Phase::Running && kind == Kind::Custom)) {
            self.shutdown_executor(cx, key);
        } else if kind != Kind::Custom {
            self.settle_machine(cx, key);
        }
    }

    pub(crate) fn send_kill(
        &self,
        cx: &mut Cx,
        key: &Key,
        task: &TaskId,
        kill_policy: Option<v1::KillPolicy>,
    ) {
        let task_id = v1::TaskID::from(task.as_str());
        let kill = event::Kill { task_id, kill_policy, ..Default::default() };
        let event = Event { r#type: Some(event::Type::Kill), kill: Some(kill), ..Default::default() };
        self.tell_executor(cx, key, event);
    }
}
