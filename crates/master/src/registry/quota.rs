// SPDX-License-Identifier: Apache-2.0

//! Quota and weights as the registry keeps them, told to the allocator in its own terms.

use std::collections::BTreeMap;

use kaon_allocator::Quota;
use kaon_api::v1::quota::QuotaConfig;
use kaon_api::v1::value;
use kaon_model::{ResourceName, Role, Scalar};

use super::Registry;

impl Registry {
    /// In the order in which roles were given one.
    pub fn quota_configs(&self) -> &[QuotaConfig] {
        &self.rest.quota_configs
    }

    /// The roles that have quota.
    pub fn quotas(&self) -> impl Iterator<Item = (Role, Quota)> {
        self.rest.quota_configs.iter().filter_map(|config| Some((Role::new(&config.role).ok()?, of(config))))
    }

    pub fn weights(&self) -> impl Iterator<Item = (Role, f64)> {
        let weight = |weight: &kaon_api::internal::registry::Weight| {
            Some((Role::new(weight.info.role.as_deref()?).ok()?, weight.info.weight))
        };
        self.rest.weights.iter().filter_map(weight)
    }
}

/// The quota that a configuration means.
pub(crate) fn of(config: &QuotaConfig) -> Quota {
    Quota { guarantees: amounts(&config.guarantees).collect(), limits: amounts(&config.limits).collect() }
}

fn amounts(map: &BTreeMap<String, value::Scalar>) -> impl Iterator<Item = (ResourceName, Scalar)> {
    map.iter().map(|(name, amount)| (name.as_str().into(), Scalar::from_f64(amount.value)))
}
