// SPDX-License-Identifier: Apache-2.0

//! Whether the checks of a task are described well.

use kaon_api::v1;

use super::command::command as validate_command;

/// Mesos: a task from before checks had types says by its only member which it means; tasks of groups have to say it.
pub(crate) fn name_type(check: &mut v1::HealthCheck) {
    use v1::health_check::Type;
    let meant = match (check.r#type, &check.command, &check.http) {
        (None, Some(_), None) => Some(Type::Command),
        (None, None, Some(_)) => Some(Type::Http),
        (given, ..) => given,
    };
    check.r#type = meant;
}

pub(crate) fn health_check(check: &v1::HealthCheck) -> Result<(), String> {
    use v1::health_check::Type;
    match check.r#type.ok_or("HealthCheck must specify 'type'")? {
        Type::Command => {
            let command =
                check.command.as_deref().ok_or("Expecting 'command' to be set for COMMAND health check")?;
            if command.value.is_none() {
                let member = if command.shell() { "'shell command'" } else { "'executable path'" };
                return Err(format!("Command health check must contain {member}"));
            }
            validate_command(command)
                .map_err(|problem| format!("Health check's `CommandInfo` is invalid: {problem}"))?;
        }
        Type::Http => {
            let http = check.http.as_ref().ok_or("Expecting 'http' to be set for HTTP health check")?;
            if let Some(scheme) = http.scheme.as_deref().filter(|scheme| !matches!(*scheme, "http" | "https"))
            {
                return Err(format!("Unsupported HTTP health check scheme: '{scheme}'"));
            }
            path(http.path.as_deref(), "HTTP health check")?;
        }
        Type::Tcp => drop(check.tcp.as_ref().ok_or("Expecting 'tcp' to be set for TCP health check")?),
        Type::Unknown => return Err("'UNKNOWN' is not a valid health check type".to_string()),
    }
    not_negative(check.delay_seconds, "delay_seconds")?;
    not_negative(check.grace_period_seconds, "grace_period_seconds")?;
    not_negative(check.interval_seconds, "interval_seconds")?;
    not_negative(check.timeout_seconds, "timeout_seconds")
}

pub(crate) fn check_info(check: &v1::CheckInfo) -> Result<(), String> {
    use v1::check_info::Type;
    match check.r#type.ok_or("CheckInfo must specify 'type'")? {
        Type::Command => {
            let own = check.command.as_ref().ok_or("Expecting 'command' to be set for COMMAND check")?;
            if own.command.value.is_none() {
                let member = if own.command.shell() { "'shell command'" } else { "'executable path'" };
                return Err(format!("Command check must contain {member}"));
            }
            validate_command(&own.command)
                .map_err(|problem| format!("Check's `CommandInfo` is invalid: {problem}"))?;
        }
        Type::Http => {
            let http = check.http.as_ref().ok_or("Expecting 'http' to be set for HTTP check")?;
            path(http.path.as_deref(), "HTTP check")?;
        }
        Type::Tcp => drop(check.tcp.as_ref().ok_or("Expecting 'tcp' to be set for TCP check")?),
        Type::Unknown => return Err("'UNKNOWN' is not a valid check type".to_string()),
    }
    not_negative(check.delay_seconds, "delay_seconds")?;
    not_negative(check.interval_seconds, "interval_seconds")?;
    not_negative(check.timeout_seconds, "timeout_seconds")
}

fn path(path: Option<&str>, of: &str) -> Result<(), String> {
    match path {
        Some(path) if !path.starts_with('/') => Err(format!("The path '{path}' of {of} must start with '/'")),
        _ => Ok(()),
    }
}

fn not_negative(seconds: Option<f64>, name: &str) -> Result<(), String> {
    if seconds.is_some_and(|seconds| seconds < 0.0) {
        return Err(format!("Expecting '{name}' to be non-negative"));
    }
    Ok(())
}
