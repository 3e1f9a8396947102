// SPDX-License-Identifier: Apache-2.0

//! PongSlaveMessage: an agent is alive.

use kaon_api::libprocess::Upid;

use crate::master::{Master, Turn};

impl Master {
    /// Which agent it is, is told by the observer to which it answers.
    pub(crate) fn pong(&mut self, turn: &mut Turn, to: &str, from: &Upid) {
        let number = to.strip_prefix("slave-observer(").and_then(|rest| rest.strip_suffix(')'));
        let observer = number.and_then(|number| number.parse().ok());
        let Some(row) = observer.and_then(|observer| self.state.agents.row_of_observer(observer)) else {
            return;
        };
        if self.state.agent(row).pid != *from {
            return;
        }
        let agent = self.state.agent_mut(row);
        agent.pulse.awaiting = false;
        agent.pulse.missed = 0;
        let id = agent.id.clone();
        self.heard_again(turn, &id);
    }
}
