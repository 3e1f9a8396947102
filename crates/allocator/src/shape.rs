// SPDX-License-Identifier: Apache-2.0

//! What the allocator must know of an agent or framework to deal with it.

use crate::constraints::Constraints;
use kaon_model::{Attributes, Quantities, Resources, Role};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An agent, as it registered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentShape {
    /// All it has, with reservations; charged to nobody.
    pub total: Resources,
    /// A change drops every filter on the agent: who declined it may like what it has become.
    pub attributes: Attributes,
    pub hostname: String,
    /// Its fault domain, if it told one.
    pub region: Option<String>,
    pub zone: Option<String>,
    /// Understands allocation roles (capability MULTI_ROLE).
    pub multi_role: bool,
    /// Understands roles with slashes (capability HIERARCHICAL_ROLE).
    pub hierarchical_role: bool,
    /// Lies in another region than the master.
    pub remote: bool,
}

/// A framework, as it subscribed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrameworkShape {
    pub roles: BTreeSet<Role>,
    /// Roles in which it wants no offers for now; those it has not subscribed to mean nothing.
    pub suppressed: BTreeSet<Role>,
    pub capabilities: Capabilities,
    /// Per role, what an offer must hold at least, in place of [`Config::min_allocatable`](crate::Config).
    pub min_allocatable: BTreeMap<Role, MinAllocatable>,
    /// Per role, the only agents that it wants to be offered.
    pub constraints: Arc<Constraints>,
}

/// What a framework said it can deal with, as far as that decides which resources it is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    pub multi_role: bool,
    pub gpu_resources: bool,
    pub revocable_resources: bool,
    pub shared_resources: bool,
    pub reservation_refinement: bool,
    pub region_aware: bool,
}

/// The least that is worth an offer: at least one of these sets of amounts must be there in full.
///
/// Mesos: an empty list lets anything pass that is not nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MinAllocatable(pub Vec<Quantities>);

impl MinAllocatable {
    pub fn is_met_by(&self, resources: &Resources) -> bool {
        let Self(sets) = self;
        !resources.is_empty()
            && (sets.is_empty() || sets.iter().any(|amounts| resources.contains_quantities(amounts)))
    }
}
