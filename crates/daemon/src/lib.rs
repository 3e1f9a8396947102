// SPDX-License-Identifier: Apache-2.0

//! The daemons: the thin shells that carry the cores' inputs and effects to and from the world.

mod access;
mod accounts;
pub mod address;
mod agent;
mod companions;
pub mod credentials;
pub mod detector;
mod domain;
mod executor;
pub mod files;
pub mod flags;
mod front;
pub mod host;
pub mod http;
pub mod lease;
pub mod links;
mod local;
mod log;
mod master;
pub mod metrics;
mod pidfd;
mod probes;
mod process;
pub mod registry;
mod replies;
pub mod runtime;
pub mod store;
mod streams;
mod version;
pub mod writer;
pub mod zookeeper;

pub use agent::{ROUTES as AGENT_ROUTES, main_agent};
pub use executor::{main_default_executor, main_executor};
pub use local::main_local;
pub use master::{ROUTES as MASTER_ROUTES, main_master};
