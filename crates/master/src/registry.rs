// SPDX-License-Identifier: Apache-2.0

//! What a master must not forget: which agents it admitted, lost, or ended.
//!
//! The value is small. A write costs what changed: its record holds operations, and a snapshot stands for all records
//! before it. Recovery is a fold of the records over the last snapshot.

mod audit;
mod codec;
mod duty;
pub(crate) mod maintenance;
mod operation;
pub(crate) mod quota;

use std::collections::BTreeMap;
use std::sync::Arc;

use kaon_api::internal::registry::{Agent, GoneAgent, UnreachableAgent};
use kaon_api::wire::{Message, WireError};
use kaon_api::{internal, v1};
use kaon_model::AgentId;

pub use codec::{decode, encode};
pub use duty::Duty;
pub use operation::Operation;

/// The durable value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registry {
    /// Agents that are admitted: those that run here, and those that must come back.
    pub(crate) admitted: BTreeMap<AgentId, Arc<Agent>>,
    /// With the time at which each fell silent, in nanoseconds since 1970.
    pub(crate) unreachable: BTreeMap<AgentId, Arc<UnreachableAgent>>,
    pub(crate) gone: BTreeMap<AgentId, Arc<GoneAgent>>,
    /// Quota, weights and maintenance; and what this version does not use, as it was found.
    rest: internal::Registry,
    /// Bytes of the last snapshot.
    snapshot_bytes: usize,
    /// Bytes of the records since then.
    log_bytes: usize,
}

/// Why stored bytes are not a registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error(
        "the registry's snapshot is damaged ({0}): restore the registry's folder from a copy, or start with an empty one"
    )]
    Snapshot(WireError),
    #[error(
        "the registry needs a master that is capable of {0}, which this version is not: start a newer one"
    )]
    Incapable(String),
    #[error(
        "record {at} of the registry is damaged ({what}): restore the registry's folder from a copy, or cut the log there"
    )]
    Record { at: usize, what: String },
}

impl Registry {
    /// Folds the records over the snapshot.
    pub fn recover(snapshot: Option<&[u8]>, records: &[Vec<u8>]) -> Result<Registry, RegistryError> {
        let stored = snapshot.map(internal::Registry::decode).transpose().map_err(RegistryError::Snapshot)?;
        let mut registry = Registry::from_wire(stored.unwrap_or_default());
        for (at, record) in records.iter().enumerate() {
            let operations = codec::decode(record).map_err(|what| RegistryError::Record { at, what })?;
            for operation in operations {
                operation.apply(&mut registry);
            }
            registry.log_bytes += record.len();
        }
        registry.snapshot_bytes = snapshot.map_or(0, <[u8]>::len);
        // Mesos: a master that lacks a capability that was used must not lead, or it would undo what that stands for.
        let mut needed = registry.rest.minimum_capabilities.iter().map(|needed| &needed.capability);
        let known = [operation::QUOTA_V2, duty::AGENT_DRAINING];
        match needed.find(|needed| !known.contains(&needed.as_str())) {
            Some(lacking) => Err(RegistryError::Incapable(lacking.clone())),
            None => Ok(registry),
        }
    }

    /// The value as Mesos keeps it: one protobuf.
    pub fn to_wire(&self) -> internal::Registry {
        let mut unreachable: Vec<_> = self.unreachable.values().map(|entry| (**entry).clone()).collect();
        unreachable.sort_by_key(|entry| entry.timestamp.nanoseconds);
        let mut gone: Vec<_> = self.gone.values().map(|entry| (**entry).clone()).collect();
        gone.sort_by_key(|entry| entry.timestamp.nanoseconds);
        let agents = self.admitted.values().map(|entry| (**entry).clone()).collect();
        internal::Registry {
            agents: Some(internal::registry::Agents { agents, ..Default::default() }),
            unreachable: Some(internal::registry::UnreachableAgents {
                agents: unreachable,
                ..Default::default()
            }),
            gone: Some(internal::registry::GoneAgents { agents: gone, ..Default::default() }),
            ..self.rest.clone()
        }
    }

    fn from_wire(mut wire: internal::Registry) -> Registry {
        let id = |info: &v1::AgentInfo| info.id.as_ref().map(|id| AgentId::from(id.value.as_str()));
        let admitted = wire.agents.take().map(|all| all.agents).unwrap_or_default();
        let unreachable = wire.unreachable.take().map(|all| all.agents).unwrap_or_default();
        let gone = wire.gone.take().map(|all| all.agents).unwrap_or_default();
        Registry {
            admitted: admitted.into_iter().filter_map(|a| Some((id(&a.info)?, Arc::new(a)))).collect(),
            unreachable: unreachable
                .into_iter()
                .map(|a| (AgentId::from(a.id.value.as_str()), Arc::new(a)))
                .collect(),
            gone: gone.into_iter().map(|a| (AgentId::from(a.id.value.as_str()), Arc::new(a))).collect(),
            rest: wire,
            snapshot_bytes: 0,
            log_bytes: 0,
        }
    }

    /// Applies operations at once, and returns the record that makes them durable with, now and then, a snapshot: when
    /// the records since the last one have as many bytes as that, and `snapshot_after` at least. So snapshots together
    /// are no longer than the records, however large the cluster.
    ///
    /// The value runs ahead of the disk: a write that fails ends this master, so nobody sees the difference.
    pub(crate) fn write(
        &mut self,
        operations: &[Operation],
        snapshot_after: usize,
    ) -> (Vec<u8>, Option<Vec<u8>>) {
        operations.iter().for_each(|operation| operation.apply(self));
        let record = encode(operations);
        self.log_bytes += record.len();
        let snapshot = (self.log_bytes >= self.snapshot_bytes.max(snapshot_after)).then(|| {
            let snapshot = self.to_wire().encode();
            (self.snapshot_bytes, self.log_bytes) = (snapshot.len(), 0);
            snapshot
        });
        (record, snapshot)
    }

    pub fn admitted(&self) -> impl Iterator<Item = (&AgentId, &v1::AgentInfo)> {
        self.admitted.iter().map(|(id, entry)| (id, &*entry.info))
    }

    /// Since when an agent is silent.
    pub fn unreachable_since(&self, agent: &str) -> Option<&v1::TimeInfo> {
        self.unreachable.get(agent).map(|entry| &entry.timestamp)
    }

    pub fn is_gone(&self, agent: &str) -> bool {
        self.gone.contains_key(agent)
    }

    /// The host of an agent that is admitted.
    pub(crate) fn hostname(&self, agent: &str) -> Option<&str> {
        self.admitted.get(agent).map(|entry| entry.info.hostname.as_str())
    }

    pub fn is_admitted(&self, agent: &str) -> bool {
        self.admitted.contains_key(agent)
    }

    pub fn unreachable_count(&self) -> usize {
        self.unreachable.len()
    }
}

#[cfg(test)]
mod tests;
