// SPDX-License-Identifier: Apache-2.0

//! Frameworks with their executors, as readers of the un-versioned endpoints are shown them.

use std::collections::BTreeMap;
use std::sync::Arc;

use kaon_api::json::JsonWriter;
use kaon_api::v1;
use kaon_api::wire::Enumeration;

use super::members::Members;
use super::resources::{held_by, put_flat};
use super::tasks;
use crate::state::{Executor, Framework, View, has_capability, is_terminal};

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

/// The sandboxes, by the names under which their files are shown. Mesos: each by its path, and the last run of each
/// executor by two names more.
pub(super) fn sandboxes(view: &View) -> BTreeMap<String, String> {
    let state = &view.state;
    let work_dir = state.config.work_dir.trim_end_matches('/');
    let mut names = BTreeMap::new();
    let mut name = |framework: &Framework, executor: &Executor| {
        let sandbox = format!("{work_dir}/{}", executor.sandbox);
        let runs = sandbox.rsplit_once('/').map_or(work_dir, |(runs, _)| runs);
        names.insert(format!("{runs}/latest"), sandbox.clone());
        let short = format!("/frameworks/{}/executors/{}/runs/latest", framework.id, executor.id);
        names.insert(short, sandbox.clone());
        names.insert(sandbox.clone(), sandbox);
    };
    let past = state.completed.iter().map(|framework| &**framework);
    for framework in past.chain(state.frameworks.values()) {
        // The latest comes last.
        framework.past().for_each(|executor| name(framework, &executor));
        framework.executors.values().for_each(|executor| name(framework, executor));
    }
    names
}

/// The role that an executor's resources are charged to, or where it has none those of a task.
fn role_of(executor: &Executor) -> Option<&str> {
    let tasks = executor.tasks.values().chain(&executor.completed);
    let of_tasks = tasks.chain(executor.queue.iter().map(|queued| &queued.task));
    tasks::role_of(&executor.info.resources)
        .or_else(|| of_tasks.into_iter().find_map(|task| tasks::role_of(&task.resources)))
}
