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
use crate::state::{Agent, Machine};

/// Bound: words about one agent that wait for a write about it. Beyond it operators must ask again.
const MAX_WAITING: usize = 100;

/// What an operator wants of an agent.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// It is offered no more; what it runs goes on.
    Deactivate,
    /// It is offered again. Mesos: says 409 of one that is not registered now, though it writes it down.
    Reactivate,
    /// It is offered no more, and kills what it runs. Asked again, the newest settings count.
    Drain(v1::DrainConfig),
}

/// An agent whose part is being written.
#[derive(Debug)]
pub(crate) struct DutyChange {
    pub agent: AgentId,
    /// None where the master itself found that the agent is drained.
    pub ticket: Option<Ticket>,
}

impl Wish {
    pub fn to_drain(call: &call::DrainAgent) -> Wish {
        let grace = call.max_grace_period.as_ref().map(|grace| v1::DurationInfo {
            nanoseconds: grace
                .seconds
                .unwrap_or_default()
                .saturating_mul(1_000_000_000)
                .saturating_add(grace.nanos.unwrap_or_default().into()),
            ..Default::default()
        });
        Wish::Drain(v1::DrainConfig {
            max_grace_period: grace,
            // Mesos: is written even where it is the default.
            mark_gone: Some(call.mark_gone.unwrap_or_default()),
            ..Default::default()
        })
    }
}

impl Master {
    /// Writes what an operator wants of an agent; where something else about that agent is being written, after that.
    pub(super) fn change_duty(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        id: &v1::AgentID,
        wish: Wish,
    ) -> Result<Option<Reply>, Rejection> {
        let agent = AgentId::from(id.value.as_str());
        if !self.awaiting.agents.contains(&agent) {
            return self.begin_duty(turn, ticket, agent, &wish);
        }
        if self.awaiting.is_going(&agent) {
            let text = match wish {
                Wish::Drain(_) => "Agent is currently being marked gone",
                Wish::Deactivate | Wish::Reactivate => "Agent removed while processing the call",
            };
            return Err(Rejection::Conflict(text.to_string()));
        }
        let waiting = self.awaiting.wishes.entry(agent.clone()).or_default();
        if waiting.len() >= MAX_WAITING {
            return Err(Rejection::Busy(format!("Agent '{agent}' is in transition: try again")));
        }
        waiting.push_back((ticket, wish));
        Ok(None)
    }

    /// Goes on with what operators want of an agent once nothing about it is being written any more.
    pub(crate) fn next_duty(&mut self, turn: &mut Turn, agent: &AgentId) {
        while !self.awaiting.agents.contains(agent) {
            let Some(waiting) = self.awaiting.wishes.get_mut(agent) else { return };
            let Some((ticket, wish)) = waiting.pop_front() else {
                self.awaiting.wishes.remove(agent);
                return;
            };
            match self.begin_duty(turn, ticket, agent.clone(), &wish) {
                Ok(None) => {}
                Ok(Some(reply)) => turn.reply(ticket, reply),
                Err(rejection) => turn.reply(ticket, rejection.into()),
            }
        }
    }

    fn begin_duty(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        agent: AgentId,
        wish: &Wish,
    ) -> Result<Option<Reply>, Rejection> {
        let duty = self.duty_after(&agent, wish)?;
        self.write_duty(turn, DutyChange { agent, ticket: Some(ticket) }, duty);
        Ok(None)
    }

    /// What will be written of an agent, or why nothing is.
    fn duty_after(&self, agent: &AgentId, wish: &Wish) -> Result<Duty, Rejection> {
        let invalid = |text: &str| Err(Rejection::Invalid(text.to_string()));
        let known = self.registry.duty(agent.as_str());
        match (wish, known) {
            (Wish::Reactivate, Some(duty)) if duty.is_draining() => {
                invalid("Agent is still in the DRAINING state")
            }
            (Wish::Reactivate, Some(duty)) if duty.deactivated => Ok(Duty::default()),
            (Wish::Reactivate, _) => invalid("Agent is not deactivated"),
            (_, None) => invalid("Unknown agent"),
            (Wish::Deactivate, Some(duty)) => Ok(Duty { deactivated: true, ..duty }),
            (Wish::Drain(config), Some(_)) => {
                let present = self.state.agent_by_id(agent.as_str());
                if let Some(planned) = present.and_then(|(_, agent)| self.is_planned_for(agent)) {
                    return Err(planned);
                }
                if present.is_some_and(|(_, agent)| !agent.capabilities.draining()) {
                    return invalid(&format!("Agent {agent} is not capable of draining"));
                }
                let (state, config) = (v1::DrainState::Draining, config.clone());
                let drain = v1::DrainInfo { state, config, ..Default::default() };
                Ok(Duty { deactivated: true, drain: Some(drain) })
            }
        }
    }

    /// Mesos: an operator who has planned for a machine must not be surprised by another.
    fn is_planned_for(&self, agent: &Agent) -> Option<Rejection> {
        self.state.machines.plan(&Machine::of_agent(agent)).map(|_| {
            Rejection::Invalid(format!(
                "Agent {} is part of a maintenance schedule under Machine {} ({})",
                agent.id,
                agent.hostname(),
                agent.pid.ip
            ))
        })
    }

    pub(crate) fn write_duty(&mut self, turn: &mut Turn, change: DutyChange, duty: Duty) {
        self.awaiting.agents.insert(change.agent.clone());
        let operation = Operation::SetDuty(change.agent.clone(), duty);
        self.store(turn, &[operation], Awaited::Duty(change));
    }
}
