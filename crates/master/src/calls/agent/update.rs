// SPDX-License-Identifier: Apache-2.0

//! UpdateSlaveMessage: an agent tells what it has beyond its total, with what it was ordered to do to it.

use kaon_api::internal;
use kaon_api::libprocess::Upid;
use kaon_model::Resources;

use crate::master::{Master, Turn};

impl Master {
    /// Offers of what has changed are taken back; a message that changes nothing does nothing.
    pub(crate) fn update_agent(
        &mut self,
        turn: &mut Turn,
        from: &Upid,
        message: internal::UpdateAgentMessage,
    ) {
        self.state.tables.counters.messages_update_slave += 1;
        let row = self.state.agents.row(&message.agent_id.value);
        let Some(row) = row.filter(|row| self.state.agent(*row).pid == *from) else {
            self.state.tables.counters.dropped_messages += 1;
            return;
        };
        if message.resource_version_uuid.is_some() {
            self.state.agent_mut(row).resource_version = message.resource_version_uuid;
        }
        let operations = message.operations.map(|operations| operations.operations).unwrap_or_default();
        self.compare_operations(turn, row, operations);
        if self.state.agent(row).drain_started.is_some() {
            self.state.agents.note_emptied(row);
        }
        if !message.update_oversubscribed_resources.unwrap_or(true) {
            return;
        }
        let Ok(oversubscribed) = Resources::from_wire(&message.oversubscribed_resources) else {
            self.state.tables.counters.dropped_messages += 1;
            return;
        };
        let revocable = oversubscribed.revocable();
        let total = &self.state.agent(row).total.non_revocable() + &revocable;
        self.state.hopes.rebase(row, |known| &known.non_revocable() + &revocable);
        self.set_total(turn, row, total);
    }
}
