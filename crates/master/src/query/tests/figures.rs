// SPDX-License-Identifier: Apache-2.0

//! The figures, compared with those that Mesos 1.11 published in the same situation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kaon_model::Role;

use super::live;
use crate::query::{metrics, unmeasured};
use crate::state::History;
use crate::view::View;

/// Names with values: of the master, its allocator, its registry, one of the two frameworks. Without the figures of
/// quota: what roles consume was left out.
fn recorded() -> BTreeMap<String, f64> {
    let lines = include_str!("live/metrics.txt").lines();
    let one =
        |line: &str| line.rsplit_once(' ').map(|(name, value)| (name.to_string(), value.parse().unwrap()));
    lines.filter_map(one).collect()
}

/// The view of the recorded master, counters and all.
fn counted() -> View {
    let mut view = live::view();
    view.allocation.runs = 13;
    let counters = &mut view.tables.counters;
    counters.dropped_messages = 1;
    counters.messages_launch_tasks = 1;
    counters.messages_register_framework = 2;
    counters.messages_register_slave = 1;
    counters.messages_update_slave = 1;
    counters.slave_registrations = 1;
    let row = view.tables.frameworks_by_age()[1].0;
    let framework = view.tables.frameworks.get_mut(row).unwrap();
    framework.suppressed = Arc::new([Role::new("ops").unwrap()].into());
    let counters = &mut framework.counters;
    counters.calls = [("SUBSCRIBE", 1), ("ACCEPT", 1)].into();
    counters.events = [("SUBSCRIBED", 1), ("HEARTBEAT", 1), ("OFFERS", 2)].into();
    counters.operations = [("LAUNCH", 2)].into();
    counters.offers_sent = 2;
    counters.offers_accepted = 1;
    view
}

#[test]
fn every_figure_of_mesos_is_published_with_its_value() {
    let ours = metrics(&counted());
    // Times, sizes and what only the shell can measure differ between any two runs.
    let differs: BTreeSet<String> = unmeasured()
        .filter(|name| name.contains("_ms") || name.contains("event_queue"))
        .chain(["master/uptime_secs", "registrar/registry_size_bytes"].map(String::from))
        .collect();
    for (name, value) in recorded() {
        let own = ours.get(&name).unwrap_or_else(|| panic!("{name} is missing"));
        assert!(*own == value || differs.contains(&name), "{name}: {own} instead of {value}");
    }
    assert_eq!(ours["master/uptime_secs"], 5.0);
    assert!(ours["registrar/registry_size_bytes"] > 100.0);
}

#[test]
fn figures_that_mesos_has_not_are_named_as_ours() {
    let known = recorded();
    let other = |name: &&String| !known.contains_key(*name) && !name.contains("/m1-0000/");
    let other = |name: &&String| {
        other(name) && !name.starts_with("allocator/mesos/quota/") && !name.starts_with("kaon/")
    };
    assert_eq!(metrics(&counted()).keys().find(other), None);
}

/// Or a figure that got a meaning was left in the list of those without.
#[test]
fn what_is_listed_as_unmeasured_is_zero() {
    let figures = metrics(&counted());
    assert_eq!(unmeasured().find(|name| figures[name] != 0.0), None);
    assert_eq!(unmeasured().count(), unmeasured().collect::<BTreeSet<_>>().len(), "each is listed once");
}

#[test]
fn one_flag_hides_the_figures_of_frameworks() {
    let mut view = counted();
    let flags = &mut Arc::make_mut(&mut view.config).flags;
    flags.insert("publish_per_framework_metrics".into(), "false".into());
    assert!(!metrics(&view).keys().any(|name| name.starts_with("master/frameworks/")));
}

#[test]
fn ends_of_tasks_are_counted_by_state_source_and_reason() {
    use kaon_api::v1::task_status::{Reason, Source};
    let mut view = counted();
    let status = kaon_api::v1::TaskStatus {
        state: kaon_api::v1::TaskState::TaskLost,
        source: Some(Source::SourceMaster),
        reason: Some(Reason::ReasonAgentRemoved),
        ..Default::default()
    };
    view.tables.counters.count_end(&status);
    view.tables.counters.count_principal("alice");
    let figures = metrics(&view);
    for name in [
        "master/tasks_lost",
        "master/task_lost/source_master/reason_slave_removed",
        "frameworks/alice/messages_received",
        "frameworks/alice/messages_processed",
    ] {
        assert_eq!(figures[name], 1.0, "{name}");
    }
}

#[test]
fn unreachable_tasks_are_counted_of_frameworks_that_run() {
    let mut view = counted();
    let task = view.tables.tasks.values().next().unwrap().clone();
    view.tables.history.add_unreachable(task, 10);
    let figures = metrics(&view);
    assert_eq!(figures["master/tasks_unreachable"], 1.0);
    let name = "master/frameworks/web%2Ffront/m1-0001/tasks/active/task_unreachable";
    assert_eq!(figures[name], 1.0);
    view.tables.history = History::default();
    assert_eq!(metrics(&view)["master/tasks_unreachable"], 0.0);
}
