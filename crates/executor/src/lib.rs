// SPDX-License-Identifier: Apache-2.0

//! The built-in executors as pure machines.
//!
//! A machine is told what happened to the process of a task, and answers with what is to be done: statuses to report,
//! signals to send, checks to make. Its timers live inside; the host calls it with [`command::Input::Tick`] when
//! [`command::Command::deadline`] has come. There are two hosts: the agent, and the process `mesos-executor`.

pub mod check;
mod checker;
pub mod command;
mod deadline;
pub mod group;
mod spec;
mod wait_status;

pub use checker::Note;
pub use command::{Action, Attached, Command, Report};
pub use group::Group;
pub use spec::{DEFAULT_KILL_GRACE, Spec, grace_of, max_completion, nanoseconds};
pub use wait_status::{describe, succeeded};
