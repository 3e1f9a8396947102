// SPDX-License-Identifier: Apache-2.0

//! SHUTDOWN: a framework wants an executor to end.

use kaon_api::v1::scheduler::call;
use kaon_api::{internal, v1};

use crate::effect::ToPeer;
use crate::master::{Master, Turn};
use crate::state::FrameworkRow;

impl Master {
    /// Mesos: an agent that is not known is passed over; the agent tells whether the executor was there.
    pub(super) fn shutdown_executor(&mut self, turn: &mut Turn, row: FrameworkRow, call: call::Shutdown) {
        let Some((_, agent)) = self.state.agent_by_id(&call.agent_id.value) else { return };
        let shutdown = internal::ShutdownExecutorMessage {
            executor_id: Some(call.executor_id),
            framework_id: Some(v1::FrameworkID::from(self.state.framework(row).id.as_str())),
            ..Default::default()
        };
        turn.send(&agent.pid, ToPeer::ShutdownExecutor(shutdown));
    }
}
