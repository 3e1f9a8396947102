// SPDX-License-Identifier: Apache-2.0

//! The life of an operation: ordered, told of, acknowledged, or lost with its agent.

use std::sync::Arc;

use kaon_api::{internal, v1};
use kaon_model::{Conversion, FrameworkId, Resources, Uuid, format};

use crate::effect::ToPeer;
use crate::events;
use crate::master::{Master, Turn};
use crate::state::operations::is_over;
use crate::state::{AgentRow, Operation, OperationRow};

impl Master {
    /// Orders an operation that the books have taken already: it is hoped that the agent can do as much.
    pub(crate) fn order_operation(
        &mut self,
        turn: &mut Turn,
        row: AgentRow,
        framework: Option<FrameworkId>,
        order: v1::offer::Operation,
        steps: Vec<Conversion>,
    ) {
        let before = self.state.agent(row).total.clone();
        self.follow_ledger(row);
        let agent = self.state.agent(row);
        let Some(version) = agent.resource_version.clone().filter(|_| agent.applies_operations()) else {
            self.state.hopes.forget(row);
            return self.checkpoint_resources(turn, row);
        };
        let (pid, agent_id) = (agent.pid.clone(), v1::AgentID::from(agent.id.as_str()));
        let uuid = self.entropy.uuid();
        let pending = v1::OperationStatus {
            operation_id: order.id.clone(),
            state: v1::OperationState::OperationPending,
            agent_id: Some(agent_id.clone()),
            ..Default::default()
        };
        let framework_id = framework.as_ref().map(|id| v1::FrameworkID::from(id.as_str()));
        let body = v1::Operation {
            framework_id: framework_id.clone(),
            agent_id: Some(agent_id),
            info: Box::new(order.clone()),
            latest_status: Box::new(pending),
            uuid: wire_uuid(uuid),
            ..Default::default()
        };
        self.state.insert_operation(Operation { uuid, agent: row, framework, body: Arc::new(body) });
        self.state.hopes.order(row, &before, uuid, steps);
        let apply = internal::ApplyOperationMessage {
            framework_id,
            operation_info: Box::new(order),
            operation_uuid: wire_uuid(uuid),
            resource_version_uuid: internal::ResourceVersionUUID { uuid: version, ..Default::default() },
            ..Default::default()
        };
        turn.send(&pid, ToPeer::ApplyOperation(apply));
    }

    /// The agent's total is what the ledger says that it is.
    fn follow_ledger(&mut self, row: AgentRow) {
        let id = &self.state.agent(row).id;
        if let Some(book) = self.allocator.books().agent(id) {
            let total = Arc::new(book.shape().total.clone());
            self.state.agent_mut(row).total = total;
        }
    }

    /// Agents that carry out no operations are told what all operations come to.
    pub(crate) fn checkpoint_resources(&self, turn: &mut Turn, row: AgentRow) {
        let agent = self.state.agent(row);
        let mut resources = agent.total.checkpointed().to_wire();
        if !agent.capabilities.reservation_refinement() && format::downgrade_all(&mut resources).is_err() {
            // Mesos: says nothing rather than what the agent cannot read. It holds none such but after a downgrade.
            return;
        }
        let message = internal::CheckpointResourcesMessage { resources, ..Default::default() };
        turn.send(&agent.pid, ToPeer::CheckpointResources(message));
    }

    /// An operation comes to a state, if it had not come to its end before.
    pub(crate) fn change_operation(
        &mut self,
        turn: &mut Turn,
        row: OperationRow,
        status: v1::OperationStatus,
    ) {
        let operation = self.state.operation_mut(row);
        let (kind, before) = (operation.kind(), operation.state());
        let body = Arc::make_mut(&mut operation.body);
        let state = status.state;
        if !is_over(before) {
            *body.latest_status = status.clone();
        }
        if body.statuses.last() != Some(&status) {
            body.statuses.push(status);
            // Bound: an agent tells one end; what came before it is not asked for.
            let surplus = body.statuses.len().saturating_sub(MAX_STATUSES);
            body.statuses.drain(..surplus);
        }
        let counters = &mut self.state.tables.counters;
        if is_over(before) {
            return;
        }
        counters.uncount_operation(kind, before);
        counters.count_operation(kind, state);
        if is_over(state) {
            self.hope_ends(turn, row, state);
        }
    }

    /// Mesos: keeps what the agent did not do on its books until the agent registers again.
    fn hope_ends(&mut self, turn: &mut Turn, row: OperationRow, state: v1::OperationState) {
        let operation = self.state.operation(row);
        let (agent, uuid) = (operation.agent, operation.uuid);
        if state == v1::OperationState::OperationFinished {
            self.state.hopes.done(agent, &uuid);
        } else if let Some(total) = self.state.hopes.failed(agent, &uuid) {
            self.set_total(turn, agent, total);
        }
    }

