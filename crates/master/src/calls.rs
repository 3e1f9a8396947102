// SPDX-License-Identifier: Apache-2.0

//! What others ask of the master, one file a call.

mod agent;
mod driver;
pub(crate) mod operator;
mod scheduler;
