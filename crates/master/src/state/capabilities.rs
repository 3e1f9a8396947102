// SPDX-License-Identifier: Apache-2.0

//! What peers say that they can.

use kaon_api::v1;
use kaon_api::v1::agent_info::capability::Type as AgentCapability;
use kaon_api::v1::framework_info::capability::Type as FrameworkCapability;

/// The capabilities of a framework as switches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameworkCapabilities {
    pub revocable: bool,
    pub task_killing: bool,
    pub gpu: bool,
    pub shared: bool,
    pub partition_aware: bool,
    pub multi_role: bool,
    pub reservation_refinement: bool,
    pub region_aware: bool,
}

impl FrameworkCapabilities {
    pub fn of(info: &v1::FrameworkInfo) -> FrameworkCapabilities {
        let has = |wanted| info.capabilities.iter().any(|capability| capability.r#type == Some(wanted));
        FrameworkCapabilities {
            revocable: has(FrameworkCapability::RevocableResources),
            task_killing: has(FrameworkCapability::TaskKillingState),
            gpu: has(FrameworkCapability::GpuResources),
            shared: has(FrameworkCapability::SharedResources),
            partition_aware: has(FrameworkCapability::PartitionAware),
            multi_role: has(FrameworkCapability::MultiRole),
            reservation_refinement: has(FrameworkCapability::ReservationRefinement),
            region_aware: has(FrameworkCapability::RegionAware),
        }
    }
}

/// The capabilities of an agent, as it told them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentCapabilities(pub Vec<AgentCapability>);

impl AgentCapabilities {
    /// Each once: how often an agent repeats one is not worth remembering.
    pub fn from_wire(wire: &[v1::agent_info::Capability]) -> AgentCapabilities {
        let mut known = Vec::new();
        for kind in wire.iter().filter_map(|capability| capability.r#type) {
            if !known.contains(&kind) {
                known.push(kind);
            }
        }
        AgentCapabilities(known)
    }

    pub fn to_wire(&self) -> Vec<v1::agent_info::Capability> {
        let one = |kind: &_| v1::agent_info::Capability { r#type: Some(*kind), ..Default::default() };
        self.0.iter().map(one).collect()
    }

    pub fn has(&self, wanted: AgentCapability) -> bool {
        self.0.contains(&wanted)
    }

    pub fn multi_role(&self) -> bool {
        self.has(AgentCapability::MultiRole)
    }

    pub fn hierarchical_role(&self) -> bool {
        self.has(AgentCapability::HierarchicalRole)
    }

    pub fn reservation_refinement(&self) -> bool {
        self.has(AgentCapability::ReservationRefinement)
    }

    /// Whether it carries out operations that it is sent.
    pub fn resource_provider(&self) -> bool {
        self.has(AgentCapability::ResourceProvider)
    }

    pub fn resize_volume(&self) -> bool {
        self.has(AgentCapability::ResizeVolume)
    }

    pub fn agent_operation_feedback(&self) -> bool {
        self.has(AgentCapability::AgentOperationFeedback)
    }

    pub fn draining(&self) -> bool {
        self.has(AgentCapability::AgentDraining)
    }

    pub fn task_resource_limits(&self) -> bool {
        self.has(AgentCapability::TaskResourceLimits)
    }
}
