// SPDX-License-Identifier: Apache-2.0

//! How executors with their frameworks end.

use std::sync::Arc;

use kaon_api::internal::ExitedExecutorMessage;
use kaon_api::v1;
use kaon_api::v1::executor::{Event, event};
use kaon_api::v1::task_status::Reason;
use kaon_executor::Report;
use kaon_model::{ContainerId, FrameworkId, TaskId, TaskState};

use super::environment::shutdown_grace;
use super::synthesis::EXECUTOR_OVERHEAD;
use crate::agent::{Agent, Cx, Timer};
use crate::effect::{Effect, ToPeer};
use crate::journal::facts;
use crate::journal::run_file::RunFile;
use crate::state::{Ending, Key, Kind, MAX_COMPLETED_FRAMEWORKS, Peer, Phase, Session};
use crate::updates::StreamKey;

impl Agent {
    /// Asks an executor to end; what has not ended after its grace period is destroyed.
    pub(crate) fn shutdown_executor(&mut self, cx: &mut Cx, key: &Key) {
        let config = self.config.clone();
        let Some(executor) = self.state.executor_mut(key) else { return };
        match executor.phase {
            Phase::Terminating | Phase::Terminated => return,
            // Nothing was launched.
            Phase::Preparing => return self.executor_over(cx, key, None),
            Phase::Registering | Phase::Running => executor.phase = Phase::Terminating,
        }
        let at = cx.now.mono + shutdown_grace(&config, executor);
        let container = executor.container.clone();
        self.timers.cancel(&Timer::Registration(container.clone()));
        self.timers.set(Timer::Shutdown(container), at);
        if executor.kind == Kind::Custom {
            executor.peer.iter().for_each(|peer| send_shutdown(cx, peer));
            return;
        }
        let mut orders = Vec::new();
        // Mesos: the command executor leaves itself two seconds of what the agent gives it; that of groups gives each
        // task its own time, and the agent's bounds it.
        let grace = (executor.kind == Kind::Command)
            .then(|| shutdown_grace(&config, executor).saturating_sub(EXECUTOR_OVERHEAD));
        executor.machine.shutdown(cx.now, grace, &mut orders);
        self.perform(cx, key, orders);
        self.settle_machine(cx, key);
    }

    pub(crate) fn shutdown_timeout(&mut self, cx: &mut Cx, container: &ContainerId) {
        let Some(key) = self.owner_of_run(container) else { return };
        self.destroy_executor(cx, &key);
    }

    /// A custom executor has not subscribed in time.
    pub(crate) fn registration_timeout(&mut self, cx: &mut Cx, container: &ContainerId) {
        let Some(key) = self.owner_of_run(container) else { return };
        let timeout = kaon_model::Span::from_std(self.config.executor_registration_timeout);
        let ending = Ending {
            state: TaskState::Failed,
            reason: Reason::ReasonExecutorRegistrationTimeout,
            message: format!("Executor did not register within {timeout}"),
        };
        if let Some(executor) = self.state.executor_mut(&key) {
            executor.phase = Phase::Terminating;
            executor.ending = Some(ending);
        }
        self.destroy_executor(cx, &key);
    }

    pub(crate) fn destroy_executor(&mut self, cx: &mut Cx, key: &Key) {
        let Some(executor) = self.state.executor_mut(key) else { return };
        executor.destroyed = true;
        match executor.kind {
            Kind::Custom => cx.push(Effect::Destroy { container: executor.container.clone() }),
            Kind::Command | Kind::Default => {
                for (task, ..) in executor.machine.members() {
                    cx.push(Effect::Destroy { container: executor.container_of(task).clone() });
                }
            }
        }
    }

    /// An executor is no more: its tasks have ended with it. `status` is what wait(2) said of its process.
    pub(crate) fn executor_over(&mut self, cx: &mut Cx, key: &Key, status: Option<i32>) {
        let Some(executor) = self.state.executor_mut(key) else { return };
        if executor.phase == Phase::Terminated {
            return;
        }
        executor.phase = Phase::Terminated;
        let peer = executor.peer.take();
        let kind = executor.kind;
        // What was never delivered has ended all the same, and waits for acknowledgement with the rest.
        for queued in std::mem::take(&mut executor.queue) {
            executor.tasks.insert(TaskId::from(queued.info.task_id.value.as_str()), queued.task);
        }
        let (ending, limited) = executor.last_words();
        let live: Vec<TaskId> = executor.live_tasks().map(|(task, _)| task.clone()).collect();
        self.state.counters.executors_terminated += 1;
        self.cancel_timers(key);
        if let Some(Peer::Stream(stream)) = peer {
            self.streams.remove(&stream);
            cx.push(Effect::Close { stream });
        }
        for task in live {
            let report = Report {
                state: ending.state,
                reason: Some(ending.reason),
                message: Some(ending.message.clone()),
            };
            self.report_ended(cx, key, &task, report, &limited);
        }
        self.tell_nothing_held(cx, key);
        if kind != Kind::Command {
            self.send_exited_executor(cx, key, status);
        }
        self.remove_executor_if_settled(cx, key);
        if self.is_clean() {
            self.exit_if_done(cx);
        }
    }

