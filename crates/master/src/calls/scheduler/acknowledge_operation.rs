// SPDX-License-Identifier: Apache-2.0

//! ACKNOWLEDGE_OPERATION_STATUS: a framework has taken in what became of an operation.

use kaon_api::v1;
use kaon_api::v1::scheduler::call;

use crate::master::{Master, Turn};
use crate::state::operations::is_over;
use crate::state::{AgentRow, FrameworkRow, OperationRow};

impl Master {
    /// The acknowledgement of an operation's end is also the end of its entry here.
    pub(super) fn acknowledge_operation(
        &mut self,
        turn: &mut Turn,
        row: FrameworkRow,
        call: &call::AcknowledgeOperationStatus,
    ) {
        self.state.tables.counters.messages_operation_status_update_acknowledgement += 1;
        let Some((agent, operation)) = self.acknowledged_operation(row, call) else {
            self.state.tables.counters.invalid_operation_status_update_acknowledgements += 1;
            return;
        };
        let known = self.state.operation(operation);
        let mut statuses = known.body.statuses.iter();
        let told =
            |status: &&v1::OperationStatus| status.uuid.as_ref().is_some_and(|uuid| uuid.value == call.uuid);
        let Some(status) = statuses.find(told) else {
            // Mesos: counts it among those of tasks.
            self.state.tables.counters.invalid_status_update_acknowledgements += 1;
            return;
        };
        let (uuid, over, status) = (known.uuid, is_over(status.state), status.uuid.clone());
        if over {
            self.state.remove_operation(operation);
        }
        if let Some(status) = status {
            self.acknowledge_to_agent(turn, agent, uuid, status);
        }
        self.state.tables.counters.valid_operation_status_update_acknowledgements += 1;
    }

    /// The operation, if its agent can be told.
    fn acknowledged_operation(
        &self,
        row: FrameworkRow,
        call: &call::AcknowledgeOperationStatus,
    ) -> Option<(AgentRow, OperationRow)> {
        let (agent_row, agent) = self.state.agent_by_id(&call.agent_id.as_ref()?.value)?;
        let capabilities = &agent.capabilities;
        let able = match &call.resource_provider_id {
            Some(_) => capabilities.resource_provider(),
            None => capabilities.agent_operation_feedback(),
        };
        let framework = &self.state.framework(row).id;
        let operation = self.state.operations.row_of_id(framework, &call.operation_id.value)?;
        let there = agent.connected && able && self.state.operation(operation).agent == agent_row;
        there.then_some((agent_row, operation))
    }
}
