// SPDX-License-Identifier: Apache-2.0

//! What operators have said of an agent's taking part.

use std::sync::Arc;

use kaon_api::internal::registry::MinimumCapability;
use kaon_api::v1;
use kaon_model::AgentId;

use super::Registry;

/// What a master must be capable of to lead where agents are deactivated or drained.
pub(super) const AGENT_DRAINING: &str = "AGENT_DRAINING";

/// Whether an agent is offered, and whether it is being emptied. The default: it is offered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Duty {
    pub deactivated: bool,
    pub drain: Option<v1::DrainInfo>,
}

impl Duty {
    /// It is being emptied, and is not empty yet.
    pub fn is_draining(&self) -> bool {
        self.drain.as_ref().is_some_and(|drain| drain.state == v1::DrainState::Draining)
    }
}

/// How many agents are out of service, and in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutOfService {
    /// Not offered, for whichever reason.
    pub deactivated: usize,
    pub draining: usize,
    pub drained: usize,
    pub gone: usize,
}

impl Registry {
    /// Agents that cannot be reached are counted too.
    pub fn out_of_service(&self) -> OutOfService {
        let admitted = self.admitted.values().map(|entry| (entry.deactivated, &entry.drain_info));
        let unreachable = self.unreachable.values().map(|entry| (entry.deactivated, &entry.drain_info));
        let mut counts = OutOfService { gone: self.gone.len(), ..OutOfService::default() };
        for (deactivated, drain) in admitted.chain(unreachable) {
            let state = drain.as_ref().map(|drain| drain.state);
            counts.deactivated += usize::from(deactivated.unwrap_or_default());
            counts.draining += usize::from(state == Some(v1::DrainState::Draining));
            counts.drained += usize::from(state == Some(v1::DrainState::Drained));
        }
        counts
    }

    /// None for an agent that is neither admitted nor unreachable.
    pub fn duty(&self, agent: &str) -> Option<Duty> {
        let duty = |deactivated: Option<bool>, drain: &Option<v1::DrainInfo>| Duty {
            deactivated: deactivated.unwrap_or_default(),
            drain: drain.clone(),
        };
        let admitted = self.admitted.get(agent).map(|entry| duty(entry.deactivated, &entry.drain_info));
        admitted
            .or_else(|| self.unreachable.get(agent).map(|entry| duty(entry.deactivated, &entry.drain_info)))
    }
}

/// Mesos: a master that does not know of draining must not take over while an agent is out of service; nor does it say
/// of an agent in service that it is not deactivated.
pub(super) fn set(registry: &mut Registry, id: &AgentId, duty: &Duty) {
    let deactivated = duty.deactivated.then_some(true);
    if let Some(entry) = registry.admitted.get_mut(id) {
        let entry = Arc::make_mut(entry);
        (entry.deactivated, entry.drain_info) = (deactivated, duty.drain.clone());
    } else if let Some(entry) = registry.unreachable.get_mut(id) {
        let entry = Arc::make_mut(entry);
        (entry.deactivated, entry.drain_info) = (deactivated, duty.drain.clone());
    } else {
        return;
    }
    let out = |deactivated: Option<bool>, drain: &Option<v1::DrainInfo>| {
        deactivated.unwrap_or_default() || drain.is_some()
    };
    let needed = *duty != Duty::default()
        || registry.admitted.values().any(|entry| out(entry.deactivated, &entry.drain_info))
        || registry.unreachable.values().any(|entry| out(entry.deactivated, &entry.drain_info));
    let capabilities = &mut registry.rest.minimum_capabilities;
    let known = capabilities.iter().position(|known| known.capability == AGENT_DRAINING);
    match (known, needed) {
        (None, true) => capabilities
            .push(MinimumCapability { capability: AGENT_DRAINING.to_string(), ..Default::default() }),
        (Some(at), false) => drop(capabilities.remove(at)),
        _ => {}
    }
}
