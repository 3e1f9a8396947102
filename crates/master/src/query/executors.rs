// SPDX-License-Identifier: Apache-2.0

//! The executors, as readers are shown them.

use kaon_api::json::JsonWriter;
use kaon_api::v1;
use kaon_api::v1::master::response::get_executors;
use kaon_api::wire::Enumeration;

use super::members::Members;
use super::resources::put_flat;
use super::tasks::put_labels;
use crate::state::Executor;
use crate::view::View;

/// Writes the v0 form.
pub(super) fn write(w: &mut JsonWriter<'_>, view: &View, executor: &Executor) {
    let info = &executor.info;
    w.object(|w| {
        w.put_text("executor_id", executor.id.as_str());
        w.put_text("name", info.name.as_deref().unwrap_or_default());
        w.put_text("framework_id", info.framework_id.as_ref().map_or("", |id| &id.value));
        w.put_object("command", |w| write_command(w, info.command.as_deref()));
        put_flat(w, "resources", &executor.resources);
        // Mesos: an executor without resources is in no role.
        let is_charged = !executor.resources.is_empty();
        w.put_some_text("role", is_charged.then_some(executor.role.as_str()));
        put_labels(w, info.labels.as_ref());
        w.put_some_text("type", info.r#type.map(|kind| kind.v0_name()));
        w.put_text("slave_id", agent_id(view, executor));
    });
}

fn write_command(w: &mut JsonWriter<'_>, command: Option<&v1::CommandInfo>) {
    let none = v1::CommandInfo::default();
    let command = command.unwrap_or(&none);
    if let Some(shell) = command.shell {
        w.put_bool("shell", shell);
    }
    w.put_some_text("value", command.value.as_deref());
    w.put_texts("argv", &command.arguments);
    if let Some(environment) = &command.environment {
        w.put_message("environment", environment);
    }
    w.put_list("uris", &command.uris, |w, uri| {
        w.object(|w| {
            w.put_text("value", &uri.value);
            w.put_bool("executable", uri.executable.unwrap_or(false));
        });
    });
}

/// The messages for operators.
pub(super) fn messages(view: &View) -> impl Iterator<Item = get_executors::Executor> {
    view.tables.executors.values().map(|executor| get_executors::Executor {
        executor_info: Box::new((*executor.info).clone()),
        agent_id: v1::AgentID::from(agent_id(view, executor)),
        ..Default::default()
    })
}

fn agent_id<'a>(view: &'a View, executor: &Executor) -> &'a str {
    view.tables.agents.get(executor.agent).map_or("", |agent| agent.id.as_str())
}