    /// The agent has another total than was thought: what was offered may not be there.
    pub(crate) fn set_total(&mut self, turn: &mut Turn, row: AgentRow, total: Resources) {
        if *self.state.agent(row).total == total {
            return;
        }
        self.withdraw_agent_offers(turn, row);
        self.state.agent_mut(row).total = Arc::new(total);
        self.reshape_agent(row);
    }

    /// Whether the framework acknowledges what becomes of an operation; else the master does.
    pub(crate) fn is_told_of(&self, operation: &Operation) -> bool {
        let framework = operation.framework.as_ref();
        let known = framework.is_some_and(|id| self.state.frameworks.row(id.as_str()).is_some());
        operation.id().is_some() && known
    }

    /// The agent need not tell this again.
    pub(crate) fn acknowledge_to_agent(
        &mut self,
        turn: &mut Turn,
        row: AgentRow,
        operation: Uuid,
        status: v1::UUID,
    ) {
        self.state.operations.note_acknowledged(operation);
        let acknowledgement = internal::AcknowledgeOperationStatusMessage {
            status_uuid: status,
            operation_uuid: wire_uuid(operation),
            ..Default::default()
        };
        turn.send(&self.state.agent(row).pid, ToPeer::AcknowledgeOperationStatus(acknowledgement));
    }

    /// Compares what the agent says that it was ordered with what it was ordered.
    ///
    /// Mesos: operations that are not listed, or where nothing is listed at all, are asked for.
    pub(crate) fn compare_operations(&mut self, turn: &mut Turn, row: AgentRow, listed: Vec<v1::Operation>) {
        let mut known: Vec<Uuid> = Vec::with_capacity(listed.len());
        for body in listed {
            let Ok(uuid) = Uuid::from_bytes(&body.uuid.value) else { continue };
            known.push(uuid);
            let full = self.state.operations.count_of_agent(row) >= crate::config::MAX_OPERATIONS_PER_AGENT;
            // The acknowledgement of what it lists may be on its way. If it was lost, the agent tells the end again.
            let over = self.state.operations.was_acknowledged(&uuid);
            if self.state.operations.row(row, &uuid).is_none() && !full && !over {
                let framework = body.framework_id.as_ref().map(|id| FrameworkId::from(id.value.as_str()));
                let body = Arc::new(body);
                self.state.insert_operation(Operation { uuid, agent: row, framework, body });
            }
        }
        known.sort();
        let unlisted = self.state.operations.of_agent(row).into_iter().filter_map(|operation| {
            let uuid = self.state.operation(operation).uuid;
            known.binary_search(&uuid).is_err().then_some(internal::reconcile_operations_message::Operation {
                operation_uuid: Some(wire_uuid(uuid)),
                ..Default::default()
            })
        });
        let operations: Vec<_> = unlisted.collect();
        if !operations.is_empty() {
            let ask = internal::ReconcileOperationsMessage { operations, ..Default::default() };
            turn.send(&self.state.agent(row).pid, ToPeer::ReconcileOperations(ask));
        }
    }

    /// An agent leaves with its operations. Frameworks that gave them ids hear of it, once.
    pub(crate) fn lose_operations(
        &mut self,
        turn: &mut Turn,
        row: AgentRow,
        told: Option<(v1::OperationState, &str)>,
    ) {
        let agent = self.state.agent(row).id.clone();
        for operation in self.state.operations.of_agent(row) {
            let Some(operation) = self.state.remove_operation(operation) else { continue };
            let framework = operation.framework.as_ref();
            let framework = framework.and_then(|id| self.state.frameworks.row(id.as_str()));
            if let (Some(framework), Some(id), Some((state, message))) = (framework, operation.id(), told) {
                let event = events::operation_update(id.clone(), Some(agent.as_str()), state, message);
                self.tell(turn, framework, event);
            }
        }
    }

    /// Takes the operations of an agent out of the table without a word.
    pub(crate) fn forget_operations(&mut self, row: AgentRow) {
        for operation in self.state.operations.of_agent(row) {
            self.state.remove_operation(operation);
        }
    }

    /// Nobody will acknowledge the operations of a framework that is over, so the master does.
    pub(crate) fn adopt_operations(&mut self, turn: &mut Turn, framework: &FrameworkId) {
        for row in self.state.operations.of_framework(framework) {
            let operation = self.state.operation(row);
            let (agent, uuid, over) = (operation.agent, operation.uuid, is_over(operation.state()));
            let Some(status) = operation.body.latest_status.uuid.clone() else { continue };
            self.acknowledge_to_agent(turn, agent, uuid, status);
            if over {
                self.state.remove_operation(row);
            }
        }
    }
}

/// Bound: statuses that are remembered of an operation.
const MAX_STATUSES: usize = 16;

pub(crate) fn wire_uuid(uuid: Uuid) -> v1::UUID {
    v1::UUID { value: uuid.to_vec(), ..Default::default() }
}
