// SPDX-License-Identifier: Apache-2.0

//! The core that divides a cluster: a function from (state, now, input) to (state, effects).

pub mod config;
pub mod effect;
pub mod input;
