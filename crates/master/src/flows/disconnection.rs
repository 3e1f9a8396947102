// SPDX-License-Identifier: Apache-2.0

//! Links that break: the agents behind them are not offered, the drivers not told, until they come back.

use std::net::SocketAddrV4;

use crate::events;
use crate::master::{Master, TimerKey, Turn};
use crate::state::AgentRow;

impl Master {
    pub(crate) fn exited(&mut self, turn: &mut Turn, peer: SocketAddrV4) {
        for row in self.state.agents.rows_at(peer) {
            if self.state.agent(row).connected {
                self.agent_disconnected(turn, row);
            }
        }
        for row in self.state.frameworks.drivers_at(peer) {
            // Mesos: a driver on the far side of a broken link cannot know; this makes it give up, if it can be told.
            self.tell(turn, row, events::error("Framework disconnected"));
            self.framework_disconnected(turn, row);
        }
        self.authentication.forget_process(peer);
    }

    /// Its process has ended or closed the link; which of its tasks still run, only it can say.
    ///
    /// Mesos: declares the tasks of frameworks without checkpoints lost here (MESOS-7911). They would run on where
    /// just the link broke, on resources that were offered to others already. Here the agent's own list decides
    /// when it is back, and its silence when it is not.
    fn agent_disconnected(&mut self, turn: &mut Turn, row: AgentRow) {
        self.state.agent_mut(row).connected = false;
        self.quiet_agent(row);
        self.withdraw_agent_offers(turn, row);
        self.timers.set(TimerKey::Reregister(row), turn.now.mono + self.config.agent_reregister_timeout);
    }
}
