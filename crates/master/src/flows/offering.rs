// SPDX-License-Identifier: Apache-2.0

//! Offers: made of the allocator's proposals, taken back when they can no longer stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use kaon_allocator::{
    AgentShape, Allocator, Capabilities, Claim, Drf, FrameworkShape, MinAllocatable, Priority, Proposal,
    Withdrawal,
};
use kaon_api::v1;
use kaon_model::{AgentId, Attribute, Attributes, FrameworkId, Now, OfferId, Resources, Role};

use crate::config::{Config, Policy};
use crate::events;
use crate::master::{Master, TimerKey, Turn};
use crate::registry::Registry;
use crate::state::{Agent, AgentRow, Framework, FrameworkRow, Offer};
use crate::validate::framework_info;

/// Bound: pairs of agent and framework weighed in one go. A longer round goes on after other inputs.
const ROUND_BUDGET: usize = 10_000;

/// The allocator as the settings want it.
pub(crate) fn allocator(
    config: &Config,
    registry: &Registry,
    weights: &BTreeMap<Role, f64>,
    now: Now,
) -> Allocator {
    let excluded = config.fair_sharing_excluded_resource_names.iter();
    let settings = kaon_allocator::Config {
        allocation_interval: config.allocation_interval,
        event_driven: config.event_driven_allocation,
        min_allocatable: config.min_allocatable().unwrap_or_default(),
        filter_gpu_resources: config.filter_gpu_resources,
        role_sorter: config.role_sorter,
        framework_sorter: config.framework_sorter,
        excluded_from_shares: excluded.map(|name| name.as_str().into()).collect(),
        ..Default::default()
    };
    let policy: Box<dyn kaon_allocator::Policy> = match config.allocator {
        Policy::Hierarchical => Box::new(Drf),
        Policy::Priority => Box::new(Priority),
    };
    let mut allocator = Allocator::new(settings, policy, now.mono);
    for (role, weight) in weights {
        // What is no weight was refused by `Config::check`, or before it was written.
        let _ = allocator.set_weight(role, *weight);
    }
    let mut quotas = false;
    for (role, quota) in registry.quotas() {
        allocator.set_quota(now.mono, &role, quota);
        quotas = true;
    }
    if quotas {
        let expected = registry.admitted().count() as f64 * config.allocator_agent_recovery_factor;
        allocator.hold(now.mono, expected as usize, config.allocator_recovery_timeout);
    }
    allocator
}

impl Master {
    /// Makes offers of what the allocator proposes, if it is time.
    pub(crate) fn allocate(&mut self, turn: &mut Turn) {
        if self.allocator.deadline().is_none_or(|due| due > turn.now.mono) {
            return;
        }
        let proposals = self.allocator.run(turn.now.mono, &mut self.dice, ROUND_BUDGET);
        let mut offers: BTreeMap<FrameworkRow, Vec<v1::Offer>> = BTreeMap::new();
        for proposal in proposals {
            if let Some((framework, offer)) = self.make_offer(turn, proposal) {
                offers.entry(framework).or_default().push(offer);
            }
        }
        for (framework, offers) in offers {
            self.state.framework_mut(framework).counters.offers_sent += offers.len() as u64;
            self.tell(turn, framework, events::offers(offers));
        }
    }

    fn make_offer(&mut self, turn: &Turn, proposal: Proposal) -> Option<(FrameworkRow, v1::Offer)> {
        let framework = self.state.frameworks.row(proposal.framework.as_str())?;
        let agent = self.state.agents.row(proposal.agent.as_str())?;
        let number = self.ids.offers;
        let id = OfferId::from(format!("{}-O{number}", self.info.id));
        // The ledger verifies the proposal; what it refuses is proposed anew, if it still can be.
        self.allocator.offer(turn.now.mono, id.clone(), &proposal).ok()?;
        self.ids.offers += 1;
        let Proposal { role, resources, .. } = proposal;
        let offer = Offer { number, id, framework, agent, role, resources: Arc::new(resources) };
        let wire = self.offer_to_wire(&offer);
        self.state.insert_offer(offer);
        if let Some(timeout) = self.config.offer_timeout {
            self.timers.set(TimerKey::Offer(number), turn.now.mono + timeout);
        }
        Some((framework, wire))
    }

    fn offer_to_wire(&self, offer: &Offer) -> v1::Offer {
        let executors = self.state.executors.ids(offer.agent, offer.framework);
        let executor_ids = executors.map(|id| v1::ExecutorID::from(id.as_str())).collect();
        let (agent, framework) = (self.state.agent(offer.agent), self.state.framework(offer.framework));
        v1::Offer { executor_ids, ..wire_offer(offer, agent, framework) }
    }

