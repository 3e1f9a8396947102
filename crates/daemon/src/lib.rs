// SPDX-License-Identifier: Apache-2.0

//! The daemons: the thin shells that carry the cores' inputs and effects to and from the world.

pub mod flags;
pub mod http;
pub mod links;
pub mod store;
