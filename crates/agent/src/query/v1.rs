// SPDX-License-Identifier: Apache-2.0

//! The operator calls that read, answered from a view.

use std::collections::BTreeMap;
use std::sync::Arc;

use kaon_api::json::{Dialect, JsonWriter, to_json};
use kaon_api::v1;
use kaon_api::v1::agent::call::Type;
use kaon_api::v1::agent::response::{
    self, GetAgent, GetExecutors, GetFrameworks, GetHealth, GetMetrics, GetOperations, GetResourceProviders,
    GetState, GetTasks, get_executors, get_frameworks,
};
use kaon_api::v1::agent::{Call, Response};
use kaon_api::wire::{Enumeration, Message};

use super::members::{Members, json};
use super::{Usage, containers, identity};
use crate::state::{Drain, Executor, Framework, View, is_terminal};

/// The answer to a call that reads; none for calls that change something, or that the shell answers (the level of
/// logging, files, what goes on inside containers).
///
/// `metrics` gives all figures of the process; it is asked only where the call wants them.
pub fn answer(
    view: &View,
    call: &Call,
    usage: &Usage,
    metrics: impl FnOnce() -> BTreeMap<String, f64>,
) -> Option<Response> {
    let kind = call.r#type?;
    let mut answer = Response { r#type: response::Type::from_name(kind.name()), ..Default::default() };
    match kind {
        Type::GetHealth => answer.get_health = Some(GetHealth { healthy: true, ..Default::default() }),
        Type::GetFlags => answer.get_flags = Some(identity::get_flags(view)),
        Type::GetVersion => answer.get_version = Some(identity::get_version(view)),
        Type::GetMetrics => answer.get_metrics = Some(get_metrics(metrics())),
        Type::GetState => answer.get_state = Some(Box::new(get_state(view))),
        Type::GetContainers => {
            let nested = call.get_containers.as_ref().and_then(|call| call.show_nested).unwrap_or(false);
            answer.get_containers = containers::get_containers(view, usage, nested);
        }
        Type::GetFrameworks => answer.get_frameworks = Some(get_frameworks(view)),
        Type::GetExecutors => answer.get_executors = Some(get_executors(view)),
        Type::GetOperations => {
            let operations = view.state.operations.values().map(|one| v1::Operation::clone(one)).collect();
            answer.get_operations = Some(GetOperations { operations, ..Default::default() });
        }
        // The agent has no providers, so there are none to tell of.
        Type::GetResourceProviders => answer.get_resource_providers = Some(GetResourceProviders::default()),
        Type::GetTasks => answer.get_tasks = Some(Box::new(get_tasks(view))),
        Type::GetAgent => answer.get_agent = Some(get_agent(view)),
        _ => return None,
    }
    Some(answer)
}

/// The JSON of the answer that [`answer`] gives. Mesos: in some answers empty lists are told, in others left out.
pub fn answer_json(
    view: &View,
    call: &Call,
    usage: &Usage,
    metrics: impl FnOnce() -> BTreeMap<String, f64>,
) -> Option<String> {
    let listed = |key: &str, body: &dyn Fn(&mut JsonWriter<'_>)| {
        json(Dialect::V1, |w| {
            w.object(|w| {
                w.text("type", call.r#type.map_or("", |kind| kind.name()));
                w.key(key);
                body(w);
            });
        })
    };
    Some(match call.r#type? {
        Type::GetTasks => listed("get_tasks", &|w| write_tasks(w, &get_tasks(view))),
        Type::GetExecutors => listed("get_executors", &|w| write_executors(w, &get_executors(view))),
        Type::GetFrameworks => listed("get_frameworks", &|w| write_frameworks(w, &get_frameworks(view))),
        Type::GetState => listed("get_state", &|w| {
            w.object(|w| {
                w.key("get_tasks");
                write_tasks(w, &get_tasks(view));
                w.key("get_executors");
                write_executors(w, &get_executors(view));
                w.key("get_frameworks");
                write_frameworks(w, &get_frameworks(view));
            });
        }),
        _ => return answer(view, call, usage, metrics).map(|answer| to_json(&answer, Dialect::V1)),
    })
}

fn write_tasks(w: &mut JsonWriter<'_>, tasks: &GetTasks) {
    w.object(|w| {
        list(w, "pending_tasks", &tasks.pending_tasks);
        list(w, "queued_tasks", &tasks.queued_tasks);
        list(w, "launched_tasks", &tasks.launched_tasks);
        list(w, "terminated_tasks", &tasks.terminated_tasks);
        list(w, "completed_tasks", &tasks.completed_tasks);
    });
}

fn write_executors(w: &mut JsonWriter<'_>, executors: &GetExecutors) {
    w.object(|w| {
        list(w, "executors", &executors.executors);
        list(w, "completed_executors", &executors.completed_executors);
    });
}

fn write_frameworks(w: &mut JsonWriter<'_>, frameworks: &GetFrameworks) {
    w.object(|w| {
        list(w, "frameworks", &frameworks.frameworks);
        list(w, "completed_frameworks", &frameworks.completed_frameworks);
    });
}

fn list<M: Message>(w: &mut JsonWriter<'_>, key: &str, messages: &[M]) {
    w.list(key, messages, JsonWriter::message);
}

fn get_metrics(metrics: BTreeMap<String, f64>) -> GetMetrics {
    let one = |(name, value)| v1::Metric { name, value: Some(value), ..Default::default() };
    GetMetrics { metrics: metrics.into_iter().map(one).collect(), ..Default::default() }
}

fn get_agent(view: &View) -> GetAgent {
    // Mesos: the flag that every agent sets, that it checkpoints, is not told here.
    let info = v1::AgentInfo { checkpoint: None, ..v1::AgentInfo::clone(&view.state.info) };
    let drain = view.state.drain.as_ref();
    let since = |drain: &Drain| v1::TimeInfo {
        nanoseconds: drain.started_seconds().saturating_mul(1_000_000_000),
        ..Default::default()
    };
    GetAgent {
        agent_info: Some(Box::new(info)),
        drain_config: drain.map(|drain| drain.config.clone()),
        estimated_drain_start_time: drain.map(since),
        ..Default::default()
    }
}

fn get_state(view: &View) -> GetState {
    GetState {
        get_tasks: Some(Box::new(get_tasks(view))),
        get_executors: Some(get_executors(view)),
        get_frameworks: Some(get_frameworks(view)),
        ..Default::default()
    }
}

/// The executors of the past, those of frameworks that are gone included.
fn completed(view: &View) -> impl Iterator<Item = Executor> {
    let state = &view.state;
    let frameworks = state.frameworks.values().chain(state.completed.iter().map(|framework| &**framework));
    frameworks.flat_map(Framework::past)
}

fn get_tasks(view: &View) -> GetTasks {
    let mut all = GetTasks::default();
    for executor in view.state.executors() {
        all.queued_tasks.extend(executor.queue.iter().map(|queued| v1::Task::clone(&queued.task)));
        for task in executor.tasks.values() {
            let list =
                if is_terminal(task.state) { &mut all.terminated_tasks } else { &mut all.launched_tasks };
            list.push(v1::Task::clone(task));
        }
    }
    let of_live = view.state.executors().flat_map(|executor| executor.completed.iter().cloned());
    let past = of_live.chain(completed(view).flat_map(|executor| executor.completed));
    all.completed_tasks.extend(past.map(Arc::unwrap_or_clone));
    all
}

fn get_executors(view: &View) -> GetExecutors {
    let one = |executor: &Executor| get_executors::Executor {
        executor_info: Box::new(v1::ExecutorInfo::clone(&executor.info)),
        ..Default::default()
    };
    GetExecutors {
        executors: view.state.executors().map(one).collect(),
        completed_executors: completed(view).map(|executor| one(&executor)).collect(),
        ..Default::default()
    }
}

fn get_frameworks(view: &View) -> GetFrameworks {
    let one = |info: &v1::FrameworkInfo| get_frameworks::Framework {
        framework_info: Box::new(info.clone()),
        ..Default::default()
    };
    GetFrameworks {
        frameworks: view.state.frameworks.values().map(|framework| one(&framework.info)).collect(),
        completed_frameworks: view.state.completed.iter().map(|framework| one(&framework.info)).collect(),
        ..Default::default()
    }
}
