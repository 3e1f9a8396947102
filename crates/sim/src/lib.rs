// SPDX-License-Identifier: Apache-2.0

//! Whole clusters in one thread, from a seed.
//!
//! Masters, agents and schedulers run as the cores they are; this crate plays everything around them:
//! the network, the disks, the containers, the clocks. A run has a safety phase under faults and a healing phase
//! without, in which all must settle. Laws watch both. The same seed gives the same run.

pub mod clock;
pub mod cluster;
pub mod division;
pub mod election;
pub mod faults;
pub mod host;
pub mod journal;
pub mod laws;
pub mod network;
pub mod plan;
pub mod report;
#[cfg(feature = "sabotage")]
pub mod sabotage;
pub mod scheduler;
pub mod script;
pub mod store;
