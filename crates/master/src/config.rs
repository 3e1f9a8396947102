// SPDX-License-Identifier: Apache-2.0

//! What an operator can set on a master, and the bounds of its tables.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kaon_allocator::MinAllocatable;
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_model::{AccessList, Credentials, Resources, Role, Wall};

pub use crate::flows::pace::RemovalRate;
pub use kaon_allocator::{PatternLimits, Sorter};

/// The settings of a master; names and defaults are those of the flags.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address under which agents and frameworks reach this master: `master@ip:port`.
    pub pid: Upid,
    pub hostname: String,
    /// Plain `X.Y.Z`, at least 1.11.0: clients turn it into integers.
    pub version: String,
    pub cluster: Option<String>,
    pub agent_ping_timeout: Duration,
    pub max_agent_ping_timeouts: u32,
    pub agent_reregister_timeout: Duration,
    /// At what pace agents are declared unreachable; None: at once.
    pub agent_removal_rate_limit: Option<RemovalRate>,
    /// The part of the agents, from 0 to 1, that may fail to come back after a change of masters.
    pub recovery_agent_removal_limit: f64,
    /// What becomes of tasks whose framework was told that they are lost, when their agent returns.
    pub non_partition_aware_return: Return,
    /// How long a framework that is known from its agents alone is waited for; None: for ever.
    pub recovered_framework_timeout: Option<Duration>,
    pub allocation_interval: Duration,
    pub event_driven_allocation: bool,
    pub allocator: Policy,
    /// None: an offer waits for its answer for ever.
    pub offer_timeout: Option<Duration>,
    /// An agent's free resources are offered if they hold at least one of these: `cpus:0.01|mem:32`.
    pub min_allocatable_resources: String,
    /// `--role_sorter`, `--framework_sorter`.
    pub role_sorter: Sorter,
    pub framework_sorter: Sorter,
    /// Scalars that do not count in shares.
    pub fair_sharing_excluded_resource_names: Vec<String>,
    /// How complex the patterns of offer constraints may be.
    pub pattern_limits: PatternLimits,
    /// Where there is quota: the part of the agents that must be back after a change of masters before anything is
    /// offered, and for how long they are waited for.
    pub allocator_agent_recovery_factor: f64,
    pub allocator_recovery_timeout: Duration,
    /// The region and zone in which this master runs.
    pub domain: Option<v1::DomainInfo>,
    /// Whether agents must tell in which region and zone they run.
    pub require_agent_domain: bool,
    /// Initial weights, `role=weight` pairs; those in the registry, if there are any, replace them.
    pub weights: BTreeMap<String, f64>,
    /// The only roles allowed, where set.
    pub roles: Option<Vec<String>>,
    pub root_submissions: bool,
    pub filter_gpu_resources: bool,
    /// Only drivers that have authenticated may register.
    pub authenticate_frameworks: bool,
    /// Only agents that have authenticated may register.
    pub authenticate_agents: bool,
    /// Secrets by principal. None: nobody can authenticate.
    pub credentials: Option<Arc<Credentials>>,
    /// As which users which principals may run tasks.
    pub run_tasks: AccessList,
    /// How long one attempt to authenticate may take.
    pub authentication_v0_timeout: Duration,
    pub heartbeat_interval: Duration,
    /// Bound: history kept of frameworks that are gone; the oldest is forgotten.
    pub max_completed_frameworks: usize,
    /// Bound: history kept of each framework's ended tasks; the oldest is forgotten.
    pub max_completed_tasks_per_framework: usize,
    /// Bound: as above, for tasks on agents that cannot be reached.
    pub max_unreachable_tasks_per_framework: usize,
    /// Bound: frameworks at one time, connected or not; a further one is refused.
    pub max_frameworks: usize,
    /// Bound: operators' event streams; the oldest is closed beyond it.
    pub max_operator_event_stream_subscribers: usize,
    /// All flags as the operator sees them under /flags.
    pub flags: BTreeMap<String, String>,
    /// When the process began; when this master began to lead, if that is not known.
    pub process_started: Option<Wall>,
}

/// How resources are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Hierarchical dominant resource fairness.
    Hierarchical,
    /// Roles strictly in order of weight.
    Priority,
}

/// What becomes of a task that runs although its framework, which knows nothing of partitions, was told that it is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// It runs on, and the framework is told so.
    Keep,
    /// It is killed.
    Kill,
}

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "--allocator=priority sorts roles by weight, and --role_sorter=random by lot: leave one of them out"
    )]
    TwoOrders,
    #[error("--min_allocatable_resources={given}: {problem}; expected sets such as cpus:0.01|mem:32")]
    MinAllocatable { given: String, problem: String },
    #[error(
        "--weights: {role}={weight}: {problem}; expected pairs such as web=2,db=1.5 with positive weights"
    )]
    Weight { role: String, weight: String, problem: String },
}

impl Config {
    /// Whether an agent with this domain lies in another region than this master. Mesos: whoever tells no domain is near.
    pub(crate) fn is_remote(&self, domain: Option<&v1::DomainInfo>) -> bool {
        let region = |domain: &v1::DomainInfo| Some(domain.fault_domain.as_ref()?.region.name.clone());
        match (self.domain.as_ref().and_then(region), domain.and_then(region)) {
            (Some(own), Some(other)) => own != other,
            _ => false,
        }
    }

