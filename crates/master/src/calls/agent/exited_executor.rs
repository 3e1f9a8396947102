// SPDX-License-Identifier: Apache-2.0

//! ExitedExecutorMessage: an executor is no more.

use kaon_api::internal;
use kaon_api::libprocess::Upid;
use kaon_model::ExecutorId;

use crate::events;
use crate::master::{Master, Turn};

impl Master {
    /// Its tasks end by updates of their own.
    pub(crate) fn exited_executor(
        &mut self,
        turn: &mut Turn,
        from: &Upid,
        message: &internal::ExitedExecutorMessage,
    ) {
        self.state.tables.counters.messages_exited_executor += 1;
        let agent = self.state.agent_by_id(&message.agent_id.value).filter(|(_, agent)| agent.pid == *from);
        let agent = agent.map(|(row, agent)| (row, agent.id.clone()));
        let framework = self.state.frameworks.row(&message.framework_id.value);
        let (Some((agent_row, agent)), Some(framework)) = (agent, framework) else {
            self.state.tables.counters.dropped_messages += 1;
            return;
        };
        let id = ExecutorId::from(message.executor_id.value.as_str());
        if let Some(row) = self.state.executors.row(agent_row, framework, &id) {
            self.drop_executor(row);
        }
        self.tell(turn, framework, events::executor_failure(&agent, &id, message.status));
    }
}
