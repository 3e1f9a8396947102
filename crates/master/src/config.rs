// SPDX-License-Identifier: Apache-2.0

//! What an operator can set on a master, and the bounds of its tables.

use std::collections::BTreeMap;
use std::time::Duration;

use kaon_api::libprocess::Upid;

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
    pub allocation_interval: Duration,
    pub event_driven_allocation: bool,
    pub allocator: Policy,
    /// None: an offer waits for its answer for ever.
    pub offer_timeout: Option<Duration>,
    /// An agent's free resources are offered if they hold at least one of these: `cpus:0.01|mem:32`.
    pub min_allocatable_resources: String,
    /// Initial weights, `role=weight` pairs.
    pub weights: BTreeMap<String, f64>,
    /// The only roles allowed, where set.
    pub roles: Option<Vec<String>>,
    pub root_submissions: bool,
    pub filter_gpu_resources: bool,
    pub heartbeat_interval: Duration,
    /// Bound: history kept of frameworks that are gone; the oldest is forgotten.
    pub max_completed_frameworks: usize,
    /// Bound: history kept of each framework's ended tasks; the oldest is forgotten.
    pub max_completed_tasks_per_framework: usize,
    /// Bound: as above, for tasks on agents that cannot be reached.
    pub max_unreachable_tasks_per_framework: usize,
    /// Bound: operators' event streams; the oldest is closed beyond it.
    pub max_operator_event_stream_subscribers: usize,
    /// All flags as the operator sees them under /flags.
    pub flags: BTreeMap<String, String>,
}

/// How resources are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Hierarchical dominant resource fairness.
    Hierarchical,
    /// Roles strictly in order of weight.
    Priority,
}
