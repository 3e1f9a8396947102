// SPDX-License-Identifier: Apache-2.0

//! AcknowledgeOperationStatus, ReconcileOperations: what a master says of operations that were ordered before.

use kaon_api::internal::{AcknowledgeOperationStatusMessage, ReconcileOperationsMessage};
use kaon_api::v1;
use kaon_model::Uuid;

use crate::agent::{Agent, Awaited, Cx, Timer};
use crate::journal::resources;

impl Agent {
    /// An operation's end is known to who ordered it: it is forgotten.
    pub(crate) fn operation_acknowledged(
        &mut self,
        cx: &mut Cx,
        message: &AcknowledgeOperationStatusMessage,
    ) {
        let uuid = Uuid::from_bytes(&message.operation_uuid.value).ok();
        let Some(uuid) = uuid.filter(|uuid| {
            let operation = self.state.operations.get(uuid);
            operation.is_some_and(|one| one.latest_status.uuid.as_ref() == Some(&message.status_uuid))
        }) else {
            return cx.warn("Ignoring the acknowledgement of an unknown operation's status".to_string());
        };
        self.timers.cancel(&Timer::OperationRetry(uuid));
        self.operation_waits.remove(&uuid);
        self.state.operations.remove(&uuid);
        let checkpointed = self.state.total.checkpointed();
        let left = self.state.operations.values().map(|one| &**one);
        let ops = resources::change(&checkpointed, &checkpointed, left);
        self.record(cx, ops, None);
        self.finish_drain(cx);
    }

    /// The master asks about operations that it knows, and this agent did not list; or a framework asks through it.
    pub(crate) fn reconcile_operations(&mut self, cx: &mut Cx, message: &ReconcileOperationsMessage) {
        for question in &message.operations {
            let uuid = question.operation_uuid.as_ref().and_then(|uuid| Uuid::from_bytes(&uuid.value).ok());
            let known =
                match (&uuid, &question.operation_id) {
                    (Some(uuid), _) => self.state.operations.get(uuid),
                    (None, Some(id)) => self.state.operations.values().find(|one| {
                        one.info.id.as_ref() == Some(id) && one.framework_id == message.framework_id
                    }),
                    (None, None) => continue,
                };
            let known = known.cloned();
            match (&message.framework_id, known) {
                // Its end is told anyhow.
                (None, Some(_)) => {}
                (None, None) => {
                    if let Some(uuid) = uuid {
                        self.send_unknown(cx, uuid);
                    }
                }
                (Some(framework), Some(operation)) => {
                    let status = v1::OperationStatus { uuid: None, ..(*operation.latest_status).clone() };
                    let uuid = Some(operation.uuid.clone());
                    self.send_operation_status(cx, Some(framework.clone()), status, uuid);
                }
                (Some(framework), None) => {
                    let status = v1::OperationStatus {
                        operation_id: question.operation_id.clone(),
                        state: v1::OperationState::OperationUnknown,
                        agent_id: self.state.id.as_ref().map(|id| v1::AgentID::from(id.as_str())),
                        resource_provider_id: question.resource_provider_id.clone(),
                        ..Default::default()
                    };
                    self.send_operation_status(cx, Some(framework.clone()), status, None);
                }
            }
        }
    }

    /// The facts of an operation are durable: its end may be told.
    pub(crate) fn operation_recorded(&mut self, cx: &mut Cx, uuid: Uuid) {
        self.operation_waits.insert(uuid, None);
        self.send_operation(cx, uuid);
    }

    pub(crate) fn after_operation(&mut self, cx: &mut Cx, ops: Vec<crate::journal::FileOp>, uuid: Uuid) {
        self.record(cx, ops, Some(Awaited::Operation { uuid }));
    }
}
