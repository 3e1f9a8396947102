// SPDX-License-Identifier: Apache-2.0

//! Whether a call is well-formed, given this state; with the words in which Mesos says that it is not.

pub(crate) mod agent_message;
pub(crate) mod checks;
pub(crate) mod command;
pub(crate) mod executor;
pub(crate) mod framework_info;
pub(crate) mod maintenance;
pub(crate) mod offer_constraints;
pub(crate) mod operation;
mod operator_call;
pub(crate) mod quota;
pub(crate) mod resources;
mod same_executor;
mod scheduler_call;
pub(crate) mod task;
pub(crate) mod task_group;
pub(crate) mod text;

pub(crate) use operator_call::NO_AGENT;
pub use operator_call::operator_call;
pub use scheduler_call::scheduler_call;
