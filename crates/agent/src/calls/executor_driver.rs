// SPDX-License-Identifier: Apache-2.0

//! What executors with a driver of the v0 API send: the same as others by HTTP, a message each.

use kaon_api::internal::{
    ExecutorToFrameworkMessage, RegisterExecutorMessage, ReregisterExecutorMessage, StatusUpdateMessage,
};
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_api::v1::executor::{Call, call};
use kaon_model::{ExecutorId, FrameworkId, TaskId};

use crate::agent::{Agent, Cx};
use crate::effect::Effect;
use crate::flows::send_shutdown;
use crate::input::PeerMessage;
use crate::state::{Key, Peer, Phase, Session};
use crate::validate;

impl Agent {
    /// Takes the messages that come from executors, or from schedulers past the master; gives back all others.
    pub(super) fn driver_message(
        &mut self,
        cx: &mut Cx,
        from: &Upid,
        message: PeerMessage,
    ) -> Option<PeerMessage> {
        match message {
            PeerMessage::RegisterExecutor(message) => self.register_executor(cx, from, &message),
            PeerMessage::ReregisterExecutor(message) => self.reregister_executor(cx, from, message),
            PeerMessage::StatusUpdate(message) => self.driver_update(cx, from, message),
            PeerMessage::ExecutorToFramework(message) => self.driver_says(cx, from, message),
            // Mesos: drivers of schedulers send these to the agent themselves; who does is not looked at.
            PeerMessage::FrameworkToExecutor(message) => self.framework_message(cx, message),
            other => return Some(other),
        }
        None
    }

    /// Mesos: whoever is not awaited is told to end.
    fn register_executor(&mut self, cx: &mut Cx, from: &Upid, message: &RegisterExecutorMessage) {
        let key = key(&message.framework_id, &message.executor_id);
        let recovering = self.state.session == Session::Recovering;
        if recovering || !self.awaits_executor(&key) {
            return self.turn_away(cx, from, &key);
        }
        self.welcome_driver(cx, key, from, call::Subscribe::default(), false);
    }

    /// A driver that outlived the agent before this one, with what that may not have seen.
    fn reregister_executor(&mut self, cx: &mut Cx, from: &Upid, message: ReregisterExecutorMessage) {
        let key = key(&message.framework_id, &message.executor_id);
        if !self.awaits_executor(&key) {
            return self.turn_away(cx, from, &key);
        }
        let updates = message
            .updates
            .into_iter()
            .map(|update| call::Update { status: Box::new(status_of(update)), ..Default::default() });
        let subscribe = call::Subscribe {
            unacknowledged_tasks: message.tasks,
            unacknowledged_updates: updates.collect(),
            ..Default::default()
        };
        self.welcome_driver(cx, key, from, subscribe, true);
    }

    fn awaits_executor(&self, key: &Key) -> bool {
        let terminating = self.state.session == Session::Terminating
            || self.state.framework(&key.framework).is_some_and(|framework| framework.terminating);
        let phase = self.state.executor(key).map(|executor| executor.phase);
        !terminating && self.find_executor(key).is_ok() && phase == Some(Phase::Registering)
    }

    fn turn_away(&self, cx: &mut Cx, from: &Upid, key: &Key) {
        cx.warn(format!(
            "Shutting down executor '{}' of framework {} at {from}, which is not awaited",
            key.executor, key.framework
        ));
        send_shutdown(cx, &Peer::Driver(from.clone()));
    }

    fn welcome_driver(
        &mut self,
        cx: &mut Cx,
        key: Key,
        from: &Upid,
        subscribe: call::Subscribe,
        again: bool,
    ) {
        let peer = Peer::Driver(from.clone());
        if self.state.executor(&key).is_some_and(|executor| executor.peer.as_ref() == Some(&peer)) {
            // Its answer is on the way, as soon as that is durable.
            return;
        }
        cx.push(Effect::Link { to: from.clone() });
        self.attach(cx, key, peer, subscribe, again);
    }

    /// StatusUpdateMessage: what an executor says of a task.
    fn driver_update(&mut self, cx: &mut Cx, from: &Upid, message: StatusUpdateMessage) {
        let update = *message.update;
        let task = update.status.task_id.value.clone();
        let framework = FrameworkId::from(update.framework_id.value.as_str());
        let named = update.executor_id.as_ref().map(|executor| key(&update.framework_id, executor));
        let own = named.or_else(|| self.state.executor_of(&framework, &TaskId::from(task.as_str())));
        let Some(key) = own.filter(|key| self.is_driver_of(from, key)) else {
            self.state.counters.invalid_status_updates += 1;
            return cx.warn(format!(
                "Ignoring a status update of task {task} from {from}, which is no executor here"
            ));
        };
        let call = Call {
            executor_id: v1::ExecutorID::from(key.executor.as_str()),
            framework_id: update.framework_id.clone(),
            r#type: Some(call::Type::Update),
            update: Some(call::Update { status: Box::new(status_of(update)), ..Default::default() }),
            ..Default::default()
        };
        let staging = |call: &Call| {
            call.update.as_ref().is_some_and(|update| update.status.state == v1::TaskState::TaskStaging)
        };
        match validate::executor_call(&call) {
            Ok(()) => {
                call.update.into_iter().for_each(|update| self.executor_update(cx, &key, *update.status));
            }
            Err(error) => {
                self.state.counters.invalid_status_updates += 1;
                cx.warn(format!("Ignoring a status update of task {task}: {error}"));
                if staging(&call) {
                    // Mesos: an executor that undoes its tasks' launch is out of its mind.
                    self.shutdown_executor(cx, &key);
                }
            }
        }
    }

    /// ExecutorToFrameworkMessage: bytes for the scheduler.
    fn driver_says(&mut self, cx: &mut Cx, from: &Upid, message: ExecutorToFrameworkMessage) {
        let key = key(&message.framework_id, &message.executor_id);
        if self.is_driver_of(from, &key) {
            return self.executor_message(cx, &key, message.data);
        }
        self.state.counters.invalid_framework_messages += 1;
        cx.warn(format!("Dropping a message from {from}, which is not executor {} here", key.executor));
    }

    fn is_driver_of(&self, from: &Upid, key: &Key) -> bool {
        let peer = self.state.executor(key).and_then(|executor| executor.peer.as_ref());
        matches!(peer, Some(Peer::Driver(own)) if own == from)
    }
}

fn key(framework: &v1::FrameworkID, executor: &v1::ExecutorID) -> Key {
    Key {
        framework: FrameworkId::from(framework.value.as_str()),
        executor: ExecutorId::from(executor.value.as_str()),
    }
}

/// The status in the form that the v1 API has for it. Mesos: the agent itself says that it comes from an executor.
fn status_of(update: kaon_api::internal::StatusUpdate) -> v1::TaskStatus {
    let mut status = *update.status;
    status.uuid = update.uuid.or(status.uuid);
    status.source = Some(v1::task_status::Source::SourceExecutor);
    status.timestamp.get_or_insert(update.timestamp);
    status
}
