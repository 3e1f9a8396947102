// SPDX-License-Identifier: Apache-2.0

//! A master whose resources are all offered or in use: two frameworks, one with an executor that runs two tasks.

use std::sync::Arc;

use kaon_model::{Role, TaskState};

use super::{assert_recorded, cluster, got, read};
use crate::query::sums::{Held, Sums};
use crate::state::Tables;
use crate::view::View;

pub fn view() -> View {
    let mut view = cluster::empty(1795342605.19388, 1795342605.1985059);
    let flags = [("allocator", "hierarchical"), ("quiet", "false"), ("weights", "eng=2,ops/db=1.5")];
    let flags = flags.map(|(name, value)| (name.to_string(), value.to_string()));
    Arc::make_mut(&mut view.config).flags = flags.into();
    let weights = [("eng", 2.0), ("ops/db", 1.5)].map(|(role, weight)| (Role::new(role).unwrap(), weight));
    view.weights = Arc::new(weights.into());
    cluster::fill(&mut view, include_str!("live/GET_STATE.json"));
    view
}

#[test]
fn what_runs_is_told_as_mesos_tells_it() {
    assert_recorded!(view(), "live",
        endpoints: ["state", "state-summary", "slaves", "frameworks", "roles", "tasks", "weights"],
        calls: ["GET_STATE", "GET_AGENTS", "GET_FRAMEWORKS", "GET_EXECUTORS", "GET_TASKS", "GET_ROLES",
            "GET_WEIGHTS", "GET_MASTER"]);
}

/// Mesos: a task that is over holds nothing, though it is listed until its end is acknowledged.
#[test]
fn ended_tasks_hold_nothing() {
    let mut view = view();
    let rows: Vec<_> = view.tables.tasks.iter().map(|(row, _)| row).collect();
    let before = Sums::of(&view.tables);
    for row in rows {
        view.tables.tasks.get_mut(row).unwrap().state = TaskState::Failed;
    }
    let after = Sums::of(&view.tables);
    let agent = view.tables.agents.iter().next().unwrap().0;
    assert_eq!(before.agent(agent).used.get_scalar("mem").to_f64(), 160.0);
    assert_eq!(after.agent(agent).used.get_scalar("mem").to_f64(), 32.0, "the executor is still there");
    assert!(got(&view, "state-summary", &[]).contains(r#""TASK_FAILED":2"#));
}

/// Nobody may count twice or not at all: what agents hold is what frameworks hold, in every account.
#[test]
fn sums_by_agent_equal_sums_by_framework() {
    let Tables { agents, frameworks, .. } = &view().tables;
    let sums = Sums::of(&view().tables);
    let add = |mut all: Held, one: &Held| {
        all.used += &one.used;
        all.offered += &one.offered;
        all
    };
    let by_agent = agents.iter().map(|(row, _)| sums.agent(row)).fold(Held::default(), add);
    let by_framework = frameworks.iter().map(|(row, _)| sums.framework(row)).fold(Held::default(), add);
    assert_eq!(by_agent, by_framework);
    assert_eq!(
        by_agent.used.to_string(),
        "cpus(allocated: eng/web)(reservations: [(STATIC,eng)]):1.25; \
        mem(allocated: eng/web)(reservations: [(STATIC,eng)]):160"
    );
}

/// Mesos: where the operator lists roles, no others are told, and all of those are.
#[test]
fn only_allowed_roles_are_told() {
    let mut view = view();
    Arc::make_mut(&mut view.config).roles = Some(vec!["eng".into(), "x/y".into()]);
    let roles = got(&view, "roles", &[]);
    let names: Vec<_> =
        roles.split(r#"{"name":""#).skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(names, ["*", "eng", "x", "x/y"]);
}

#[test]
fn a_framework_that_is_away_is_not_active() {
    use crate::state::frameworks::Connection;
    for (connection, recovered) in
        [(Connection::Disconnected { driver: None }, false), (Connection::Recovered, true)]
    {
        let mut view = view();
        let row = view.tables.frameworks_by_age()[1].0;
        view.tables.frameworks.get_mut(row).unwrap().connection = connection;
        let json = got(&view, "state-summary", &[]);
        let expected = format!(r#""active":false,"connected":false,"recovered":{recovered}"#);
        assert!(json.contains(&expected), "{json}");
    }
}

/// All that may stand in a task, in the order and form of Mesos.
#[test]
fn a_task_shows_its_limits_labels_networks_and_health() {
    let mut view = view();
    let (row, task) = view.tables.tasks.iter().next().map(|(row, task)| (row, task.clone())).unwrap();
    let mut body = (*task.body).clone();
    (body.user, body.discovery, body.health_check) = (Some("nobody".into()), None, None);
    let limit = |value| kaon_api::v1::value::Scalar { value, ..Default::default() };
    body.limits = [("cpus".into(), limit(f64::INFINITY)), ("mem".into(), limit(64.0))].into();
    let status = read(
        r#"{"task_id":{"value":"t1"},"state":"TASK_RUNNING","timestamp":1.5,"healthy":false,"message":"unseen",
        "labels":{"labels":[{"key":"k","value":"v"}]},"container_status":{"container_id":{"value":"c",
        "parent":{"value":"p"}},"executor_pid":7,"network_infos":[{"name":"net","groups":["g"],
        "labels":{"labels":[{"key":"n"}]},"port_mappings":[{"host_port":31000,"container_port":80}]}]}}"#,
    );
    *view.tables.tasks.get_mut(row).unwrap() =
        crate::state::Task { body: Arc::new(body), statuses: Arc::new(vec![status]), ..task };
    let json = got(&view, "tasks", &[("task_id", "t1")]);
    let expected = concat!(
        r#""resources":{"disk":0.0,"mem":64.0,"gpus":0.0,"cpus":0.5},"limits":{"cpus":Infinity,"mem":64.0},"#,
        r#""role":"eng/web","statuses":[{"state":"TASK_RUNNING","timestamp":1.5,"labels":[{"key":"k","value":"v"}],"#,
        r#""container_status":{"container_id":{"value":"c","parent":{"value":"p"}},"network_infos":[{"groups":["g"],"#,
        r#""labels":[{"key":"n"}],"name":"net","port_mappings":[{"host_port":31000,"container_port":80}]}]},"#,
        r#""healthy":false}],"user":"nobody","labels":[{"key":"app","value":"x"}]}]}"#,
    );
    assert!(json.ends_with(expected), "{json}");
}

/// What may be taken back is counted apart, under a name of its own.
#[test]
fn revocable_resources_have_a_name_of_their_own() {
    let mut view = view();
    let row = view.tables.agents.iter().next().unwrap().0;
    let agent = view.tables.agents.get_mut(row).unwrap();
    let mut spare = kaon_model::Resource::scalar("cpus", kaon_model::Scalar::from_units(3));
    spare.revocable = true;
    Arc::make_mut(&mut agent.total).insert(&spare);
    let json = got(&view, "slaves", &[]);
    let expected =
        r#""resources":{"disk":1024.0,"mem":1280.0,"gpus":0.0,"cpus":6.0,"cpus_revocable":3.0,"ports":"#;
    assert!(json.contains(expected), "{json}");
    let figures = crate::query::metrics(&view);
    assert_eq!((figures["master/cpus_total"], figures["master/cpus_revocable_total"]), (6.0, 3.0));
}
