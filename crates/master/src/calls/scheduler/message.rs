// SPDX-License-Identifier: Apache-2.0

//! MESSAGE: bytes from a framework to one of its executors.

use kaon_api::v1::scheduler::call;
use kaon_api::{internal, v1};

use crate::effect::ToPeer;
use crate::master::{Master, Turn};
use crate::state::FrameworkRow;

impl Master {
    /// Best effort: nobody is told if it gets lost.
    pub(super) fn framework_message(&mut self, turn: &mut Turn, row: FrameworkRow, call: call::Message) {
        let counters = &mut self.state.tables.counters;
        counters.messages_framework_to_executor += 1;
        let agent = self.state.agent_by_id(&call.agent_id.value).filter(|(_, agent)| agent.connected);
        let Some((_, agent)) = agent else {
            self.state.tables.counters.invalid_framework_to_executor_messages += 1;
            return;
        };
        let message = internal::FrameworkToExecutorMessage {
            agent_id: call.agent_id,
            framework_id: v1::FrameworkID::from(self.state.framework(row).id.as_str()),
            executor_id: call.executor_id,
            data: call.data,
            ..Default::default()
        };
        turn.send(&agent.pid, ToPeer::FrameworkToExecutor(message));
        self.state.tables.counters.valid_framework_to_executor_messages += 1;
    }
}
