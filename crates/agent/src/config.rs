// SPDX-License-Identifier: Apache-2.0

//! What an operator can set on an agent, and the bounds of its tables.

use std::collections::BTreeMap;
use std::time::Duration;

use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_model::{AccessList, Credential};

/// The settings of an agent; names and defaults are those of the flags.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address under which the master and executors reach this agent: `slave(1)@ip:port`.
    pub pid: Upid,
    /// Host name, port, resources, attributes and domain, as they are registered; without an id.
    pub info: v1::AgentInfo,
    /// Plain `X.Y.Z`, at least 1.11.0.
    pub version: String,
    /// The absolute path under which sandboxes lie.
    pub work_dir: String,
    /// The user as whom the agent itself runs.
    pub user: String,
    pub switch_user: bool,
    pub registration_backoff_factor: Duration,
    pub executor_registration_timeout: Duration,
    pub executor_reregistration_timeout: Duration,
    pub executor_shutdown_grace_period: Duration,
    pub recovery_timeout: Duration,
    /// What becomes of what the agent before left running.
    pub recover: Recover,
    /// Which changes of its description leave an agent the same.
    pub reconfiguration_policy: ReconfigurationPolicy,
    /// By what the agent proves to its master who it is; none where it does not.
    pub credential: Option<Credential>,
    /// As which users which principals may run tasks here.
    pub run_tasks: AccessList,
    pub authentication_backoff_factor: Duration,
    pub authentication_timeout_min: Duration,
    pub authentication_timeout_max: Duration,
    /// Where the built-in executors of Mesos would lie; handed to executors.
    pub launcher_dir: String,
    /// The address that the agent was told to listen on, which executors with a driver then use too.
    pub libprocess_ip: Option<String>,
    /// Given to every executor first; what the agent sets itself overrides it.
    pub executor_environment_variables: BTreeMap<String, String>,
    pub gc_delay: Duration,
    /// Whether anybody in the shell wants to know what executors hold.
    pub tells_updates: bool,
    /// Bound: history kept of each framework's ended executors; the oldest is forgotten.
    pub max_completed_executors_per_framework: usize,
    /// The boot that this process lives in, as /proc names it.
    pub boot_id: String,
    /// All flags as the operator sees them under /flags.
    pub flags: BTreeMap<String, String>,
}

/// What an agent does with what the one before left running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recover {
    /// Takes it up.
    Reconnect,
    /// Ends it, and then itself.
    Cleanup,
}

/// Which changes of its description leave an agent the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconfigurationPolicy {
    /// None.
    Equal,
    /// Those that only add to it.
    Additive,
}

/// The defaults of the flags, for an agent without an address.
impl Default for Config {
    fn default() -> Config {
        Config {
            pid: Upid::empty(),
            info: v1::AgentInfo::default(),
            version: "1.11.0".into(),
            work_dir: String::new(),
            user: "root".into(),
            switch_user: true,
            registration_backoff_factor: Duration::from_secs(1),
            executor_registration_timeout: Duration::from_secs(60),
            executor_reregistration_timeout: Duration::from_secs(2),
            executor_shutdown_grace_period: Duration::from_secs(5),
            recovery_timeout: Duration::from_secs(15 * 60),
            recover: Recover::Reconnect,
            reconfiguration_policy: ReconfigurationPolicy::Equal,
            credential: None,
            run_tasks: AccessList::default(),
            authentication_backoff_factor: Duration::from_secs(1),
            authentication_timeout_min: Duration::from_secs(5),
            authentication_timeout_max: Duration::from_secs(60),
            launcher_dir: String::new(),
            libprocess_ip: None,
            executor_environment_variables: BTreeMap::new(),
            gc_delay: Duration::from_secs(7 * 24 * 3600),
            tells_updates: false,
            max_completed_executors_per_framework: 150,
            boot_id: String::new(),
            flags: BTreeMap::new(),
        }
    }
}
