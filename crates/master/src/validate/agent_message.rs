// SPDX-License-Identifier: Apache-2.0

//! Whether what an agent says of itself holds together.

use std::collections::BTreeSet;

use kaon_api::{internal, v1};
use kaon_model::{resource_validity::validate_all, validate_id};

use crate::config::Config;

/// The least version of an agent that is admitted.
const OLDEST: [u64; 3] = [1, 0, 0];

/// Checks a registration. Mesos says nothing to an agent whose registration is not well-formed.
pub(crate) fn register(message: &internal::RegisterAgentMessage, config: &Config) -> Result<(), String> {
    agent_info(&message.agent, config)?;
    checkpointed(&message.agent, &message.checkpointed_resources)
}

/// Checks a re-registration with all that comes in it.
pub(crate) fn reregister(message: &internal::ReregisterAgentMessage, config: &Config) -> Result<(), String> {
    agent_info(&message.agent, config)?;
    let Some(agent) = message.agent.id.as_ref().filter(|id| !id.value.is_empty()) else {
        return Err("the agent comes back without its id".to_string());
    };
    checkpointed(&message.agent, &message.checkpointed_resources)?;
    let mut frameworks = BTreeSet::new();
    for info in &message.frameworks {
        let id = info.id.as_ref().map(|id| id.value.as_str()).unwrap_or_default();
        validate_id(id).map_err(|error| error.to_string())?;
        super::framework_info::roles_alone(info)?;
        if !frameworks.insert(id) {
            return Err(format!("Framework has a duplicate FrameworkID: '{id}'"));
        }
    }
    let executors = executors(message, &frameworks)?;
    for task in &message.tasks {
        reported_task(task, agent, &frameworks, &executors)?;
    }
    Ok(())
}

fn agent_info(info: &v1::AgentInfo, config: &Config) -> Result<(), String> {
    if let Some(id) = info.id.as_ref().filter(|id| !id.value.is_empty()) {
        validate_id(&id.value).map_err(|error| error.to_string())?;
    }
    if info.domain.is_some() && config.domain.is_none() {
        // Mesos: whether it is near could not be told.
        return Err("the agent lies in a domain, and this master in none".to_string());
    }
    if info.domain.is_none() && config.require_agent_domain {
        return Err("the agent lies in no domain, and --require_agent_domain is set".to_string());
    }
    validate_all(&info.resources).map_err(|error| error.to_string())
}

fn checkpointed(info: &v1::AgentInfo, resources: &[v1::Resource]) -> Result<(), String> {
    if !resources.is_empty() && !info.checkpoint() {
        return Err("Checkpointed resources provided when checkpointing is not enabled".to_string());
    }
    validate_all(resources).map_err(|error| error.to_string())
}

type Executors<'a> = BTreeSet<(&'a str, &'a str)>;

fn executors<'a>(
    message: &'a internal::ReregisterAgentMessage,
    frameworks: &BTreeSet<&str>,
) -> Result<Executors<'a>, String> {
    let mut executors = BTreeSet::new();
    for info in &message.executor_infos {
        let framework = info.framework_id.as_ref().map(|id| id.value.as_str()).unwrap_or_default();
        let id = info.executor_id.value.as_str();
        validate_id(id).map_err(|error| error.to_string())?;
        validate_all(&info.resources).map_err(|error| error.to_string())?;
        if !frameworks.contains(framework) {
            return Err(format!("Executor has an invalid FrameworkID '{framework}'"));
        }
        if !executors.insert((framework, id)) {
            return Err(format!("Executor has a duplicate ExecutorID '{id}'"));
        }
    }
    Ok(executors)
}

fn reported_task(
    task: &v1::Task,
    agent: &v1::AgentID,
    frameworks: &BTreeSet<&str>,
    executors: &Executors,
) -> Result<(), String> {
    validate_id(&task.task_id.value).map_err(|error| error.to_string())?;
    if task.agent_id != *agent {
        return Err(format!("Task has an invalid AgentID '{}'", task.agent_id.value));
    }
    let framework = task.framework_id.value.as_str();
    if !frameworks.contains(framework) {
        return Err(format!("Task has an invalid FrameworkID '{framework}'"));
    }
    if let Some(executor) = task.executor_id.as_ref().filter(|_| task.state == v1::TaskState::TaskRunning)
        && !executors.contains(&(framework, executor.value.as_str()))
    {
        return Err(format!("Task has an invalid ExecutorID '{}'", executor.value));
    }
    validate_all(&task.resources).map_err(|error| format!("Task uses invalid resources: {error}"))
}

/// Checks the version that an agent tells. Agents older than 1.0.0 are left to retry for ever.
pub(crate) fn version(version: Option<&str>) -> Result<(), String> {
    let text = version.unwrap_or_default();
    let parsed = parse_version(text).ok_or_else(|| format!("the agent's version '{text}' cannot be read"))?;
    if parsed < OLDEST {
        return Err(format!("the agent's version {text} is older than 1.0.0"));
    }
    Ok(())
}

/// The three numbers of a version such as `1.12.0-rc1+build`.
fn parse_version(text: &str) -> Option<[u64; 3]> {
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let mut numbers = [0; 3];
    let mut parts = text[..end].split('.');
    for (at, number) in numbers.iter_mut().enumerate() {
        match parts.next() {
            Some(part) => *number = part.parse().ok()?,
            None if at > 0 => {}
            None => return None,
        }
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        for good in ["1.0.0", "1.12.0", "1.11.0-rc1", "1.0", "2", "1.0.0+x"] {
            assert_eq!(version(Some(good)), Ok(()), "{good}");
        }
        for bad in ["", "0.28.2", "x", "1.2.3.4", "1..0", "1.x"] {
            assert!(version(Some(bad)).is_err(), "{bad}");
        }
        assert!(version(None).is_err());
    }
}
