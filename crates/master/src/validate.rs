// SPDX-License-Identifier: Apache-2.0

//! Whether a call is well-formed, given this state; with the words in which Mesos says that it is not.

pub(crate) mod agent_message;
pub(crate) mod checks;
pub(crate) mod command;
pub(crate) mod executor;
pub(crate) mod framework_info;
mod operator_call;
pub(crate) mod resources;
mod scheduler_call;
pub(crate) mod task;

pub use operator_call::operator_call;
pub use scheduler_call::scheduler_call;

/// A set of names as Mesos prints it: `{ a, b }`.
pub(crate) fn set_text<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() { "{}".to_string() } else { format!("{{ {} }}", items.join(", ")) }
}