    /// The agent is active, with all of it free.
    pub(crate) fn enrol_agent(&mut self, row: AgentRow) {
        let agent = self.state.agent(row);
        let shape = agent_shape(&self.config, agent);
        let refused = self.allocator.add_agent(self.now.mono, agent.id.clone(), shape).is_err();
        debug_assert!(!refused, "the ledger holds the agents that the tables hold");
    }

    /// The agent has another description.
    pub(crate) fn reshape_agent(&mut self, row: AgentRow) {
        let agent = self.state.agent(row);
        let shape = agent_shape(&self.config, agent);
        let refused = self.allocator.update_agent(self.now.mono, &agent.id, shape).is_err();
        debug_assert!(!refused, "the ledger holds the agents that the tables hold");
    }

    /// Nothing of the agent is offered for now.
    pub(crate) fn quiet_agent(&mut self, row: AgentRow) {
        let agent = self.state.agent(row);
        let refused = self.allocator.set_agent_active(self.now.mono, &agent.id, false).is_err();
        debug_assert!(!refused, "the ledger holds the agents that the tables hold");
    }

    /// The agent is back.
    pub(crate) fn wake_agent(&mut self, row: AgentRow) {
        let agent = self.state.agent(row);
        let refused = self.allocator.set_agent_active(self.now.mono, &agent.id, true).is_err();
        debug_assert!(!refused, "the ledger holds the agents that the tables hold");
    }

    pub(crate) fn strike_agent(&mut self, id: &AgentId) {
        let refused = self.allocator.remove_agent(self.now.mono, id).is_err();
        debug_assert!(!refused, "the ledger holds the agents that the tables hold");
    }

    pub(crate) fn enrol_framework(&mut self, row: FrameworkRow) {
        let framework = self.state.framework(row);
        let (shape, active) = (framework_shape(framework), framework.is_active());
        let refused =
            self.allocator.add_framework(self.now.mono, framework.id.clone(), &shape, active).is_err();
        debug_assert!(!refused, "the ledger holds the frameworks that the tables hold");
    }

    pub(crate) fn reshape_framework(&mut self, row: FrameworkRow) {
        let framework = self.state.framework(row);
        let shape = framework_shape(framework);
        let refused = self.allocator.update_framework(self.now.mono, &framework.id, &shape).is_err();
        debug_assert!(!refused, "the ledger holds the frameworks that the tables hold");
    }

    /// Whether the framework gets offers follows from how it is connected.
    pub(crate) fn retune_framework(&mut self, row: FrameworkRow) {
        let framework = self.state.framework(row);
        let (id, active) = (&framework.id, framework.is_active());
        let refused = self.allocator.set_framework_active(self.now.mono, id, active).is_err();
        debug_assert!(!refused, "the ledger holds the frameworks that the tables hold");
    }

    pub(crate) fn strike_framework(&mut self, id: &FrameworkId) {
        let refused = self.allocator.remove_framework(self.now.mono, id).is_err();
        debug_assert!(!refused, "the ledger holds the frameworks that the tables hold");
    }

    /// What a task or executor held is free.
    pub(crate) fn release(&mut self, agent: &AgentId, framework: &FrameworkId, claim: &Claim) {
        // A claim that the ledger does not have was refused when it was made; `Master::check` finds what differs.
        self.allocator.release(self.now.mono, agent, framework, claim);
    }

    /// Takes all offers of an agent back, and says so to those who have them.
    pub(crate) fn withdraw_agent_offers(&mut self, turn: &mut Turn, row: AgentRow) {
        for number in self.state.offers.of_agent(row) {
            self.rescind_offer(turn, number, Withdrawal::Rescinded);
        }
        self.withdraw_agent_inverse_offers(turn, row);
    }

    /// Takes all offers to a framework back without a word to it.
    pub(crate) fn discard_framework_offers(&mut self, row: FrameworkRow) {
        for number in self.state.offers.of_framework(row) {
            self.take_offer_back(number, Withdrawal::Rescinded);
        }
        self.discard_framework_inverse_offers(row);
    }

    /// Takes all offers to a framework back, and says so.
    pub(crate) fn rescind_framework_offers(&mut self, turn: &mut Turn, row: FrameworkRow) {
        for number in self.state.offers.of_framework(row) {
            self.rescind_offer(turn, number, Withdrawal::Rescinded);
        }
        self.rescind_framework_inverse_offers(turn, row);
    }

    /// Nobody answered: others may have it.
    pub(crate) fn offer_overdue(&mut self, turn: &mut Turn, number: u64) {
        self.rescind_offer(turn, number, Withdrawal::TimedOut);
    }

