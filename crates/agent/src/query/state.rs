// SPDX-License-Identifier: Apache-2.0

//! `/state`: all that an agent knows, in Mesos's keys and order.

use std::collections::BTreeMap;

use kaon_api::json::{Dialect, JsonWriter};
use kaon_api::v1;
use kaon_api::wire::Enumeration;
use kaon_model::{Attribute, AttributeValue, Resources, Role};

use super::members::{Members, json};
use super::resources::{held_by, put_flat, put_full, read};
use super::{executors, identity};
use crate::flows::CAPABILITIES;
use crate::state::{Executor, State, View};

pub(super) fn endpoint(view: &View) -> String {
    let state = &*view.state;
    json(Dialect::V0, |w| {
        w.object(|w| {
            identity::write_program(w, view);
            w.number("start_time", state.started.secs_f64());
            // Mesos: an agent that has not registered yet has an empty id.
            w.text("id", state.id.as_ref().map_or("", |id| id.as_str()));
            w.text("pid", &state.config.pid.to_string());
            w.text("hostname", &state.info.hostname);
            w.list("capabilities", CAPABILITIES, |w, capability| w.string(capability.name()));
            w.put_if("domain", state.info.domain.as_ref());
            w.put_if("drain_config", state.drain.as_ref().map(|drain| &drain.config));
            if let Some(drain) = &state.drain {
                w.key("estimated_drain_start_time_seconds");
                w.display(drain.started_seconds());
            }
            write_resources(w, view);
            w.list("resource_providers", std::iter::empty::<&str>(), |w, none| w.string(none));
            w.members("attributes", |w| state.info.attributes.iter().for_each(|one| write_attribute(w, one)));
            let master = state.master.as_ref().and_then(|master| master.info.hostname.as_deref());
            w.text_if("master_hostname", master);
            w.text_if("log_dir", state.config.flags.get("log_dir").map(String::as_str));
            identity::write_flags(w, view);
            let work_dir = &state.config.work_dir;
            w.list("frameworks", state.frameworks.values(), |w, framework| {
                executors::write_framework(w, work_dir, framework);
            });
            w.list("completed_frameworks", &state.completed, |w, framework| {
                executors::write_framework(w, work_dir, framework);
            });
        });
    })
}

fn write_resources(w: &mut JsonWriter<'_>, view: &View) {
    let state = &*view.state;
    let total = state.total.clone();
    let listed = listed(state);
    let used = used(state.executors()).unallocate();
    put_flat(w, "resources", &total);
    w.members("reserved_resources", |w| write_by_role(w, &total.by_reservation()));
    put_flat(w, "unreserved_resources", &total.unreserved());
    let reserved_for = |role: &Role| {
        let role = role.clone();
        move |resource: &&v1::Resource| {
            read(std::slice::from_ref(resource)).by_reservation().contains_key(&role)
        }
    };
    w.members("reserved_resources_full", |w| {
        for role in total.by_reservation().keys() {
            put_full(w, role.as_str(), listed.iter().filter(reserved_for(role)));
        }
    });
    let is_unreserved =
        |resource: &&v1::Resource| !read(std::slice::from_ref(resource)).unreserved().is_empty();
    put_full(w, "unreserved_resources_full", listed.iter().filter(is_unreserved));
    w.members("reserved_resources_allocated", |w| write_by_role(w, &used.by_reservation()));
    put_flat(w, "unreserved_resources_allocated", &used.unreserved());
}

/// Mesos: in the order in which the operator gave them, as long as that is what they are.
fn listed(state: &State) -> Vec<v1::Resource> {
    if state.total.checkpointed().is_empty() { state.info.resources.clone() } else { state.total.to_wire() }
}

fn write_by_role(w: &mut JsonWriter<'_>, by_role: &BTreeMap<Role, Resources>) {
    by_role.iter().for_each(|(role, resources)| put_flat(w, role.as_str(), resources));
}

fn write_attribute(w: &mut JsonWriter<'_>, attribute: &v1::Attribute) {
    let Some(Attribute { name, value }) = Attribute::from_wire(attribute) else { return };
    match value {
        AttributeValue::Scalar(value) => w.number(&name, value),
        AttributeValue::Ranges(ranges) => w.text(&name, &ranges.to_string()),
        AttributeValue::Text(text) => w.text(&name, &text),
    }
}

/// What all executors hold together.
pub(super) fn used<'a>(executors: impl Iterator<Item = &'a Executor>) -> Resources {
    executors.map(held_by).fold(Resources::new(), |sum, held| &sum + &held)
}
