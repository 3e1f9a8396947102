// SPDX-License-Identifier: Apache-2.0

//! Whether a task group may be launched on what was offered.

use std::sync::Arc;

use kaon_api::v1;
use kaon_model::resource_validity::validate_all;
use kaon_model::{ExecutorId, Resources};

use super::same_executor::same_executor;
use super::task::{self, NewExecutor, Place};
use super::{executor, resources, text};

/// What a valid task group takes; resources are charged to nobody.
#[derive(Debug)]
pub(crate) struct GroupNeeds {
    pub tasks: Vec<Arc<Resources>>,
    pub executor: Option<NewExecutor>,
}

/// What is wrong with the resources of a group or its executor by themselves, which Mesos looks at before all else.
pub(crate) fn malformed(group: &v1::TaskGroupInfo, executor: &v1::ExecutorInfo) -> Option<String> {
    let of_executor = validate_all(&executor.resources).err().map(|problem| problem.to_string());
    of_executor.or_else(|| group.tasks.iter().find_map(task::malformed))
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
    group_total(&tasks, info, executor.as_ref().map(|_| &own), place)?;
    cgroups(group, info)?;
    Ok(GroupNeeds { tasks: tasks.iter().map(|held| Arc::new(held.unallocate())).collect(), executor })
}

fn member(task: &v1::TaskInfo, held: &Resources, place: &Place) -> Result<(), String> {
    task::common(task, held, place)?;
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
    for task in &group.tasks {
        if task.executor.as_deref().is_some_and(|copy| !same_executor(copy, info)) {
            let task = &task.task_id.value;
            return Err(format!("The `ExecutorInfo` of task '{task}' is different from executor '{id}'"));
        }
    }
    executor::of_group(info, own)?;
    if running.is_some() {
        return Ok(None);
    }
    Ok(Some(NewExecutor { id, info: Arc::new(info.clone()), resources: Arc::new(own.unallocate()) }))
}

fn group_total(
    tasks: &[Resources],
    info: &v1::ExecutorInfo,
    own: Option<&Resources>,
    place: &Place,
) -> Result<(), String> {
    let mut parts: Vec<&Resources> = tasks.iter().collect();
    parts.extend(own);
    let total: Resources = parts.iter().copied().sum();
    resources::unique_persistence(&total)
        .map_err(|e| format!("Task group and executor use duplicate persistence ID: {e}"))?;
    resources::revocable(&total)
        .map_err(|e| format!("Task group and executor mix revocable and non-revocable resources: {e}"))?;
    if resources::overlap(&parts) {
        let (all, own) = (text::list(tasks), text::resources(&info.resources));
        return Err(format!(
            "There are overlapping resources in the task group's task resources {all} and/or executor resources {own}"
        ));
    }
    if !place.has(&total) {
        let available = place.available.allocate(place.role);
        return Err(format!(
            "Total resources {total} required by task group and its executor are more than available {available}"
        ));
    }
    Ok(())
}

/// Either all tasks have a cgroup of their own or none, and the executor always has.
fn cgroups(group: &v1::TaskGroupInfo, info: &v1::ExecutorInfo) -> Result<(), String> {
    if executor::share_cgroups(info.container.as_deref()) == Some(true) {
        return Err("The 'share_cgroups' field cannot be set to 'true' on executor containers".to_string());
    }
    let shares = |task: &v1::TaskInfo| executor::share_cgroups(task.container.as_deref()).unwrap_or(true);
    if group.tasks.iter().any(|task| shares(task) != shares(&group.tasks[0])) {
        return Err(
            "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a \
             single executor"
                .to_string(),
        );
    }
    Ok(())
}
