// SPDX-License-Identifier: Apache-2.0

//! The agents that are registered.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use std::sync::Arc;

use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_model::{AgentId, FrameworkId, Index, Resources, TaskId, Wall};

use super::capabilities::AgentCapabilities;
use super::{State, Tables};

/// Where an agent stands in its table.
pub type AgentRow = Index;

/// One registered agent: what pictures show of it.
#[derive(Clone, Debug)]
pub struct Agent {
    pub id: AgentId,
    /// With its id; resources in the form with a stack of reservations.
    pub info: Arc<v1::AgentInfo>,
    pub pid: Upid,
    pub version: String,
    pub capabilities: Arc<AgentCapabilities>,
    pub total: Arc<Resources>,
    pub registered: Wall,
    pub reregistered: Option<Wall>,
    /// Whether its linked connection stands.
    pub connected: bool,
    /// Proves to the agent that a launch was decided with its present resources in mind.
    pub resource_version: Option<v1::UUID>,
    pub pulse: Pulse,
    /// Whether an operator took it out of service.
    pub deactivated: bool,
    /// When it was told last that it is to be emptied, while it is.
    pub drain_started: Option<Wall>,
    /// When its machine is to be maintained, if that is planned.
    pub unavailability: Option<Arc<v1::Unavailability>>,
}

/// How an agent answers its pings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pulse {
    /// The number in `slave-observer(n)`, to which the pongs come.
    pub observer: u64,
    /// Pings in a row that found no answer before the next was due.
    pub missed: u32,
    /// Whether the last ping is still without an answer.
    pub awaiting: bool,
}

impl Agent {
    /// Only active agents are offered.
    pub fn is_active(&self) -> bool {
        self.connected && !self.deactivated
    }

    /// Mesos: how an agent is named in texts for people.
    pub fn title(&self) -> String {
        format!("{} at {} ({})", self.id, self.pid, self.hostname())
    }

    /// Whether operations are sent to it one by one. Others are told what all of them come to.
    pub fn applies_operations(&self) -> bool {
        self.capabilities.resource_provider() && self.resource_version.is_some()
    }

    pub fn hostname(&self) -> &str {
        &self.info.hostname
    }
}

/// The ways to agents.
#[derive(Debug, Default)]
pub(crate) struct Agents {
    by_id: BTreeMap<AgentId, AgentRow>,
    /// More than one only until the registry knows which of them is lost.
    by_address: BTreeMap<(SocketAddrV4, String), BTreeSet<AgentRow>>,
    by_observer: BTreeMap<u64, AgentRow>,
    /// Tasks that were to be killed, of which their agents may not have heard: asked again when those return.
    killed: BTreeMap<AgentRow, BTreeSet<(FrameworkId, TaskId)>>,
    next_observer: u64,
    /// Agents that are being emptied, of which something has ended.
    emptied: BTreeSet<AgentRow>,
    /// Agents that told of something which their lists did not have, so that they are asked for the list again.
    doubted: BTreeSet<AgentRow>,
}

impl Agents {
    pub fn row(&self, id: &str) -> Option<AgentRow> {
        self.by_id.get(id).copied()
    }

    /// All agents that are said to be this one process.
    pub fn rows_of_pid(&self, pid: &Upid) -> Vec<AgentRow> {
        let rows = self.by_address.get(&(pid.address(), pid.id.clone()));
        rows.map(|rows| rows.iter().copied().collect()).unwrap_or_default()
    }

    pub fn row_of_observer(&self, observer: u64) -> Option<AgentRow> {
        self.by_observer.get(&observer).copied()
    }

    /// All agents of the process at this address.
    pub fn rows_at(&self, peer: SocketAddrV4) -> Vec<AgentRow> {
        let from = (peer, String::new());
        self.by_address
            .range(from..)
            .take_while(|(key, _)| key.0 == peer)
            .flat_map(|(_, rows)| rows)
            .copied()
            .collect()
    }

    /// In the order of ids.
    pub fn rows(&self) -> impl Iterator<Item = AgentRow> {
        self.by_id.values().copied()
    }

    pub fn remember_kill(&mut self, agent: AgentRow, framework: FrameworkId, task: TaskId) {
        self.killed.entry(agent).or_default().insert((framework, task));
    }

