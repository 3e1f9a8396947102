// SPDX-License-Identifier: Apache-2.0

//! What is counted of the calls of schedulers.

use std::collections::BTreeMap;

use crate::scene::Stage;

const TASK: &str = r#"define task "name":"n","agent_id":{"value":"$A1"},"command":{"value":"true"},"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]"#;
const EXECUTOR: &str = r#"define executor {"executor_id":{"value":"e"},"framework_id":{"value":"$F1"},"type":"DEFAULT","resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}},{"name":"mem","type":"SCALAR","scalar":{"value":32}},{"name":"disk","type":"SCALAR","scalar":{"value":1}}]}"#;
const GROUP: &str = r#"define group {"type":"LAUNCH_GROUP","launch_group":{"executor":$executor,"task_group":{"tasks":[{"task_id":{"value":"a"},$task},{"task_id":{"value":"b"},$task}]}}}"#;
const LAUNCH: &str = r#"define launch {"type":"LAUNCH","launch":{"task_infos":"#;

fn figures(stage: &Stage) -> BTreeMap<String, f64> {
    kaon_master::query::metrics(&stage.master.view())
        .into_iter()
        .map(|(name, value)| (name.to_string(), value))
        .collect()
}

/// What ACCEPT of an offer of `cpus:9;mem:512;disk:512` counts, in short.
fn counted(offer: &str, operations: &str) -> Vec<String> {
    let mut stage = Stage::new();
    stage.play("join 1 cpus:9;mem:512;disk:512");
    stage.play(r#"subscribe 1 {"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}"#);
    stage.play("after 10ms");
    [TASK, EXECUTOR, GROUP, LAUNCH].iter().for_each(|line| drop(stage.play(line)));
    let before = figures(&stage);
    stage.play(&format!(
        r#"call 1 {{"type":"ACCEPT","framework_id":{{"value":"$F1"}},"accept":{{"offer_ids":[{{"value":"{offer}"}}],"operations":[{operations}]}}}}"#
    ));
    let mut out = Vec::new();
    for (name, value) in figures(&stage) {
        let last = name.rsplit('/').next().unwrap_or_default();
        let of_interest = name.starts_with("master/messages_") || name.contains("/operations/launch");
        let more = value - before.get(&name).copied().unwrap_or_default();
        if of_interest && more != 0.0 {
            out.push(format!("{last} {more}"));
        }
    }
    out
}

#[test]
fn launches_are_counted_as_by_mesos() {
    for (offer, operations, expected) in [
        ("$O", "", &[][..]),
        ("x", "", &[]),
        ("$O", "$launch[]}}", &["messages_decline_offers 1"]),
        ("x", r#"$launch[{"task_id":{"value":"a"},$task}]}}"#, &["messages_launch_tasks 1"]),
        ("x", "$group", &[]),
        ("$O", "$group", &["launch_group 1"]),
        (
            "$O",
            r#"$launch[{"task_id":{"value":"a"},$task},{"task_id":{"value":"b"},$task},{"task_id":{"value":"a"},$task},{"task_id":{"value":"c"},$task}]}}"#,
            &["launch 3", "messages_launch_tasks 1"],
        ),
    ] {
        assert_eq!(counted(offer, operations), expected, "{offer}: {operations}");
    }
}
