// SPDX-License-Identifier: Apache-2.0

//! Whether a task may be launched on what was offered.

use std::sync::Arc;

use kaon_api::v1;
use kaon_model::{AgentId, ExecutorId, FrameworkId, Resources, Role, validate_id};

use super::{checks, command, executor, resources};
use crate::state::{AgentRow, FrameworkRow, State};

/// Where a task is to be launched.
pub(crate) struct Place<'a> {
    pub state: &'a State,
    pub framework: FrameworkRow,
    pub agent: AgentRow,
    /// The role of the offers.
    pub role: &'a Role,
    /// What is left of the offers, charged to nobody.
    pub available: &'a Resources,
}

/// What a valid task takes; resources are charged to nobody.
#[derive(Debug)]
pub(crate) struct Needs {
    pub task: Arc<Resources>,
    /// The executor that must be started for it, unless it runs already or is the agent's own.
    pub executor: Option<NewExecutor>,
    /// Whether the agent is to start an executor: always for command tasks.
    pub launch_executor: bool,
}

#[derive(Debug)]
pub(crate) struct NewExecutor {
    pub id: ExecutorId,
    pub info: Arc<v1::ExecutorInfo>,
    pub resources: Arc<Resources>,
}

impl Place<'_> {
    pub(super) fn framework_id(&self) -> &FrameworkId {
        &self.state.framework(self.framework).id
    }

    fn agent_id(&self) -> &AgentId {
        &self.state.agent(self.agent).id
    }

    pub(super) fn running(&self, id: &ExecutorId) -> Option<&v1::ExecutorInfo> {
        self.state.executor(self.agent, self.framework, id).map(|executor| &*executor.info)
    }
}

/// Checks a task of LAUNCH, and puts into it what the agent needs to be told: roles, formats, framework.
pub(crate) fn launch(task: &mut v1::TaskInfo, place: &Place) -> Result<Needs, String> {
    let held = resources::adopt(&mut task.resources, place.role)?;
    let own_executor = match task.executor.as_deref_mut() {
        Some(info) => {
            info.framework_id.get_or_insert_with(|| v1::FrameworkID::from(place.framework_id().as_str()));
            Some(resources::adopt(&mut info.resources, place.role)?)
        }
        None => None,
    };
    common(task, &held, place)?;
    if executor::share_cgroups(task.container.as_deref()) == Some(false) {
        return Err("Only tasks in a task group may have 'share_cgroups' set to 'false'".to_string());
    }
    if task.executor.is_some() == task.command.is_some() {
        return Err(
            "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present".to_string()
        );
    }
    let executor = match (task.executor.as_deref(), own_executor) {
        (Some(info), Some(own)) => custom_executor(info, own, &held, place)?,
        _ => None,
    };
    let launch_executor = task.command.is_some() || executor.is_some();
    let uncharged = held.unallocate();
    let fits = match &executor {
        None => place.available.contains_all(&uncharged),
        Some(new) => place.available.contains_all(&(&uncharged + &new.resources)),
    };
    if !fits || held.sole_allocation() != Some(place.role) {
        let new = executor.as_ref().map(|new| new.resources.allocate(place.role));
        let (total, available) = (&held + &new.unwrap_or_default(), place.available.allocate(place.role));
        return Err(format!(
            "Total resources {total} required by task and its executor is more than available {available}"
        ));
    }
    Ok(Needs { task: Arc::new(uncharged), executor, launch_executor })
}

fn custom_executor(
    info: &v1::ExecutorInfo,
    own: Resources,
    task: &Resources,
    place: &Place,
) -> Result<Option<NewExecutor>, String> {
    let id = ExecutorId::from(info.executor_id.value.as_str());
    let running = place.running(&id);
    executor::executor(info, &own, place.framework_id(), running)?;
    if info.r#type.is_some_and(|kind| kind != v1::executor_info::Type::Custom) {
        return Err("'ExecutorInfo.type' must be 'CUSTOM'".to_string());
    }
    if info.command.is_none() {
        return Err("'ExecutorInfo.command' must be set".to_string());
    }
    if !own.shared().is_empty() {
        return Err(format!("Executor resources {own} should not contain any shared resources"));
    }
    if executor::share_cgroups(info.container.as_deref()) == Some(true) {
        return Err("The 'share_cgroups' field cannot be set to 'true' on executor containers".to_string());
    }
    if resources::overlap(&[task, &own]) {
        return Err(format!(
            "There are overlapping resources in the task resources {task} and executor resources {own}"
        ));
    }
    let both = task + &own;
    resources::unique_persistence(&both)
        .map_err(|e| format!("Task and its executor use duplicate persistence ID: {e}"))?;
    resources::revocable(&both)
        .map_err(|e| format!("Task and its executor mix revocable and non-revocable resources: {e}"))?;
    if running.is_some() {
        return Ok(None);
    }
    Ok(Some(NewExecutor { id, info: Arc::new(info.clone()), resources: Arc::new(own.unallocate()) }))
}

