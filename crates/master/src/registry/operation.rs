// SPDX-License-Identifier: Apache-2.0

//! The operations on the registry, each a small pure change.

use std::sync::Arc;

use kaon_api::internal::registry::{Agent, GoneAgent, UnreachableAgent};
use kaon_api::internal::registry::{MinimumCapability, Weight};
use kaon_api::internal::{KaonAnswer, KaonAudit, KaonEnforcedMachine};
use kaon_api::v1;
use kaon_api::v1::maintenance::Schedule;
use kaon_api::v1::quota::QuotaConfig;
use kaon_model::AgentId;

use super::{Duty, Registry, audit, duty, maintenance};

/// A change of the durable value. Applying it cannot fail, whatever the value is: deciding whether it may happen is
/// the caller's, before it is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// A new agent, or one back from silence: it is admitted, and neither unreachable nor gone.
    AdmitAgent(Box<v1::AgentInfo>),
    /// An admitted agent came back with another description.
    UpdateAgent(Box<v1::AgentInfo>),
    /// An agent left for good.
    RemoveAgent(AgentId),
    /// An admitted agent fell silent at this time.
    MarkUnreachable(AgentId, v1::TimeInfo),
    /// An operator declared an agent gone at this time.
    MarkGone(AgentId, v1::TimeInfo),
    /// An agent takes part, or not, or is being emptied.
    SetDuty(AgentId, Duty),
    /// What was known of these agents is too old, or too much.
    Prune(Vec<AgentId>),
    /// The quotas of these roles are set; those that promise and limit nothing are removed.
    SetQuotas(Vec<QuotaConfig>),
    /// The weights of these roles are set.
    SetWeights(Vec<v1::WeightInfo>),
    /// What is scheduled; windows that stay as they were keep their enforcement, others lose it.
    SetSchedule(Schedule),
    /// What is scheduled, with all that is enforced of it.
    EnforceSchedule(Schedule, Vec<KaonEnforcedMachine>),
    /// Scheduled machines go out of service.
    MachinesDown(Vec<v1::MachineID>),
    /// Machines are back, and their windows are over.
    MachinesUp(Vec<v1::MachineID>),
    /// The windows of these machines have begun, and are enforced from now on.
    BeginEnforcement(Vec<v1::MachineID>),
    /// How frameworks answered for agents; an answer of UNKNOWN is forgotten.
    SetAnswers(Vec<KaonAnswer>),
    /// An operator has done something.
    Audit(Box<KaonAudit>),
}

impl Operation {
    pub(crate) fn apply(&self, registry: &mut Registry) {
        match self {
            Operation::AdmitAgent(info) => admit(registry, info),
            Operation::UpdateAgent(info) => update(registry, info),
            Operation::RemoveAgent(id) => {
                registry.admitted.remove(id);
            }
            Operation::MarkUnreachable(id, since) => mark_unreachable(registry, id, since),
            Operation::MarkGone(id, since) => mark_gone(registry, id, since),
            Operation::SetDuty(id, wanted) => duty::set(registry, id, wanted),
            Operation::Prune(ids) => ids.iter().for_each(|id| {
                registry.unreachable.remove(id);
                registry.gone.remove(id);
            }),
            Operation::SetQuotas(configs) => set_quotas(registry, configs),
            Operation::SetWeights(weights) => set_weights(registry, weights),
            Operation::SetSchedule(schedule) => {
                maintenance::set_schedule(&mut registry.rest, schedule, None);
            }
            Operation::EnforceSchedule(schedule, enforced) => {
                maintenance::set_schedule(&mut registry.rest, schedule, Some(enforced));
            }
            Operation::MachinesDown(ids) => maintenance::bring_down(&mut registry.rest, ids),
            Operation::MachinesUp(ids) => maintenance::bring_up(&mut registry.rest, ids),
            Operation::BeginEnforcement(ids) => maintenance::begin(&mut registry.rest, ids),
            Operation::SetAnswers(answers) => maintenance::set_answers(&mut registry.rest, answers),
            Operation::Audit(action) => audit::add(&mut registry.rest, action),
        }
    }
}

fn id_of(info: &v1::AgentInfo) -> Option<AgentId> {
    info.id.as_ref().map(|id| AgentId::from(id.value.as_str()))
}

/// Draining and deactivation outlive silence: they come back with the agent.
fn admit(registry: &mut Registry, info: &v1::AgentInfo) {
    let Some(id) = id_of(info) else { return };
    let silent = registry.unreachable.remove(&id);
    registry.gone.remove(&id);
    let agent = Agent {
        info: Box::new(info.clone()),
        drain_info: silent.as_ref().and_then(|entry| entry.drain_info.clone()),
        deactivated: silent.as_ref().and_then(|entry| entry.deactivated),
        ..Default::default()
    };
    registry.admitted.insert(id, Arc::new(agent));
}

fn update(registry: &mut Registry, info: &v1::AgentInfo) {
    if let Some(entry) = id_of(info).and_then(|id| registry.admitted.get_mut(&id)) {
        *Arc::make_mut(entry).info = info.clone();
    }
}

fn mark_unreachable(registry: &mut Registry, id: &AgentId, since: &v1::TimeInfo) {
    let agent = registry.admitted.remove(id);
    let entry = UnreachableAgent {
        id: v1::AgentID::from(id.as_str()),
        timestamp: since.clone(),
        drain_info: agent.as_ref().and_then(|agent| agent.drain_info.clone()),
        deactivated: agent.as_ref().and_then(|agent| agent.deactivated),
        ..Default::default()
    };
    registry.unreachable.insert(id.clone(), Arc::new(entry));
}

fn mark_gone(registry: &mut Registry, id: &AgentId, since: &v1::TimeInfo) {
    registry.admitted.remove(id);
    registry.unreachable.remove(id);
    let entry =
        GoneAgent { id: v1::AgentID::from(id.as_str()), timestamp: since.clone(), ..Default::default() };
    registry.gone.insert(id.clone(), Arc::new(entry));
}

/// Mesos: a master that does not know of quota with limits must not take over while there is any.
fn set_quotas(registry: &mut Registry, configs: &[QuotaConfig]) {
    let kept = &mut registry.rest;
    for config in configs {
        let known = kept.quota_configs.iter().position(|known| known.role == config.role);
        match (known, super::quota::of(config).is_default()) {
            (Some(at), true) => drop(kept.quota_configs.remove(at)),
            (Some(at), false) => kept.quota_configs[at] = config.clone(),
            (None, true) => {}
            (None, false) => kept.quota_configs.push(config.clone()),
        }
        kept.quotas.retain(|old| old.info.role.as_ref() != Some(&config.role));
    }
    kept.minimum_capabilities.retain(|known| known.capability != QUOTA_V2);
    if !kept.quota_configs.is_empty() {
        let capability = QUOTA_V2.to_string();
        kept.minimum_capabilities.push(MinimumCapability { capability, ..Default::default() });
    }
}

/// What a master must be capable of to lead where there is quota.
pub(super) const QUOTA_V2: &str = "QUOTA_V2";

fn set_weights(registry: &mut Registry, weights: &[v1::WeightInfo]) {
    let kept = &mut registry.rest.weights;
    for info in weights {
        let weight = Weight { info: info.clone(), ..Default::default() };
        match kept.iter_mut().find(|known| known.info.role == info.role) {
            Some(known) => *known = weight,
            None => kept.push(weight),
        }
    }
}
