// SPDX-License-Identifier: Apache-2.0

//! Forgetting agents that were silent or gone for too long.

use kaon_model::{AgentId, Wall};

use super::awaiting::Awaited;
use crate::config::{REGISTRY_GC_INTERVAL, REGISTRY_MAX_AGENT_AGE, REGISTRY_MAX_AGENT_COUNT};
use crate::master::{Master, TimerKey, Turn};
use crate::registry::Operation;

impl Master {
    pub(crate) fn collect(&mut self, turn: &mut Turn) {
        self.timers.set(TimerKey::Collection, turn.now.mono + REGISTRY_GC_INTERVAL);
        let registry = &self.registry;
        let unreachable = registry.unreachable.iter().map(|(id, entry)| (entry.timestamp.nanoseconds, id));
        let gone = registry.gone.iter().map(|(id, entry)| (entry.timestamp.nanoseconds, id));
        let mut old = too_old(unreachable.collect(), turn.now.wall);
        old.extend(too_old(gone.collect(), turn.now.wall));
        // What is just coming back is let be.
        old.retain(|id| !self.awaiting.agents.contains(id));
        if !old.is_empty() {
            self.awaiting.agents.extend(old.iter().cloned());
            self.store(turn, &[Operation::Prune(old.clone())], Awaited::Collection(old));
        }
    }

    /// It is durable: their tasks are forgotten too.
    pub(crate) fn collected(&mut self, agents: &[AgentId]) {
        for agent in agents {
            self.awaiting.agents.remove(agent);
            self.state.tables.history.forget_unreachable(agent);
        }
    }
}

/// Those beyond the count, oldest first, with those beyond the age.
fn too_old(mut entries: Vec<(i64, &AgentId)>, now: Wall) -> Vec<AgentId> {
    entries.sort();
    let age = i64::try_from(REGISTRY_MAX_AGENT_AGE.as_nanos()).unwrap_or(i64::MAX);
    let beyond = entries.len().saturating_sub(REGISTRY_MAX_AGENT_COUNT);
    let old = |at: usize, since: i64| at < beyond || now.nanos().saturating_sub(since) > age;
    entries
        .iter()
        .enumerate()
        .filter(|(at, (since, _))| old(*at, *since))
        .map(|(_, (_, id))| (*id).clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_and_the_many_are_forgotten() {
        let ids: Vec<AgentId> =
            (0..REGISTRY_MAX_AGENT_COUNT + 2).map(|n| AgentId::from(n.to_string())).collect();
        let entries = ids.iter().enumerate().map(|(at, id)| (at as i64, id));
        assert_eq!(too_old(entries.collect(), Wall::from_nanos(0)), [ids[0].clone(), ids[1].clone()]);
        let age = REGISTRY_MAX_AGENT_AGE.as_nanos() as i64;
        let entries = vec![(10, &ids[2]), (5, &ids[3])];
        assert_eq!(too_old(entries, Wall::from_nanos(age + 7)), [ids[3].clone()]);
    }
}
