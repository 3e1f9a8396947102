// SPDX-License-Identifier: Apache-2.0

//! SUBSCRIBE: an executor asks for its event stream, for the first time or again.

use kaon_api::v1::executor::{Call, call};
use kaon_api::v1::task_status::Reason;
use kaon_executor::Report;
use kaon_model::{TaskId, TaskState};

use super::executor_call::key_of;
use crate::agent::{Agent, Awaited, Cx};
use crate::effect::Effect;
use crate::flows::send_shutdown;
use crate::input::Stream;
use crate::journal::facts;
use crate::state::{Key, Peer, Session};
use crate::validate;
use kaon_api::v1;

impl Agent {
    pub(crate) fn subscribe(&mut self, cx: &mut Cx, stream: Stream, call: Call) {
        if let Err(error) = validate::executor_call(&call) {
            let text = format!("Failed to validate Executor::Call: {error}");
            return cx.push(Effect::Refuse { stream, code: 400, text });
        }
        let key = key_of(&call);
        if let Err(text) = self.find_executor(&key) {
            return cx.push(Effect::Refuse { stream, code: 400, text: text.to_string() });
        }
        let leaving = self.state.session == Session::Terminating
            || self.state.framework(&key.framework).is_some_and(|framework| framework.terminating)
            || self.state.executor(&key).is_some_and(|executor| executor.is_ending());
        if leaving {
            send_shutdown(cx, &Peer::Stream(stream));
            return cx.push(Effect::Close { stream });
        }
        self.attach(cx, key, Peer::Stream(stream), call.subscribe.unwrap_or_default(), false);
    }

    /// An executor can be told of things from now on, once that is durable. `again` says that a driver comes back.
    pub(super) fn attach(
        &mut self,
        cx: &mut Cx,
        key: Key,
        peer: Peer,
        subscribe: call::Subscribe,
        again: bool,
    ) {
        self.take_peer(cx, &key, &peer);
        self.take_unacknowledged(cx, &key, subscribe);
        let (Some(agent), Some(executor)) = (&self.state.id, self.state.executor(&key)) else { return };
        let run = facts::run_folder(agent, executor);
        let marker = match &peer {
            Peer::Stream(_) => facts::http_marker(&run),
            Peer::Driver(pid) => facts::libprocess_pid(&run, pid),
        };
        let ops = executor.checkpoints.then_some(vec![marker]);
        self.after(cx, ops, Awaited::Subscription { key, peer, again });
    }

    /// The new peer takes the place of the one that the executor had.
    fn take_peer(&mut self, cx: &mut Cx, key: &Key, peer: &Peer) {
        let Some(executor) = self.state.executor_mut(key) else { return };
        let old = executor.peer.replace(peer.clone());
        if let Peer::Stream(stream) = peer {
            self.streams.insert(*stream, key.clone());
        }
        if let Some(Peer::Stream(old)) = old {
            self.streams.remove(&old);
            cx.push(Effect::Close { stream: old });
        }
    }

    /// Takes in the updates that the last agent may not have seen, and gives up the tasks that never arrived.
    fn take_unacknowledged(&mut self, cx: &mut Cx, key: &Key, subscribe: call::Subscribe) {
        let listed: Vec<String> =
            subscribe.unacknowledged_tasks.into_iter().map(|task| task.task_id.value).collect();
        for update in subscribe.unacknowledged_updates {
            let again = Call {
                executor_id: v1::ExecutorID::from(key.executor.as_str()),
                framework_id: v1::FrameworkID::from(key.framework.as_str()),
                r#type: Some(call::Type::Update),
                update: Some(update),
                ..Default::default()
            };
            match validate::executor_call(&again) {
                Ok(()) => {
                    again.update.into_iter().for_each(|update| self.executor_update(cx, key, *update.status))
                }
                Err(error) => cx.warn(format!("Ignoring an unacknowledged update: {error}")),
            }
        }
        let Some(executor) = self.state.executor(key) else { return };
        let lost: Vec<TaskId> = executor
            .tasks
            .iter()
            .filter(|(id, task)| {
                task.state == v1::TaskState::TaskStaging && !listed.iter().any(|one| **id == *one.as_str())
            })
            .map(|(id, _)| id.clone())
            .collect();
        let state =
            self.state.framework(&key.framework).map(|framework| framework.lost_as(TaskState::Dropped));
        for task in lost {
            let report = Report {
                state: state.unwrap_or(TaskState::Lost),
                reason: Some(Reason::ReasonAgentRestarted),
                message: Some("Task launched during agent restart".to_string()),
            };
            self.report_own(cx, &key.framework, Some(key), &task, report);
        }
    }
}
