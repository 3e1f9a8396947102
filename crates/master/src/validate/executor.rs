// SPDX-License-Identifier: Apache-2.0

//! Whether an executor is described well.

use kaon_api::json::{Dialect, to_json};
use kaon_api::v1;
use kaon_model::{FrameworkId, Resources, Scalar, validate_id};

use super::same_executor::same_executor;
use super::{command, resources};

/// Checks an executor whose resources have been taken over.
///
/// `existing` is the one that runs under this id on the agent already: both must be the same.
pub(crate) fn executor(
    executor: &v1::ExecutorInfo,
    held: &Resources,
    framework: &FrameworkId,
    existing: Option<&v1::ExecutorInfo>,
) -> Result<(), String> {
    kind(executor)?;
    validate_id(&executor.executor_id.value).map_err(|error| error.to_string())?;
    if executor.shutdown_grace_period.as_ref().is_some_and(|grace| grace.nanoseconds < 0) {
        return Err("ExecutorInfo's 'shutdown_grace_period' must be non-negative".to_string());
    }
    if let Some(own) = executor.command.as_deref() {
        command::command(own).map_err(|e| format!("Executor's `CommandInfo` is invalid: {e}"))?;
    }
    if let Some(own) = executor.container.as_deref() {
        command::container(own).map_err(|e| format!("Executor's `ContainerInfo` is invalid: {e}"))?;
    }
    match &executor.framework_id {
        None => return Err("'ExecutorInfo.framework_id' must be set".to_string()),
        Some(id) if id.value != framework.as_str() => {
            return Err(format!(
                "ExecutorInfo has an invalid FrameworkID (Actual: {} vs Expected: {framework})",
                id.value
            ));
        }
        Some(_) => {}
    }
    resources::usable(&executor.resources, held)
        .map_err(|e| format!("Executor uses invalid resources: {e}"))?;
    resources::unique_persistence(held)
        .map_err(|e| format!("Executor uses duplicate persistence ID: {e}"))?;
    resources::one_role(held).map_err(|e| format!("Invalid executor resources: {e}"))?;
    resources::revocable(held)
        .map_err(|e| format!("Executor mixes revocable and non-revocable resources: {e}"))?;
    compatible(executor, existing)
}

fn kind(executor: &v1::ExecutorInfo) -> Result<(), String> {
    use v1::container_info::Type as Container;
    use v1::executor_info::Type;
    match executor.r#type {
        Some(Type::Default) => {
            if executor.command.is_some() {
                return Err("'ExecutorInfo.command' must not be set for 'DEFAULT' executor".to_string());
            }
            let Some(container) = executor.container.as_deref() else { return Ok(()) };
            if container.r#type != Container::Mesos {
                return Err(
                    "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor".to_string()
                );
            }
            if container.mesos.as_ref().is_some_and(|mesos| mesos.image.is_some()) {
                return Err(
                    "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor".to_string()
                );
            }
            Ok(())
        }
        Some(Type::Custom) if executor.command.is_none() => {
            Err("'ExecutorInfo.command' must be set for 'CUSTOM' executor".to_string())
        }
        _ => Ok(()),
    }
}

fn compatible(executor: &v1::ExecutorInfo, existing: Option<&v1::ExecutorInfo>) -> Result<(), String> {
    let Some(existing) = existing.filter(|existing| !same_executor(existing, executor)) else {
        return Ok(());
    };
    let line = "------------------------------------------------------------";
    Err(format!(
        "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n{line}\nExisting \
         ExecutorInfo:\n{}\n{line}\nExecutorInfo:\n{}\n{line}\n",
        to_json(existing, Dialect::V1),
        to_json(executor, Dialect::V1)
    ))
}

/// The least that the executor of a task group must have of its own.
pub(crate) fn of_group(executor: &v1::ExecutorInfo, held: &Resources) -> Result<(), String> {
    let id = &executor.executor_id.value;
    let (cpus, mem) = (held.get_scalar("cpus"), held.get_scalar("mem"));
    if cpus < Scalar::from_f64(0.01) {
        let has = if cpus.is_zero() { "None".to_string() } else { cpus.to_string() };
        return Err(format!("Executor '{id}' uses less CPUs ({has}) than the minimum required (0.01)"));
    }
    if mem < Scalar::from_f64(32.0) {
        // Mesos: whole megabytes, of which none are none of any unit.
        let has = match mem.to_f64().floor() {
            _ if mem.is_zero() => "None".to_string(),
            0.0 => "0B".to_string(),
            megabytes => format!("{megabytes}MB"),
        };
        return Err(format!("Executor '{id}' uses less memory ({has}) than the minimum required (32MB)"));
    }
    if held.get_scalar("disk").is_zero() {
        return Err(format!("Executor '{id}' uses no disk"));
    }
    Ok(())
}

/// Whether a container asks for the cgroups of its parent.
pub(crate) fn share_cgroups(container: Option<&v1::ContainerInfo>) -> Option<bool> {
    container?.linux_info.as_ref()?.share_cgroups
}
