// SPDX-License-Identifier: Apache-2.0

//! StatusUpdateAcknowledgement: a framework has seen an update.

use kaon_api::internal::StatusUpdateAcknowledgementMessage;
use kaon_model::{FrameworkId, TaskId, Uuid};

use crate::agent::{Agent, Awaited, Cx, Timer};
use crate::state::Session;

impl Agent {
    pub(crate) fn acknowledged(&mut self, cx: &mut Cx, message: &StatusUpdateAcknowledgementMessage) {
        let framework = FrameworkId::from(message.framework_id.value.as_str());
        let stream = (framework, TaskId::from(message.task_id.value.as_str()));
        let Ok(uuid) = Uuid::from_bytes(&message.uuid) else {
            return cx
                .warn(format!("Ignoring an acknowledgement for task {} without a valid UUID", stream.1));
        };
        if !self.updates.acknowledge(&stream, &uuid) {
            return cx.warn(format!("Ignoring the unexpected acknowledgement {uuid} for task {}", stream.1));
        }
        // A master that has taken the agent back meanwhile waits for this end. One that takes it back later is told again.
        self.listed_ended |= self.state.session != Session::Running
            && self.updates.is_ending(&stream)
            && self.state.executor_of(&stream.0, &stream.1).is_some();
        self.timers.cancel(&Timer::Retry(stream.0.clone(), stream.1.clone()));
        let ops = self.updates.write_acknowledgement(&stream, &uuid).map(|op| vec![op]);
        self.after(cx, ops, Awaited::Acknowledgement { stream, uuid });
    }
}
