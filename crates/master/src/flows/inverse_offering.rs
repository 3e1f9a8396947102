// SPDX-License-Identifier: Apache-2.0

//! Inverse offers: frameworks are asked for agents whose machines are to be maintained.

use std::collections::{BTreeMap, BTreeSet};

use kaon_api::v1;
use kaon_model::{FrameworkId, InverseOfferId};

use crate::events;
use crate::flows::offering::url;
use crate::master::{Master, TimerKey, Turn};
use crate::state::{Agent, AgentRow, Framework, FrameworkRow, InverseOffer};

impl Master {
    /// Whoever has something of a scheduled agent, or is offered it, is asked to give it back.
    ///
    /// Mesos: asks after each round of offers; here at once when something is scheduled, then once in an interval.
    pub(crate) fn ask_for_agents(&mut self, turn: &mut Turn) {
        let mut asked: BTreeMap<FrameworkRow, Vec<v1::InverseOffer>> = BTreeMap::new();
        for agent in self.state.machines.scheduled_agents().collect::<Vec<_>>() {
            for framework in self.holders(agent) {
                if let Some(offer) = self.make_inverse_offer(turn, agent, framework) {
                    asked.entry(framework).or_default().push(offer);
                }
            }
        }
        for (framework, offers) in asked {
            self.tell(turn, framework, events::inverse_offers(offers));
        }
        if self.state.machines.has_scheduled_agents() {
            self.timers.set(TimerKey::Asking, turn.now.mono + self.config.allocation_interval);
        }
    }

    /// The frameworks that use something of the agent, or are offered it.
    fn holders(&self, agent: AgentRow) -> Vec<FrameworkRow> {
        let agent = self.state.agent(agent);
        if !agent.connected {
            return Vec::new();
        }
        let entries = self.allocator.books().entries(&agent.id);
        let holders: BTreeSet<&FrameworkId> = entries.map(|entry| entry.framework).collect();
        holders.into_iter().filter_map(|id| self.state.frameworks.row(id.as_str())).collect()
    }

    fn make_inverse_offer(
        &mut self,
        turn: &Turn,
        agent: AgentRow,
        framework: FrameworkRow,
    ) -> Option<v1::InverseOffer> {
        let unavailability = self.state.agent(agent).unavailability.clone()?;
        if !self.state.framework(framework).is_active()
            || self.state.inverse_offers.is_out(agent, framework)
            || !self.state.machines.may_ask(agent, framework, turn.now.mono)
        {
            return None;
        }
        let number = self.ids.offers;
        self.ids.offers += 1;
        let id = InverseOfferId::from(format!("{}-O{number}", self.info.id));
        let offer = InverseOffer { number, id, framework, agent, unavailability };
        let wire = wire_inverse_offer(&offer, self.state.agent(agent), self.state.framework(framework));
        self.state.insert_inverse_offer(offer);
        if let Some(timeout) = self.config.offer_timeout {
            self.timers.set(TimerKey::InverseOffer(number), turn.now.mono + timeout);
        }
        Some(wire)
    }

    /// Nobody answered: it is asked anew.
    pub(crate) fn inverse_offer_overdue(&mut self, turn: &mut Turn, number: u64) {
        self.rescind_inverse_offer(turn, number);
    }

    pub(crate) fn withdraw_agent_inverse_offers(&mut self, turn: &mut Turn, row: AgentRow) {
        for number in self.state.inverse_offers.of_agent(row) {
            self.rescind_inverse_offer(turn, number);
        }
    }

    pub(crate) fn rescind_framework_inverse_offers(&mut self, turn: &mut Turn, row: FrameworkRow) {
        for number in self.state.inverse_offers.of_framework(row) {
            self.rescind_inverse_offer(turn, number);
        }
        self.state.machines.forget_asked(row);
    }

    /// Without a word to the framework.
    pub(crate) fn discard_framework_inverse_offers(&mut self, row: FrameworkRow) {
        for number in self.state.inverse_offers.of_framework(row) {
            self.take_inverse_offer_back(number);
        }
        self.state.machines.forget_asked(row);
    }

    fn rescind_inverse_offer(&mut self, turn: &mut Turn, number: u64) {
        if let Some(offer) = self.take_inverse_offer_back(number) {
            self.tell(turn, offer.framework, events::rescind_inverse_offer(offer.id.to_string()));
        }
    }

    pub(crate) fn take_inverse_offer_back(&mut self, number: u64) -> Option<InverseOffer> {
        self.timers.cancel(&TimerKey::InverseOffer(number));
        self.state.remove_inverse_offer(number)
    }
}

/// The inverse offer as its framework reads it. Mesos: names no resources: all of the agent is meant.
pub(crate) fn wire_inverse_offer(
    offer: &InverseOffer,
    agent: &Agent,
    framework: &Framework,
) -> v1::InverseOffer {
    v1::InverseOffer {
        id: v1::OfferID::from(offer.id.as_str()),
        url: Some(Box::new(url(agent))),
        framework_id: v1::FrameworkID::from(framework.id.as_str()),
        agent_id: Some(v1::AgentID::from(agent.id.as_str())),
        unavailability: (*offer.unavailability).clone(),
        ..Default::default()
    }
}
