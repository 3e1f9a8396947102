// SPDX-License-Identifier: Apache-2.0

//! Offers exclusive: what is offered and used on an agent never exceeds what the agent has.
//!
//! This law keeps books of its own, from nothing but what the master says and is told.

use std::collections::BTreeMap;

use kaon_api::v1;

use crate::report::Broken;

/// Thousandths of cpus, and of MB of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    pub cpus: i64,
    pub mem: i64,
}

impl Amount {
    pub fn of(resources: &[v1::Resource]) -> Amount {
        let sum = |name: &str| -> i64 {
            let named = resources.iter().filter(|resource| resource.name == name);
            named.filter_map(|r| r.scalar.as_ref()).map(|scalar| (scalar.value * 1000.0).round() as i64).sum()
        };
        Amount { cpus: sum("cpus"), mem: sum("mem") }
    }

    pub fn plus(self, other: Amount) -> Amount {
        Amount { cpus: self.cpus + other.cpus, mem: self.mem + other.mem }
    }

    pub fn minus(self, other: Amount) -> Amount {
        Amount { cpus: self.cpus - other.cpus, mem: self.mem - other.mem }
    }

    pub fn minus_at_least_zero(self, other: Amount) -> Amount {
        let rest = self.minus(other);
        Amount { cpus: rest.cpus.max(0), mem: rest.mem.max(0) }
    }

    fn exceeds(self, other: Amount) -> bool {
        self.cpus > other.cpus || self.mem > other.mem
    }
}

#[derive(Clone, Debug)]
struct Held {
    agent: String,
    framework: String,
    amount: Amount,
}

#[derive(Debug, Default)]
pub struct Books {
    totals: BTreeMap<String, Amount>,
    offers: BTreeMap<String, Held>,
    tasks: BTreeMap<(String, String), Held>,
}

impl Books {
    pub fn agent(&mut self, agent: &str, total: Amount) {
        self.totals.insert(agent.to_owned(), total);
    }

    /// An agent came back and says what it runs: this replaces what was known of it.
    pub fn agent_runs<'a>(&mut self, agent: &str, tasks: impl Iterator<Item = (&'a str, &'a str, Amount)>) {
        self.tasks.retain(|_, held| held.agent != agent);
        for (framework, task, amount) in tasks {
            self.launched(framework, task, agent, amount);
        }
    }

    pub fn offered(&mut self, framework: &str, offer: &v1::Offer) -> Result<(), Broken> {
        let agent = offer.agent_id.value.clone();
        let amount = Amount::of(&offer.resources);
        let held = Held { agent: agent.clone(), framework: framework.to_owned(), amount };
        self.offers.insert(offer.id.value.clone(), held);
        let all = || self.offers.values().chain(self.tasks.values()).filter(|held| held.agent == agent);
        let sum = all().fold(Amount::default(), |sum, held| sum.plus(held.amount));
        let total = self.totals.get(&agent).copied().unwrap_or_default();
        if sum.exceeds(total) {
            let offers = self.offers.iter().filter(|(_, held)| held.agent == agent);
            let tasks = self.tasks.iter().filter(|(_, held)| held.agent == agent);
            let held: Vec<String> = offers
                .map(|(id, held)| format!("offer {id}: {:?}", held.amount))
                .chain(tasks.map(|((_, task), held)| format!("task {task}: {:?}", held.amount)))
                .collect();
            let what = format!(
                "offer {} of {amount:?} brings agent {agent} to {sum:?}, which has {total:?}: {}",
                offer.id.value,
                held.join(", ")
            );
            return Err(Broken { law: "offers exclusive", what });
        }
        Ok(())
    }

    pub fn offer_over(&mut self, offer: &str) {
        self.offers.remove(offer);
    }

    /// The framework's stream is gone or was taken over: its offers are void.
    pub fn framework_gone(&mut self, framework: &str) {
        self.offers.retain(|_, held| held.framework != framework);
    }

    pub fn launched(&mut self, framework: &str, task: &str, agent: &str, amount: Amount) {
        let held = Held { agent: agent.to_owned(), framework: framework.to_owned(), amount };
        self.tasks.insert((framework.to_owned(), task.to_owned()), held);
    }

    pub fn task_over(&mut self, framework: &str, task: &str) {
        self.tasks.remove(&(framework.to_owned(), task.to_owned()));
    }

    /// The framework was removed: nothing of it is counted any more.
    pub fn framework_removed(&mut self, framework: &str) {
        self.framework_gone(framework);
        self.tasks.retain(|_, held| held.framework != framework);
    }
}
