// SPDX-License-Identifier: Apache-2.0

//! What the agent answers to those who look at it: the keys, order and values that Mesos 1.11 has.

use std::collections::BTreeMap;

use kaon_agent::View;
use kaon_agent::query::{self, Usage};
use kaon_api::json::parse;
use kaon_api::v1;
use kaon_api::v1::agent::{Call, call};
use kaon_api::wire::Enumeration;
use kaon_model::Wall;

use crate::scene::World;

fn world(inputs: &str) -> World {
    let mut world = World::new();
    let registered = "framework f1|start|leader|advance 1|registered S0".split('|');
    registered.chain(inputs.split('|').filter(|input| !input.is_empty())).for_each(|input| {
        crate::inputs::run(&mut world, input);
    });
    world
}

fn view(world: &World) -> View {
    let mut view = world.agent.as_ref().unwrap().view();
    view.build = std::sync::Arc::new(kaon_model::Build {
        date: "2020-11-24 15:38:37".to_string(),
        time: 1606232317.0,
        user: "ubuntu".to_string(),
        ..Default::default()
    });
    view
}

fn v1(view: &View, name: &str) -> String {
    let call = Call { r#type: call::Type::from_name(name), ..Default::default() };
    let answer = query::v1(view, &call, &Usage::new(), BTreeMap::new).unwrap();
    assert_eq!(answer.r#type.unwrap().name(), name);
    query::v1_json(view, &call, &Usage::new(), BTreeMap::new).unwrap()
}

fn v0(view: &View, endpoint: &str, query: &[(&str, &str)]) -> Result<String, u16> {
    let query: Vec<_> = query.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    query::v0(view, endpoint, &query, &Usage::new()).unwrap().map_err(|refused| refused.code)
}

const FLAT: &str = r#"{"disk":1024.0,"mem":1024.0,"gpus":0.0,"cpus":4.0,"ports":"[31000-32000]"}"#;

#[test]
fn an_idle_agent_tells_its_state_as_mesos_does() {
    let full = concat!(
        r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":4.0},"role":"*"},"#,
        r#"{"name":"mem","type":"SCALAR","scalar":{"value":1024.0},"role":"*"},"#,
        r#"{"name":"disk","type":"SCALAR","scalar":{"value":1024.0},"role":"*"},"#,
        r#"{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":31000,"end":32000}]},"role":"*"}]"#
    );
    let expected = [
        r#"{"version":"1.11.0","build_date":"2020-11-24 15:38:37","build_time":1606232317.0,"build_user":"ubuntu","#,
        r#""start_time":1000000000.0,"id":"S0","pid":"slave(1)@10.0.0.7:5051","hostname":"host7","#,
        r#""capabilities":["MULTI_ROLE","HIERARCHICAL_ROLE","RESERVATION_REFINEMENT","RESOURCE_PROVIDER","#,
        r#""RESIZE_VOLUME","AGENT_OPERATION_FEEDBACK","AGENT_DRAINING"],"#,
        &format!(r#""resources":{FLAT},"reserved_resources":{{}},"unreserved_resources":{FLAT},"#),
        &format!(r#""reserved_resources_full":{{}},"unreserved_resources_full":{full},"#),
        r#""reserved_resources_allocated":{},"#,
        r#""unreserved_resources_allocated":{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":0.0},"#,
        r#""resource_providers":[],"attributes":{},"master_hostname":"master-host","#,
        r#""flags":{"port":"5051","work_dir":"/var/lib/kaon"},"frameworks":[],"completed_frameworks":[]}"#,
    ];
    assert_eq!(v0(&view(&world("")), "state", &[]).unwrap(), expected.concat());
}

#[test]
fn an_idle_agent_answers_operator_calls_as_mesos_does() {
    let view = view(&world(""));
    for (name, json) in [
        ("GET_HEALTH", r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#),
        ("GET_CONTAINERS", r#"{"type":"GET_CONTAINERS"}"#),
        ("GET_OPERATIONS", r#"{"type":"GET_OPERATIONS","get_operations":{}}"#),
        ("GET_RESOURCE_PROVIDERS", r#"{"type":"GET_RESOURCE_PROVIDERS","get_resource_providers":{}}"#),
        (
            "GET_EXECUTORS",
            r#"{"type":"GET_EXECUTORS","get_executors":{"executors":[],"completed_executors":[]}}"#,
        ),
        (
            "GET_TASKS",
            concat!(
                r#"{"type":"GET_TASKS","get_tasks":{"pending_tasks":[],"queued_tasks":[],"launched_tasks":[],"#,
                r#""terminated_tasks":[],"completed_tasks":[]}}"#
            ),
        ),
        (
            "GET_FLAGS",
            concat!(
                r#"{"type":"GET_FLAGS","get_flags":{"flags":[{"name":"port","value":"5051"},"#,
                r#"{"name":"work_dir","value":"/var/lib/kaon"}]}}"#
            ),
        ),
        (
            "GET_AGENT",
            concat!(
                r#"{"type":"GET_AGENT","get_agent":{"agent_info":{"hostname":"host7","port":5051,"resources":["#,
                r#"{"name":"cpus","type":"SCALAR","scalar":{"value":4.0}},"#,
                r#"{"name":"mem","type":"SCALAR","scalar":{"value":1024.0}},"#,
                r#"{"name":"disk","type":"SCALAR","scalar":{"value":1024.0}},"#,
                r#"{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":31000,"end":32000}]}}],"#,
                r#""id":{"value":"S0"}}}}"#
            ),
        ),
    ] {
        assert_eq!(v1(&view, name), json);
    }
    assert_eq!(v0(&view, "containers", &[]), Ok("[]".to_string()));
    assert_eq!(v0(&view, "monitor/statistics", &[]), Ok("[]".to_string()));
}

#[test]
fn an_agent_that_is_being_emptied_says_so_as_mesos_does() {
    let idle = view(&world(""));
    assert!(!v0(&idle, "state", &[]).unwrap().contains("drain_config"));
    let view = view(&world("run f1 t|launched c1 200|advance 0.5|drain grace=6 gone"));
    let config = r#""drain_config":{"max_grace_period":{"nanoseconds":6000000000},"mark_gone":true}"#;
    let state = v0(&view, "state", &[]).unwrap();
    let told = format!(r#"{config},"estimated_drain_start_time_seconds":1000000001,"resources""#);
    assert!(state.contains(&told), "{state}");
    let agent = v1(&view, "GET_AGENT");
    let told =
        format!(r#"}},{config},"estimated_drain_start_time":{{"nanoseconds":1000000001000000000}}}}}}"#);
    assert!(agent.ends_with(&told), "{agent}");
    let figures = query::metrics(&view, Wall::from_nanos(0));
    assert_eq!(figures["kaon/draining"], 1.0);
}

/// A task that has run and is acknowledged, one that runs, one that waits.
fn busy() -> World {
    world(
        "run f1 old executor=e1 launch=true|launched c1 200|subscribe s1 f1 e1|update f1 e1 old TASK_RUNNING 1\
         |update f1 e1 old TASK_FINISHED 2|ack f1 old|ack f1 old|run f1 live|launched c2 201|closed s1\
         |run f1 waits executor=e1 launch=false",
    )
}

#[test]
fn history_and_life_stand_where_mesos_puts_them() {
    let world = busy();
    let state = v0(&view(&world), "state", &[]).unwrap();
    let at = state.find(r#""frameworks":["#).unwrap();
    let run = world.names.resolve("c1");
    let executor = format!(
        concat!(
            r#""frameworks":[{{"id":"f1","name":"framework f1","user":"alice","failover_timeout":0.0,"#,
            r#""checkpoint":false,"hostname":"","role":"*","executors":[{{"id":"e1","name":"","source":"","#,
            r#""container":"{run}","#,
            r#""directory":"/var/lib/kaon/slaves/S0/frameworks/f1/executors/e1/runs/{run}","#,
            r#""resources":{{"disk":0.0,"mem":32.0,"gpus":0.0,"cpus":1.0}},"role":"*","type":"CUSTOM","tasks":[],"#,
            r#""queued_tasks":[{{"id":"waits","name":"task waits","slave_id":"S0","#,
            r#""resources":{{"disk":0.0,"mem":32.0,"gpus":0.0,"cpus":1.0}},"role":"*","executor_id":"e1"}}],"#,
            r#""completed_tasks":[{{"id":"old","name":"task old","framework_id":"f1","executor_id":"e1","#,
            r#""slave_id":"S0","state":"TASK_FINISHED","#,
            r#""resources":{{"disk":0.0,"mem":32.0,"gpus":0.0,"cpus":1.0}},"role":"*","#,
            r#""statuses":[{{"state":"TASK_RUNNING","timestamp":1000000001.0,"container_status":{{"#,
            r#""container_id":{{"value":"{run}"}},"network_infos":[{{"ip_addresses":[{{"protocol":"IPv4","#,
            r#""ip_address":"10.0.0.7"}}]}}]}}}},"#
        ),
        run = run
    );
    assert_eq!(&state[at..][..executor.len()], executor);
    assert!(parse(state.as_bytes()).is_ok());
    let name = r#""name":"Command Executor (Task: live) (Command: sh -c 'sleep')""#;
    assert!(state.contains(name), "{state}");
}

#[test]
fn operators_find_each_task_in_its_list() {
    let view = view(&busy());
    let call = Call { r#type: Some(call::Type::GetState), ..Default::default() };
    let answer = query::v1(&view, &call, &Usage::new(), BTreeMap::new).unwrap().get_state.unwrap();
    let tasks = answer.get_tasks.unwrap();
    let ids = |tasks: &[v1::Task]| tasks.iter().map(|task| task.task_id.value.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&tasks.queued_tasks), ["waits"]);
    assert_eq!(ids(&tasks.launched_tasks), ["live"]);
    assert_eq!(ids(&tasks.completed_tasks), ["old"]);
    assert_eq!(answer.get_executors.unwrap().executors.len(), 2);
    assert!(v1(&view, "GET_STATE").contains(r#""terminated_tasks":[]"#));
}

#[test]
fn containers_are_listed_with_what_they_use() {
    let world = busy();
    let view = view(&world);
    let meters = query::meters(&view);
    assert_eq!(meters.len(), 2);
    let figures = v1::ResourceStatistics { timestamp: 5.0, mem_rss_bytes: Some(7), ..Default::default() };
    let usage = Usage::from([(meters[0].executor.clone(), figures)]);
    let statistics = query::v0(&view, "monitor/statistics", &[], &usage).unwrap().unwrap();
    let expected = concat!(
        r#"[{"framework_id":"f1","executor_id":"e1","executor_name":"","source":"","#,
        r#""statistics":{"timestamp":5.0,"mem_rss_bytes":7}}]"#
    );
    assert_eq!(statistics, expected);
    let run = world.names.resolve("c2");
    let one = v0(&view, "containers", &[("container_id", run.as_str())]).unwrap();
    assert_eq!(one.matches("container_id\":\"").count(), 1, "{one}");
    assert!(one.contains(r#""executor_pid":201"#), "{one}");
    assert_eq!(
        v0(&view, "containers", &[("framework_id", "f1"), ("executor_id", "e1")])
            .unwrap()
            .matches("source")
            .count(),
        1
    );
    assert_eq!(v0(&view, "containers", &[("executor_id", "e1")]), Err(400));
    assert_eq!(v0(&view, "containers", &[("container_id", "x"), ("framework_id", "f1")]), Err(400));
}

#[test]
fn figures_count_what_there_is() {
    let world = busy();
    let metrics = query::metrics(&view(&world), Wall::from_nanos(1_000_000_005_000_000_000));
    for (name, value) in [
        ("slave/uptime_secs", 5.0),
        ("slave/registered", 1.0),
        ("slave/tasks_finished", 1.0),
        ("slave/tasks_running", 1.0),
        ("slave/tasks_staging", 1.0),
        ("slave/executors_running", 2.0),
        ("slave/cpus_total", 4.0),
        ("slave/cpus_used", 2.0),
        ("slave/cpus_percent", 0.5),
        ("slave/mem_revocable_total", 0.0),
        ("slave/valid_status_updates", 2.0),
    ] {
        assert_eq!(metrics.get(name), Some(&value), "{name}");
    }
    assert_eq!(metrics.keys().filter(|name| name.starts_with("slave/")).count(), 49);
}

#[test]
fn a_view_does_not_change_with_its_agent() {
    let mut world = busy();
    let before = view(&world);
    let told = v0(&before, "state", &[]);
    crate::inputs::run(&mut world, "exit c2 0");
    crate::inputs::run(&mut world, "subscribe s2 f1 e1");
    assert_eq!(v0(&before, "state", &[]), told);
    assert_ne!(v0(&view(&world), "state", &[]), told);
}
