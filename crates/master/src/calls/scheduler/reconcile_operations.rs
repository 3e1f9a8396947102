// SPDX-License-Identifier: Apache-2.0

//! RECONCILE_OPERATIONS: a framework asks what became of its operations.

use std::collections::BTreeMap;

use kaon_api::v1::OperationState;
use kaon_api::v1::scheduler::call;
use kaon_api::v1::scheduler::call::reconcile_operations::Operation as Question;
use kaon_api::{internal, v1};

use crate::effect::ToPeer;
use crate::events;
use crate::master::{Master, Turn};
use crate::state::{AgentRow, FrameworkRow};

impl Master {
    /// No operation named means all that are known.
    pub(super) fn reconcile_operations(
        &mut self,
        turn: &mut Turn,
        row: FrameworkRow,
        call: &call::ReconcileOperations,
    ) {
        self.state.tables.counters.messages_reconcile_operations += 1;
        let framework = self.state.framework(row).id.clone();
        if call.operations.is_empty() {
            for operation in self.state.operations.of_framework(&framework) {
                let status = self.state.operation(operation).known_status();
                self.tell(turn, row, events::operation_status(status));
            }
        }
        let mut forwarded: BTreeMap<AgentRow, Vec<_>> = BTreeMap::new();
        for question in &call.operations {
            let known = self.state.operations.row_of_id(&framework, &question.operation_id.value);
            if let Some(operation) = known {
                let status = self.state.operation(operation).known_status();
                self.tell(turn, row, events::operation_status(status));
            } else if let Some(agent) = self.knows_of_provider(question) {
                forwarded.entry(agent).or_default().push(internal::reconcile_operations_message::Operation {
                    operation_id: Some(question.operation_id.clone()),
                    resource_provider_id: question.resource_provider_id.clone(),
                    ..Default::default()
                });
            } else {
                let status = self.unknown_operation(question);
                self.tell(turn, row, events::operation_status(status));
            }
        }
        for (agent, operations) in forwarded {
            let framework_id = Some(v1::FrameworkID::from(framework.as_str()));
            let ask = internal::ReconcileOperationsMessage { operations, framework_id, ..Default::default() };
            turn.send(&self.state.agent(agent).pid, ToPeer::ReconcileOperations(ask));
        }
    }

    /// Only the agent itself can tell whether a provider was ever there.
    fn knows_of_provider(&self, question: &Question) -> Option<AgentRow> {
        question.resource_provider_id.as_ref()?;
        let (row, agent) = self.state.agent_by_id(&question.agent_id.as_ref()?.value)?;
        agent.capabilities.agent_operation_feedback().then_some(row)
    }

    fn unknown_operation(&self, question: &Question) -> v1::OperationStatus {
        let agent = question.agent_id.as_ref().map(|id| id.value.as_str());
        let (state, message) = match agent {
            Some(id) if self.recovered.contains_key(id) => (
                OperationState::OperationRecovering,
                "Reconciliation: Agent is recovered but has not re-registered",
            ),
            Some(id) if self.state.agents.row(id).is_some() => {
                (OperationState::OperationUnknown, "Reconciliation: Operation is unknown")
            }
            Some(id) if self.registry.unreachable_since(id).is_some() => {
                (OperationState::OperationUnreachable, "Reconciliation: Agent is unreachable")
            }
            Some(id) if self.registry.is_gone(id) => {
                (OperationState::OperationGoneByOperator, "Reconciliation: Agent marked gone by operator")
            }
            Some(_) => {
                (OperationState::OperationUnknown, "Reconciliation: Both operation and agent are unknown")
            }
            None => (
                OperationState::OperationUnknown,
                "Reconciliation: Operation is unknown and no 'agent_id' was provided",
            ),
        };
        v1::OperationStatus {
            operation_id: Some(question.operation_id.clone()),
            state,
            message: Some(message.to_string()),
            agent_id: question.agent_id.clone(),
            resource_provider_id: question.resource_provider_id.clone(),
            ..Default::default()
        }
    }
}
