// SPDX-License-Identifier: Apache-2.0

//! ApplyOperation: the master changes what the agent has.

use std::sync::Arc;

use kaon_api::internal::ApplyOperationMessage;
use kaon_api::v1;
use kaon_model::Uuid;

use crate::agent::{Agent, Cx};
use crate::state::{MAX_OPERATIONS, Session};

impl Agent {
    pub(crate) fn apply_operation(&mut self, cx: &mut Cx, message: ApplyOperationMessage) {
        let Ok(uuid) = Uuid::from_bytes(&message.operation_uuid.value) else {
            return cx.warn("Ignoring an operation without a valid UUID".to_string());
        };
        let Some(agent) = self.state.id.clone() else { return };
        // The master was told, when this agent registered, what it had then; it asks for what it ordered before.
        if self.state.session != Session::Running {
            return cx.warn(format!("Ignoring operation {uuid}: the agent is not registered"));
        }
        if self.state.operations.contains_key(&uuid) {
            return;
        }
        let agent_id = Some(v1::AgentID::from(agent.as_str()));
        let status = v1::OperationStatus {
            operation_id: message.operation_info.id.clone(),
            state: v1::OperationState::OperationPending,
            agent_id: agent_id.clone(),
            ..Default::default()
        };
        let operation = v1::Operation {
            framework_id: message.framework_id,
            agent_id,
            info: message.operation_info,
            latest_status: Box::new(status),
            uuid: message.operation_uuid,
            ..Default::default()
        };
        let version = &message.resource_version_uuid;
        let why = if version.resource_provider_id.is_some() {
            Some("There is no such resource provider")
        } else if version.uuid.value != self.state.resource_version.as_bytes() {
            Some("The operation assumes outdated resource state")
        } else if self.state.operations.len() >= MAX_OPERATIONS {
            Some("Too many operations")
        } else {
            None
        };
        if why.is_some() {
            return self.send_dropped(cx, &operation, why);
        }
        self.apply(cx, uuid, Arc::new(operation));
    }
}
