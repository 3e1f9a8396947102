// SPDX-License-Identifier: Apache-2.0

//! UnregisterSlaveMessage: an agent leaves for good.

use kaon_api::internal;
use kaon_api::libprocess::Upid;

use crate::flows::removal::Cause;
use crate::master::{Master, Turn};

impl Master {
    pub(crate) fn unregister_agent(
        &mut self,
        turn: &mut Turn,
        from: &Upid,
        message: &internal::UnregisterAgentMessage,
    ) {
        self.state.tables.counters.messages_unregister_slave += 1;
        match self.state.agents.row(&message.agent_id.value) {
            Some(row) if self.state.agent(row).pid == *from => {
                self.remove_agent(turn, row, Cause::Unregistered)
            }
            _ => self.state.tables.counters.dropped_messages += 1,
        }
    }
}
