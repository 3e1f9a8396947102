// SPDX-License-Identifier: Apache-2.0

//! The settings of the allocator.

use crate::shape::MinAllocatable;
use kaon_model::{Quantities, ResourceName, Scalar};
use std::collections::BTreeSet;
use std::time::Duration;

/// Settings, with the defaults of Mesos where it has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `--allocation_interval`: how often what waits for it is looked at. Also the shortest time that a refusal stands.
    pub allocation_interval: Duration,
    /// Whether freed resources are offered at once, not only every interval (`--no-event_driven_allocation` gives the
    /// timing of Mesos).
    pub event_driven: bool,
    /// `--min_allocatable_resources`: less is not worth an offer.
    pub min_allocatable: MinAllocatable,
    /// `--filter_gpu_resources`: agents with GPUs are for frameworks that know of GPUs.
    pub filter_gpu_resources: bool,
    /// `--role_sorter`, `--framework_sorter`: how siblings are ordered.
    pub role_sorter: Sorter,
    pub framework_sorter: Sorter,
    /// `--fair_sharing_excluded_resource_names`: scalars that do not count in shares.
    pub excluded_from_shares: BTreeSet<ResourceName>,
    /// How long a change waits for others before a round, counted from the last one.
    pub gather: Duration,
    /// How long a change waits at most while others keep coming.
    pub gather_at_most: Duration,
    /// The mean time between two offers of one agent to one framework, at the least. The later one holds more, and a
    /// framework is not called for each task that ends.
    pub offer_spacing: Duration,
    /// How many offers of one agent to one framework may come without that space, after a time of none. With 1, each
    /// resource that is freed within the spacing of another lies idle for up to a spacing: at tasks of a second, that
    /// is three in a hundred.
    pub offer_burst: u32,
}

/// How siblings are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sorter {
    /// As the policy ranks them.
    #[default]
    Policy,
    /// By lot, with chances in proportion to their weights.
    Random,
}

impl Default for Config {
    fn default() -> Config {
        let amounts = |name, millis| Quantities::from_iter([(name, Scalar::from_millis(millis))]);
        Config {
            allocation_interval: Duration::from_secs(1),
            event_driven: true,
            min_allocatable: MinAllocatable(vec![
                amounts(ResourceName::CPUS, 10),
                amounts(ResourceName::MEM, 32_000),
            ]),
            filter_gpu_resources: true,
            role_sorter: Sorter::default(),
            framework_sorter: Sorter::default(),
            excluded_from_shares: BTreeSet::new(),
            gather: Duration::from_millis(5),
            gather_at_most: Duration::from_millis(10),
            offer_spacing: Duration::from_millis(100),
            offer_burst: 5,
        }
    }
}
