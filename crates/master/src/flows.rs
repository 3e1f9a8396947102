// SPDX-License-Identifier: Apache-2.0

//! The stories that go on over several inputs.

pub(crate) mod admission;
mod announcing;
pub(crate) mod auditing;
pub(crate) mod authentication;
pub(crate) mod awaiting;
mod collection;
mod disconnection;
mod draining;
pub(crate) mod enforcement;
mod failover_timeout;
pub(crate) mod following;
pub(crate) mod inverse_offering;
pub mod maintenance;
pub(crate) mod offering;
pub(crate) mod operations;
pub mod pace;
mod quota;
pub(crate) mod removal;
pub(crate) mod reregistration;
pub(crate) mod silence;
mod watching;
