// SPDX-License-Identifier: Apache-2.0

//! The figures behind which nothing lies in this core.
//!
//! They are published as 0 because tools expect them. Some are known to the shell alone, which puts its own value over
//! ours; the others stand for what this version does not do. Whoever gives one of them a meaning takes it out here.

/// Known to the shell: queues of events, times of the disk.
const SHELL: &[&str] = &[
    "allocator/event_queue_dispatches",
    "allocator/mesos/event_queue_dispatches",
    "master/event_queue_dispatches",
    "master/event_queue_http_requests",
    "master/event_queue_messages",
    "master/http_cache_hits",
    "registrar/state_fetch_ms",
];

/// Durations, each with its spread.
const TIMERS: &[&str] = &[
    "allocator/mesos/allocation_run_latency_ms",
    "allocator/mesos/allocation_run_ms",
    "registrar/state_store_ms",
];

const SPREAD: &[&str] = &["", "/count", "/max", "/min", "/p50", "/p90", "/p95", "/p99", "/p999", "/p9999"];

/// What this version does not do.
const ABSENT: &[&str] = &[
    "master/slave_shutdowns_canceled",
    "master/slave_shutdowns_completed",
    "master/slave_shutdowns_scheduled",
];

/// The names of all figures that this core publishes as 0.
pub fn unmeasured() -> impl Iterator<Item = String> {
    let plain = SHELL.iter().chain(ABSENT).map(ToString::to_string);
    let timers = TIMERS.iter().flat_map(|timer| SPREAD.iter().map(move |part| format!("{timer}{part}")));
    plain.chain(timers)
}
