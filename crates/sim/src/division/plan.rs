// SPDX-License-Identifier: Apache-2.0

//! What a division is like: drawn from its seed.

use kaon_api::v1;
use kaon_api::v1::quota::QuotaConfig;
use kaon_model::Entropy;

/// The roles that have quota now and then; frameworks are in them or below.
pub const TOP: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Debug)]
pub struct Plan {
    /// The resources of each agent.
    pub agents: Vec<Vec<v1::Resource>>,
    /// The role of each framework.
    pub frameworks: Vec<&'static str>,
    /// In the hungry time, by role.
    pub weights: Vec<(&'static str, f64)>,
    /// How many cpus agents have for everybody.
    open_cpus: u64,
}

impl Plan {
    pub fn draw(rng: &mut Entropy) -> Plan {
        let mut open_cpus = 0;
        let agents = (0..50).map(|_| agent(rng, &mut open_cpus)).collect();
        let weights = TOP.iter().map(|role| (*role, 1.0 + rng.below(3) as f64)).collect();
        let last = if rng.chance(0.5) { "d/y" } else { "d" };
        Plan { agents, frameworks: vec!["a", "b", "c", "d/x", last], weights, open_cpus }
    }

    /// New quotas for all roles at the top; some have none. No more than six tenths of the cluster are promised, and
    /// nobody is limited to so little that it could starve.
    pub fn quotas(&self, rng: &mut Entropy) -> Vec<QuotaConfig> {
        let part = |per_cent: u64| (self.open_cpus * per_cent / 100) as f64;
        let mut configs = Vec::new();
        for role in TOP {
            let promised = if rng.chance(0.4) { 5 + rng.below(10) } else { 0 };
            let most = rng.chance(0.4).then(|| promised.max(8) + rng.below(20));
            let amounts = |cpus: f64| {
                let scalar = |value| v1::value::Scalar { value, ..Default::default() };
                [("cpus".to_string(), scalar(cpus)), ("mem".to_string(), scalar(cpus * 64.0))]
            };
            let named = 1 + rng.below(2) as usize;
            configs.push(QuotaConfig {
                role: role.to_string(),
                guarantees: amounts(part(promised))
                    .into_iter()
                    .take(named)
                    .filter(|_| promised > 0)
                    .collect(),
                limits: most.into_iter().flat_map(|most| amounts(part(most))).collect(),
                ..Default::default()
            });
        }
        configs
    }

    pub fn weights(&self) -> Vec<v1::WeightInfo> {
        self.weights.iter().map(|(role, weight)| info(role, *weight)).collect()
    }

    pub fn other_weights(&self, rng: &mut Entropy) -> Vec<v1::WeightInfo> {
        TOP.iter().map(|role| info(role, 0.5 + rng.unit() * 4.0)).collect()
    }
}

fn info(role: &str, weight: f64) -> v1::WeightInfo {
    v1::WeightInfo { role: Some(role.to_string()), weight, ..Default::default() }
}

/// Some agents reserve a part for one of the roles.
fn agent(rng: &mut Entropy, open_cpus: &mut u64) -> Vec<v1::Resource> {
    let cpus = 1 + rng.below(6);
    *open_cpus += cpus;
    let mut resources =
        vec![scalar("cpus", cpus as f64), scalar("mem", (cpus * (64 + rng.below(128))) as f64)];
    if rng.chance(0.15) {
        let role = ["a", "d", "d/x"][rng.below(3) as usize];
        let fixed = v1::resource::ReservationInfo {
            r#type: Some(v1::resource::reservation_info::Type::Static),
            role: Some(role.to_string()),
            ..Default::default()
        };
        for mut resource in [scalar("cpus", 1.0), scalar("mem", 64.0)] {
            resource.reservations.push(fixed.clone());
            resources.push(resource);
        }
    }
    resources
}

fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.into(),
        r#type: v1::value::Type::Scalar,
        scalar: Some(v1::value::Scalar { value, ..Default::default() }),
        ..Default::default()
    }
}
