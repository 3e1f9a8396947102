// SPDX-License-Identifier: Apache-2.0

//! The executor that a command task is said to have.

use std::time::Duration;

use kaon_api::v1;

use crate::config::Config;

/// Mesos: the times that its command executor takes to reap the task, and to end after that.
pub(super) const EXECUTOR_OVERHEAD: Duration = Duration::from_secs(2);

/// Mesos: names, sources and commands as its agent makes them up, for those who read them; the resources of a process
/// of its own are left out, because there is none.
pub(crate) fn command_executor_info(
    task: &v1::TaskInfo,
    framework: &v1::FrameworkID,
    config: &Config,
) -> v1::ExecutorInfo {
    let id = &task.task_id.value;
    let command = v1::CommandInfo {
        uris: task.command.as_ref().map(|command| command.uris.clone()).unwrap_or_default(),
        environment: task.command.as_ref().and_then(|command| command.environment.clone()),
        user: task.command.as_ref().and_then(|command| command.user.clone()),
        shell: Some(false),
        value: Some(format!("{}/mesos-executor", config.launcher_dir)),
        arguments: vec!["mesos-executor".to_string(), format!("--launcher_dir={}", config.launcher_dir)],
        ..Default::default()
    };
    let grace = task.kill_policy.as_ref().and_then(|policy| policy.grace_period.as_ref());
    v1::ExecutorInfo {
        executor_id: v1::ExecutorID::from(id.as_str()),
        framework_id: Some(framework.clone()),
        command: Some(Box::new(command)),
        container: task.container.clone(),
        name: Some(format!("Command Executor (Task: {id}) (Command: {})", command_summary(task))),
        source: Some(id.clone()),
        discovery: task.discovery.clone(),
        labels: task.labels.clone(),
        shutdown_grace_period: grace.map(|grace| v1::DurationInfo {
            nanoseconds: grace.nanoseconds.saturating_add(EXECUTOR_OVERHEAD.as_nanos() as i64),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn command_summary(task: &v1::TaskInfo) -> String {
    let Some(command) = &task.command else { return "NO EXECUTABLE".to_string() };
    if command.shell.unwrap_or(true) {
        let value = command.value.as_deref().unwrap_or_default();
        let short: String = value.chars().take(12).collect();
        let more = if short.len() < value.len() { "..." } else { "" };
        return format!("sh -c '{short}{more}'");
    }
    let words = command.value.iter().chain(command.arguments.iter());
    let line = format!("[{}]", words.map(String::as_str).collect::<Vec<_>>().join(", "));
    let short: String = line.chars().take(12).collect();
    let more = if short.len() < line.len() { "..." } else { "" };
    format!("{short}{more}")
}
