// SPDX-License-Identifier: Apache-2.0

//! The core that runs one host: a function from (state, now, input) to (state, effects).

pub mod config;
pub mod effect;
pub mod input;
pub mod journal;