    /// Whether all settings can be; to be asked before a master is made.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.min_allocatable()?;
        if self.allocator == Policy::Priority && self.role_sorter == Sorter::Random {
            return Err(ConfigError::TwoOrders);
        }
        for (role, weight) in &self.weights {
            let wrong = |problem: String| ConfigError::Weight {
                role: role.clone(),
                weight: weight.to_string(),
                problem,
            };
            Role::new(role).map_err(|error| wrong(error.to_string()))?;
            if !(weight.is_finite() && *weight > 0.0) {
                return Err(wrong("the weight is not a positive number".to_string()));
            }
        }
        Ok(())
    }

    /// The sets of amounts of which an offer must hold one at least. No set at all lets everything pass.
    pub(crate) fn min_allocatable(&self) -> Result<MinAllocatable, ConfigError> {
        let given = &self.min_allocatable_resources;
        let wrong = |problem: String| ConfigError::MinAllocatable { given: given.clone(), problem };
        let sets = given.split('|').filter(|set| !set.trim().is_empty());
        let parse = |set: &str| {
            let resources =
                Resources::parse(set.trim(), &Role::star()).map_err(|error| wrong(error.to_string()))?;
            Ok(resources.all_quantities())
        };
        Ok(MinAllocatable(sets.map(parse).collect::<Result<_, _>>()?))
    }
}

impl Default for Config {
    /// The defaults of the flags. The address, which no flag defaults, is empty.
    fn default() -> Config {
        Config {
            pid: Upid::empty(),
            hostname: "localhost".to_string(),
            version: VERSION.to_string(),
            cluster: None,
            agent_ping_timeout: Duration::from_secs(15),
            max_agent_ping_timeouts: 5,
            agent_reregister_timeout: Duration::from_secs(600),
            agent_removal_rate_limit: None,
            recovery_agent_removal_limit: 1.0,
            non_partition_aware_return: Return::Keep,
            recovered_framework_timeout: None,
            allocation_interval: Duration::from_secs(1),
            event_driven_allocation: true,
            allocator: Policy::Hierarchical,
            offer_timeout: None,
            min_allocatable_resources: "cpus:0.01|mem:32".to_string(),
            role_sorter: Sorter::Policy,
            framework_sorter: Sorter::Policy,
            fair_sharing_excluded_resource_names: Vec::new(),
            pattern_limits: PatternLimits::default(),
            allocator_agent_recovery_factor: 0.8,
            allocator_recovery_timeout: Duration::from_secs(600),
            domain: None,
            require_agent_domain: false,
            weights: BTreeMap::new(),
            roles: None,
            root_submissions: true,
            filter_gpu_resources: true,
            authenticate_frameworks: false,
            authenticate_agents: false,
            credentials: None,
            run_tasks: AccessList::default(),
            authentication_v0_timeout: Duration::from_secs(15),
            heartbeat_interval: Duration::from_secs(15),
            max_completed_frameworks: 50,
            max_completed_tasks_per_framework: 1000,
            max_unreachable_tasks_per_framework: 1000,
            max_frameworks: MAX_FRAMEWORKS,
            max_operator_event_stream_subscribers: 1000,
            flags: BTreeMap::new(),
            process_started: None,
        }
    }
}

/// The version of Mesos whose behaviour this is; clients compare it.
pub const VERSION: &str = "1.11.0";

/// How often the registry is searched for agents that may be forgotten: the default of `--registry_gc_interval`.
pub const REGISTRY_GC_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// Bound: how long an unreachable or gone agent is remembered: the default of `--registry_max_agent_age`.
pub const REGISTRY_MAX_AGENT_AGE: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Bound: how many unreachable, and how many gone agents are remembered: the default of `--registry_max_agent_count`.
/// The oldest are forgotten beyond it.
pub const REGISTRY_MAX_AGENT_COUNT: usize = 102_400;

/// Bound: bytes of the registry's records between two snapshots, where the last snapshot is not larger than that. More make
/// recovery longer, fewer make writes bigger.
pub const REGISTRY_SNAPSHOT_AFTER: usize = 512 * 1024;

/// Bound: frameworks at one time. As many as there may be connections; each is weighed in each round of allocation.
pub const MAX_FRAMEWORKS: usize = 20_000;

/// Bound: registrations of agents that wait for the disk. An agent beyond it is not answered; it asks again.
pub const MAX_WRITES_IN_FLIGHT: usize = 10_000;

/// Bound: operations of one agent that were not acknowledged. Frameworks are refused any more on it.
pub const MAX_OPERATIONS_PER_AGENT: usize = 10_000;

/// Bound: attempts to authenticate that go on at once. One more is not answered; its client asks again.
pub const MAX_AUTHENTICATIONS: usize = 10_000;

/// Bound: clients that have authenticated and not gone since. One more is not answered.
pub const MAX_AUTHENTICATED: usize = 200_000;

/// Bound: messages of one client that wait until it has authenticated. More are dropped; it asks again.
pub const MAX_WAITING_FOR_AUTHENTICATION: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_be_are_named() {
        let check = |change: fn(&mut Config), text: &str| {
            let mut config = Config::default();
            change(&mut config);
            let problem = config.check().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(problem.starts_with(text) && problem.is_empty() == text.is_empty(), "{problem}");
        };
        check(|_| {}, "");
        check(|config| config.min_allocatable_resources.clear(), "");
        check(
            |config| (config.allocator, config.role_sorter) = (Policy::Priority, Sorter::Random),
            "--allocator=priority sorts roles by weight",
        );
        check(
            |config| config.min_allocatable_resources = "cpus".into(),
            "--min_allocatable_resources=cpus: ",
        );
        check(
            |config| _ = config.weights.insert("a".into(), 0.0),
            "--weights: a=0: the weight is not a positive number",
        );
        check(
            |config| _ = config.weights.insert("/".into(), 1.0),
            "--weights: /=1: Role '/' cannot start with a slash",
        );
    }
}
