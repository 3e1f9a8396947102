// SPDX-License-Identifier: Apache-2.0

//! The pace at which agents are declared unreachable.
//!
//! When a switch dies, thousands of agents fall silent at once. `--agent_removal_rate_limit` lets so few of them go at a
//! time that an operator can step in, or the network come back, before the frameworks have rebuilt everything elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use kaon_model::{AgentId, Mono, Span};

use crate::effect::Effect;
use crate::master::{Master, TimerKey, Turn};

/// So many agents in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovalRate {
    pub agents: u32,
    pub within: Duration,
}

impl RemovalRate {
    /// Mesos: one at a time, evenly; what was not used is not saved up.
    fn pause(self) -> Duration {
        self.within / self.agents.max(1)
    }
}

/// Why an agent is to be declared unreachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It answers no pings.
    Silent,
    /// Its connection broke, and it did not come back.
    Disconnected,
    /// It was admitted by an earlier master, and did not come to this one.
    Recovered,
}

impl Lost {
    /// What frameworks are told.
    fn message(self, timeout: Span) -> String {
        match self {
            Lost::Silent => "health check timed out".to_string(),
            Lost::Disconnected => format!("agent did not reregister within {timeout} after disconnecting"),
            Lost::Recovered => format!("did not reregister within {timeout} after master failover"),
        }
    }
}

/// Agents that wait for their turn to be declared unreachable.
///
/// Bound: as many as there are agents, each once.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    waiting: BTreeMap<u64, AgentId>,
    places: BTreeMap<AgentId, (u64, Lost)>,
    last: u64,
    /// Before then nobody's turn comes.
    free: Mono,
}

impl Pace {
    pub fn waits(&self, agent: &AgentId) -> bool {
        self.places.contains_key(agent)
    }

    /// Whether it is new in the queue. One that waits already keeps its place, for the newest reason.
    fn enter(&mut self, agent: AgentId, why: Lost) -> bool {
        if let Some((_, known)) = self.places.get_mut(&agent) {
            *known = why;
            return false;
        }
        self.last += 1;
        self.waiting.insert(self.last, agent.clone());
        self.places.insert(agent, (self.last, why));
        true
    }

    fn pop(&mut self) -> Option<(AgentId, Lost)> {
        let (_, agent) = self.waiting.pop_first()?;
        let (_, why) = self.places.remove(&agent)?;
        Some((agent, why))
    }

    pub fn leave(&mut self, agent: &AgentId) -> Option<Lost> {
        let (place, why) = self.places.remove(agent)?;
        self.waiting.remove(&place);
        Some(why)
    }
}

impl Master {
    /// An agent is lost: it is declared unreachable now, or when its turn comes.
    pub(crate) fn lose_agent(&mut self, turn: &mut Turn, agent: AgentId, why: Lost) {
        if self.awaiting.agents.contains(&agent) {
            return;
        }
        if self.config.agent_removal_rate_limit.is_none() {
            self.state.tables.counters.slave_unreachable_scheduled += 1;
            return self.declare_lost(turn, agent, why);
        }
        let text = self.loss_text(&agent, why);
        if self.pace.enter(agent, why) {
            self.state.tables.counters.slave_unreachable_scheduled += 1;
            turn.out.push(Effect::Warn { message: text });
            self.timers.set_no_later(TimerKey::Removal, self.pace.free.max(turn.now.mono));
        }
    }

    fn loss_text(&self, agent: &AgentId, why: Lost) -> String {
        let timeout = Span::from_std(self.config.agent_reregister_timeout);
        let known = self.state.agent_by_id(agent.as_str()).map(|(_, agent)| agent.title());
        let title = known.unwrap_or_else(|| {
            let host = self.recovered.get(agent).map(|info| info.hostname.as_str()).unwrap_or_default();
            format!("{agent} ({host})")
        });
        match why {
            Lost::Silent => {
                format!(
                    "Scheduling transition of agent {agent} to UNREACHABLE because of health check timeout"
                )
            }
            Lost::Disconnected => format!(
                "Scheduling removal of agent {title}; did not reregister within {timeout} after disconnecting"
            ),
            Lost::Recovered => format!(
                "Scheduling removal of agent {title}; did not reregister within {timeout} after master failover"
            ),
        }
    }

    /// The next agent's turn, unless it was found again meanwhile.
    pub(crate) fn removal_due(&mut self, turn: &mut Turn) {
        let Some(rate) = self.config.agent_removal_rate_limit else { return };
        while let Some((agent, why)) = self.pace.pop() {
            // One whose change is being written is looked at again by whoever found it lost.
            if self.is_lost(&agent, why) && !self.awaiting.agents.contains(&agent) {
                self.declare_lost(turn, agent, why);
                self.pace.free = turn.now.mono + rate.pause();
                break;
            }
        }
        if !self.pace.waiting.is_empty() {
            self.timers.set(TimerKey::Removal, self.pace.free.max(turn.now.mono));
        }
    }

    fn is_lost(&self, agent: &AgentId, why: Lost) -> bool {
        let known = self.state.agent_by_id(agent.as_str()).map(|(_, agent)| agent);
        match why {
            Lost::Silent => {
                known.is_some_and(|agent| agent.pulse.missed >= self.config.max_agent_ping_timeouts)
            }
            Lost::Disconnected => known.is_some_and(|agent| !agent.connected),
            Lost::Recovered => self.recovered.contains_key(agent),
        }
    }

    fn declare_lost(&mut self, turn: &mut Turn, agent: AgentId, why: Lost) {
        let message = why.message(Span::from_std(self.config.agent_reregister_timeout));
        if self.mark_id_unreachable(turn, agent, message) && why == Lost::Recovered {
            self.state.tables.counters.recovery_slave_removals += 1;
        }
    }

    /// A pong has come. Whoever waits for another reason goes on waiting.
    pub(crate) fn heard_again(&mut self, turn: &mut Turn, agent: &AgentId) {
        if self.pace.places.get(agent).is_some_and(|(_, why)| *why == Lost::Silent) {
            self.pace.leave(agent);
            self.state.tables.counters.slave_unreachable_canceled += 1;
            let message =
                format!("Canceling transition of agent {agent} to UNREACHABLE because a pong was received!");
            turn.out.push(Effect::Warn { message });
        }
    }

    /// An agent has come back before its turn.
    pub(crate) fn found_again(&mut self, turn: &mut Turn, agent: &AgentId) {
        if self.pace.leave(agent).is_some() {
            self.state.tables.counters.slave_unreachable_canceled += 1;
            let message = format!(
                "Skipping transition of agent {agent} to unreachable because it reregistered in the interim"
            );
            turn.out.push(Effect::Warn { message });
        }
    }
}
