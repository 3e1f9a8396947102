// SPDX-License-Identifier: Apache-2.0

//! The daemons: the thin shells that carry the cores' inputs and effects to and from the world.

mod accounts;
pub mod address;
mod agent;
pub mod detector;
pub mod files;
pub mod flags;
mod front;
pub mod host;
pub mod http;
pub mod links;
mod local;
mod log;
mod master;
pub mod metrics;
mod process;
mod replies;
pub mod runtime;
pub mod store;
mod streams;
mod version;
pub mod writer;

pub use agent::main_agent;
pub use local::main_local;
pub use master::main_master;
