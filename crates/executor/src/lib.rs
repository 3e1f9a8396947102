// SPDX-License-Identifier: Apache-2.0

//! The built-in executors as pure machines.
//!
//! A machine is told what happened to the process of a task, and answers with what is to be done: statuses to report,
//! signals to send. Its timers live inside; the host calls it with [`command::Input::Tick`] when
//! [`command::Command::deadline`] has come.

pub mod command;
pub mod group;
mod wait_status;

pub use command::{Action, Command, Report, Spec};
pub use group::Group;
pub use wait_status::{describe, succeeded};
