// SPDX-License-Identifier: Apache-2.0

//! What agents and frameworks have in use or on offer, summed up in one pass over the rows.
//!
//! Mesos: tasks that are over hold nothing, though they stay until their end is acknowledged.

use std::collections::BTreeMap;

use kaon_model::{Index, Resources, Role};

use crate::state::{AgentRow, Executor, FrameworkRow, Offer, State, Tables, Task};

/// What somebody holds, charged to roles.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Held {
    /// By tasks and executors.
    pub used: Resources,
    pub offered: Resources,
}

/// The sums by agent and by framework.
#[derive(Debug)]
pub(super) struct Sums {
    agents: Vec<Held>,
    frameworks: Vec<Held>,
}

static NOTHING: Held = Held { used: Resources::new(), offered: Resources::new() };

impl Sums {
    pub fn of(tables: &Tables) -> Sums {
        let (mut agents, mut frameworks): (Vec<Pile>, Vec<Pile>) = Default::default();
        for task in tables.tasks.values().filter(|task| task.holds_resources()) {
            at(&mut agents, task.agent).add_task(task);
            at(&mut frameworks, task.framework).add_task(task);
        }
        for executor in tables.executors.values() {
            at(&mut agents, executor.agent).add_executor(executor);
            at(&mut frameworks, executor.framework).add_executor(executor);
        }
        for offer in tables.offers.values() {
            at(&mut agents, offer.agent).add_offer(offer);
            at(&mut frameworks, offer.framework).add_offer(offer);
        }
        let charged = |piles: Vec<Pile>| piles.iter().map(Pile::charged).collect();
        Sums { agents: charged(agents), frameworks: charged(frameworks) }
    }

    pub fn agent(&self, row: AgentRow) -> &Held {
        self.agents.get(row.number()).unwrap_or(&NOTHING)
    }

    pub fn framework(&self, row: FrameworkRow) -> &Held {
        self.frameworks.get(row.number()).unwrap_or(&NOTHING)
    }
}

impl Held {
    /// What is held on one agent, without looking at others.
    pub fn on_agent(state: &State, row: AgentRow) -> Held {
        let mut pile = Pile::default();
        let tables = &state.tables;
        state.tasks.of_agent(row).iter().for_each(|row| pile.add_task(&tables.tasks[*row]));
        state.executors.of_agent(row).iter().for_each(|row| pile.add_executor(&tables.executors[*row]));
        let offers = state.offers.of_agent(row).into_iter().filter_map(|number| state.offer(number));
        offers.for_each(|offer| pile.add_offer(offer));
        pile.charged()
    }

    /// What one framework holds, without looking at others.
    pub fn by_framework(state: &State, row: FrameworkRow) -> Held {
        let mut pile = Pile::default();
        let tables = &state.tables;
        state.tasks.of_framework(row).iter().for_each(|row| pile.add_task(&tables.tasks[*row]));
        state.executors.of_framework(row).iter().for_each(|row| pile.add_executor(&tables.executors[*row]));
        let offers = state.offers.of_framework(row).into_iter().filter_map(|number| state.offer(number));
        offers.for_each(|offer| pile.add_offer(offer));
        pile.charged()
    }
}

/// What somebody holds, charged to nobody yet: charging sums is cheaper than summing up what is charged.
#[derive(Default)]
struct Pile {
    used: BTreeMap<Role, Resources>,
    offered: BTreeMap<Role, Resources>,
}

impl Pile {
    fn add_task(&mut self, task: &Task) {
        if task.holds_resources() {
            add(&mut self.used, &task.body.role, &task.body.resources);
        }
    }

    fn add_executor(&mut self, executor: &Executor) {
        add(&mut self.used, &executor.role, &executor.resources);
    }

    fn add_offer(&mut self, offer: &Offer) {
        add(&mut self.offered, &offer.role, &offer.resources);
    }

    fn charged(&self) -> Held {
        Held { used: charge(&self.used), offered: charge(&self.offered) }
    }
}

fn add(sums: &mut BTreeMap<Role, Resources>, role: &Role, resources: &Resources) {
    match sums.get_mut(role) {
        Some(sum) => *sum += resources,
        None => drop(sums.insert(role.clone(), resources.clone())),
    }
}

fn charge(sums: &BTreeMap<Role, Resources>) -> Resources {
    let mut all = Resources::new();
    sums.iter().for_each(|(role, sum)| all += &sum.allocate(role));
    all
}

/// The entry of a row in a list that grows as rows are met.
pub(super) fn at<T: Default>(list: &mut Vec<T>, row: Index) -> &mut T {
    if list.len() <= row.number() {
        list.resize_with(row.number() + 1, T::default);
    }
    &mut list[row.number()]
}
