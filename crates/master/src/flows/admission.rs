// SPDX-License-Identifier: Apache-2.0

//! A new agent: written first, then registered.

use std::sync::Arc;

use kaon_api::libprocess::Upid;
use kaon_api::{internal, v1};
use kaon_model::{AgentId, Resources};

use super::awaiting::Awaited;
use crate::effect::{Effect, ToPeer};
use crate::master::{Master, Turn};
use crate::registry::Operation;
use crate::state::capabilities::AgentCapabilities;
use crate::state::{Agent, AgentRow};

/// An agent whose admission is being written.
#[derive(Debug)]
pub(crate) struct Admission {
    pub from: Upid,
    pub info: Box<v1::AgentInfo>,
    pub total: Resources,
    pub version: String,
    pub capabilities: AgentCapabilities,
    pub resource_version: Option<v1::UUID>,
}

impl Master {
    /// Gives a new agent its id, and writes it down.
    pub(crate) fn admit(&mut self, turn: &mut Turn, mut admission: Admission) {
        let id = self.new_agent_id();
        admission.info.id = Some(v1::AgentID::from(id.as_str()));
        self.awaiting.registering.insert(admission.from.clone());
        let operation = Operation::AdmitAgent(admission.info.clone());
        self.store(turn, &[operation], Awaited::Admission(Box::new(admission)));
    }

    /// An agent may have come back with an id that looks like one of ours.
    fn new_agent_id(&mut self) -> AgentId {
        loop {
            let id = AgentId::from(format!("{}-S{}", self.info.id, self.ids.agents));
            self.ids.agents += 1;
            let registry = &self.registry;
            let text = id.as_str();
            if !registry.is_admitted(text)
                && !registry.is_gone(text)
                && registry.unreachable_since(text).is_none()
            {
                return id;
            }
        }
    }

    /// The admission is durable: the agent is registered from now on.
    pub(crate) fn admitted(&mut self, turn: &mut Turn, admission: Admission) {
        let Some(id) = admission.info.id.as_ref().map(|id| AgentId::from(id.value.as_str())) else { return };
        self.state.tables.counters.slave_registrations += 1;
        let row = self.add_agent(turn, id, admission);
        let agent = self.state.agent(row);
        let registered = internal::AgentRegisteredMessage {
            agent_id: v1::AgentID::from(agent.id.as_str()),
            connection: Some(self.connection()),
            ..Default::default()
        };
        let pid = agent.pid.clone();
        self.ping(turn, row);
        turn.send(&pid, ToPeer::AgentRegistered(registered));
        self.watch_agent_added(turn, row);
    }

    /// Puts an agent into the tables, links to it, tells the allocator.
    pub(crate) fn add_agent(&mut self, turn: &mut Turn, id: AgentId, new: Admission) -> AgentRow {
        turn.out.push(Effect::Link { to: new.from.clone() });
        let row = self.state.insert_agent(Agent {
            id,
            info: Arc::from(new.info),
            pid: new.from,
            version: new.version,
            capabilities: Arc::new(new.capabilities),
            total: Arc::new(new.total),
            registered: turn.now.wall,
            reregistered: None,
            connected: true,
            resource_version: new.resource_version,
            pulse: Default::default(),
            deactivated: false,
            drain_started: None,
            unavailability: None,
        });
        self.enrol_agent(row);
        self.take_up_duty(row);
        self.take_up_plan(turn, row);
        self.supersede(turn, row);
        row
    }

    /// One process is one agent: whoever else was at this address is there no more.
    ///
    /// Mesos: keeps the other for ever, since the new one answers its pings.
    pub(crate) fn supersede(&mut self, turn: &mut Turn, row: AgentRow) {
        for other in self.state.agents.rows_of_pid(&self.state.agent(row).pid) {
            if other != row {
                let agent = self.state.agent(other).id.clone();
                self.state.tables.counters.slave_unreachable_scheduled += 1;
                self.mark_id_unreachable(turn, agent, "another agent is at its address".to_string());
            }
        }
    }

    /// What an agent must know of how it will be watched.
    pub(crate) fn connection(&self) -> internal::MasterAgentConnection {
        let total = self.config.agent_ping_timeout * self.config.max_agent_ping_timeouts;
        internal::MasterAgentConnection {
            total_ping_timeout_seconds: Some(total.as_secs_f64()),
            ..Default::default()
        }
    }
}
