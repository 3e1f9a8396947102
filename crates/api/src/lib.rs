// SPDX-License-Identifier: Apache-2.0

//! The words Kaon and its peers exchange: Mesos's messages, and the ways they are written down.
//!
//! - [`v1`], [`v0`] and [`internal`] hold the messages, generated from `proto/` by `build.rs`;
//! - [`wire`] is their binary form, [`json`] their JSON form;
//! - [`recordio`] frames a stream of records, [`libprocess`] a message between two processes.
//!
//! There is no logic here: what a message means is decided in the cores.

pub mod json;
pub mod libprocess;
mod message_set;
pub mod recordio;
pub mod wire;

pub use generated::*;

#[allow(clippy::all, rustdoc::all, non_snake_case, unused_imports)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/generated.rs"));
}
