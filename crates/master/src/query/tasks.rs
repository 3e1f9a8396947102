// SPDX-License-Identifier: Apache-2.0

//! The tasks, as readers are shown them.

use std::borrow::Cow;
use std::cmp::Ordering;

use kaon_api::json::{Dialect, JsonWriter};
use kaon_api::v1;
use kaon_api::wire::Enumeration;

use super::Query;
use super::groups::pasts;
use super::members::{self, Members};
use super::resources::put_flat;
use crate::state::Task;
use crate::view::View;

/// Mesos: how many tasks are listed unless asked otherwise.
const LIMIT: usize = 100;

/// `/tasks`: running, unreachable and ended tasks of all frameworks, gone ones too, ordered by when each was first
/// heard of.
pub(super) fn endpoint(view: &View, query: Query<'_>) -> String {
    let number = |name| query.get(name).and_then(|text| text.parse::<i32>().ok());
    // Mesos: a negative number is a huge one, so a limit of -1 means all.
    let huge = |number: i32| usize::try_from(number).unwrap_or(usize::MAX);
    let limit = number("limit").map_or(LIMIT, huge);
    let offset = number("offset").map_or(0, huge);
    let mut tasks = selected(view, query);
    tasks.sort_by(|a, b| by_first_status(a, b));
    if query.get("order") != Some("asc") {
        tasks.reverse();
    }
    members::object(Dialect::V0, |w| {
        w.put_list("tasks", tasks.into_iter().skip(offset).take(limit), |w, task| write(w, &task));
    })
}

fn selected<'a>(view: &'a View, query: Query<'_>) -> Vec<Cow<'a, Task>> {
    let unreachable = pasts(view).flat_map(|past| past.unreachable()).map(|task| Cow::Borrowed(&**task));
    let completed = pasts(view).flat_map(|past| past.completed()).map(Cow::Owned);
    let wanted = |task: &Cow<'_, Task>| {
        query.selects("framework_id", task.body.framework.as_str())
            && query.selects("task_id", task.body.id.as_str())
    };
    let present = view.tables.tasks.values().map(Cow::Borrowed);
    present.chain(unreachable).chain(completed).filter(wanted).collect()
}

/// Tasks that were never heard of come before all others.
fn by_first_status(a: &Task, b: &Task) -> Ordering {
    let first = |task: &Task| task.statuses.first().map(|status| status.timestamp.unwrap_or(0.0));
    match (first(a), first(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// The messages for operators of the tasks that are not over.
pub(super) fn active(view: &View) -> impl Iterator<Item = v1::Task> {
    view.tables.tasks.values().map(Task::to_wire)
}

pub(super) fn unreachable(view: &View) -> impl Iterator<Item = v1::Task> {
    pasts(view).flat_map(|past| past.unreachable()).map(|task| task.to_wire())
}

pub(super) fn completed(view: &View) -> impl Iterator<Item = v1::Task> {
    pasts(view).flat_map(|past| past.completed()).map(|task| task.to_wire())
}

/// Writes the v0 form.
pub(super) fn write(w: &mut JsonWriter<'_>, task: &Task) {
    let body = &task.body;
    w.object(|w| {
        w.put_text("id", body.id.as_str());
        w.put_text("name", &body.name);
        w.put_text("framework_id", body.framework.as_str());
        w.put_text("executor_id", body.executor.as_ref().map_or("", |id| id.as_str()));
        w.put_text("slave_id", body.agent.as_str());
        w.put_text("state", task.state.name());
        put_flat(w, "resources", &body.resources);
        if !body.limits.is_empty() {
            w.put_object("limits", |w| {
                body.limits.iter().for_each(|(name, limit)| w.put_number(name, limit.value));
            });
        }
        w.put_text("role", body.role.as_str());
        w.put_list("statuses", task.statuses.iter(), write_status);
        w.put_some_text("user", body.user.as_deref());
        put_labels(w, body.labels.as_ref());
        if let Some(discovery) = &body.discovery {
            w.put_message("discovery", &**discovery);
        }
        if let Some(container) = &body.container {
            w.put_message("container", &**container);
        }
        if let Some(check) = &body.health_check {
            w.put_message("health_check", &**check);
        }
    });
}

fn write_status(w: &mut JsonWriter<'_>, status: &v1::TaskStatus) {
    w.object(|w| {
        w.put_text("state", status.state.v0_name());
        w.put_number("timestamp", status.timestamp.unwrap_or(0.0));
        put_labels(w, status.labels.as_ref());
        if let Some(container) = &status.container_status {
            w.put_object("container_status", |w| write_container(w, container));
        }
        if let Some(healthy) = status.healthy {
            w.put_bool("healthy", healthy);
        }
    });
}

fn write_container(w: &mut JsonWriter<'_>, status: &v1::ContainerStatus) {
    if let Some(id) = &status.container_id {
        w.put_message("container_id", &**id);
    }
    if !status.network_infos.is_empty() {
        w.put_list("network_infos", &status.network_infos, |w, network| {
            w.object(|w| write_network(w, network));
        });
    }
    if let Some(cgroup) = &status.cgroup_info {
        w.put_message("cgroup_info", cgroup);
    }
}

fn write_network(w: &mut JsonWriter<'_>, network: &v1::NetworkInfo) {
    if !network.groups.is_empty() {
        w.put_texts("groups", &network.groups);
    }
    put_labels(w, network.labels.as_ref());
    if !network.ip_addresses.is_empty() {
        w.put_list("ip_addresses", &network.ip_addresses, JsonWriter::message);
    }
    w.put_some_text("name", network.name.as_deref());
    if !network.port_mappings.is_empty() {
        w.put_list("port_mappings", &network.port_mappings, JsonWriter::message);
    }
}

/// Mesos: labels made by hand are a bare list, not the message around it.
pub(super) fn put_labels(w: &mut JsonWriter<'_>, labels: Option<&v1::Labels>) {
    if let Some(labels) = labels {
        w.put_list("labels", &labels.labels, JsonWriter::message);
    }
}
