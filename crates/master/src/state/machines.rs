// SPDX-License-Identifier: Apache-2.0

//! The machines of which operators have said something, with the agents that are on them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use kaon_api::v1;
use kaon_api::v1::machine_info::Mode;
use kaon_model::Mono;

use super::{Agent, AgentRow, FrameworkRow};

/// The name of a machine.
///
/// Mesos: both parts must be the same. So a schedule that names machines by host alone is taken, and about no agent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Machine {
    /// In small letters.
    hostname: Option<String>,
    ip: Option<String>,
}

impl Machine {
    pub fn named(id: &v1::MachineID) -> Machine {
        Machine { hostname: id.hostname.as_ref().map(|name| name.to_ascii_lowercase()), ip: id.ip.clone() }
    }

    /// The machine on which an agent says it is, at the address by which it is reached.
    pub fn of(hostname: &str, ip: Ipv4Addr) -> Machine {
        Machine { hostname: Some(hostname.to_ascii_lowercase()), ip: Some(ip.to_string()) }
    }

    /// In small letters.
    pub fn hostname(&self) -> Option<&str> {
        self.hostname.as_deref()
    }

    pub fn of_agent(agent: &Agent) -> Machine {
        Machine::of(agent.hostname(), agent.pid.ip)
    }
}

/// What operators want of one machine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub unavailability: Option<Arc<v1::Unavailability>>,
    pub down: bool,
}

/// The machines that are scheduled or down: what the registry says of them, as far as it is durable.
#[derive(Debug, Default)]
pub(crate) struct Machines {
    plans: BTreeMap<Machine, Plan>,
    /// Agents on machines that are scheduled.
    agents: BTreeSet<AgentRow>,
    /// Agents on machines that are down, which are to be removed as soon as nothing else is written of them.
    leaving: BTreeSet<AgentRow>,
    /// Until when a framework is not asked again for an agent.
    asked: BTreeMap<(AgentRow, FrameworkRow), Mono>,
}

impl Machines {
    pub fn of_registry<'a>(machines: impl Iterator<Item = &'a v1::MachineInfo>) -> Machines {
        let plan = |info: &v1::MachineInfo| Plan {
            unavailability: info.unavailability.clone().map(Arc::new),
            down: info.mode == Some(Mode::Down),
        };
        let out = |info: &&v1::MachineInfo| matches!(info.mode, Some(Mode::Draining | Mode::Down));
        let plans = machines.filter(out).map(|info| (Machine::named(&info.id), plan(info))).collect();
        Machines { plans, ..Default::default() }
    }

    /// Takes over what is planned now; says whether it is anything else.
    pub fn replan(&mut self, news: Machines) -> bool {
        let changed = self.plans != news.plans;
        self.plans = news.plans;
        changed
    }

    /// Bound: as many as the operator has scheduled; most clusters, most of the time, none.
    pub fn plan(&self, machine: &Machine) -> Option<&Plan> {
        self.plans.get(machine)
    }

    pub fn is_empty(&self) -> bool {
        self.plans.is_empty()
    }

    pub fn is_down(&self, hostname: &str, ip: Ipv4Addr) -> bool {
        !self.plans.is_empty() && self.plans.get(&Machine::of(hostname, ip)).is_some_and(|plan| plan.down)
    }

    pub fn scheduled_agents(&self) -> impl Iterator<Item = AgentRow> {
        self.agents.iter().copied()
    }

    pub fn has_scheduled_agents(&self) -> bool {
        !self.agents.is_empty()
    }

    pub fn set_scheduled(&mut self, agent: AgentRow, scheduled: bool) {
        if scheduled {
            self.agents.insert(agent);
        } else {
            self.agents.remove(&agent);
        }
    }

    pub fn let_go(&mut self, agent: AgentRow) {
        self.leaving.insert(agent);
    }

    pub fn leaving(&self) -> impl Iterator<Item = AgentRow> {
        self.leaving.iter().copied()
    }

    pub fn forget_agent(&mut self, agent: AgentRow) {
        self.agents.remove(&agent);
        self.leaving.remove(&agent);
        self.forget_asked_of(agent);
    }

    /// The framework has answered, and is not asked again before then.
    pub fn rest_until(&mut self, agent: AgentRow, framework: FrameworkRow, until: Mono) {
        self.asked.insert((agent, framework), until);
    }

    /// Whether a framework may be asked for the agent.
    pub fn may_ask(&mut self, agent: AgentRow, framework: FrameworkRow, now: Mono) -> bool {
        match self.asked.get(&(agent, framework)) {
            Some(until) if *until > now => false,
            Some(_) => {
                self.asked.remove(&(agent, framework));
                true
            }
            None => true,
        }
    }

    pub fn forget_asked_of(&mut self, agent: AgentRow) {
        self.asked.retain(|(own, _), _| *own != agent);
    }

    pub fn forget_asked(&mut self, framework: FrameworkRow) {
        self.asked.retain(|(_, own), _| *own != framework);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_known_by_both_its_names() {
        let named = |hostname: Option<&str>, ip: Option<&str>| {
            Machine::named(&v1::MachineID {
                hostname: hostname.map(Into::into),
                ip: ip.map(Into::into),
                ..Default::default()
            })
        };
        let machine = Machine::of("Host1", Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!(named(Some("hOST1"), Some("10.0.0.1")), machine);
        assert_ne!(named(Some("host1"), None), machine);
        assert_ne!(named(None, Some("10.0.0.1")), machine);
        assert_ne!(named(Some("host1"), Some("10.0.0.2")), machine);
    }
}
