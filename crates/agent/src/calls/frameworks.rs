// SPDX-License-Identifier: Apache-2.0

//! What a master tells of frameworks as a whole: new facts, messages, ends.

use std::sync::Arc;

use kaon_api::internal::{
    FrameworkToExecutorMessage, ShutdownExecutorMessage, ShutdownFrameworkMessage, UpdateFrameworkMessage,
};
use kaon_api::v1::executor::{Event, event};
use kaon_model::{ExecutorId, FrameworkId};

use crate::agent::{Agent, Cx};
use crate::journal::facts;
use crate::state::{Key, Session};
use crate::updates::StreamKey;

impl Agent {
    /// UpdateFramework: the scheduler has subscribed again, or changed what it says of itself.
    pub(crate) fn update_framework(&mut self, cx: &mut Cx, message: UpdateFrameworkMessage) {
        let id = FrameworkId::from(message.framework_id.value.as_str());
        let Some(framework) = self.state.frameworks.get_mut(&id).filter(|framework| !framework.terminating)
        else {
            return;
        };
        if let Some(pid) = message.pid {
            framework.pid = pid;
        }
        if let Some(mut info) = message.framework_info {
            // Mesos: whether it checkpoints was decided when its first task came; files may lie here already.
            info.checkpoint = framework.info.checkpoint;
            framework.info = Arc::new(*info);
        }
        if framework.checkpoints()
            && let Some(agent) = &self.state.id
        {
            let ops = facts::framework(agent, framework);
            self.record(cx, ops, None);
        }
        // Mesos: what the old scheduler did not acknowledge reaches the new one at once.
        let streams: Vec<StreamKey> = self.updates.of_framework(&id).cloned().collect();
        for stream in streams {
            self.updates.rewind(&stream);
            self.send_next(cx, &stream);
        }
    }

    /// FrameworkToExecutor: bytes for an executor.
    pub(crate) fn framework_message(&mut self, cx: &mut Cx, message: FrameworkToExecutorMessage) {
        let key = Key {
            framework: FrameworkId::from(message.framework_id.value.as_str()),
            executor: ExecutorId::from(message.executor_id.value.as_str()),
        };
        let reached = self.state.executor(&key).is_some_and(|executor| executor.peer.is_some());
        if !reached {
            self.state.counters.invalid_framework_messages += 1;
            return cx
                .warn(format!("Dropping a message for executor {}, which is not subscribed", key.executor));
        }
        self.state.counters.valid_framework_messages += 1;
        let message = event::Message { data: message.data, ..Default::default() };
        let event =
            Event { r#type: Some(event::Type::Message), message: Some(message), ..Default::default() };
        self.tell_executor(cx, &key, event);
    }

    /// ShutdownExecutor: an executor is to end, with its tasks.
    pub(crate) fn shutdown_executor_call(&mut self, cx: &mut Cx, message: &ShutdownExecutorMessage) {
        let (Some(framework), Some(executor)) = (&message.framework_id, &message.executor_id) else {
            return cx.warn("Ignoring a shutdown of an executor that is not named".to_string());
        };
        let key = Key {
            framework: FrameworkId::from(framework.value.as_str()),
            executor: ExecutorId::from(executor.value.as_str()),
        };
        if self.state.session != Session::Recovering {
            self.shutdown_executor(cx, &key);
        }
    }

    /// ShutdownFramework: the framework is gone; all it has here is to end.
    pub(crate) fn shutdown_framework_call(&mut self, cx: &mut Cx, message: &ShutdownFrameworkMessage) {
        // Mesos: ignored while recovering; the master says it again when the agent registers.
        if self.state.session != Session::Recovering {
            self.shutdown_framework(cx, &FrameworkId::from(message.framework_id.value.as_str()));
        }
    }
}
