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

/// Who asks for nothing in particular hears of all that lives, each as it was told last.
#[test]
fn all_live_tasks_are_told() {
    let mut stage = Stage::new();
    subscribe(&mut stage, 1, r#"{"type":"PARTITION_AWARE"}"#);
    stage.play("join 1 cpus:8;mem:64");
    stage.play("after 10ms");
    stage.play("launch 1 new:1 runs:1 ending:1 over:1");
    stage.play("update 1 1 runs TASK_RUNNING 1");
    stage.play("update 1 1 ending TASK_RUNNING 2 TASK_FINISHED");
    stage.play("update 1 1 over TASK_FINISHED 3");
    stage.play("ack 1 1 over 3");
    let ask = r#"call 1 {"type":"RECONCILE","framework_id":{"value":"$F1"},"reconcile":{"tasks":[]}}"#;
    let effects = stage.play(ask);
    let told = |line: &str| {
        let part = |mark: &str| line.split_once(mark).and_then(|(_, rest)| rest.split('"').next());
        Some(format!("{} {}", part(r#""task_id":{"value":""#)?, part(r#""state":"TASK_"#)?))
    };
    let mut told: Vec<String> = effects.lines().filter_map(told).collect();
    told.sort();
    assert_eq!(told, ["ending RUNNING", "new STAGING", "runs RUNNING"]);
    assert!(!effects.contains("uuid") && !effects.contains(r#""data""#), "{effects}");
}

/// What is known of the task beside its state; and of an agent that cannot be reached, since when.
#[test]
fn an_answer_tells_what_is_known() {
    let mut stage = Stage::new();
    subscribe(&mut stage, 1, r#"{"type":"PARTITION_AWARE"}"#);
    stage.play("join 1 cpus:1;mem:64");
    stage.play("after 10ms");
    stage.play(
        r#"call 1 {"type":"ACCEPT","framework_id":{"value":"$F1"},"accept":{"offer_ids":[{"value":"$O"}],"operations":[{"type":"LAUNCH","launch":{"task_infos":[{"name":"t","task_id":{"value":"t"},"agent_id":{"value":"$A1"},"executor":{"executor_id":{"value":"e"},"command":{"value":"e"}},"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]}]}}]}}"#,
    );
    stage.play(
        r#"message slave(1)@10.0.0.1:5051 master StatusUpdate {"update":{"framework_id":{"value":"$F1"},"agent_id":{"value":"$A1"},"timestamp":5,"uuid":"AQEBAQEBAQEBAQEBAQEBAQ==","latest_state":"TASK_RUNNING","status":{"task_id":{"value":"t"},"state":"TASK_RUNNING","source":"SOURCE_EXECUTOR","executor_id":{"value":"e"},"healthy":true,"data":"aGlkZGVu","check_status":{"type":"TCP","tcp":{"succeeded":true}},"container_status":{"executor_pid":7}}}}"#,
    );
    let ask = |stage: &mut Stage| {
        stage.play(
            r#"call 1 {"type":"RECONCILE","framework_id":{"value":"$F1"},"reconcile":{"tasks":[{"task_id":{"value":"t"},"agent_id":{"value":"$A1"}}]}}"#,
        )
    };
    let running = ask(&mut stage);
    for known in [
        r#""executor_id":{"value":"e"}"#,
        r#""healthy":true"#,
        r#""check_status":{"type":"TCP","tcp":{"succeeded":true}}"#,
        r#""container_status":{"executor_pid":7}"#,
    ] {
        assert!(running.contains(known), "{known}: {running}");
    }
    assert!(!running.contains("unreachable_time") && !running.contains(r#""data""#), "{running}");
    stage.play("after 80secs");
    let silent = ask(&mut stage);
    assert!(
        silent.contains(r#""state":"TASK_UNREACHABLE""#) && silent.contains("unreachable_time"),
        "{silent}"
    );
}

/// The same for operations.
#[test]
fn operations_are_told_by_their_agent() {
    use crate::operations::{ALL, FRAMEWORK, reserve, scalar, stage};
    fn answers(stage: &mut Stage, operation: &str, agent: &str) -> Vec<String> {
        let agent =
            if agent.is_empty() { String::new() } else { format!(r#","agent_id":{{"value":"{agent}"}}"#) };
        let effects = stage.play(&format!(
            r#"call 1 {{"type":"RECONCILE_OPERATIONS","framework_id":{{"value":"$F1"}},"reconcile_operations":{{"operations":[{{"operation_id":{{"value":"{operation}"}}{agent}}}]}}}}"#
        ));
        let state = |line: &str| {
            let (_, rest) = line.split_once(r#""state":"OPERATION_"#)?;
            assert!(!line.contains("uuid"), "{line}");
            rest.split_once('"').map(|(state, _)| state.to_string())
        };
        effects.lines().filter_map(state).collect()
    }

    let mut stage = stage(FRAMEWORK, ALL);
    let own = r#","reservations":[{"type":"DYNAMIC","role":"a","principal":"p"}]"#;
    stage.play(&format!(r#"accept 1 {{"id":{{"value":"known"}},{}}}"#, reserve(&scalar("cpus", 1.0, own))));
    stage.play("join 2 cpus:1;mem:64");
    stage.play("join 3 cpus:1;mem:64");
    stage.play(r#"operator {"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"$A3"}}}"#);
    for (operation, agent, told) in [
        ("known", "$A1", "PENDING"),
        ("known", "", "PENDING"),
        ("other", "$A1", "UNKNOWN"),
        ("other", "$A3", "GONE_BY_OPERATOR"),
        ("other", "other", "UNKNOWN"),
        ("other", "", "UNKNOWN"),
    ] {
        assert_eq!(answers(&mut stage, operation, agent), [told], "{operation} on {agent}");
    }
    stage.play("after 80secs");
    assert_eq!(answers(&mut stage, "other", "$A2"), ["UNREACHABLE"]);
    stage.play("failover");
    stage.play(&format!(
        r#"subscribe 1 {{"type":"SUBSCRIBE","subscribe":{{"framework_info":{{"user":"u","name":"n",{FRAMEWORK}}}}}}}"#
    ));
    assert_eq!(answers(&mut stage, "other", "$A2"), ["UNREACHABLE"], "another master knows it too");
}
