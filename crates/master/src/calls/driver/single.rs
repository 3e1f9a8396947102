// SPDX-License-Identifier: Apache-2.0

//! The messages of older drivers, each of which stands for one call.

use kaon_api::v1;
use kaon_api::v1::offer::operation;
use kaon_api::v1::scheduler::{Call, call};

use crate::input::PeerMessage;

impl PeerMessage {
    /// The call that a message of an older driver stands for; none for messages that are not of that kind.
    pub(crate) fn into_call(self) -> Option<Call> {
        Some(match self {
            PeerMessage::UnregisterFramework(message) => of(message.framework_id, call::Type::Teardown),
            PeerMessage::ResourceRequest(message) => {
                let request = call::Request { requests: message.requests, ..Default::default() };
                Call { request: Some(request), ..of(message.framework_id, call::Type::Request) }
            }
            PeerMessage::LaunchTasks(message) => launch(message),
            PeerMessage::ReviveOffers(message) => {
                let revive = call::Revive { roles: message.roles, ..Default::default() };
                Call { revive: Some(revive), ..of(message.framework_id, call::Type::Revive) }
            }
            PeerMessage::KillTask(message) => {
                // Mesos: the policy is not looked at on this way.
                let kill = call::Kill { task_id: message.task_id, ..Default::default() };
                Call { kill: Some(kill), ..of(message.framework_id, call::Type::Kill) }
            }
            PeerMessage::StatusUpdateAcknowledgement(message) => {
                let acknowledge = call::Acknowledge {
                    agent_id: message.agent_id,
                    task_id: message.task_id,
                    uuid: message.uuid,
                    ..Default::default()
                };
                Call { acknowledge: Some(acknowledge), ..of(message.framework_id, call::Type::Acknowledge) }
            }
            PeerMessage::FrameworkToExecutor(message) => {
                let own = call::Message {
                    agent_id: message.agent_id,
                    executor_id: message.executor_id,
                    data: message.data,
                    ..Default::default()
                };
                Call { message: Some(own), ..of(message.framework_id, call::Type::Message) }
            }
            PeerMessage::ReconcileTasks(message) => {
                let asked = |status: v1::TaskStatus| call::reconcile::Task {
                    task_id: status.task_id,
                    agent_id: status.agent_id,
                    ..Default::default()
                };
                let tasks = message.statuses.into_iter().map(asked).collect();
                let reconcile = call::Reconcile { tasks, ..Default::default() };
                Call { reconcile: Some(reconcile), ..of(message.framework_id, call::Type::Reconcile) }
            }
            _ => return None,
        })
    }
}

/// Mesos: without a task it declines.
fn launch(message: kaon_api::internal::LaunchTasksMessage) -> Call {
    let (offer_ids, filters) = (message.offer_ids, Some(message.filters));
    if message.tasks.is_empty() {
        let decline = call::Decline { offer_ids, filters, ..Default::default() };
        return Call { decline: Some(decline), ..of(message.framework_id, call::Type::Decline) };
    }
    let launch = operation::Launch { task_infos: message.tasks, ..Default::default() };
    let operation = v1::offer::Operation {
        r#type: Some(operation::Type::Launch),
        launch: Some(launch),
        ..Default::default()
    };
    let accept = call::Accept { offer_ids, operations: vec![operation], filters, ..Default::default() };
    Call { accept: Some(accept), ..of(message.framework_id, call::Type::Accept) }
}

fn of(framework_id: v1::FrameworkID, kind: call::Type) -> Call {
    Call { framework_id: Some(framework_id), r#type: Some(kind), ..Default::default() }
}
