// SPDX-License-Identifier: Apache-2.0

//! What the task of an executor finds in its environment.

use kaon_api::json::{Dialect, from_json, parse};
use kaon_api::v1;
use kaon_api::v1::environment::variable::Type;
use kaon_api::wire::Message;

/// Adds variables; a later one of a name wins. Mesos: secrets that nobody resolved are passed over.
pub fn add(all: &mut Vec<(String, String)>, environment: Option<&v1::Environment>) {
    let variables = environment.iter().flat_map(|environment| &environment.variables);
    let values = variables.filter(|variable| variable.r#type != Some(Type::Secret));
    all.extend(values.map(|variable| (variable.name.clone(), variable.value.clone().unwrap_or_default())));
}

/// The role to which the task's resources are charged.
pub fn role(task: &v1::TaskInfo) -> Option<String> {
    task.resources.iter().find_map(|resource| resource.allocation_info.as_ref()?.role.clone())
}

/// Our own variables, those that are no text aside.
pub fn own() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    // A token is the executor's alone.
    let mine = |(name, _): &(String, String)| name != "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";
    std::env::vars_os().filter_map(text).filter(mine).collect()
}

/// A message that a flag gives as JSON.
pub fn message<M: Message>(flag: &str, text: Option<&str>) -> Result<Option<M>, String> {
    let Some(text) = text else { return Ok(None) };
    let bad = |reason: &dyn std::fmt::Display| format!("Failed to parse --{flag}: {reason}");
    let json = parse(text.as_bytes()).map_err(|error| bad(&error))?;
    from_json(&json, Dialect::V1).map(Some).map_err(|error| bad(&error))
}
