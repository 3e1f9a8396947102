// SPDX-License-Identifier: Apache-2.0

//! The environment of executors, with that of tasks run by built-in ones.

use std::time::Duration;

use kaon_api::v1;
use kaon_api::v1::environment::variable::Type as VariableType;
use kaon_model::{AgentId, Span};

use crate::config::Config;
use crate::state::{Executor, Framework, Kind};

/// Mesos: what a container finds programs by where nobody says otherwise; nothing is inherited from the agent.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables in order, each name once.
#[derive(Default)]
struct Environment(Vec<(String, String)>);

impl Environment {
    fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(own, _)| own == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_string(), value)),
        }
    }

    fn set_all(&mut self, environment: Option<&v1::Environment>) -> Result<(), String> {
        for variable in environment.iter().flat_map(|environment| &environment.variables) {
            self.set(&variable.name, value_of(variable)?);
        }
        Ok(())
    }
}

/// Mesos: the default resolver knows secrets that carry their value, not those kept in a store.
fn value_of(variable: &v1::environment::Variable) -> Result<String, String> {
    if variable.r#type != Some(VariableType::Secret) {
        return Ok(variable.value.clone().unwrap_or_default());
    }
    let secret = variable.secret.as_ref().and_then(|secret| secret.value.as_ref());
    let data = secret.map(|value| value.data.clone()).ok_or_else(|| {
        format!("Environment variable '{}' refers to a secret store, and none is configured", variable.name)
    })?;
    String::from_utf8(data)
        .map_err(|_| format!("The secret in environment variable '{}' is not UTF-8 text", variable.name))
}

/// The environment of an executor's process, or of a task's that a built-in executor runs. The text of an error is
/// for people.
pub(crate) fn environment(
    config: &Config,
    agent: &AgentId,
    framework: &Framework,
    executor: &Executor,
    task: Option<&v1::TaskInfo>,
) -> Result<Vec<(String, String)>, String> {
    let mut all = Environment::default();
    all.set("PATH", DEFAULT_PATH);
    config.executor_environment_variables.iter().for_each(|(name, value)| all.set(name, value.as_str()));
    let directory = format!("{}/{}", config.work_dir.trim_end_matches('/'), executor.sandbox);
    all.set("MESOS_FRAMEWORK_ID", framework.id.as_str());
    all.set("MESOS_EXECUTOR_ID", executor.id.as_str());
    all.set("MESOS_SLAVE_ID", agent.as_str());
    all.set("MESOS_SLAVE_PID", config.pid.to_string());
    all.set("MESOS_AGENT_ENDPOINT", config.pid.address().to_string());
    all.set("MESOS_DIRECTORY", directory.as_str());
    all.set("MESOS_HTTP_COMMAND_EXECUTOR", "0");
    all.set("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", text(shutdown_grace(config, executor)));
    all.set("MESOS_CHECKPOINT", if executor.checkpoints { "1" } else { "0" });
    if executor.checkpoints {
        all.set("MESOS_RECOVERY_TIMEOUT", text(config.recovery_timeout));
        all.set("MESOS_SUBSCRIPTION_BACKOFF_MAX", text(config.executor_reregistration_timeout));
    }
    all.set("LIBPROCESS_PORT", "0");
    config.libprocess_ip.iter().for_each(|ip| all.set("LIBPROCESS_IP", ip.as_str()));
    if executor.kind != Kind::Command {
        all.set_all(executor.info.command.as_ref().and_then(|command| command.environment.as_ref()))?;
    }
    all.set("MESOS_SANDBOX", sandbox_of(&directory, executor, task));
    if let Some(task) = task {
        let role = task.resources.iter().find_map(|resource| resource.allocation_info.as_ref()?.role.clone());
        role.into_iter().for_each(|role| all.set("MESOS_ALLOCATION_ROLE", role));
        if executor.kind == Kind::Default {
            all.set("MESOS_CONTAINER_IP", config.pid.ip.to_string());
        }
        all.set_all(task.command.as_ref().and_then(|command| command.environment.as_ref()))?;
    }
    Ok(all.0)
}

/// The environment of a check's command: the task's, with what the command says itself.
pub(crate) fn check_environment(
    config: &Config,
    agent: &AgentId,
    framework: &Framework,
    executor: &Executor,
    task: &v1::TaskInfo,
    command: &v1::CommandInfo,
) -> Result<Vec<(String, String)>, String> {
    let mut all = Environment(environment(config, agent, framework, executor, Some(task))?);
    all.set_all(command.environment.as_ref())?;
    Ok(all.0)
}

/// Where a process finds its sandbox: a task of a group has a folder of its own in that of its executor.
fn sandbox_of(directory: &str, executor: &Executor, task: Option<&v1::TaskInfo>) -> String {
    let nested = task
        .filter(|_| executor.kind == Kind::Default)
        .and_then(|task| executor.nested.get(task.task_id.value.as_str()));
    match nested {
        Some(container) => crate::journal::layout::nested_sandbox(directory, container),
        None => directory.to_string(),
    }
}

/// How long an executor may take to end.
pub(crate) fn shutdown_grace(config: &Config, executor: &Executor) -> Duration {
    let own = executor.info.shutdown_grace_period.as_ref();
    let own = own.map(|own| Duration::from_nanos(u64::try_from(own.nanoseconds).unwrap_or(0)));
    own.unwrap_or(config.executor_shutdown_grace_period)
}

fn text(duration: Duration) -> String {
    Span::from_std(duration).to_string()
}
