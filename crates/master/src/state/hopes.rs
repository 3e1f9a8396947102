// SPDX-License-Identifier: Apache-2.0

//! What agents are hoped to have: what they are known to have, after the operations that they were ordered.
//!
//! An agent carries out its orders one after another, and what becomes of them is told later, perhaps out of order. One that
//! it refuses takes with it those that built on it. So none is undone: what is left is done over, from what is known.

use std::collections::BTreeMap;

use kaon_model::{Conversion, Resources, Uuid};

use super::AgentRow;

/// Agents with orders of which the end is not known, and no others.
#[derive(Debug, Default)]
pub(crate) struct Hopes(BTreeMap<AgentRow, Hope>);

#[derive(Debug)]
struct Hope {
    /// What the agent had before the first of the orders.
    known: Resources,
    /// In the order in which they were sent; those that came to nothing are gone.
    orders: Vec<Order>,
}

#[derive(Debug)]
struct Order {
    uuid: Uuid,
    steps: Vec<Conversion>,
    done: bool,
}

impl Hopes {
    /// Sends an order on top of those before. `total` is what was believed of the agent until now.
    pub fn order(&mut self, agent: AgentRow, total: &Resources, uuid: Uuid, steps: Vec<Conversion>) {
        let fresh = || Hope { known: total.clone(), orders: Vec::new() };
        let order = Order { uuid, steps, done: false };
        self.0.entry(agent).or_insert_with(fresh).orders.push(order);
    }

    /// The agent has carried out an order.
    pub fn done(&mut self, agent: AgentRow, uuid: &Uuid) {
        let Some(hope) = self.0.get_mut(&agent) else { return };
        hope.orders.iter_mut().filter(|order| order.uuid == *uuid).for_each(|order| order.done = true);
        self.settle(agent);
    }

    /// An order came to nothing. Returns what the agent is believed to have then, if it was hoped for.
    pub fn failed(&mut self, agent: AgentRow, uuid: &Uuid) -> Option<Resources> {
        let hope = self.0.get_mut(&agent)?;
        let before = hope.orders.len();
        hope.orders.retain(|order| order.uuid != *uuid);
        let total = (hope.orders.len() < before).then(|| hope.total());
        self.settle(agent);
        total
    }

    /// What the agent has now counts, whatever was hoped.
    pub fn forget(&mut self, agent: AgentRow) {
        self.0.remove(&agent);
    }

    /// What is known changes beneath the orders.
    pub fn rebase(&mut self, agent: AgentRow, change: impl FnOnce(&Resources) -> Resources) {
        if let Some(hope) = self.0.get_mut(&agent) {
            hope.known = change(&hope.known);
        }
    }

    /// What an agent is believed to have, if that is more than what is known.
    pub fn total(&self, agent: AgentRow) -> Option<Resources> {
        self.0.get(&agent).map(Hope::total)
    }

    /// Orders of an agent that are remembered.
    pub fn count(&self, agent: AgentRow) -> usize {
        self.0.get(&agent).map_or(0, |hope| hope.orders.len())
    }

    pub fn agents(&self) -> impl Iterator<Item = AgentRow> {
        self.0.keys().copied()
    }

    /// What was done before the first order that is open is known.
    fn settle(&mut self, agent: AgentRow) {
        let Some(hope) = self.0.get_mut(&agent) else { return };
        let settled = hope.orders.iter().take_while(|order| order.done).count();
        let done = hope.orders.drain(..settled).collect::<Vec<_>>();
        hope.known = done.iter().fold(std::mem::take(&mut hope.known), after);
        if hope.orders.is_empty() {
            self.0.remove(&agent);
        }
    }
}

impl Hope {
    fn total(&self) -> Resources {
        self.orders.iter().fold(self.known.clone(), after)
    }
}

/// An order for which something is missing changes nothing, there as here.
fn after(total: Resources, order: &Order) -> Resources {
    total.apply(&order.steps).unwrap_or(total)
}
