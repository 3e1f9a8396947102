// SPDX-License-Identifier: Apache-2.0

//! Frameworks with their executors, as readers of the un-versioned endpoints are shown them.

use std::sync::Arc;

use kaon_api::json::JsonWriter;
use kaon_api::v1;
use kaon_api::wire::Enumeration;

use super::members::Members;
use super::resources::{held_by, put_flat};
use super::tasks;
use crate::state::{Executor, Framework, has_capability, is_terminal};

pub(super) fn write_framework(w: &mut JsonWriter<'_>, work_dir: &str, framework: &Framework) {
    let info = &framework.info;
    w.object(|w| {
        w.text("id", framework.id.as_str());
        w.text("name", &info.name);
        w.text("user", &info.user);
        w.number("failover_timeout", info.failover_timeout());
        w.flag("checkpoint", info.checkpoint());
        w.text("hostname", info.hostname.as_deref().unwrap_or(""));
        w.text_if("principal", info.principal.as_deref());
        if has_capability(info, v1::framework_info::capability::Type::MultiRole) {
            w.list("roles", &info.roles, |w, role| w.string(role));
        } else {
            w.text("role", info.role.as_deref().unwrap_or("*"));
        }
        w.list("executors", framework.executors.values(), |w, executor| write(w, work_dir, executor));
        w.list("completed_executors", framework.past(), |w, executor| write(w, work_dir, &executor));
    });
}

fn write(w: &mut JsonWriter<'_>, work_dir: &str, executor: &Executor) {
    let info = &executor.info;
    w.object(|w| {
        w.text("id", executor.id.as_str());
        w.text("name", info.name.as_deref().unwrap_or(""));
        w.text("source", info.source.as_deref().unwrap_or(""));
        w.text("container", executor.container.as_str());
        w.text("directory", &format!("{}/{}", work_dir.trim_end_matches('/'), executor.sandbox));
        put_flat(w, "resources", &held_by(executor));
        w.text_if("role", role_of(executor));
        tasks::put_labels(w, info.labels.as_ref());
        w.text_if("type", info.r#type.map(|kind| kind.name()));
        let live = executor.tasks.values().filter(|task| !is_terminal(task.state));
        w.list("tasks", live, |w, task| tasks::write(w, task));
        w.list("queued_tasks", &executor.queue, tasks::write_queued);
        // Mesos: ended tasks whose end is not acknowledged stand here too.
        let ended = executor.tasks.values().filter(|task| is_terminal(task.state));
        w.list("completed_tasks", executor.completed.iter().chain(ended), |w, task: &Arc<v1::Task>| {
            tasks::write(w, task);
        });
    });
}

/// The role that an executor's resources are charged to, or where it has none those of a task.
fn role_of(executor: &Executor) -> Option<&str> {
    let tasks = executor.tasks.values().chain(&executor.completed);
    let of_tasks = tasks.chain(executor.queue.iter().map(|queued| &queued.task));
    tasks::role_of(&executor.info.resources)
        .or_else(|| of_tasks.into_iter().find_map(|task| tasks::role_of(&task.resources)))
}
