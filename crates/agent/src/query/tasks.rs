// SPDX-License-Identifier: Apache-2.0

//! The tasks, as readers of the un-versioned endpoints are shown them.

use kaon_api::json::JsonWriter;
use kaon_api::v1;
use kaon_api::wire::Enumeration;

use super::members::Members;
use super::resources::{put_flat, read};
use crate::state::Queued;

/// The role that resources are charged to.
pub(super) fn role_of(resources: &[v1::Resource]) -> Option<&str> {
    resources.iter().find_map(|resource| resource.allocation_info.as_ref()?.role.as_deref())
}

/// Mesos: labels made by hand are a bare list, not the message around it.
pub(super) fn put_labels(w: &mut JsonWriter<'_>, labels: Option<&v1::Labels>) {
    if let Some(labels) = labels {
        w.list("labels", &labels.labels, JsonWriter::message);
    }
}

pub(super) fn write(w: &mut JsonWriter<'_>, task: &v1::Task) {
    w.object(|w| {
        w.text("id", &task.task_id.value);
        w.text("name", &task.name);
        w.text("framework_id", &task.framework_id.value);
        w.text("executor_id", task.executor_id.as_ref().map_or("", |id| &id.value));
        w.text("slave_id", &task.agent_id.value);
        w.text("state", task.state.name());
        put_flat(w, "resources", &read(&task.resources));
        if !task.limits.is_empty() {
            w.members("limits", |w| task.limits.iter().for_each(|(name, limit)| w.number(name, limit.value)));
        }
        w.text_if("role", role_of(&task.resources));
        w.list("statuses", &task.statuses, write_status);
        w.text_if("user", task.user.as_deref());
        put_labels(w, task.labels.as_ref());
        w.put_if("discovery", task.discovery.as_deref());
        w.put_if("container", task.container.as_deref());
        w.put_if("health_check", task.health_check.as_deref());
    });
}

fn write_status(w: &mut JsonWriter<'_>, status: &v1::TaskStatus) {
    w.object(|w| {
        w.text("state", status.state.v0_name());
        w.number("timestamp", status.timestamp.unwrap_or(0.0));
        put_labels(w, status.labels.as_ref());
        if let Some(container) = &status.container_status {
            w.members("container_status", |w| write_container_status(w, container));
        }
        if let Some(healthy) = status.healthy {
            w.flag("healthy", healthy);
        }
    });
}

/// Mesos: the process id is left out here, though the message has it.
fn write_container_status(w: &mut JsonWriter<'_>, status: &v1::ContainerStatus) {
    w.put_if("container_id", status.container_id.as_deref());
    if !status.network_infos.is_empty() {
        w.list("network_infos", &status.network_infos, |w, network| w.object(|w| write_network(w, network)));
    }
    w.put_if("cgroup_info", status.cgroup_info.as_ref());
}

fn write_network(w: &mut JsonWriter<'_>, network: &v1::NetworkInfo) {
    if !network.groups.is_empty() {
        w.list("groups", &network.groups, |w, group| w.string(group));
    }
    put_labels(w, network.labels.as_ref());
    if !network.ip_addresses.is_empty() {
        w.list("ip_addresses", &network.ip_addresses, JsonWriter::message);
    }
    w.text_if("name", network.name.as_deref());
    if !network.port_mappings.is_empty() {
        w.list("port_mappings", &network.port_mappings, JsonWriter::message);
    }
}

/// A task that waits for its executor.
pub(super) fn write_queued(w: &mut JsonWriter<'_>, queued: &Queued) {
    let task = &queued.info;
    w.object(|w| {
        w.text("id", &task.task_id.value);
        w.text("name", &task.name);
        w.text("slave_id", &task.agent_id.value);
        put_flat(w, "resources", &read(&task.resources));
        w.text_if("role", role_of(&task.resources));
        w.put_if("command", task.command.as_deref());
        w.text_if("executor_id", task.executor.as_ref().map(|executor| executor.executor_id.value.as_str()));
        w.put_if("discovery", task.discovery.as_deref());
    });
}
