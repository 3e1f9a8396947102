// SPDX-License-Identifier: Apache-2.0

//! ExecutorToFrameworkMessage: bytes from an executor to its framework.

use kaon_api::internal;

use crate::events;
use crate::master::{Master, Turn};

impl Master {
    /// Best effort: it is lost if the framework is not there.
    pub(crate) fn executor_message(
        &mut self,
        turn: &mut Turn,
        message: internal::ExecutorToFrameworkMessage,
    ) {
        let counters = &mut self.state.tables.counters;
        counters.messages_executor_to_framework += 1;
        let known = self.state.agents.row(&message.agent_id.value).is_some();
        let framework = self.state.frameworks.row(&message.framework_id.value);
        let framework = framework.filter(|row| known && self.state.framework(*row).is_connected());
        let counters = &mut self.state.tables.counters;
        let Some(row) = framework else {
            counters.invalid_executor_to_framework_messages += 1;
            return;
        };
        counters.valid_executor_to_framework_messages += 1;
        self.tell(turn, row, events::message(message.agent_id, message.executor_id, message.data));
    }
}
