// SPDX-License-Identifier: Apache-2.0

//! What must hold in every run, one file a law.
//!
//! The laws about what a scheduler is told (terminal is final, updates in order, task states legal) stand in
//! `scheduler.rs`, which sees each update with the eyes of a framework.

/// What is counted each time that a law is held against something; a run of many seeds must have counted each.
pub const COUNTED: [&str; 15] = [
    "law resources conserved",
    "law offers exclusive",
    "law no task launched twice",
    "law updates in order, terminal is final",
    "law one writer of the registry",
    "law recovery equals memory",
    "law acknowledged is durable",
    "law an action is in the audit",
    "law gone never returns",
    "law a deactivated agent gets no offer",
    "law a drained agent has no task",
    "law an enforced deadline is kept",
    "law reconciliation never lies",
    "law no running task is lost",
    "law everything settles",
];

pub mod agreed;
pub mod durable;
pub mod enforced;
pub mod exclusive;
pub mod hunger;
pub mod kept;
pub mod limits;
pub mod once;
pub mod reconciled;
pub mod service;
pub mod settled;
pub mod shares;
