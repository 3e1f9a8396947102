// SPDX-License-Identifier: Apache-2.0

//! What takes more than one step: registration, the lives of executors, recovery, leaving.

pub(crate) mod authentication;
mod checking;
pub(crate) mod collection;
mod containers;
mod custom_executor;
mod disk;
mod draining;
mod ending;
mod environment;
mod holding;
mod launching;
mod leaving;
mod limiting;
mod operations;
mod recovery;
mod registration;
mod reporting;
mod synthesis;
mod telling;

pub(crate) use checking::for_checks;
pub(crate) use ending::send_shutdown;
pub(crate) use registration::CAPABILITIES;
pub(crate) use synthesis::command_executor_info;
