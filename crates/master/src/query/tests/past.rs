// SPDX-License-Identifier: Apache-2.0

//! An idle master that remembers one framework with its two ended tasks.

use std::sync::Arc;

use kaon_api::json::{Dialect, to_json};
use kaon_api::v1::master::{Event, event};

use super::{asked, assert_recorded, cluster, got};
use crate::query;
use crate::view::View;

fn view() -> View {
    let mut view = cluster::empty(1795316910.4182038, 1795316910.4186618);
    let flags = [("agent_ping_timeout", "15secs"), ("port", "5050"), ("quiet", "false")];
    let flags = flags.map(|(name, value)| (name.to_string(), value.to_string()));
    Arc::make_mut(&mut view.config).flags = flags.into();
    cluster::fill(&mut view, include_str!("past/GET_STATE.json"));
    view
}

#[test]
fn what_is_over_is_told_as_mesos_tells_it() {
    assert_recorded!(view(), "past",
        endpoints: ["state", "state-summary", "slaves", "frameworks", "tasks", "flags", "version"],
        calls: ["GET_STATE", "GET_TASKS", "GET_FRAMEWORKS", "GET_AGENTS", "GET_MASTER", "GET_VERSION", "GET_FLAGS"]);
    let registry = got(&view(), "registrar(1)/registry", &[]);
    assert_eq!(registry, include_str!("past/registry.json").trim_end());
}

#[test]
fn what_is_not_there_is_told_as_mesos_tells_it() {
    let view = view();
    for (endpoint, json) in [
        ("roles", r#"{"roles":[]}"#),
        ("weights", "[]"),
        ("quota", "{}"),
        ("maintenance/schedule", "{}"),
        ("maintenance/status", "{}"),
    ] {
        assert_eq!(got(&view, endpoint, &[]), json, "{endpoint}");
    }
    for (call, json) in [
        ("GET_HEALTH", r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#),
        ("GET_EXECUTORS", r#"{"type":"GET_EXECUTORS","get_executors":{"executors":[]}}"#),
        ("GET_OPERATIONS", r#"{"type":"GET_OPERATIONS","get_operations":{}}"#),
        ("GET_ROLES", r#"{"type":"GET_ROLES","get_roles":{}}"#),
        ("GET_WEIGHTS", r#"{"type":"GET_WEIGHTS"}"#),
        ("GET_QUOTA", r#"{"type":"GET_QUOTA","get_quota":{"status":{}}}"#),
        (
            "GET_MAINTENANCE_SCHEDULE",
            r#"{"type":"GET_MAINTENANCE_SCHEDULE","get_maintenance_schedule":{"schedule":{}}}"#,
        ),
        (
            "GET_MAINTENANCE_STATUS",
            r#"{"type":"GET_MAINTENANCE_STATUS","get_maintenance_status":{"status":{}}}"#,
        ),
    ] {
        assert_eq!(asked(&view, call), json, "{call}");
    }
}

/// Mesos: the newest first, at most a hundred, unless asked otherwise; nonsense counts as not said.
#[test]
fn tasks_are_listed_by_age_in_pages() {
    let view = view();
    let ids = |query: &[(&str, &str)]| {
        let json = got(&view, "tasks", query);
        let ids = json.split(r#"{"id":""#).skip(1).map(|rest| rest.split('"').next().unwrap().to_string());
        ids.collect::<Vec<_>>().join(" ")
    };
    for (query, expected) in [
        (&[][..], "t2 t1"),
        (&[("order", "asc")], "t1 t2"),
        (&[("order", "up")], "t2 t1"),
        (&[("limit", "1")], "t2"),
        (&[("limit", "1"), ("offset", "1")], "t1"),
        (&[("limit", "-1"), ("offset", "1")], "t1"),
        (&[("offset", "-1")], ""),
        (&[("offset", "9")], ""),
        (&[("limit", "many"), ("offset", "")], "t2 t1"),
        (&[("limit", "99999999999")], "t2 t1"),
        (&[("task_id", "t1")], "t1"),
        (&[("task_id", "t1"), ("task_id", "t2")], "t2"),
        (&[("task_id", "t1"), ("framework_id", "x")], ""),
        (&[("framework_id", "m1-0002")], "t2 t1"),
    ] {
        assert_eq!(ids(query), expected, "{query:?}");
    }
}

#[test]
fn queries_select_agents_with_frameworks() {
    let view = view();
    let none = r#"{"frameworks":[],"completed_frameworks":[],"unregistered_frameworks":[]}"#;
    assert_eq!(got(&view, "frameworks", &[("framework_id", "zz")]), none);
    assert_eq!(got(&view, "frameworks", &[("framework_id", "m1-0002")]), got(&view, "frameworks", &[]));
    assert_eq!(got(&view, "slaves", &[("slave_id", "zz")]), r#"{"slaves":[],"recovered_slaves":[]}"#);
    assert_eq!(got(&view, "slaves", &[("slave_id", "m0-S0")]), got(&view, "slaves", &[]));
}

#[test]
fn agents_that_must_come_back_are_listed_apart() {
    let mut view = view();
    let info = (*view.tables.agents.values().next().unwrap().info).clone();
    view.recovered = Arc::new([(kaon_model::AgentId::from("m0-S0"), info)].into());
    view.tables.agents = Default::default();
    let recovered =
        r#""recovered_slaves":[{"id":"m0-S0","hostname":"localhost","port":5051,"attributes":{}}]"#;
    let slaves = format!(r#"{{"slaves":[],{recovered}}}"#);
    assert_eq!(got(&view, "slaves", &[]), slaves);
    assert!(got(&view, "state", &[]).contains(&format!(r#""slaves":[],{recovered}"#)));
    let answer = asked(&view, "GET_AGENTS");
    let recovered = r#""agents":[],"recovered_agents":[{"hostname":"localhost","port":5051,"resources":["#;
    assert!(answer.contains(recovered), "{answer}");
}

/// Mesos: the first event on an operator's stream has the empty lists of GET_STATE; events like any other have none.
#[test]
fn the_first_event_tells_the_state_as_get_state_does() {
    let state = query::get_state(&view());
    let subscribed = event::Subscribed {
        get_state: Some(Box::new(state)),
        heartbeat_interval_seconds: Some(15.0),
        ..Default::default()
    };
    let event =
        Event { r#type: Some(event::Type::Subscribed), subscribed: Some(subscribed), ..Default::default() };
    let recorded = include_str!("past/GET_STATE.json").trim_end();
    let (_, state) = recorded.split_once(r#""get_state":"#).unwrap();
    let state = state.strip_suffix('}').unwrap();
    let expected = format!(
        r#"{{"type":"SUBSCRIBED","subscribed":{{"get_state":{state},"heartbeat_interval_seconds":15.0}}}}"#
    );
    assert_eq!(query::event_json(&event), expected);
    let heartbeat = Event { r#type: Some(event::Type::Heartbeat), ..Default::default() };
    assert_eq!(query::event_json(&heartbeat), to_json(&heartbeat, Dialect::V1));
}

#[test]
fn our_own_version_has_a_key_of_its_own() {
    let mut view = view();
    Arc::make_mut(&mut view.build).kaon_version = Some("0.1.0".into());
    assert!(got(&view, "version", &[]).ends_with(r#""kaon_version":"0.1.0","version":"1.11.0"}"#));
    assert!(got(&view, "state", &[]).starts_with(r#"{"version":"1.11.0","kaon_version":"0.1.0","#));
    assert!(!asked(&view, "GET_VERSION").contains("kaon"), "strict clients refuse unknown members");
}
