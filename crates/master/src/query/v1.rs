// SPDX-License-Identifier: Apache-2.0

//! The operator calls that read, answered from a view.

use std::collections::BTreeMap;

use kaon_api::json::{Dialect, JsonWriter, to_json};
use kaon_api::v1;
use kaon_api::v1::master::call::Type;
use kaon_api::v1::master::response::{self, GetState, get_agents, get_frameworks};
use kaon_api::v1::master::{Call, Event, Response, event};
use kaon_api::wire::Enumeration;

use super::members::{self, Members};
use super::sums::Sums;
use super::{agents, durable, executors, frameworks, identity, listing, roles, tasks};
use crate::master::Master;
use crate::state::{AgentRow, FrameworkRow};
use crate::view::View;

/// The answer to a call that reads; none for calls that change something, or that the shell answers (the level of
/// logging, files, the stream of events).
///
/// `metrics` gives all figures of the process; it is asked only where the call wants them.
pub fn answer(view: &View, call: &Call, metrics: impl FnOnce() -> BTreeMap<String, f64>) -> Option<Response> {
    use response::{GetHealth, GetMaintenanceSchedule, GetMaintenanceStatus, GetOperations, GetQuota};
    let kind = call.r#type?;
    let mut answer = Response { r#type: response::Type::from_name(kind.name()), ..Default::default() };
    match kind {
        Type::GetHealth => answer.get_health = Some(GetHealth { healthy: true, ..Default::default() }),
        Type::GetFlags => answer.get_flags = Some(identity::get_flags(view)),
        Type::GetVersion => answer.get_version = Some(identity::get_version(view)),
        Type::GetMetrics => answer.get_metrics = Some(get_metrics(metrics())),
        Type::GetState => answer.get_state = Some(Box::new(get_state(view))),
        Type::GetAgents => answer.get_agents = Some(get_agents(view, &Sums::of(&view.tables))),
        Type::GetFrameworks => answer.get_frameworks = Some(get_frameworks(view, &Sums::of(&view.tables))),
        Type::GetExecutors => answer.get_executors = Some(get_executors(view)),
        Type::GetOperations => {
            let operations = view.tables.operations.values().map(|one| (*one.body).clone()).collect();
            answer.get_operations = Some(GetOperations { operations, ..Default::default() });
        }
        Type::GetTasks => answer.get_tasks = Some(Box::new(get_tasks(view))),
        Type::GetRoles => answer.get_roles = Some(roles::get_roles(view)),
        Type::GetWeights => answer.get_weights = roles::get_weights(view),
        Type::GetMaster => answer.get_master = Some(identity::get_master(view)),
        Type::GetMaintenanceStatus => {
            let status = durable::status(view);
            answer.get_maintenance_status = Some(GetMaintenanceStatus { status, ..Default::default() });
        }
        Type::GetMaintenanceSchedule => {
            let schedule = durable::schedule(view);
            answer.get_maintenance_schedule = Some(GetMaintenanceSchedule { schedule, ..Default::default() });
        }
        Type::GetQuota => {
            let status = durable::quota_status(view);
            answer.get_quota = Some(GetQuota { status, ..Default::default() });
        }
        _ => return None,
    }
    Some(answer)
}

/// The JSON of the answer that [`answer`] gives. Long lists are written row by row, without the answer in between.
pub fn answer_json(
    view: &View,
    call: &Call,
    metrics: impl FnOnce() -> BTreeMap<String, f64>,
) -> Option<String> {
    let listed = |key: &str, body: &dyn Fn(&mut JsonWriter<'_>)| {
        members::object(Dialect::Master, |w| {
            w.put_text("type", call.r#type.map_or("", |kind| kind.name()));
            w.key(key);
            body(w);
        })
    };
    let sums = || Sums::of(&view.tables);
    Some(match call.r#type? {
        Type::GetAgents => listed("get_agents", &|w| write_agents(w, view, &sums())),
        Type::GetFrameworks => listed("get_frameworks", &|w| write_frameworks(w, view, &sums())),
        Type::GetExecutors => listed("get_executors", &|w| write_executors(w, view)),
        Type::GetTasks => listed("get_tasks", &|w| write_tasks(w, view)),
        Type::GetState => listed("get_state", &|w| write_state(w, view)),
        _ => return answer(view, call, metrics).map(|answer| to_json(&answer, Dialect::V1)),
    })
}

/// The JSON of an event on an operator's stream.
///
/// Mesos: the first event tells the state as GET_STATE does, with its empty lists; all others are plain messages.
pub fn event_json(event: &Event) -> String {
    let subscribed = event.subscribed.as_ref();
    let Some((subscribed, state)) = subscribed.and_then(|own| Some((own, own.get_state.as_deref()?))) else {
        return to_json(event, Dialect::V1);
    };
    members::object(Dialect::Master, |w| {
        w.put_text("type", event::Type::Subscribed.name());
        w.put_object("subscribed", |w| {
            w.key("get_state");
            listing::write_state(w, state);
            if let Some(interval) = subscribed.heartbeat_interval_seconds {
                w.put_number("heartbeat_interval_seconds", interval);
            }
        });
    })
}

/// An agent as events tell of it.
pub(crate) fn agent_of(master: &Master, row: AgentRow) -> get_agents::Agent {
    agents::message_of(&master.state, &master.registry, row)
}

/// A framework as events tell of it.
pub(crate) fn framework_of(master: &Master, row: FrameworkRow) -> get_frameworks::Framework {
    frameworks::message_of(&master.state, row)
}

/// All that a master knows, as one message.
pub fn get_state(view: &View) -> GetState {
    let sums = Sums::of(&view.tables);
    GetState {
        get_tasks: Some(Box::new(get_tasks(view))),
        get_executors: Some(get_executors(view)),
        get_frameworks: Some(get_frameworks(view, &sums)),
        get_agents: Some(get_agents(view, &sums)),
        ..Default::default()
    }
}

fn get_tasks(view: &View) -> response::GetTasks {
    response::GetTasks {
        tasks: tasks::active(view).collect(),
        unreachable_tasks: tasks::unreachable(view).collect(),
        completed_tasks: tasks::completed(view).collect(),
        ..Default::default()
    }
}

fn get_executors(view: &View) -> response::GetExecutors {
    response::GetExecutors { executors: executors::messages(view).collect(), ..Default::default() }
}

fn get_frameworks(view: &View, sums: &Sums) -> response::GetFrameworks {
    response::GetFrameworks {
        frameworks: frameworks::messages(view, sums).collect(),
        completed_frameworks: frameworks::completed_messages(view).collect(),
        ..Default::default()
    }
}

fn get_agents(view: &View, sums: &Sums) -> response::GetAgents {
    response::GetAgents {
        agents: agents::messages(view, sums).collect(),
        recovered_agents: view.recovered.values().cloned().collect(),
        ..Default::default()
    }
}

fn get_metrics(metrics: BTreeMap<String, f64>) -> response::GetMetrics {
    let one = |(name, value)| v1::Metric { name, value: Some(value), ..Default::default() };
    response::GetMetrics { metrics: metrics.into_iter().map(one).collect(), ..Default::default() }
}

fn write_tasks(w: &mut JsonWriter<'_>, view: &View) {
    listing::write_tasks(w, tasks::active(view), tasks::unreachable(view), tasks::completed(view));
}

fn write_executors(w: &mut JsonWriter<'_>, view: &View) {
    listing::write_executors(w, executors::messages(view));
}

fn write_frameworks(w: &mut JsonWriter<'_>, view: &View, sums: &Sums) {
    listing::write_frameworks(w, frameworks::messages(view, sums), frameworks::completed_messages(view));
}

fn write_agents(w: &mut JsonWriter<'_>, view: &View, sums: &Sums) {
    listing::write_agents(w, agents::messages(view, sums), view.recovered.values());
}

fn write_state(w: &mut JsonWriter<'_>, view: &View) {
    let sums = Sums::of(&view.tables);
    w.object(|w| {
        w.key("get_tasks");
        write_tasks(w, view);
        w.key("get_executors");
        write_executors(w, view);
        w.key("get_frameworks");
        write_frameworks(w, view, &sums);
        w.key("get_agents");
        write_agents(w, view, &sums);
    });
}
