// SPDX-License-Identifier: Apache-2.0

//! Whether a task may be launched on what was offered.

use std::sync::Arc;

use kaon_api::v1;
use kaon_model::resource_validity::validate_all;
use kaon_model::{AgentId, ExecutorId, FrameworkId, Resources, Role, validate_id};

use super::{checks, command, executor, resources, text};
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

    /// Whether these resources are left of the offers; all must be charged to the role of those.
    pub(super) fn has(&self, resources: &Resources) -> bool {
        let charged = |role: &Option<Role>| role.as_ref() == Some(self.role);
        resources.iter().all(|resource| charged(&resource.allocation_role))
            && self.available.contains_all(&resources.unallocate())
    }

    pub(super) fn running(&self, id: &ExecutorId) -> Option<&v1::ExecutorInfo> {
        self.state.executor(self.agent, self.framework, id).map(|executor| &*executor.info)
    }
}

/// What is wrong with the resources of a task or its executor by themselves.
///
/// Mesos: looks at them before all else, and refuses all tasks of an operation for one.
pub(crate) fn malformed(task: &v1::TaskInfo) -> Option<String> {
    let own = task.executor.iter().flat_map(|executor| &executor.resources);
    let problem =
        task.resources.iter().chain(own).find_map(|one| validate_all(std::slice::from_ref(one)).err());
    problem.map(|problem| problem.to_string())
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
    task.health_check.as_deref_mut().into_iter().for_each(checks::name_type);
    common(task, &held, place)?;
    if task.executor.is_some() == task.command.is_some() {
        return Err(
            "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present".to_string()
        );
    }
    let executor = match (task.executor.as_deref(), &own_executor) {
        (Some(info), Some(own)) => custom_executor(info, own, task, &held, place)?,
        _ => None,
    };
    let launch_executor = task.command.is_some() || executor.is_some();
    let total = match (&executor, &own_executor) {
        (Some(_), Some(own)) => &held + own,
        _ => held.clone(),
    };
    if !place.has(&total) {
        let available = place.available.allocate(place.role);
        return Err(format!(
            "Total resources {total} required by task and its executor is more than available {available}"
        ));
    }
    if executor::share_cgroups(task.container.as_deref()) == Some(false) {
        return Err("Only tasks in a task group may have 'share_cgroups' set to 'false'".to_string());
    }
    Ok(Needs { task: Arc::new(held.unallocate()), executor, launch_executor })
}

fn custom_executor(
    info: &v1::ExecutorInfo,
    own: &Resources,
    task: &v1::TaskInfo,
    held: &Resources,
    place: &Place,
) -> Result<Option<NewExecutor>, String> {
    let id = ExecutorId::from(info.executor_id.value.as_str());
    let running = place.running(&id);
    executor::executor(info, own, place.framework_id(), running)?;
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
    if resources::overlap(&[held, own]) {
        let (task, own) = (text::resources(&task.resources), text::resources(&info.resources));
        return Err(format!(
            "There are overlapping resources in the task resources {task} and executor resources {own}"
        ));
    }
    let both = held + own;
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
pub(super) fn common(task: &v1::TaskInfo, held: &Resources, place: &Place) -> Result<(), String> {
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
    if task.resources.is_empty() {
        return Err("Task uses no resources".to_string());
    }
    resources::usable(&task.resources, held).map_err(|e| format!("Task uses invalid resources: {e}"))?;
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
