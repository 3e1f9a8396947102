// SPDX-License-Identifier: Apache-2.0

//! DEACTIVATE_AGENT, REACTIVATE_AGENT, DRAIN_AGENT: an operator says whether an agent takes part.

use kaon_api::v1;
use kaon_api::v1::master::call;
use kaon_model::AgentId;

use crate::effect::Reply;
use crate::flows::awaiting::Awaited;
use crate::input::Ticket;
use crate::master::{Master, Turn};
use crate::registry::{Duty, Operation};
use crate::rejection::Rejection;

/// An agent whose part is being written.
#[derive(Debug)]
pub(crate) struct DutyChange {
    pub agent: AgentId,
    /// None where the master itself found that the agent is drained.
    pub ticket: Option<Ticket>,
}

impl Master {
    /// It is offered no more; what it runs goes on.
    pub(super) fn deactivate_agent(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        call: &call::DeactivateAgent,
    ) -> Result<Option<Reply>, Rejection> {
        let (agent, duty) = self.agent_on_duty(&call.agent_id)?;
        self.set_duty(turn, ticket, agent, Duty { deactivated: true, ..duty })
    }

    /// It is offered again. Mesos: says 409 of one that is not registered now, though it writes it down.
    pub(super) fn reactivate_agent(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        call: &call::ReactivateAgent,
    ) -> Result<Option<Reply>, Rejection> {
        let known = self.registry.duty(&call.agent_id.value).filter(|duty| duty.deactivated);
        let Some(duty) = known else {
            return Err(Rejection::Invalid("Agent is not deactivated".to_string()));
        };
        if duty.is_draining() {
            return Err(Rejection::Invalid("Agent is still in the DRAINING state".to_string()));
        }
        self.set_duty(turn, ticket, AgentId::from(call.agent_id.value.as_str()), Duty::default())
    }

    /// It is offered no more, and kills what it runs. Asked again, the newest settings count.
    pub(super) fn drain_agent(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        call: call::DrainAgent,
    ) -> Result<Option<Reply>, Rejection> {
        let (agent, _) = self.agent_on_duty(&call.agent_id)?;
        let id = agent.as_str();
        let lacks = |(_, agent): (_, &crate::state::Agent)| !agent.capabilities.draining();
        if self.state.agent_by_id(id).is_some_and(lacks) {
            return Err(Rejection::Invalid(format!("Agent {id} is not capable of draining")));
        }
        let grace = call.max_grace_period.map(|grace| v1::DurationInfo {
            nanoseconds: grace
                .seconds
                .unwrap_or_default()
                .saturating_mul(1_000_000_000)
                .saturating_add(grace.nanos.unwrap_or_default().into()),
            ..Default::default()
        });
        let config = v1::DrainConfig {
            max_grace_period: grace,
            // Mesos: is written even where it is the default.
            mark_gone: Some(call.mark_gone.unwrap_or_default()),
            ..Default::default()
        };
        let drain = v1::DrainInfo { state: v1::DrainState::Draining, config, ..Default::default() };
        self.set_duty(turn, ticket, agent, Duty { deactivated: true, drain: Some(drain) })
    }

    fn agent_on_duty(&self, id: &v1::AgentID) -> Result<(AgentId, Duty), Rejection> {
        match self.registry.duty(&id.value) {
            Some(duty) => Ok((AgentId::from(id.value.as_str()), duty)),
            None => Err(Rejection::Invalid("Unknown agent".to_string())),
        }
    }

    fn set_duty(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        agent: AgentId,
        duty: Duty,
    ) -> Result<Option<Reply>, Rejection> {
        if self.awaiting.agents.contains(&agent) {
            return Err(Rejection::Busy(format!("Agent '{agent}' is in transition: try again")));
        }
        self.write_duty(turn, DutyChange { agent, ticket: Some(ticket) }, duty);
        Ok(None)
    }

    pub(crate) fn write_duty(&mut self, turn: &mut Turn, change: DutyChange, duty: Duty) {
        self.awaiting.agents.insert(change.agent.clone());
        let operation = Operation::SetDuty(change.agent.clone(), duty);
        self.store(turn, &[operation], Awaited::Duty(change));
    }
}