/// What holds for tasks of LAUNCH and of LAUNCH_GROUP alike, in Mesos's order.
fn common(task: &v1::TaskInfo, held: &Resources, place: &Place) -> Result<(), String> {
    let id = &task.task_id.value;
    validate_id(id).map_err(|error| error.to_string())?;
    if place.state.tasks.row(place.framework, id).is_some() {
        return Err(format!("Task has duplicate ID: {id}"));
    }
    if place.state.tables.history.is_unreachable(place.framework_id(), id) {
        return Err(format!("Task reuses the ID of an unreachable task: {id}"));
    }
    let (given, expected) = (&task.agent_id.value, place.agent_id());
    if given != expected.as_str() {
        return Err(format!("Task uses invalid agent {given} while agent {expected} is expected"));
    }
    let grace = task.kill_policy.as_ref().and_then(|policy| policy.grace_period.as_ref());
    if grace.is_some_and(|grace| grace.nanoseconds < 0) {
        return Err("Task's 'kill_policy.grace_period' must be non-negative".to_string());
    }
    if task.max_completion_time.as_ref().is_some_and(|time| time.nanoseconds < 0) {
        return Err("Task's `max_completion_time` must be non-negative".to_string());
    }
    if let Some(check) = &task.check {
        checks::check_info(check).map_err(|e| format!("Task uses invalid check: {e}"))?;
    }
    if let Some(check) = &task.health_check {
        checks::health_check(check).map_err(|e| format!("Task uses invalid health check: {e}"))?;
    }
    if held.is_empty() {
        return Err("Task uses no resources".to_string());
    }
    resources::unique_persistence(held).map_err(|e| format!("Task uses duplicate persistence ID: {e}"))?;
    resources::one_role(held).map_err(|e| format!("Invalid task resources: {e}"))?;
    resources::revocable(held)
        .map_err(|e| format!("Task mixes revocable and non-revocable resources: {e}"))?;
    if let Some(own) = task.command.as_deref() {
        command::command(own).map_err(|e| format!("Task's `CommandInfo` is invalid: {e}"))?;
    }
    if let Some(own) = task.container.as_deref() {
        command::container(own).map_err(|e| format!("Task's `ContainerInfo` is invalid: {e}"))?;
    }
    limits(task, held, place)
}

fn limits(task: &v1::TaskInfo, held: &Resources, place: &Place) -> Result<(), String> {
    if task.limits.is_empty() {
        return Ok(());
    }
    if !place.state.agent(place.agent).capabilities.task_resource_limits() {
        return Err("Agent is not capable of handling task resource limits".to_string());
    }
    if task.limits.keys().any(|name| name != "cpus" && name != "mem") {
        return Err("Only cpus and mem may be included in a task's resource limits".to_string());
    }
    let below = |name: &str, limit: f64| limit.is_nan() || limit < held.get_scalar(name).to_f64();
    if let Some(limit) = task.limits.get("cpus") {
        if held.get_scalar("cpus").is_zero() {
            return Err("When a CPU limit is specified, a CPU request must also be specified".to_string());
        }
        if below("cpus", limit.value) {
            return Err("The cpu limit must be greater than or equal to the cpu request".to_string());
        }
    }
    if let Some(limit) = task.limits.get("mem") {
        if held.get_scalar("mem").is_zero() {
            return Err(
                "When a memory limit is specified, a memory request must also be specified".to_string()
            );
        }
        if below("mem", limit.value) {
            return Err("The memory limit must be greater than or equal to the memory request".to_string());
        }
    }
    Ok(())
}

/// What a valid task group takes; resources are charged to nobody.
#[derive(Debug)]
pub(crate) struct GroupNeeds {
    pub tasks: Vec<Arc<Resources>>,
    pub executor: Option<NewExecutor>,
}

