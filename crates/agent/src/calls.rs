// SPDX-License-Identifier: Apache-2.0

//! What masters and executors ask of an agent: one file for each request.

mod acknowledgement;
mod apply_operation;
mod checkpoint_resources;
mod drain_agent;
mod executor_call;
mod executor_driver;
mod frameworks;
mod kill_task;
mod launch;
mod operations;
mod run_task;
mod subscribe;

use kaon_api::libprocess::Upid;

use crate::agent::{Agent, Cx};
use crate::input::PeerMessage;

impl Agent {
    /// Mesos: whatever does not come from the leading master is ignored, but for pings and for what concerns executors.
    pub(crate) fn message(&mut self, cx: &mut Cx, from: Upid, message: PeerMessage) {
        if let PeerMessage::Ping(ping) = message {
            return self.ping(cx, from, &ping);
        }
        let Some(message) = self.driver_message(cx, &from, message) else { return };
        if !self.state.is_master(&from) && !self.is_authenticator(&from) {
            let name = message.name();
            return cx.warn(format!("Ignoring {name} from {from} because it is not the leading master"));
        }
        match message {
            PeerMessage::Ping(ping) => self.ping(cx, from, &ping),
            PeerMessage::Registered(message) => self.registered(cx, &message),
            PeerMessage::Reregistered(message) => self.reregistered(cx, message),
            PeerMessage::Shutdown(message) => self.shutdown_by_master(cx, &message),
            PeerMessage::RunTask(message) => self.run_task(cx, message),
            PeerMessage::RunTaskGroup(message) => self.run_task_group(cx, message),
            PeerMessage::KillTask(message) => self.kill_task(cx, message),
            PeerMessage::ShutdownExecutor(message) => self.shutdown_executor_call(cx, &message),
            PeerMessage::ShutdownFramework(message) => self.shutdown_framework_call(cx, &message),
            PeerMessage::UpdateFramework(message) => self.update_framework(cx, message),
            PeerMessage::StatusUpdateAcknowledgement(message) => self.acknowledged(cx, &message),
            PeerMessage::ApplyOperation(message) => self.apply_operation(cx, message),
            PeerMessage::CheckpointResources(message) => self.checkpoint_resources(cx, &message),
            PeerMessage::AcknowledgeOperationStatus(message) => self.operation_acknowledged(cx, &message),
            PeerMessage::ReconcileOperations(message) => self.reconcile_operations(cx, &message),
            PeerMessage::DrainAgent(message) => self.drain_agent(cx, message),
            other => self.authentication_message(cx, &from, other),
        }
    }
}
