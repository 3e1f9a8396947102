// SPDX-License-Identifier: Apache-2.0

//! The operator answers in which lists are written even where they are empty.
//!
//! Mesos: writes these answers by hand, member by member, in the dialect of the master; all others go through the
//! mapping that leaves empty lists out.

use std::borrow::Borrow;

use kaon_api::json::JsonWriter;
use kaon_api::v1;
use kaon_api::v1::master::response::{GetState, get_agents, get_executors, get_frameworks};
use kaon_api::wire::Message;

use super::members::Members;

pub(super) fn write_tasks<T: Borrow<v1::Task>>(
    w: &mut JsonWriter<'_>,
    active: impl Iterator<Item = T>,
    unreachable: impl Iterator<Item = T>,
    completed: impl Iterator<Item = T>,
) {
    w.object(|w| {
        put(w, "tasks", active);
        put(w, "unreachable_tasks", unreachable);
        put(w, "completed_tasks", completed);
    });
}

pub(super) fn write_executors<T: Borrow<get_executors::Executor>>(
    w: &mut JsonWriter<'_>,
    executors: impl Iterator<Item = T>,
) {
    w.object(|w| put(w, "executors", executors));
}

pub(super) fn write_frameworks<T: Borrow<get_frameworks::Framework>>(
    w: &mut JsonWriter<'_>,
    running: impl Iterator<Item = T>,
    completed: impl Iterator<Item = T>,
) {
    w.object(|w| {
        put(w, "frameworks", running);
        put(w, "completed_frameworks", completed);
    });
}

pub(super) fn write_agents<'a, T: Borrow<get_agents::Agent>>(
    w: &mut JsonWriter<'_>,
    agents: impl Iterator<Item = T>,
    recovered: impl Iterator<Item = &'a v1::AgentInfo>,
) {
    w.object(|w| {
        put(w, "agents", agents);
        put::<v1::AgentInfo, _>(w, "recovered_agents", recovered);
    });
}

/// Writes a state that was made into a message before.
pub(super) fn write_state(w: &mut JsonWriter<'_>, state: &GetState) {
    w.object(|w| {
        if let Some(all) = &state.get_tasks {
            w.key("get_tasks");
            let (active, unreachable) = (all.tasks.iter(), all.unreachable_tasks.iter());
            write_tasks(w, active, unreachable, all.completed_tasks.iter());
        }
        if let Some(all) = &state.get_executors {
            w.key("get_executors");
            write_executors(w, all.executors.iter());
        }
        if let Some(all) = &state.get_frameworks {
            w.key("get_frameworks");
            write_frameworks(w, all.frameworks.iter(), all.completed_frameworks.iter());
        }
        if let Some(all) = &state.get_agents {
            w.key("get_agents");
            write_agents(w, all.agents.iter(), all.recovered_agents.iter());
        }
    });
}

fn put<M: Message, T: Borrow<M>>(w: &mut JsonWriter<'_>, key: &str, items: impl Iterator<Item = T>) {
    w.put_list(key, items, |w, item| w.message::<M>(item.borrow()));
}
