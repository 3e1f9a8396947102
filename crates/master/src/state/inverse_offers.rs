// SPDX-License-Identifier: Apache-2.0

//! The inverse offers that wait for an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kaon_api::v1;
use kaon_model::{Index, InverseOfferId};

use super::{AgentRow, FrameworkRow, State};

/// One inverse offer: a framework is asked to give an agent back.
#[derive(Clone, Debug)]
pub struct InverseOffer {
    /// The number in `<master>-O<n>`, which is its id; offers are counted along.
    pub number: u64,
    pub id: InverseOfferId,
    pub framework: FrameworkRow,
    pub agent: AgentRow,
    pub unavailability: Arc<v1::Unavailability>,
}

/// The ways to inverse offers.
///
/// Invariant: a framework has one at most for each agent.
#[derive(Debug, Default)]
pub(crate) struct InverseOffers {
    by_number: BTreeMap<u64, Index>,
    by_agent: BTreeMap<AgentRow, BTreeMap<FrameworkRow, u64>>,
    by_framework: BTreeSet<(FrameworkRow, u64)>,
}

impl InverseOffers {
    /// The numbers of all inverse offers for an agent.
    pub fn of_agent(&self, agent: AgentRow) -> Vec<u64> {
        self.by_agent.get(&agent).into_iter().flat_map(BTreeMap::values).copied().collect()
    }

    /// The numbers of all inverse offers to a framework, oldest first.
    pub fn of_framework(&self, framework: FrameworkRow) -> Vec<u64> {
        self.by_framework.range((framework, 0)..=(framework, u64::MAX)).map(|(_, number)| *number).collect()
    }

    /// Whether a framework is being asked for the agent.
    pub fn is_out(&self, agent: AgentRow, framework: FrameworkRow) -> bool {
        self.by_agent.get(&agent).is_some_and(|own| own.contains_key(&framework))
    }
}

impl State {
    pub fn inverse_offer(&self, number: u64) -> Option<&InverseOffer> {
        self.tables.inverse_offers.get(*self.inverse_offers.by_number.get(&number)?)
    }

    pub fn insert_inverse_offer(&mut self, offer: InverseOffer) {
        let (number, framework, agent) = (offer.number, offer.framework, offer.agent);
        let row = self.tables.inverse_offers.insert(offer);
        self.inverse_offers.by_number.insert(number, row);
        self.inverse_offers.by_agent.entry(agent).or_default().insert(framework, number);
        self.inverse_offers.by_framework.insert((framework, number));
    }

    pub fn remove_inverse_offer(&mut self, number: u64) -> Option<InverseOffer> {
        let row = self.inverse_offers.by_number.remove(&number)?;
        let offer = self.tables.inverse_offers.remove(row)?;
        if let Some(own) = self.inverse_offers.by_agent.get_mut(&offer.agent) {
            own.remove(&offer.framework);
            if own.is_empty() {
                self.inverse_offers.by_agent.remove(&offer.agent);
            }
        }
        self.inverse_offers.by_framework.remove(&(offer.framework, number));
        Some(offer)
    }
}
