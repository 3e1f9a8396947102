// SPDX-License-Identifier: Apache-2.0

//! The core that runs one host: a function from (state, now, input) to (state, effects).

mod agent;
mod calls;
pub mod config;
pub mod effect;
mod flows;
pub mod input;
mod invariants;
pub mod journal;
pub mod query;
#[cfg(feature = "sabotage")]
mod sabotage;
mod state;
mod updates;
pub mod validate;

pub use agent::Agent;
#[cfg(feature = "sabotage")]
pub use sabotage::Sabotage;
pub use state::View;
