// SPDX-License-Identifier: Apache-2.0

//! How the processes of hosts die and come back.

use std::time::Duration;

use kaon_agent::Agent;
use kaon_agent::effect::Effects;
use kaon_agent::input::Input;
use kaon_agent::journal::{self, FileOp, Recovered};

use super::{Cluster, Event, leaders};
use crate::host::{self, Host};

impl Cluster {
    pub(super) fn start_agent(&mut self, index: usize) {
        if self.agents[index].is_up() {
            return;
        }
        let recovered = self.recover(index);
        let seed = self.rng.bytes();
        let node = &mut self.agents[index];
        node.life += 1;
        node.sleeps_until = self.now;
        let now = node.clock.read(self.now);
        let containers =
            node.host.containers.iter().map(|(id, container)| (id.clone(), host::found(container))).collect();
        let mut effects = Effects::new();
        #[cfg_attr(not(feature = "sabotage"), expect(unused_mut, reason = "only a broken rule changes it"))]
        let mut core = Agent::new(node.config(), recovered, containers, seed, now, &mut effects);
        #[cfg(feature = "sabotage")]
        if let Some(sabotage) = self.options.sabotage.and_then(crate::sabotage::Sabotage::of_agent) {
            core.sabotage(sabotage);
        }
        node.core = Some(core);
        self.counts.add("agent started");
        self.log.line(self.now, format!("agent {index} starts, life {}", self.agents[index].life));
        self.perform_agent(index, effects);
        self.tell_agent_of_leader(index);
    }

    /// What lies on the disk. Whoever marked the agent gone may have emptied it.
    fn recover(&mut self, index: usize) -> Recovered {
        let read =
            |host: &Host| journal::recover(host.disk.files(), true).expect("agents alone wrote the journal");
        let recovered = read(&self.agents[index].host);
        let id = recovered.agent.as_ref().and_then(|info| info.id.as_ref()).map(|id| id.value.clone());
        self.agents[index].id = id.clone();
        if id.is_some_and(|id| self.store.value().is_gone(&id)) && self.rng.chance(0.5) {
            self.log.line(self.now, format!("the host of agent {index} is emptied"));
            self.agents[index].host = Host::default();
            self.agents[index].id = None;
            return read(&self.agents[index].host);
        }
        recovered
    }

    /// What its detector last said, to a process that has just started or to one that goes on.
    pub(super) fn tell_agent_of_leader(&mut self, index: usize) {
        let Some(change) = self.agents[index].leader else { return };
        let master = change.leader.map(leaders::info);
        self.agent_handles(index, Input::Leader { master });
    }

    /// kill -9: the process is gone, and the host goes on. Of what was being written some is there.
    pub(super) fn crash_agent(&mut self, index: usize) {
        let node = &mut self.agents[index];
        if node.core.take().is_none() {
            return;
        }
        self.log.line(self.now, format!("agent {index} dies"));
        (node.wakes_at, node.fuse, node.sleeps_until) = (None, None, self.now);
        node.written = self.now;
        node.host.agent_died();
        let pending: Vec<Vec<FileOp>> = std::mem::take(&mut node.pending).into();
        if std::mem::take(&mut node.knows_full) {
            // What it killed meanwhile is noted nowhere.
            self.excuses.unnoted.extend(node.id.clone());
        } else if !self.is_unsynced() {
            self.write_some(index, &pending);
        }
        for master in 0..self.masters.len() {
            self.reset(master, index);
        }
        let at = host::comes_back(self.now, &mut self.rng);
        self.at(at, Event::StartAgent { agent: index });
    }

    /// Of what was being written the first part is there, and the end of that is torn.
    fn write_some(&mut self, index: usize, pending: &[Vec<FileOp>]) {
        let disk = &mut self.agents[index].host.disk;
        let whole = self.rng.below(pending.len() as u64 + 1) as usize;
        pending.iter().take(whole).flatten().for_each(|op| disk.apply(op));
        if let Some(torn) = pending.get(whole).filter(|ops| !ops.is_empty()) {
            self.counts.add("write torn");
            disk.tear(torn, &mut self.rng);
        }
    }

    /// Everything on the host ends, and the host starts again.
    pub(super) fn reboot(&mut self, index: usize) {
        let node = &mut self.agents[index];
        self.doomed.extend(node.id.clone());
        node.boots += 1;
        node.host.containers.clear();
        self.crash_agent(index);
    }

    /// Whether agents are told that facts are durable before they are: a deliberate bug.
    pub(super) fn is_unsynced(&self) -> bool {
        #[cfg(feature = "sabotage")]
        return self.is_sabotaged(crate::sabotage::Sabotage::SkipASync);
        #[cfg(not(feature = "sabotage"))]
        false
    }

    /// How long the disk takes to hold a fact.
    pub(super) fn sync_delay(&mut self) -> Duration {
        let most = if self.is_unsynced() { 30_000_000 } else { 5000 };
        Duration::from_micros(100 + self.rng.below(most))
    }
}
