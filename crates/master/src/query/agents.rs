// SPDX-License-Identifier: Apache-2.0

//! The agents, as readers are shown them.

use kaon_api::internal::registry;
use kaon_api::json::{Dialect, JsonWriter};
use kaon_api::v1;
use kaon_api::v1::master::response::get_agents;
use kaon_api::wire::Enumeration;
use kaon_model::{Attribute, AttributeValue, Wall};

use super::Query;
use super::members::{self, Members};
use super::resources::{endpoint_form, put_flat, put_full};
use super::sums::{Held, Sums};
use crate::registry::Registry;
use crate::state::{Agent, AgentRow, State};
use crate::view::View;

/// `/slaves`: the agents with their resources in full, and those that must come back after a failover.
pub(super) fn endpoint(view: &View, query: Query<'_>) -> String {
    let sums = Sums::of(&view.tables);
    let agents = view.tables.agents_by_id();
    let selected = agents.iter().filter(|(_, agent)| query.selects("slave_id", agent.id.as_str()));
    members::object(Dialect::V0, |w| {
        w.put_list("slaves", selected, |w, (row, agent)| {
            let held = sums.agent(*row);
            w.object(|w| {
                write(w, view, agent, held);
                write_full(w, agent, held);
            });
        });
        let recovered = view.recovered.values().filter(|info| query.selects("slave_id", id_of(info)));
        w.put_list("recovered_slaves", recovered, |w, info| w.object(|w| write_info(w, info)));
    })
}

/// Writes the members of the v0 form.
pub(super) fn write(w: &mut JsonWriter<'_>, view: &View, agent: &Agent, held: &Held) {
    write_info(w, &agent.info);
    w.put_text("pid", &agent.pid.to_string());
    w.put_time("registered_time", agent.registered);
    if let Some(time) = agent.reregistered {
        w.put_time("reregistered_time", time);
    }
    put_flat(w, "resources", &agent.total);
    put_flat(w, "used_resources", &held.used);
    put_flat(w, "offered_resources", &held.offered);
    w.put_object("reserved_resources", |w| {
        for (role, reserved) in &agent.total.by_reservation() {
            put_flat(w, role.as_str(), reserved);
        }
    });
    put_flat(w, "unreserved_resources", &agent.total.unreserved());
    w.put_bool("active", agent.is_active());
    w.put_bool("deactivated", is_deactivated(&view.registry, agent));
    w.put_text("version", &agent.version);
    w.put_texts("capabilities", agent.capabilities.0.iter().map(|kind| kind.v0_name()));
    if let Some(drain) = entry(&view.registry, agent).and_then(|entry| entry.drain_info.as_ref()) {
        w.put_message("drain_info", drain);
    }
    if let Some(time) = agent.drain_started {
        w.put_time("estimated_drain_start_time_seconds", time);
    }
}

/// Writes what an agent says of itself.
pub(super) fn write_info(w: &mut JsonWriter<'_>, info: &v1::AgentInfo) {
    w.put_text("id", id_of(info));
    w.put_text("hostname", &info.hostname);
    w.put_integer("port", info.port().into());
    w.put_object("attributes", |w| {
        for Attribute { name, value } in info.attributes.iter().filter_map(Attribute::from_wire) {
            match value {
                AttributeValue::Scalar(number) => w.put_number(&name, number),
                value => w.put_text(&name, &value.to_string()),
            }
        }
    });
    if let Some(domain) = &info.domain {
        w.put_message("domain", domain);
    }
}

fn write_full(w: &mut JsonWriter<'_>, agent: &Agent, held: &Held) {
    w.put_object("reserved_resources_full", |w| {
        for (role, reserved) in &agent.total.by_reservation() {
            put_full(w, role.as_str(), reserved);
        }
    });
    put_full(w, "unreserved_resources_full", &agent.total.unreserved());
    put_full(w, "used_resources_full", &held.used);
    put_full(w, "offered_resources_full", &held.offered);
}

/// The messages for operators.
pub(super) fn messages<'a>(view: &'a View, sums: &'a Sums) -> impl Iterator<Item = get_agents::Agent> + 'a {
    let agents = view.tables.agents_by_id().into_iter();
    agents.map(|(row, agent)| message(&view.registry, agent, sums.agent(row)))
}

/// One agent as events tell of it.
pub(crate) fn message_of(state: &State, registry: &Registry, row: AgentRow) -> get_agents::Agent {
    message(registry, state.agent(row), &Held::on_agent(state, row))
}

fn message(registry: &Registry, agent: &Agent, held: &Held) -> get_agents::Agent {
    get_agents::Agent {
        agent_info: Box::new((*agent.info).clone()),
        active: agent.is_active(),
        deactivated: Some(is_deactivated(registry, agent)),
        version: agent.version.clone(),
        pid: Some(agent.pid.to_string()),
        registered_time: Some(time(agent.registered)),
        reregistered_time: agent.reregistered.map(time),
        total_resources: endpoint_form(&agent.total),
        allocated_resources: endpoint_form(&held.used),
        offered_resources: endpoint_form(&held.offered),
        capabilities: agent.capabilities.to_wire(),
        drain_info: entry(registry, agent).and_then(|entry| entry.drain_info.clone()),
        // Mesos: here in whole seconds, elsewhere not.
        estimated_drain_start_time: agent.drain_started.map(|since| v1::TimeInfo {
            nanoseconds: since.nanos().div_euclid(1_000_000_000).saturating_mul(1_000_000_000),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn entry<'a>(registry: &'a Registry, agent: &Agent) -> Option<&'a registry::Agent> {
    registry.admitted.get(&agent.id).map(|entry| &**entry)
}

fn is_deactivated(registry: &Registry, agent: &Agent) -> bool {
    entry(registry, agent).is_some_and(|entry| entry.deactivated())
}

fn id_of(info: &v1::AgentInfo) -> &str {
    info.id.as_ref().map_or("", |id| &id.value)
}

/// A moment as messages tell it.
pub(super) fn time(time: Wall) -> v1::TimeInfo {
    v1::TimeInfo { nanoseconds: time.nanos(), ..Default::default() }
}
