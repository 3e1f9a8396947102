// SPDX-License-Identifier: Apache-2.0

//! What of an agent a framework may be offered in a role.

use crate::books::{AgentBook, Books, FrameworkBook, Seat};
use crate::config::Config;
use kaon_model::{Resource, ResourceName, Resources, Role};
use std::borrow::Cow;

/// What is left of an agent while it is being shared out.
#[derive(Debug)]
pub(crate) struct Rest<'a> {
    resources: Cow<'a, Resources>,
    /// Whether everyone may have all of it: nothing is reserved, revocable or shared.
    plain: bool,
}

impl<'a> Rest<'a> {
    pub fn of(agent: &'a AgentBook) -> Rest<'a> {
        let resources = Cow::Borrowed(agent.free());
        let plain = resources.iter().all(|r| r.is_unreserved() && !r.revocable && !r.shared);
        Rest { resources, plain }
    }

    /// A shared volume is offered once in a round.
    pub fn take(&mut self, portion: &Resources) {
        *self.resources.to_mut() -= portion;
    }

    /// Whether anybody could be offered any of it.
    pub fn is_worth_offering(&self, books: &Books, config: &Config) -> bool {
        !self.resources.is_empty()
            && (books.own_minimums > 0 || config.min_allocatable.is_met_by(&self.resources))
    }

    /// What of it the seat may be offered, as far as refusals do not forbid it; none if nothing worth an offer.
    pub fn portion(
        &self,
        books: &Books,
        config: &Config,
        agent: &AgentBook,
        seat: &Seat,
    ) -> Option<Cow<'_, Resources>> {
        let framework = &books.frameworks[seat.framework.0];
        let role = books.roles[seat.role.0].role();
        if !fits(config, agent, framework, role) {
            return None;
        }
        let portion = if self.plain {
            Cow::Borrowed(&*self.resources)
        } else {
            Cow::Owned(self.resources.filter(|r| r.is_allocatable_to(role) && is_understood(framework, r)))
        };
        let minimum = books.own_minimum(seat).unwrap_or(&config.min_allocatable);
        minimum.is_met_by(&portion).then_some(portion)
    }
}

/// Whether framework and agent can deal with each other at all.
fn fits(config: &Config, agent: &AgentBook, framework: &FrameworkBook, role: &Role) -> bool {
    let (shape, able) = (agent.shape(), framework.capabilities);
    let has_gpus = || shape.total.iter().any(|resource| resource.name == ResourceName::GPUS);
    (shape.multi_role || !able.multi_role)
        && (shape.hierarchical_role || role.parent().is_none())
        && (able.region_aware || !shape.remote)
        && !framework.constraints.excludes(role, shape)
        // Mesos: so that tasks without GPUs do not fill up the few agents that have them.
        && (able.gpu_resources || !config.filter_gpu_resources || !has_gpus())
}

/// Whether the framework said that it knows what such a resource means.
fn is_understood(framework: &FrameworkBook, resource: &Resource) -> bool {
    let able = framework.capabilities;
    (able.revocable_resources || !resource.revocable)
        && (able.shared_resources || !resource.shared)
        && (able.reservation_refinement || !resource.is_refined())
}
