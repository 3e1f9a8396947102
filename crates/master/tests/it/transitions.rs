// SPDX-License-Identifier: Apache-2.0

//! How an agent passes from one standing to another: for each way what is written, and who is told what.

use crate::scene::Stage;

/// What an effect says, as far as a transition goes; pings, offers and heartbeats are none of it.
fn told(effects: &str) -> Vec<String> {
    effects.lines().filter_map(one).collect()
}

fn one(line: &str) -> Option<String> {
    let after = |mark: &str| line.split_once(mark).map(|(_, rest)| rest.split('"').next().unwrap_or(""));
    if let Some(rest) = line.strip_prefix("store ") {
        return Some(format!("store {}", rest.split(' ').nth(1)?));
    }
    if let Some(message) = line.split_once("ShutdownMessage").and_then(|_| after(r#""message":""#)) {
        return Some(format!("shutdown: {message}"));
    }
    if line.contains("SlaveRegisteredMessage") {
        return Some("registered".to_string());
    }
    if line.contains("SlaveReregisteredMessage") {
        return Some("reregistered".to_string());
    }
    if line.starts_with("reply ") {
        return Some(line.split(' ').take(2).collect::<Vec<_>>().join(" "));
    }
    let (to, event) = line.split_once(" <- {")?;
    let kind = event.strip_prefix(r#""type":""#)?.split('"').next()?;
    match kind {
        "UPDATE" => {
            let (task, state) = (after(r#""task_id":{"value":""#)?, after(r#""state":"TASK_"#)?);
            Some(format!("{to}: {task} {state} {}", after(r#""reason":"REASON_"#).unwrap_or("-")))
        }
        "FAILURE" | "RESCIND" | "AGENT_ADDED" | "AGENT_REMOVED" => Some(format!("{to}: {kind}")),
        _ => None,
    }
}

const AWARE: &str = r#"{"type":"PARTITION_AWARE"}"#;

fn subscribe(stage: &mut Stage, stream: u64, capabilities: &str) {
    stage.play(&format!(
        r#"subscribe {stream} {{"type":"SUBSCRIBE","subscribe":{{"framework_info":{{"user":"u","name":"n{stream}","checkpoint":true,"failover_timeout":6000,"capabilities":[{capabilities}]}}}}}}"#
    ));
}

/// Agent 1 is registered; `a` of an aware framework and `b` of another run on it; the rest is offered to the second.
pub fn registered() -> Stage {
    let mut stage = Stage::new();
    stage.play("watch 9");
    subscribe(&mut stage, 1, AWARE);
    stage.play("join 1 cpus:4;mem:512");
    stage.play("after 10ms");
    stage.play("launch 1 a:1");
    stage.play("update 1 1 a TASK_RUNNING 1");
    stage.play("ack 1 1 a 1");
    stage.play(r#"call 1 {"type":"SUPPRESS","framework_id":{"value":"$F1"}}"#);
    subscribe(&mut stage, 2, "");
    stage.play("after 2secs");
    stage.play("launch 2 b:1");
    stage.play("update 1 2 b TASK_RUNNING 2");
    stage.play("ack 2 1 b 2");
    stage.play("after 10secs");
    stage.play("pong 1");
    stage
}

pub fn disconnected() -> Stage {
    let mut stage = registered();
    stage.play("exited 10.0.0.1:5051");
    stage
}

pub fn unreachable() -> Stage {
    let mut stage = registered();
    stage.play("after 90secs");
    stage
}

pub fn gone() -> Stage {
    let mut stage = registered();
    stage.play(GONE);
    stage
}

/// A new master leads; both frameworks have come to it, the agent has not.
pub fn recovered() -> Stage {
    let mut stage = registered();
    stage.play("failover");
    stage.play("watch 9");
    for (stream, framework, capabilities) in [(3, "$F1", AWARE), (4, "$F2", "")] {
        stage.play(&format!(
            r#"subscribe {stream} {{"type":"SUBSCRIBE","framework_id":{{"value":"{framework}"}},"subscribe":{{"framework_info":{{"user":"u","name":"n","id":{{"value":"{framework}"}},"checkpoint":true,"failover_timeout":6000,"capabilities":[{capabilities}]}}}}}}"#
        ));
    }
    stage
}

pub const GONE: &str =
    r#"operator {"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"$A1"}}}"#;

/// The agent comes back with both tasks, and perhaps with other resources than before.
fn comes_back(resources: &str) -> String {
    let task = |id: &str, framework: &str| {
        format!(
            r#"{{"name":"{id}","task_id":{{"value":"{id}"}},"framework_id":{{"value":"{framework}"}},"agent_id":{{"value":"$A1"}},"state":"TASK_RUNNING","resources":[{{"name":"cpus","type":"SCALAR","scalar":{{"value":1}}}}]}}"#
        )
    };
    let frameworks =
        r#"{"user":"u","name":"n1","id":{"value":"$F1"}},{"user":"u","name":"n2","id":{"value":"$F2"}}"#;
    let (a, b) = (task("a", "$F1"), task("b", "$F2"));
    format!(r#"return 1 {resources} {{"frameworks":[{frameworks}],"tasks":[{a},{b}]}}"#)
}

const LOST_OF_BOTH: [&str; 2] = ["stream 1: a LOST AGENT_REMOVED", "stream 2: b LOST AGENT_REMOVED"];
const UNREACHABLE_OF_BOTH: [&str; 2] =
    ["stream 1: a UNREACHABLE AGENT_REMOVED", "stream 2: b LOST AGENT_REMOVED"];
const EVERYBODY: [&str; 3] = ["stream 1: FAILURE", "stream 2: FAILURE", "watcher 9: AGENT_REMOVED"];

fn check(row: &str, mut stage: Stage, input: &str, expected: &[&[&str]]) {
    let effects = stage.play(input);
    assert_eq!(told(&effects), expected.concat(), "{row}\n{effects}");
}

#[test]
fn an_agent_registers() {
    let mut stage = Stage::new();
    stage.play("watch 9");
    let new = ["store admit", "registered", "watcher 9: AGENT_ADDED"];
    check("new", stage, "join 1 cpus:4;mem:512", &[&new]);
    check("a duplicate", registered(), "join 1 cpus:4;mem:512", &[&["registered"]]);
    let mut stage = disconnected();
    let effects = stage.play("join 1 cpus:4;mem:512");
    let replaced = [&["store remove"], &LOST_OF_BOTH[..], &EVERYBODY].concat();
    assert_eq!(told(&effects), replaced, "another process at the same address\n{effects}");
    check("it asks again", stage, "join 1 cpus:4;mem:512", &[&new]);
}

#[test]
fn an_agent_registers_again() {
    let known = comes_back("cpus:4;mem:512");
    check("recovered", recovered(), &known, &[&["reregistered", "watcher 9: AGENT_ADDED"]]);
    let other = comes_back("cpus:5;mem:512");
    let added = ["reregistered", "watcher 9: AGENT_ADDED"];
    check("recovered, with another description", recovered(), &other, &[&["store update"], &added]);
    let back = ["stream 1: a RUNNING AGENT_REREGISTERED", "stream 2: b RUNNING AGENT_REREGISTERED"];
    check("unreachable", unreachable(), &known, &[&["store admit"], &back, &added]);
    check("registered", registered(), &known, &[&["reregistered"]]);
    check(
        "registered, with another description",
        registered(),
        &other,
        &[&["store update", "stream 2: RESCIND", "reregistered"]],
    );
    check("gone", gone(), &known, &[&["shutdown: Agent has been marked gone"]]);
    let moved = r#"message slave(1)@10.0.0.7:5051 master ReregisterAgent {"agent":{"id":{"value":"$A1"},"hostname":"host1","port":5051,"checkpoint":true},"version":"1.11.0"}"#;
    let text = "shutdown: Agent attempted to reregister with different IP / hostname";
    check("registered elsewhere", registered(), moved, &[&[text]]);
}

#[test]
fn an_agent_falls_silent() {
    check("its connection ends", registered(), "exited 10.0.0.1:5051", &[&["stream 2: RESCIND"]]);
    let silent = [&["store unreachable"], &UNREACHABLE_OF_BOTH[..], &EVERYBODY].concat();
    let offered =
        [&["store unreachable", "stream 2: RESCIND"], &UNREACHABLE_OF_BOTH[..], &EVERYBODY].concat();
    check("five pings are not answered", registered(), "after 90secs", &[&offered]);
    let mut stage = disconnected();
    let mut effects = String::new();
    for _ in 0..12 {
        effects.push_str(&stage.play("after 55secs"));
        stage.play("pong 1");
    }
    assert_eq!(told(&effects), silent, "disconnected for ten minutes, though it answers pings\n{effects}");
    let overdue = ["store unreachable", "stream 3: FAILURE", "stream 4: FAILURE", "watcher 9: AGENT_REMOVED"];
    check("recovered for ten minutes", recovered(), "after 11mins", &[&overdue]);
}

#[test]
fn an_agent_leaves_for_good() {
    let unregister = r#"message slave(1)@10.0.0.1:5051 master UnregisterAgent {"agent_id":{"value":"$A1"}}"#;
    let farewell = [&["store remove", "stream 2: RESCIND"], &LOST_OF_BOTH[..], &EVERYBODY].concat();
    check("it unregisters", registered(), unregister, &[&farewell]);
    let tasks = ["stream 1: a GONE_BY_OPERATOR AGENT_REMOVED_BY_OPERATOR", "stream 2: b LOST AGENT_REMOVED"];
    let ends = ["store gone", "shutdown: Agent has been marked gone", "stream 2: RESCIND"];
    check("an operator says so", registered(), GONE, &[&ends, &tasks, &EVERYBODY, &["reply 200"]]);
    check("and it was unreachable", unreachable(), GONE, &[&["store gone"], &tasks, &["reply 200"]]);
    check("and it had not come back", recovered(), GONE, &[&["store gone", "reply 200"]]);
    check("and it is gone", gone(), GONE, &[&["store audit", "reply 200"]]);
    let unknown = GONE.replace("$A1", "nobody");
    check("and it is not known", registered(), &unknown, &[&["reply 404"]]);
    let mut stage = registered();
    stage.play("writes held");
    stage.play(unregister);
    check("and it is just leaving", stage, GONE, &[&["reply 503"]]);
}
