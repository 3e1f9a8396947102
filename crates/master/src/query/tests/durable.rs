// SPDX-License-Identifier: Apache-2.0

//! What the registry holds beside agents, and what of it shows on agents.

use std::sync::Arc;

use kaon_api::internal;
use kaon_api::json::{self, Dialect};
use kaon_api::wire::Message;

use super::{asked, cluster, got};
use crate::registry::Registry;
use crate::view::View;

/// As an operator of Mesos may have left it.
const REGISTRY: &str = r#"{"slaves":{"slaves":[{"info":{"hostname":"a","port":5051,"id":{"value":"m0-S0"},
    "resources":[]},"drain_info":{"state":"DRAINING","config":{"mark_gone":true}},"deactivated":true}]},
    "unreachable":{"slaves":[{"id":{"value":"m0-S7"},"timestamp":{"nanoseconds":5}}]},
    "machines":{"machines":[{"info":{"id":{"hostname":"a","ip":"10.0.0.1"},"mode":"DRAINING"}},
    {"info":{"id":{"hostname":"b"},"mode":"DOWN"}},{"info":{"id":{"hostname":"c"},"mode":"UP"}}]},
    "schedules":[{"windows":[{"machine_ids":[{"hostname":"a","ip":"10.0.0.1"}],
    "unavailability":{"start":{"nanoseconds":7}}}]}],
    "quota_configs":[{"role":"eng","limits":{"cpus":{"value":2.5}}}]}"#;

fn view() -> View {
    let parsed = json::parse(REGISTRY.as_bytes()).unwrap();
    let stored: internal::Registry = json::from_json(&parsed, Dialect::V0).unwrap();
    let mut view = cluster::empty(0.0, 0.0);
    view.registry = Arc::new(Registry::recover(Some(&stored.encode()), &[]).unwrap());
    view
}

#[test]
fn maintenance_and_quota_are_told() {
    let view = view();
    let status = r#"{"down_machines":[{"hostname":"b"}],"draining_machines":[{"id":{"hostname":"a","ip":"10.0.0.1"}}]}"#;
    assert_eq!(got(&view, "maintenance/status", &[]), status);
    let schedule = concat!(
        r#"{"windows":[{"machine_ids":[{"hostname":"a","ip":"10.0.0.1"}],"#,
        r#""unavailability":{"start":{"nanoseconds":7}}}]}"#
    );
    assert_eq!(got(&view, "maintenance/schedule", &[]), schedule);
    let quota = r#"{"infos":[{"role":"eng"}],"configs":[{"role":"eng","limits":{"cpus":{"value":2.5}}}]}"#;
    assert_eq!(got(&view, "quota", &[]), quota);
    let quota =
        r#"{"status":{"infos":[{"role":"eng"}],"configs":[{"role":"eng","limits":{"cpus":{"value":2.5}}}]}}"#;
    assert!(asked(&view, "GET_QUOTA").ends_with(&format!(r#""get_quota":{quota}}}"#)));
}

#[test]
fn quota_has_figures() {
    let figures = crate::query::metrics(&view());
    let quota =
        |what: &str| figures.get(&format!("allocator/mesos/quota/roles/eng/resources/cpus/{what}")).copied();
    assert_eq!((quota("limit"), quota("offered_or_allocated")), (Some(2.5), Some(0.0)));
    assert_eq!((quota("guarantee"), quota("consumed")), (None, None));
}

#[test]
fn unreachable_agents_are_counted() {
    let view = view();
    assert!(got(&view, "state", &[]).contains(r#""unreachable_slaves":1.0"#));
    assert_eq!(crate::query::metrics(&view)["master/slaves_unreachable"], 1.0);
}

#[test]
fn what_is_out_of_service_is_counted() {
    let figures = crate::query::metrics(&view());
    let count = |what: &str| figures[&format!("kaon/{what}")];
    assert_eq!(
        (count("agents_deactivated"), count("agents_draining"), count("agents_drained")),
        (1.0, 1.0, 0.0)
    );
    assert_eq!((count("agents_gone"), count("machines_draining"), count("machines_down")), (0.0, 1.0, 1.0));
}

#[test]
fn agents_show_that_they_are_drained() {
    let mut view = view();
    let state = r#"{"type":"GET_STATE","get_state":{"get_tasks":{},"get_executors":{},"get_frameworks":{},
        "get_agents":{"agents":[{"agent_info":{"hostname":"a","port":5051,"id":{"value":"m0-S0"}},"active":true,
        "version":"1.11.0","pid":"slave(1)@10.0.0.1:5051"}]}}}"#;
    let registry = view.registry.clone();
    cluster::fill(&mut view, state);
    view.registry = registry;
    let drained = r#""drain_info":{"state":"DRAINING","config":{"mark_gone":true}}"#;
    for answer in [got(&view, "state", &[]), got(&view, "slaves", &[]), asked(&view, "GET_AGENTS")] {
        assert!(answer.contains(r#""deactivated":true"#) && answer.contains(drained), "{answer}");
    }
}
