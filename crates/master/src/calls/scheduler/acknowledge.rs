// SPDX-License-Identifier: Apache-2.0

//! ACKNOWLEDGE: a framework has taken an update in.

use kaon_api::v1::scheduler::call;
use kaon_api::{internal, v1};

use crate::effect::ToPeer;
use crate::master::{Master, Turn};
use crate::state::FrameworkRow;

impl Master {
    /// The acknowledgement of a task's end is also the end of the task's entry here.
    pub(super) fn acknowledge(&mut self, turn: &mut Turn, row: FrameworkRow, call: call::Acknowledge) {
        let counters = &mut self.state.tables.counters;
        counters.messages_status_update_acknowledgement += 1;
        let agent = self.state.agent_by_id(&call.agent_id.value).filter(|(_, agent)| agent.connected);
        let Some((agent_row, agent)) = agent else {
            self.state.tables.counters.invalid_status_update_acknowledgements += 1;
            return;
        };
        let pid = agent.pid.clone();
        if let Some(at) = self.state.tasks.row(row, &call.task_id.value) {
            let task = self.state.task(at);
            // Mesos: an update that came through the master before this one is sent again by its agent; only the
            // acknowledgement of that counts.
            let told = task.told.filter(|_| task.agent == agent_row);
            let Some((told, uuid)) = told.and_then(|told| Some((told, told.uuid?))) else {
                self.state.tables.counters.invalid_status_update_acknowledgements += 1;
                return;
            };
            if uuid.as_bytes() == call.uuid.as_slice() && told.state.is_terminal() {
                self.forget_task(at, false);
            }
        }
        let acknowledgement = internal::StatusUpdateAcknowledgementMessage {
            agent_id: call.agent_id,
            framework_id: v1::FrameworkID::from(self.state.framework(row).id.as_str()),
            task_id: call.task_id,
            uuid: call.uuid,
            ..Default::default()
        };
        turn.send(&pid, ToPeer::StatusUpdateAcknowledgement(acknowledgement));
        self.state.tables.counters.valid_status_update_acknowledgements += 1;
    }
}
