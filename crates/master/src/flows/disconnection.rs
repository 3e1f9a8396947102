// SPDX-License-Identifier: Apache-2.0

//! Links that break: the agents behind them are not offered until they come back.

use std::net::SocketAddrV4;

use kaon_api::v1;
use kaon_api::v1::task_status::Reason;
use kaon_model::TaskState;

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
    }

    /// Its process has ended or closed the link. What does not survive that is lost.
    fn agent_disconnected(&mut self, turn: &mut Turn, row: AgentRow) {
        self.state.agent_mut(row).connected = false;
        self.quiet_agent(row);
        self.withdraw_agent_offers(turn, row);
        self.lose_unsaved_tasks(turn, row);
        self.timers.set(TimerKey::Reregister(row), turn.now.mono + self.config.agent_reregister_timeout);
    }

    /// Frameworks without checkpoints lose their tasks with the agent's process.
    ///
    /// Mesos: even where the process only closed the link, and the tasks run on. Should it come back with them, they
    /// are killed: what a framework was told is lost stays lost.
    fn lose_unsaved_tasks(&mut self, turn: &mut Turn, agent: AgentRow) {
        let unsaved = |master: &Master, framework| !master.state.framework(framework).info.checkpoint();
        for row in self.state.tasks.of_agent(agent) {
            let task = self.state.task(row);
            // What has ended is settled when the agent comes back, or does not.
            if !unsaved(self, task.framework) || task.state.is_terminal() {
                continue;
            }
            let of = self.state.agent(agent);
            let message = format!("Agent {} disconnected", of.hostname());
            let (id, reason) = (&task.body.id, Reason::ReasonAgentDisconnected);
            let mut status =
                events::own_status(id, Some(&of.id), TaskState::Lost, reason, message, turn.now.wall);
            status.executor_id = task.body.executor.as_ref().map(|id| v1::ExecutorID::from(id.as_str()));
            let (framework, id) = (task.body.framework.clone(), id.clone());
            self.end_task_here(turn, row, status);
            self.forget_task(row, false);
            self.state.agents.remember_kill(agent, framework, id);
        }
        for row in self.state.executors.of_agent(agent) {
            if unsaved(self, self.state.tables.executors[row].framework) {
                self.drop_executor(row);
            }
        }
    }
}
