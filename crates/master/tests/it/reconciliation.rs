// SPDX-License-Identifier: Apache-2.0

//! What a framework is told of a task, by what is known of the task and of its agent.

use crate::scene::Stage;

fn subscribe(stage: &mut Stage, stream: u64, capabilities: &str) {
    stage.play(&format!(
        r#"subscribe {stream} {{"type":"SUBSCRIBE","subscribe":{{"framework_info":{{"user":"u","name":"n","checkpoint":true,"failover_timeout":60,"capabilities":[{capabilities}]}}}}}}"#
    ));
}

/// The states told to a framework that asks for a task with this agent, which is none where empty.
fn answer(stage: &mut Stage, stream: u64, task: &str, agent: &str) -> Vec<String> {
    let agent =
        if agent.is_empty() { String::new() } else { format!(r#","agent_id":{{"value":"{agent}"}}"#) };
    let effects = stage.play(&format!(
        r#"call {stream} {{"type":"RECONCILE","framework_id":{{"value":"$F{stream}"}},"reconcile":{{"tasks":[{{"task_id":{{"value":"{task}"}}{agent}}}]}}}}"#
    ));
    let state = |line: &str| {
        let (_, rest) = line.split_once(r#""state":"TASK_"#)?;
        assert!(line.contains(r#""source":"SOURCE_MASTER","reason":"REASON_RECONCILIATION""#), "{line}");
        assert!(!line.contains("uuid"), "{line}");
        rest.split_once('"').map(|(state, _)| state.to_string())
    };
    effects.lines().filter_map(state).collect()
}

#[test]
fn the_first_condition_that_holds_answers() {
    let mut stage = Stage::new();
    subscribe(&mut stage, 1, r#"{"type":"PARTITION_AWARE"}"#);
    subscribe(&mut stage, 2, "");
    // Agent 2 becomes unreachable, agent 3 gone, agent 1 stays.
    stage.play("join 2 cpus:1;mem:64");
    stage.play("join 3 cpus:1;mem:64");
    stage.play(r#"operator {"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"$A3"}}}"#);
    stage.play("after 80secs");
    stage.play("join 1 cpus:1;mem:64");
    stage.play(r#"call 2 {"type":"SUPPRESS","framework_id":{"value":"$F2"}}"#);
    stage.play("after 1secs");
    stage.play("launch 1 mine:1");
    stage.play("update 1 1 mine TASK_RUNNING 1 TASK_FINISHED");
    for (task, agent, aware, plain) in [
        // Known: the state told last, not the newest.
        ("mine", "$A1", "RUNNING", "LOST"),
        ("mine", "", "RUNNING", "LOST"),
        ("mine", "other", "RUNNING", "LOST"),
        ("other", "$A1", "GONE", "LOST"),
        ("other", "$A2", "UNREACHABLE", "LOST"),
        ("other", "$A3", "GONE_BY_OPERATOR", "LOST"),
        ("other", "other", "UNKNOWN", "LOST"),
        ("other", "", "UNKNOWN", "LOST"),
    ] {
        assert_eq!(answer(&mut stage, 1, task, agent), [aware], "{task} on {agent}");
        assert_eq!(answer(&mut stage, 2, task, agent), [plain], "{task} on {agent}");
    }
}

#[test]
fn nothing_is_said_while_an_agent_may_come_back() {
    let mut stage = Stage::new();
    stage.play("join 1 cpus:1;mem:64");
    stage.play("join 2 cpus:1;mem:64");
    stage.play("failover");
    subscribe(&mut stage, 1, r#"{"type":"PARTITION_AWARE"}"#);
    let nothing: [&str; 0] = [];
    assert_eq!(answer(&mut stage, 1, "t", "$A1"), nothing);
    assert_eq!(answer(&mut stage, 1, "t", ""), nothing);
    assert_eq!(answer(&mut stage, 1, "t", "other"), ["UNKNOWN"]);
    stage.play("return 1 cpus:1;mem:64 {}");
    assert_eq!(answer(&mut stage, 1, "t", "$A1"), ["GONE"]);
    assert_eq!(answer(&mut stage, 1, "t", ""), nothing, "agent 2 may have it");
    stage.play("return 2 cpus:1;mem:64 {}");
    assert_eq!(answer(&mut stage, 1, "t", ""), ["UNKNOWN"]);
}
