// SPDX-License-Identifier: Apache-2.0

//! The figures of an agent under the names that monitors ask for.

use std::collections::BTreeMap;

use kaon_api::v1::TaskState;
use kaon_model::{Bytes, Resources, Wall};

use super::state::used;
use crate::state::{Phase, Session, View};

/// All figures of the agent itself, and of the containerizer. Those of the host are the shell's.
///
/// Mesos: monitors warn of each name that is missing, so names of what there is not yet are told as zero.
pub fn metrics(view: &View, now: Wall) -> BTreeMap<String, f64> {
    let state = &*view.state;
    let mut all = BTreeMap::new();
    let mut put = |name: &str, value: f64| {
        all.insert(name.to_string(), value);
    };
    put("slave/uptime_secs", now.secs_f64() - state.started.secs_f64());
    put("slave/registered", f64::from(u8::from(state.session == Session::Running)));
    put("kaon/draining", f64::from(u8::from(state.drain.is_some())));
    put("kaon/disk_full", f64::from(u8::from(state.disk_problem.is_some())));
    put("slave/recovery_errors", state.counters.recovery_errors as f64);
    put("slave/recovery_time_secs", state.recovery.unwrap_or_default().as_secs_f64());
    put("slave/frameworks_active", state.frameworks.len() as f64);
    put("slave/executor_directory_max_allowed_age_secs", state.config.gc_delay.as_secs_f64());
    let counters = &state.counters;
    for (name, count) in [
        ("slave/tasks_finished", counters.tasks_finished),
        ("slave/tasks_failed", counters.tasks_failed),
        ("slave/tasks_killed", counters.tasks_killed),
        ("slave/tasks_lost", counters.tasks_lost),
        ("slave/tasks_gone", counters.tasks_gone),
        ("slave/executors_terminated", counters.executors_terminated),
        ("slave/executors_preempted", 0),
        ("slave/container_launch_errors", counters.container_launch_errors),
        ("slave/valid_status_updates", counters.valid_status_updates),
        ("slave/invalid_status_updates", counters.invalid_status_updates),
        ("slave/valid_framework_messages", counters.valid_framework_messages),
        ("slave/invalid_framework_messages", counters.invalid_framework_messages),
        ("gc/path_removals_pending", state.garbage as u64),
        ("gc/path_removals_succeeded", counters.path_removals),
        ("gc/path_removals_failed", 0),
    ] {
        put(name, count as f64);
    }
    for name in ABSENT {
        put(name, 0.0);
    }
    let cache = state.config.flags.get("fetcher_cache_size").and_then(|text| text.parse::<Bytes>().ok());
    put("containerizer/fetcher/cache_size_total_bytes", cache.map_or(0.0, |size| size.0 as f64));
    tasks(view, &mut put);
    executors(view, &mut put);
    resources(view, &mut put);
    all
}

/// What this version does not do, or does not count. Whoever gives one of them a meaning takes it out here.
const ABSENT: &[&str] = &[
    "containerizer/fetcher/cache_size_used_bytes",
    "containerizer/fetcher/task_fetches_failed",
    "containerizer/fetcher/task_fetches_succeeded",
    "containerizer/mesos/container_destroy_errors",
    "containerizer/mesos/provisioner/bind/remove_rootfs_errors",
    "containerizer/mesos/provisioner/remove_container_errors",
    "resource_provider_manager/events/disconnect",
    "resource_provider_manager/events/subscribe",
    "resource_provider_manager/subscribed",
];

fn tasks(view: &View, put: &mut impl FnMut(&str, f64)) {
    let queued: usize = view.state.executors().map(|executor| executor.queue.len()).sum();
    let in_state = |wanted: TaskState| {
        let tasks = view.state.executors().flat_map(|executor| executor.tasks.values());
        tasks.filter(|task| task.state == wanted).count()
    };
    put("slave/tasks_staging", (queued + in_state(TaskState::TaskStaging)) as f64);
    put("slave/tasks_starting", in_state(TaskState::TaskStarting) as f64);
    put("slave/tasks_running", in_state(TaskState::TaskRunning) as f64);
    put("slave/tasks_killing", in_state(TaskState::TaskKilling) as f64);
}

fn executors(view: &View, put: &mut impl FnMut(&str, f64)) {
    let in_phase = |wanted: &[Phase]| {
        view.state.executors().filter(|executor| wanted.contains(&executor.phase)).count() as f64
    };
    put("slave/executors_registering", in_phase(&[Phase::Preparing, Phase::Registering]));
    put("slave/executors_running", in_phase(&[Phase::Running]));
    put("slave/executors_terminating", in_phase(&[Phase::Terminating]));
}

fn resources(view: &View, put: &mut impl FnMut(&str, f64)) {
    let total = view.state.total.clone();
    let used = used(view.state.executors());
    for name in ["cpus", "gpus", "mem", "disk"] {
        for (infix, total, used) in [
            ("", total.non_revocable(), used.non_revocable()),
            ("_revocable", total.revocable(), used.revocable()),
        ] {
            let (total, used) = (amount(&total, name), amount(&used, name));
            put(&format!("slave/{name}{infix}_total"), total);
            put(&format!("slave/{name}{infix}_used"), used);
            put(&format!("slave/{name}{infix}_percent"), if total > 0.0 { used / total } else { 0.0 });
        }
    }
}

fn amount(resources: &Resources, name: &str) -> f64 {
    let named = resources.named(&kaon_model::ResourceName::from(name));
    named.iter().map(|resource| resource.value.quantity().to_f64()).sum()
}
