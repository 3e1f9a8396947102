// SPDX-License-Identifier: Apache-2.0

//! Agents out of service: from the word of an operator until nothing runs on them.

use kaon_api::{internal, v1};

use crate::calls::operator::{DutyChange, Gone};
use crate::effect::{Reply, ToPeer};
use crate::flows::awaiting::Awaited;
use crate::master::{Master, Turn};
use crate::registry::Operation;
use crate::state::AgentRow;

impl Master {
    /// It is durable: the agent is offered, or not, or emptied.
    pub(crate) fn duty_changed(&mut self, turn: &mut Turn, change: DutyChange) {
        let DutyChange { agent, ticket } = change;
        if let Some(row) = self.state.agents.row(agent.as_str()) {
            self.take_up_duty(row);
            if self.state.agent(row).deactivated {
                self.withdraw_agent_offers(turn, row);
            }
            self.order_drain(turn, row);
            self.state.agents.note_emptied(row);
        }
        if let Some(ticket) = ticket {
            turn.reply(ticket, Reply::Ok);
        }
    }

    /// The row says what the registry says.
    pub(crate) fn take_up_duty(&mut self, row: AgentRow) {
        let duty = self.registry.duty(self.state.agent(row).id.as_str()).unwrap_or_default();
        #[cfg(feature = "sabotage")]
        let offers_all = self.breaks(crate::Sabotage::OfferTheDeactivated);
        #[cfg(not(feature = "sabotage"))]
        let offers_all = false;
        let agent = self.state.agent_mut(row);
        let was_active = agent.is_active();
        agent.deactivated = duty.deactivated && !offers_all;
        if duty.drain.is_none() {
            agent.drain_started = None;
        }
        match (was_active, agent.is_active()) {
            (false, true) => self.wake_agent(row),
            (true, false) => self.quiet_agent(row),
            _ => {}
        }
    }

    /// A draining agent is told so whenever it may not know. One that runs nothing passes it over.
    pub(crate) fn order_drain(&mut self, turn: &mut Turn, row: AgentRow) {
        let agent = self.state.agent(row);
        let Some(duty) = self.registry.duty(agent.id.as_str()).filter(|duty| duty.is_draining()) else {
            return;
        };
        let Some(drain) = duty.drain.filter(|_| agent.connected) else { return };
        let (pid, tells_operations) = (agent.pid.clone(), agent.capabilities.resource_provider());
        self.state.agent_mut(row).drain_started = Some(turn.now.wall);
        let order = internal::DrainAgentMessage { config: drain.config, ..Default::default() };
        turn.send(&pid, ToPeer::DrainAgent(order));
        if !tells_operations {
            // Of the others it is known what they still have to do once they have told it.
            self.state.agents.note_emptied(row);
        }
    }

    /// Agents that may have nothing left since this input came: those that are draining are drained then.
    ///
    /// Mesos: an end must be acknowledged, since the agent that knows it may be switched off now.
    pub(crate) fn settle_drains(&mut self, turn: &mut Turn) {
        for row in self.state.agents.take_emptied() {
            let Some(agent) = self.state.tables.agents.get(row) else { continue };
            let (id, connected) = (agent.id.clone(), agent.connected);
            let duty = self.registry.duty(id.as_str()).filter(|duty| duty.is_draining());
            let Some(mut duty) = duty.filter(|_| connected && !self.awaiting.agents.contains(&id)) else {
                continue;
            };
            let is_empty =
                self.state.tasks.of_agent(row).is_empty() && self.state.operations.count_of_agent(row) == 0;
            #[cfg(feature = "sabotage")]
            let is_empty = is_empty || self.breaks(crate::Sabotage::DrainedTooSoon);
            let Some(drain) = duty.drain.as_mut().filter(|_| is_empty) else { continue };
            if drain.config.mark_gone() {
                self.awaiting.agents.insert(id.clone());
                let since = v1::TimeInfo { nanoseconds: turn.now.wall.nanos(), ..Default::default() };
                let operation = Operation::MarkGone(id.clone(), since);
                self.store(turn, &[operation], Awaited::Gone(Gone { agent: id, ticket: None }));
            } else {
                drain.state = v1::DrainState::Drained;
                self.write_duty(turn, DutyChange { agent: id, ticket: None }, duty);
            }
        }
    }
}
