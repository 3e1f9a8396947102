// SPDX-License-Identifier: Apache-2.0

//! The core that divides a cluster: a function from (state, now, input) to (state, effects).
//!
//! Calls decide, tables change, the ledger moves, effects tell. Nothing here blocks, fails or looks outside.

mod caller;
mod calls;
pub mod config;
pub mod effect;
mod events;
mod flows;
pub mod input;
mod invariants;
mod master;
pub mod query;
pub mod registry;
mod rejection;
#[cfg(feature = "sabotage")]
mod sabotage;
pub mod state;
pub mod validate;
pub mod view;

pub use caller::{Caller, Permission};
pub use config::{Config, Policy, RemovalRate, Return};
pub use effect::{Effect, Effects, Reply, ToPeer};
pub use input::{Input, PeerMessage, Stream, Ticket, Write};
pub use master::Master;
pub use registry::{Registry, RegistryError};
#[cfg(feature = "sabotage")]
pub use sabotage::Sabotage;
pub use view::View;