    /// The kills of tasks on an agent. They are kept until those are gone, since they may be missed again.
    pub fn kills(&self, agent: AgentRow) -> impl Iterator<Item = &(FrameworkId, TaskId)> {
        self.killed.get(&agent).into_iter().flatten()
    }

    pub fn doubt(&mut self, agent: AgentRow) {
        self.doubted.insert(agent);
    }

    /// Its list has come.
    pub fn trust(&mut self, agent: AgentRow) {
        self.doubted.remove(&agent);
    }

    pub fn is_doubted(&self, agent: AgentRow) -> bool {
        self.doubted.contains(&agent)
    }

    pub fn some_are_doubted(&self) -> bool {
        !self.doubted.is_empty()
    }

    pub fn note_emptied(&mut self, agent: AgentRow) {
        self.emptied.insert(agent);
    }

    pub fn take_emptied(&mut self) -> BTreeSet<AgentRow> {
        std::mem::take(&mut self.emptied)
    }

    /// A task that is gone needs no kill.
    pub fn forget_kill(&mut self, agent: AgentRow, framework: &FrameworkId, task: &TaskId) {
        if let Some(own) = self.killed.get_mut(&agent) {
            own.remove(&(framework.clone(), task.clone()));
        }
    }
}

impl State {
    /// Something of the agent has ended. Of interest while it is being emptied.
    pub(super) fn agent_has_less(&mut self, row: AgentRow) {
        if self.tables.agents.get(row).is_some_and(|agent| agent.drain_started.is_some()) {
            self.agents.note_emptied(row);
        }
    }

    pub fn agent(&self, row: AgentRow) -> &Agent {
        &self.tables.agents[row]
    }

    pub fn agent_mut(&mut self, row: AgentRow) -> &mut Agent {
        self.tables.agents.get_mut(row).expect("the row of an agent is given back only with the agent")
    }

    pub fn agent_by_id(&self, id: &str) -> Option<(AgentRow, &Agent)> {
        let row = self.agents.row(id)?;
        Some((row, self.agent(row)))
    }

    /// Adds an agent, gives it its observer, and says where it stands.
    pub fn insert_agent(&mut self, mut agent: Agent) -> AgentRow {
        self.agents.next_observer += 1;
        agent.pulse.observer = self.agents.next_observer;
        let (id, pid, observer) = (agent.id.clone(), agent.pid.clone(), agent.pulse.observer);
        let row = self.tables.agents.insert(agent);
        self.agents.by_id.insert(id, row);
        self.agents.by_observer.insert(observer, row);
        self.agents.by_address.entry((pid.address(), pid.id)).or_default().insert(row);
        row
    }

    /// An agent may come back at another port.
    pub fn move_agent(&mut self, row: AgentRow, pid: Upid) {
        let old = std::mem::replace(&mut self.agent_mut(row).pid, pid.clone());
        self.release_address(&old, row);
        self.agents.by_address.entry((pid.address(), pid.id)).or_default().insert(row);
    }

    /// Takes an agent out. Its tasks, executors and offers are gone before.
    pub fn remove_agent(&mut self, row: AgentRow) -> Agent {
        let agent = self.tables.agents.remove(row).expect("an agent is removed once");
        self.agents.by_id.remove(&agent.id);
        self.agents.by_observer.remove(&agent.pulse.observer);
        self.release_address(&agent.pid, row);
        self.agents.killed.remove(&row);
        self.agents.trust(row);
        self.hopes.forget(row);
        self.machines.forget_agent(row);
        agent
    }

    fn release_address(&mut self, pid: &Upid, row: AgentRow) {
        let key = (pid.address(), pid.id.clone());
        if let Some(rows) = self.agents.by_address.get_mut(&key) {
            rows.remove(&row);
            if rows.is_empty() {
                self.agents.by_address.remove(&key);
            }
        }
    }
}

impl Tables {
    pub fn agents_by_id(&self) -> Vec<(AgentRow, &Agent)> {
        let mut all: Vec<_> = self.agents.iter().collect();
        all.sort_by(|a, b| a.1.registered.cmp(&b.1.registered).then_with(|| a.1.id.cmp(&b.1.id)));
        all
    }
}
