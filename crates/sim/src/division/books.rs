// SPDX-License-Identifier: Apache-2.0

//! Who has what, by nothing but what the master says and is told.

use std::collections::BTreeMap;

use kaon_api::v1;
use kaon_api::v1::quota::QuotaConfig;

use crate::laws::exclusive::Amount;

/// Something that a role holds of what is open to all: an offer, or a task.
#[derive(Clone, Debug)]
pub struct Held {
    pub agent: String,
    pub role: String,
    pub open: Amount,
    /// With what is reserved.
    pub all: Amount,
}

/// A role's quota; none is no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quota {
    pub promised: Amount,
    pub cpus: Option<i64>,
    pub mem: Option<i64>,
}

#[derive(Clone, Debug, Default)]
pub struct Books {
    /// By agent: what is open to all, then what is reserved, by role.
    agents: BTreeMap<String, (Amount, Vec<(String, Amount)>)>,
    offers: BTreeMap<String, Held>,
    tasks: BTreeMap<(String, String), Held>,
    quotas: BTreeMap<String, Quota>,
}

impl Books {
    pub fn agent_came(&mut self, id: &str, resources: &[v1::Resource]) {
        let reserved =
            resources.iter().filter_map(|r| Some((role_of(r)?, Amount::of(std::slice::from_ref(r)))));
        self.agents.insert(id.to_owned(), (open(resources), reserved.collect()));
    }

    pub fn agent_went(&mut self, id: &str) {
        self.agents.remove(id);
        self.offers.retain(|_, held| held.agent != id);
        self.tasks.retain(|_, held| held.agent != id);
    }

    pub fn offered(&mut self, offer: &v1::Offer) {
        let role = offer.allocation_info.as_ref().and_then(|info| info.role.clone()).unwrap_or_default();
        let held = held(&offer.agent_id.value, &role, &offer.resources);
        self.offers.insert(offer.id.value.clone(), held);
    }

    /// The role that it was offered to, if it was out still.
    pub fn offer_over(&mut self, id: &str) -> Option<String> {
        self.offers.remove(id).map(|held| held.role)
    }

    pub fn is_out(&self, id: &str) -> bool {
        self.offers.contains_key(id)
    }

    pub fn launched(&mut self, framework: &str, role: &str, task: &v1::TaskInfo) {
        let held = held(&task.agent_id.value, role, &task.resources);
        self.tasks.insert((framework.to_owned(), task.task_id.value.clone()), held);
    }

    pub fn task_over(&mut self, framework: &str, task: &str) {
        self.tasks.remove(&(framework.to_owned(), task.to_owned()));
    }

    pub fn set_quota(&mut self, config: &QuotaConfig) {
        let millis = |amount: &v1::value::Scalar| (amount.value * 1000.0).round() as i64;
        let most = |name: &str| config.limits.get(name).map(millis);
        let promised = |name: &str| config.guarantees.get(name).map_or(0, millis);
        let promised = Amount { cpus: promised("cpus"), mem: promised("mem") };
        self.quotas.insert(config.role.clone(), Quota { promised, cpus: most("cpus"), mem: most("mem") });
    }

    pub fn quota(&self, role: &str) -> Quota {
        self.quotas.get(role).copied().unwrap_or_default()
    }

    pub fn quotas(&self) -> impl Iterator<Item = (&str, Quota)> {
        self.quotas.iter().map(|(role, quota)| (role.as_str(), *quota))
    }

    /// What counts against the quota of a role.
    pub fn consumed(&self, role: &str) -> Amount {
        let reserved = self.agents.values().flat_map(|(_, reserved)| reserved);
        let reserved = reserved.filter(|(of, _)| is_within(of, role)).map(|(_, amount)| *amount);
        let held = self.held().filter(|held| is_within(&held.role, role)).map(|held| held.open);
        reserved.chain(held).fold(Amount::default(), Amount::plus)
    }

    /// What roles at the top lack of what they are promised.
    pub fn lacking(&self, role: &str) -> Amount {
        self.quota(role).promised.minus_at_least_zero(self.consumed(role))
    }

    /// What is left of the open when all that is promised is set aside.
    pub fn surplus(&self) -> Amount {
        let total = self.agents.values().map(|(open, _)| *open).fold(Amount::default(), Amount::plus);
        let held = self.held().map(|held| held.open).fold(Amount::default(), Amount::plus);
        let required =
            self.quotas.keys().map(|role| self.lacking(role)).fold(Amount::default(), Amount::plus);
        total.minus(held).minus(required)
    }

    /// The dominant share of a role, reserved or not.
    pub fn share(&self, role: &str) -> f64 {
        let all = |(open, reserved): &(Amount, Vec<(String, Amount)>)| {
            reserved.iter().map(|(_, amount)| *amount).fold(*open, Amount::plus)
        };
        let total = self.agents.values().map(all).fold(Amount::default(), Amount::plus);
        let held = self.held().filter(|held| is_within(&held.role, role)).map(|held| held.all);
        let held = held.fold(Amount::default(), Amount::plus);
        (held.cpus as f64 / total.cpus as f64).max(held.mem as f64 / total.mem as f64)
    }

    pub fn has_reservations(&self, role: &str) -> bool {
        self.agents.values().flat_map(|(_, reserved)| reserved).any(|(of, _)| is_within(of, role))
    }

    /// The offers that were not out before.
    pub fn offered_since(&self, before: &Books) -> Vec<Held> {
        let new = self.offers.iter().filter(|(id, _)| !before.offers.contains_key(*id));
        new.map(|(_, held)| held.clone()).collect()
    }

    /// The same books, without some offers.
    pub fn beside(&self, offers: &[Held]) -> Surplus {
        let held = offers.iter().map(|held| held.open).fold(Amount::default(), Amount::plus);
        let mut consumed = BTreeMap::new();
        for role in self.quotas.keys() {
            let own = offers.iter().filter(|held| is_within(&held.role, role)).map(|held| held.open);
            let own = own.fold(Amount::default(), Amount::plus);
            consumed.insert(role.clone(), self.consumed(role).minus(own));
        }
        let lacking =
            |(role, consumed): (&String, &Amount)| self.quota(role).promised.minus_at_least_zero(*consumed);
        let required = consumed.iter().map(lacking).fold(Amount::default(), Amount::plus);
        let required_now =
            self.quotas.keys().map(|role| self.lacking(role)).fold(Amount::default(), Amount::plus);
        Surplus(self.surplus().plus(held).plus(required_now).minus(required))
    }

    fn held(&self) -> impl Iterator<Item = &Held> {
        self.offers.values().chain(self.tasks.values())
    }
}

/// What was left beside all that is promised, at some time.
#[derive(Clone, Copy, Debug)]
pub struct Surplus(pub Amount);

pub fn is_within(role: &str, above: &str) -> bool {
    role.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn held(agent: &str, role: &str, resources: &[v1::Resource]) -> Held {
    let (agent, role) = (agent.to_owned(), role.to_owned());
    Held { agent, role, open: open(resources), all: Amount::of(resources) }
}

fn open(resources: &[v1::Resource]) -> Amount {
    let open: Vec<v1::Resource> = resources.iter().filter(|r| role_of(r).is_none()).cloned().collect();
    Amount::of(&open)
}

fn role_of(resource: &v1::Resource) -> Option<String> {
    resource.reservations.last().and_then(|reservation| reservation.role.clone())
}