    fn cancel_timers(&mut self, key: &Key) {
        let Some(executor) = self.state.executor(key) else { return };
        let run = &executor.container;
        for timer in [Timer::Machine, Timer::Registration, Timer::Shutdown, Timer::Heartbeat] {
            self.timers.cancel(&timer(run.clone()));
        }
    }

    /// Mesos: -1 where the status is not known.
    pub(crate) fn send_exited_executor(&mut self, cx: &mut Cx, key: &Key, status: Option<i32>) {
        let (Some(master), Some(agent)) = (&self.state.master, &self.state.id) else { return };
        let message = ExitedExecutorMessage {
            agent_id: v1::AgentID::from(agent.as_str()),
            framework_id: v1::FrameworkID::from(key.framework.as_str()),
            executor_id: v1::ExecutorID::from(key.executor.as_str()),
            status: status.unwrap_or(-1),
            ..Default::default()
        };
        cx.push(Effect::Send { to: master.pid.clone(), message: Box::new(ToPeer::ExitedExecutor(message)) });
    }

    /// Takes an ended executor out once nothing of it waits for acknowledgement.
    pub(crate) fn remove_executor_if_settled(&mut self, cx: &mut Cx, key: &Key) {
        if !self.state.executor(key).is_some_and(|executor| executor.is_settled()) {
            return;
        }
        let bound = self.config.max_completed_executors_per_framework;
        let Some(framework) = self.state.frameworks.get_mut(&key.framework) else { return };
        let Some(executor) = framework.executors.remove(&key.executor) else { return };
        let mut containers: Vec<ContainerId> = executor.nested.values().cloned().collect();
        containers.push(executor.container.clone());
        containers.dedup();
        framework.remember(&executor, bound);
        for container in containers {
            if self.owners.remove(&container).is_some() {
                cx.push(Effect::Forget { container });
            }
        }
        if let (true, Some(agent)) = (executor.checkpoints, &self.state.id) {
            let ended = RunFile { ended: Some(cx.now.wall), tasks: Vec::new() };
            let ops = facts::completed(&facts::run_folder(agent, &executor), &ended);
            self.record(cx, ops, None);
        }
        self.discard_later(cx, &executor);
        self.remove_framework_if_idle(cx, &key.framework);
    }

    /// Asks all executors of a framework to end; nobody hears of its tasks any more.
    pub(crate) fn shutdown_framework(&mut self, cx: &mut Cx, id: &FrameworkId) {
        let Some(framework) = self.state.frameworks.get_mut(id) else { return };
        if framework.terminating {
            return;
        }
        framework.terminating = true;
        let keys: Vec<Key> = framework.executors.values().map(|executor| executor.key()).collect();
        let dropped: Vec<StreamKey> = self.updates.drop_framework(id);
        for (framework, task) in dropped {
            self.timers.cancel(&Timer::Retry(framework, task));
        }
        for key in keys {
            self.forget_ended_tasks(&key);
            self.shutdown_executor(cx, &key);
            self.remove_executor_if_settled(cx, &key);
        }
        self.remove_framework_if_idle(cx, id);
    }

    /// Tasks that only waited for acknowledgement wait no longer.
    fn forget_ended_tasks(&mut self, key: &Key) {
        let Some(executor) = self.state.executor_mut(key) else { return };
        let live: Vec<TaskId> = executor.live_tasks().map(|(task, _)| task.clone()).collect();
        let (kept, ended): (Vec<_>, Vec<_>) =
            std::mem::take(&mut executor.tasks).into_iter().partition(|(task, _)| live.contains(task));
        executor.tasks = kept.into_iter().collect();
        ended.into_iter().for_each(|(_, task)| executor.remember(task));
    }

    pub(crate) fn remove_framework_if_idle(&mut self, cx: &mut Cx, id: &FrameworkId) {
        if !self.state.framework(id).is_some_and(|framework| framework.executors.is_empty()) {
            return;
        }
        if let Some(framework) = self.state.frameworks.remove(id) {
            self.state.completed.push_back(Arc::new(framework));
            while self.state.completed.len() > MAX_COMPLETED_FRAMEWORKS {
                self.state.completed.pop_front();
            }
        }
        self.finish_drain(cx);
        self.exit_if_done(cx);
    }

    /// An agent that is leaving ends with its last framework.
    pub(crate) fn exit_if_done(&mut self, cx: &mut Cx) {
        let is_empty = self.state.frameworks.is_empty() || self.is_clean();
        if self.state.session == Session::Terminating && is_empty {
            cx.push(Effect::Exit { code: 0, message: "All frameworks have ended".to_string() });
        }
    }
}

/// Tells an executor, or whoever takes itself for one, to end.
pub(crate) fn send_shutdown(cx: &mut Cx, peer: &Peer) {
    match peer {
        Peer::Stream(stream) => {
            let event = Event { r#type: Some(event::Type::Shutdown), ..Default::default() };
            cx.push(Effect::Event { stream: *stream, event: Box::new(event) });
        }
        // Mesos: without a word in it.
        Peer::Driver(pid) => {
            let message = Box::new(ToPeer::ShutdownExecutor(Default::default()));
            cx.push(Effect::Send { to: pid.clone(), message });
        }
    }
}