    pub(crate) fn rescind_offer(&mut self, turn: &mut Turn, number: u64, why: Withdrawal) {
        if let Some(offer) = self.take_offer_back(number, why) {
            self.state.framework_mut(offer.framework).counters.offers_rescinded += 1;
            self.tell(turn, offer.framework, events::rescind(offer.id.to_string()));
        }
    }

    /// Takes an offer out of the table and the ledger.
    pub(crate) fn take_offer_back(&mut self, number: u64, why: Withdrawal) -> Option<Offer> {
        let offer = self.forget_offer(number)?;
        let refused = self.allocator.withdraw(self.now.mono, &offer.id, why).is_err();
        debug_assert!(!refused, "the ledger holds the offers that the tables hold");
        Some(offer)
    }

    /// Takes an offer out of the table alone: the ledger goes on with it.
    pub(crate) fn forget_offer(&mut self, number: u64) -> Option<Offer> {
        self.timers.cancel(&TimerKey::Offer(number));
        self.state.remove_offer(number)
    }

    /// The number of an offer that this master made, whether it is still out or not.
    pub(crate) fn offer_number(&self, id: &str) -> Option<u64> {
        let digits = id.strip_prefix(&*self.info.id)?.strip_prefix("-O")?;
        let number: u64 = digits.parse().ok()?;
        // "O07" and "O+7" are not what was sent.
        (number.to_string() == digits).then_some(number)
    }
}

/// The offer as its framework can read it; without the executors.
pub(crate) fn wire_offer(offer: &Offer, agent: &Agent, framework: &Framework) -> v1::Offer {
    let role = Some(offer.role.to_string());
    let allocation = framework
        .capabilities
        .multi_role
        .then(|| v1::resource::AllocationInfo { role, ..Default::default() });
    v1::Offer {
        id: v1::OfferID::from(offer.id.as_str()),
        framework_id: v1::FrameworkID::from(framework.id.as_str()),
        agent_id: v1::AgentID::from(agent.id.as_str()),
        hostname: agent.info.hostname.clone(),
        url: Some(Box::new(url(agent))),
        domain: agent.info.domain.clone(),
        resources: resources_for(framework, &offer.role, &offer.resources),
        attributes: agent.info.attributes.clone(),
        unavailability: agent.unavailability.as_deref().cloned(),
        allocation_info: allocation,
        ..Default::default()
    }
}

/// Where an agent is reached.
pub(crate) fn url(agent: &Agent) -> v1::URL {
    let address = v1::Address {
        hostname: Some(agent.info.hostname.clone()),
        ip: Some(agent.pid.ip.to_string()),
        port: i32::from(agent.pid.port),
        ..Default::default()
    };
    let path = Some(format!("/{}", agent.pid.id));
    v1::URL { scheme: "http".to_string(), address, path, ..Default::default() }
}

/// Resources in the format that a framework reads, charged to the role only if it knows of more than one.
fn resources_for(framework: &Framework, role: &Role, resources: &Resources) -> Vec<v1::Resource> {
    let charged = framework.capabilities.multi_role.then(|| resources.allocate(role));
    let resources = charged.as_ref().unwrap_or(resources);
    let old =
        (!framework.capabilities.reservation_refinement).then(|| resources.to_wire_pre_refinement().ok());
    old.flatten().unwrap_or_else(|| resources.to_wire())
}

pub(crate) fn agent_shape(config: &Config, agent: &Agent) -> AgentShape {
    let domain = agent.info.domain.as_ref();
    let remote = config.is_remote(domain);
    let fault = domain.and_then(|domain| domain.fault_domain.as_ref());
    AgentShape {
        total: (*agent.total).clone(),
        attributes: Attributes(agent.info.attributes.iter().filter_map(Attribute::from_wire).collect()),
        multi_role: agent.capabilities.multi_role(),
        hierarchical_role: agent.capabilities.hierarchical_role(),
        remote,
        hostname: agent.info.hostname.clone(),
        region: fault.map(|fault| fault.region.name.clone()),
        zone: fault.map(|fault| fault.zone.name.clone()),
    }
}

fn framework_shape(framework: &Framework) -> FrameworkShape {
    let own = framework.capabilities;
    let minimums = framework_info::offer_filters(&framework.info).unwrap_or_default();
    FrameworkShape {
        roles: (*framework.roles).clone(),
        suppressed: (*framework.suppressed).clone(),
        capabilities: Capabilities {
            multi_role: own.multi_role,
            gpu_resources: own.gpu,
            revocable_resources: own.revocable,
            shared_resources: own.shared,
            reservation_refinement: own.reservation_refinement,
            region_aware: own.region_aware,
        },
        constraints: framework.constraints.clone(),
        min_allocatable: minimums.into_iter().map(|(role, sets)| (role, MinAllocatable(sets))).collect(),
    }
}
