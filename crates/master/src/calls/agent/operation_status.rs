// SPDX-License-Identifier: Apache-2.0

//! UpdateOperationStatusMessage: an agent tells what became of an operation.

use std::time::Duration;

use kaon_api::internal::UpdateOperationStatusMessage;
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_model::{FrameworkId, Uuid};

use crate::events;
use crate::master::{Master, Turn};
use crate::state::operations::is_over;
use crate::state::{AgentRow, OperationRow};

/// Mesos: how long after its agent came back an operation waits for a framework that has not come to this master.
const ADOPTION_AFTER: Duration = Duration::from_secs(10 * 60);

impl Master {
    pub(crate) fn operation_status(
        &mut self,
        turn: &mut Turn,
        from: &Upid,
        message: UpdateOperationStatusMessage,
    ) {
        self.state.tables.counters.messages_operation_status_update += 1;
        let agent = message.agent_id.as_ref().and_then(|id| self.state.agent_by_id(&id.value));
        let Some(agent) = agent.filter(|(_, agent)| agent.pid == *from).map(|(row, _)| row) else {
            self.state.tables.counters.invalid_operation_status_updates += 1;
            return;
        };
        let framework = message.framework_id.as_ref().map(|id| FrameworkId::from(id.value.as_str()));
        let Some(uuid) = &message.operation_uuid else {
            // What a framework asked an agent about that the master does not know.
            return self.tell_of_operation(turn, framework.as_ref(), *message.status);
        };
        let known = Uuid::from_bytes(&uuid.value).ok();
        let known = known.and_then(|uuid| self.state.operations.row(agent, &uuid));
        match known {
            Some(row) => {
                self.state.tables.counters.valid_operation_status_updates += 1;
                self.known_operation_status(turn, row, message);
            }
            None => self.unknown_operation_status(turn, agent, framework.as_ref(), message),
        }
    }

    fn known_operation_status(
        &mut self,
        turn: &mut Turn,
        row: OperationRow,
        message: UpdateOperationStatusMessage,
    ) {
        let mut status = *message.status;
        let mut latest = message.latest_status.map_or_else(|| status.clone(), |latest| *latest);
        // An agent that was asked about an operation which it does not know cannot tell its id.
        let operation = self.state.operation(row);
        let (agent, uuid, framework) = (operation.agent, operation.uuid, operation.framework.clone());
        if let Some(id) = operation.id().cloned() {
            status.operation_id = Some(id.clone());
            latest.operation_id = Some(id);
        }
        self.change_operation(turn, row, latest.clone());
        let operation = self.state.operation(row);
        if self.is_told_of(operation) {
            self.tell_of_operation(turn, framework.as_ref(), status);
            if is_over(latest.state) && latest.uuid.is_none() {
                self.state.remove_operation(row);
            }
            return;
        }
        if let Some(status) = latest.uuid {
            if self.may_find_its_framework(turn, row) {
                return;
            }
            self.acknowledge_to_agent(turn, agent, uuid, status);
        }
        if is_over(latest.state) {
            self.state.remove_operation(row);
        }
    }

    /// After a failover a framework may come later than its agents: it is to hear of what it ordered.
    fn may_find_its_framework(&self, turn: &Turn, row: OperationRow) -> bool {
        let operation = self.state.operation(row);
        let (Some(framework), Some(_)) = (&operation.framework, operation.id()) else { return false };
        let back = self.state.agent(operation.agent).reregistered;
        let recent = back.is_some_and(|back| {
            let since = turn.now.wall.nanos().saturating_sub(back.nanos());
            u128::try_from(since).is_ok_and(|since| since < ADOPTION_AFTER.as_nanos())
        });
        recent && !self.state.tables.history.is_completed(framework.as_str())
    }

    /// An operation that was removed here, or never known.
    fn unknown_operation_status(
        &mut self,
        turn: &mut Turn,
        agent: AgentRow,
        framework: Option<&FrameworkId>,
        message: UpdateOperationStatusMessage,
    ) {
        self.state.tables.counters.invalid_operation_status_updates += 1;
        let there = framework.is_some_and(|id| self.state.frameworks.row(id.as_str()).is_some());
        let (uuid, status) = (message.operation_uuid, *message.status);
        let uuid = uuid.and_then(|uuid| Uuid::from_bytes(&uuid.value).ok());
        // The acknowledgement was lost: what the framework would say of it once more could not be passed on.
        let over = uuid.is_some_and(|uuid| self.state.operations.was_acknowledged(&uuid));
        if there && status.operation_id.is_some() && !over {
            return self.tell_of_operation(turn, framework, status);
        }
        // Mesos: does not answer, so that the agent tells it for ever.
        if let (Some(uuid), Some(status)) = (uuid, status.uuid) {
            self.acknowledge_to_agent(turn, agent, uuid, status);
        }
    }

    fn tell_of_operation(
        &mut self,
        turn: &mut Turn,
        framework: Option<&FrameworkId>,
        status: v1::OperationStatus,
    ) {
        if let Some(row) = framework.and_then(|id| self.state.frameworks.row(id.as_str())) {
            self.tell(turn, row, events::operation_status(status));
        }
    }
}
