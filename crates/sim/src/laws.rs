// SPDX-License-Identifier: Apache-2.0

//! What must hold in every run, one file a law.
//!
//! The laws about what a scheduler is told (terminal is final, updates in order, task states legal) stand in
//! `scheduler.rs`, which sees each update with the eyes of a framework.

pub mod agreed;
pub mod exclusive;
pub mod hunger;
pub mod limits;
pub mod once;
pub mod settled;
pub mod shares;
