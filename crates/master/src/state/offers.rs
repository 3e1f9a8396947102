// SPDX-License-Identifier: Apache-2.0

//! The offers that wait for an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kaon_model::{Index, OfferId, Resources, Role};

use super::{AgentRow, FrameworkRow, State};

/// Where an offer stands in its table.
pub type OfferRow = Index;

/// One offer: of these resources of one agent, in one role, to one framework.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The number in `<master>-O<n>`, which is its id.
    pub number: u64,
    pub id: OfferId,
    pub framework: FrameworkRow,
    pub agent: AgentRow,
    pub role: Role,
    /// Charged to nobody, as the ledger holds them.
    pub resources: Arc<Resources>,
}

/// The ways to offers.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    by_number: BTreeMap<u64, OfferRow>,
    by_agent: BTreeSet<(AgentRow, u64)>,
    by_framework: BTreeSet<(FrameworkRow, u64)>,
}

impl Offers {
    pub fn row(&self, number: u64) -> Option<OfferRow> {
        self.by_number.get(&number).copied()
    }

    /// The numbers of all offers of an agent, oldest first.
    pub fn of_agent(&self, agent: AgentRow) -> Vec<u64> {
        self.by_agent.range((agent, 0)..=(agent, u64::MAX)).map(|(_, number)| *number).collect()
    }

    /// The numbers of all offers to a framework, oldest first.
    pub fn of_framework(&self, framework: FrameworkRow) -> Vec<u64> {
        self.by_framework.range((framework, 0)..=(framework, u64::MAX)).map(|(_, number)| *number).collect()
    }
}

impl State {
    pub fn offer(&self, number: u64) -> Option<&Offer> {
        self.tables.offers.get(self.offers.row(number)?)
    }

    pub fn insert_offer(&mut self, offer: Offer) -> OfferRow {
        let (number, framework, agent) = (offer.number, offer.framework, offer.agent);
        let row = self.tables.offers.insert(offer);
        self.offers.by_number.insert(number, row);
        self.offers.by_agent.insert((agent, number));
        self.offers.by_framework.insert((framework, number));
        row
    }

    pub fn remove_offer(&mut self, number: u64) -> Option<Offer> {
        let row = self.offers.by_number.remove(&number)?;
        let offer = self.tables.offers.remove(row)?;
        self.offers.by_agent.remove(&(offer.agent, number));
        self.offers.by_framework.remove(&(offer.framework, number));
        Some(offer)
    }
}