/// Checks a group: all of it or nothing.
pub(crate) fn launch_group(
    group: &mut v1::TaskGroupInfo,
    info: &mut v1::ExecutorInfo,
    place: &Place,
) -> Result<GroupNeeds, String> {
    let own = resources::adopt(&mut info.resources, place.role)?;
    let mut tasks = Vec::with_capacity(group.tasks.len());
    for task in &mut group.tasks {
        tasks.push(resources::adopt(&mut task.resources, place.role)?);
        if let Some(copy) = task.executor.as_deref_mut() {
            resources::adopt(&mut copy.resources, place.role)?;
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    for (task, held) in group.tasks.iter().zip(&tasks) {
        let id = &task.task_id.value;
        member(task, held, place).map_err(|e| format!("Task '{id}' is invalid: {e}"))?;
        if !seen.insert(id) {
            return Err(format!("Task '{id}' is invalid: Task has duplicate ID: {id}"));
        }
    }
    let executor = group_executor(group, info, &own, place)?;
    group_total(&tasks, executor.as_ref().map(|_| &own), place)?;
    Ok(GroupNeeds { tasks: tasks.iter().map(|held| Arc::new(held.unallocate())).collect(), executor })
}

fn member(task: &v1::TaskInfo, held: &Resources, place: &Place) -> Result<(), String> {
    common(task, held, place)?;
    let container = task.container.as_deref();
    let joins = container.is_none_or(|container| container.network_infos.is_empty());
    let kind = task.health_check.as_ref().and_then(|check| check.r#type);
    if !joins && matches!(kind, Some(v1::health_check::Type::Http | v1::health_check::Type::Tcp)) {
        return Err(
            "HTTP and TCP health checks are not supported for nested containers not joining parent's network"
                .to_string(),
        );
    }
    if container.is_some_and(|container| container.r#type == v1::container_info::Type::Docker) {
        return Err("Docker ContainerInfo is not supported on the task".to_string());
    }
    if !task.limits.is_empty() && executor::share_cgroups(container) != Some(false) {
        return Err(
            "Resource limits may only be set for tasks within a task group when the 'share_cgroups' field is set to \
             'false'."
                .to_string(),
        );
    }
    Ok(())
}

fn group_executor(
    group: &v1::TaskGroupInfo,
    info: &v1::ExecutorInfo,
    own: &Resources,
    place: &Place,
) -> Result<Option<NewExecutor>, String> {
    let id = ExecutorId::from(info.executor_id.value.as_str());
    let running = place.running(&id);
    executor::executor(info, own, place.framework_id(), running)?;
    match info.r#type {
        None => return Err("'ExecutorInfo.type' must be set".to_string()),
        Some(v1::executor_info::Type::Unknown) => return Err("Unknown executor type".to_string()),
        Some(_) => {}
    }
    let container = info.container.as_deref();
    if container.is_some_and(|container| container.r#type == v1::container_info::Type::Docker) {
        return Err("Docker ContainerInfo is not supported on the executor".to_string());
    }
    if executor::share_cgroups(container) == Some(true) {
        return Err("The 'share_cgroups' field cannot be set to 'true' on executor containers".to_string());
    }
    for task in &group.tasks {
        if task.executor.as_deref().is_some_and(|copy| copy != info) {
            let task = &task.task_id.value;
            return Err(format!("The `ExecutorInfo` of task '{task}' is different from executor '{id}'"));
        }
    }
    let shares = |task: &v1::TaskInfo| executor::share_cgroups(task.container.as_deref()).unwrap_or(true);
    if group.tasks.iter().any(|task| shares(task) != shares(&group.tasks[0])) {
        return Err(
            "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a \
             single executor"
                .to_string(),
        );
    }
    executor::of_group(info, own)?;
    if running.is_some() {
        return Ok(None);
    }
    Ok(Some(NewExecutor { id, info: Arc::new(info.clone()), resources: Arc::new(own.unallocate()) }))
}

fn group_total(tasks: &[Resources], executor: Option<&Resources>, place: &Place) -> Result<(), String> {
    let mut parts: Vec<&Resources> = tasks.iter().collect();
    parts.extend(executor);
    if resources::overlap(&parts) {
        let all: Resources = tasks.iter().sum();
        let own = executor.cloned().unwrap_or_default();
        return Err(format!(
            "There are overlapping resources in the task group's task resources {all} and/or executor resources {own}"
        ));
    }
    let total: Resources = parts.into_iter().sum();
    resources::unique_persistence(&total)
        .map_err(|e| format!("Task group and executor use duplicate persistence ID: {e}"))?;
    resources::revocable(&total)
        .map_err(|e| format!("Task group and executor mix revocable and non-revocable resources: {e}"))?;
    let of_offer = total.sole_allocation() == Some(place.role);
    if !of_offer || !place.available.contains_all(&total.unallocate()) {
        let available = place.available.allocate(place.role);
        return Err(format!(
            "Total resources {total} required by task group and its executor are more than available {available}"
        ));
    }
    Ok(())
}
