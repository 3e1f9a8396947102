// SPDX-License-Identifier: Apache-2.0

//! The book of one framework: its roles, with the agents on which it holds something.

use super::handle::{AgentAt, RoleAt, SeatAt};
use crate::constraints::Constraints;
use crate::shape::{Capabilities, FrameworkShape, MinAllocatable};
use kaon_model::{FrameworkId, Role};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A framework as the allocator knows it.
#[derive(Clone, Debug)]
pub struct FrameworkBook {
    pub(crate) id: FrameworkId,
    pub(crate) capabilities: Capabilities,
    pub(crate) min_allocatable: BTreeMap<Role, MinAllocatable>,
    pub(crate) constraints: Arc<Constraints>,
    pub(crate) active: bool,
    pub(crate) seats: BTreeMap<RoleAt, SeatAt>,
    /// How many postings it has on each agent.
    pub(crate) agents: BTreeMap<AgentAt, u32>,
}

impl FrameworkBook {
    pub(crate) fn new(id: FrameworkId, shape: &FrameworkShape, active: bool) -> FrameworkBook {
        let (seats, agents) = (BTreeMap::new(), BTreeMap::new());
        let min_allocatable = shape.min_allocatable.clone();
        let constraints = shape.constraints.clone();
        FrameworkBook {
            id,
            capabilities: shape.capabilities,
            min_allocatable,
            constraints,
            active,
            seats,
            agents,
        }
    }

    pub fn id(&self) -> &FrameworkId {
        &self.id
    }

    /// Which agents it wants to be offered.
    pub fn constraints(&self) -> &Constraints {
        &self.constraints
    }

    /// Whether it may be offered anything.
    pub fn is_active(&self) -> bool {
        self.active
    }
}
