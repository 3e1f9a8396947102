// SPDX-License-Identifier: Apache-2.0

//! Agents of which something was held back for quota, to be looked at again when there is room.

use crate::books::AgentAt;
use kaon_model::Role;
use std::collections::{BTreeMap, BTreeSet};

/// It may name an agent of which nothing is held back any more: that costs a look and does no harm.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// By the role whose limit held it back.
    limited: BTreeMap<Role, BTreeSet<AgentAt>>,
    /// For the guarantees of others.
    kept: BTreeSet<AgentAt>,
}

impl Held {
    pub fn is_empty(&self) -> bool {
        self.limited.is_empty() && self.kept.is_empty()
    }

    pub fn limit(&mut self, role: &Role, agent: AgentAt) {
        self.limited.entry(role.clone()).or_default().insert(agent);
    }

    pub fn keep(&mut self, agent: AgentAt) {
        self.kept.insert(agent);
    }

    /// All is known anew of an agent that is looked at.
    pub fn forget(&mut self, agent: AgentAt) {
        self.kept.remove(&agent);
        self.limited.retain(|_, agents| {
            agents.remove(&agent);
            !agents.is_empty()
        });
    }

    /// All, some of them more than once.
    pub fn agents(&self) -> impl Iterator<Item = AgentAt> {
        self.limited.values().flatten().chain(&self.kept).copied()
    }

    pub fn limited(&self, role: &Role) -> impl Iterator<Item = AgentAt> {
        self.limited.get(role).into_iter().flatten().copied()
    }

    pub fn kept(&self) -> impl Iterator<Item = AgentAt> {
        self.kept.iter().copied()
    }
}
