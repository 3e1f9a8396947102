// SPDX-License-Identifier: Apache-2.0

//! Tables of launches, each with what its framework is told.
//!
//! The answers were recorded from Mesos 1.11.0; where ours differs, the row names its number in `docs/divergence.md`.
//! A line that begins with `> ` is a launch on a fresh offer of `cpus:3.9;mem:992;disk:1024;gpus:2;ports:[31000-31009]`
//! of an agent where the task `old` runs under the executor `olde`; the lines below it are the refusals, or `accepted`.
//!
//! - `task {…}`: a task `t` of one cpu and the command `true`, but for the members given; `null` takes one away.
//! - `group {…} {…}…`: an executor with what it must have, then each task, likewise.
//! - `operations […]`: operations as they are.
//! - `subscribe {…}`: a subscription; `update {…}`: UPDATE_FRAMEWORK of a framework with the roles `a` and `b`.
//!
//! `UPDATE_SCENES=1` writes the answers anew.
#![allow(clippy::disallowed_methods, reason = "tables lie in files; the core has none")]

use std::fs;
use std::path::Path;

use kaon_api::json::{Dialect, Json, JsonWriter, parse};

use crate::scene::Stage;

const TASK: &str = r#"{"name":"x","task_id":{"value":"t"},"agent_id":{"value":"$A1"},"command":{"value":"true"},
    "resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]}"#;

const EXECUTOR: &str = r#"{"executor_id":{"value":"e"},"framework_id":{"value":"$F1"},"type":"DEFAULT","resources":[
    {"name":"cpus","type":"SCALAR","scalar":{"value":0.5}},{"name":"mem","type":"SCALAR","scalar":{"value":32}},
    {"name":"disk","type":"SCALAR","scalar":{"value":1}}]}"#;

/// A master with an agent, a framework and its task `old`, and an offer of the rest.
fn stage() -> Stage {
    let mut stage = Stage::new();
    stage.play("join 1 cpus:4;mem:1024;disk:1024;gpus:2;ports:[31000-31009]");
    stage.play(
        r#"subscribe 1 {"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n","capabilities":[{"type":"GPU_RESOURCES"},{"type":"PARTITION_AWARE"}]}}}"#,
    );
    stage.play("after 1secs");
    let old = r#"{"name":"x","task_id":{"value":"old"},"agent_id":{"value":"$A1"},
        "resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}}],
        "executor":{"executor_id":{"value":"olde"},"command":{"value":"sleep 1000"},
        "resources":[{"name":"mem","type":"SCALAR","scalar":{"value":32}}]}}"#;
    accept(&mut stage, &format!(r#"[{{"type":"LAUNCH","launch":{{"task_infos":[{old}]}}}}]"#));
    stage.play("after 1100ms");
    stage
}

fn accept(stage: &mut Stage, operations: &str) -> String {
    stage.play(&format!(
        r#"call 1 {{"type":"ACCEPT","framework_id":{{"value":"$F1"}},"accept":{{"filters":{{"refuse_seconds":0}},"offer_ids":[{{"value":"$O"}}],"operations":{operations}}}}}"#
    ))
}

/// The base with some members changed.
fn changed(base: &str, changes: &Json) -> Json {
    let (Json::Object(mut members), Json::Object(changes)) =
        (parse(base.as_bytes()).unwrap(), changes.clone())
    else {
        panic!("a row holds objects")
    };
    members.extend(changes);
    members.retain(|_, member| *member != Json::Null);
    Json::Object(members)
}

fn text(json: &Json) -> String {
    match json {
        Json::Null => "null".to_string(),
        Json::Bool(value) => value.to_string(),
        Json::Integer(value) => value.to_string(),
        Json::Double(value) => kaon_api::json::format_double(*value),
        Json::String(text) => {
            let mut out = Vec::new();
            JsonWriter::new(&mut out, Dialect::V1).string(text);
            String::from_utf8(out).unwrap()
        }
        Json::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(",")),
        Json::Object(members) => {
            let one = |(name, member): (&String, &Json)| format!("\"{name}\":{}", text(member));
            format!("{{{}}}", members.iter().map(one).collect::<Vec<_>>().join(","))
        }
    }
}

/// The operations that a row stands for.
fn operations(row: &str) -> String {
    let (kind, rest) = row.split_once(' ').unwrap();
    let json = |text: &str| parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
    match kind {
        "task" => {
            format!(
                r#"[{{"type":"LAUNCH","launch":{{"task_infos":[{}]}}}}]"#,
                text(&changed(TASK, &json(rest)))
            )
        }
        "group" => {
            let Json::Array(parts) = json(&format!("[{}]", rest.replace("} {", "},{"))) else {
                unreachable!()
            };
            let executor = text(&changed(EXECUTOR, &parts[0]));
            let tasks: Vec<String> = parts[1..].iter().map(|task| text(&changed(TASK, task))).collect();
            format!(
                r#"[{{"type":"LAUNCH_GROUP","launch_group":{{"executor":{executor},"task_group":{{"tasks":[{}]}}}}}}]"#,
                tasks.join(",")
            )
        }
        "operations" => rest.to_string(),
        _ => panic!("no row '{kind}'"),
    }
}

/// How a row is answered.
fn answer(row: &str) -> String {
    match row.split_once(' ').unwrap() {
        ("subscribe", call) => subscription(call),
        ("update", call) => update(call),
        _ => launch(row),
    }
}

fn subscription(call: &str) -> String {
    let effects = Stage::new().play(&format!("subscribe 1 {call}"));
    let events = effects.lines().filter_map(|line| line.strip_prefix("stream 1 <- "));
    let mut events = events.map(|event| parse(event.as_bytes()).unwrap());
    let first = events.next().unwrap_or_else(|| panic!("{effects}"));
    match first.get("error").and_then(|error| error.get("message")) {
        Some(Json::String(message)) => {
            assert!(effects.ends_with("stream 1 closed\n"), "{effects}");
            format!("ERROR {message}\n")
        }
        _ => "SUBSCRIBED\n".to_string(),
    }
}

fn update(call: &str) -> String {
    let mut stage = Stage::new();
    stage.play(
        r#"subscribe 1 {"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"d","roles":["a","b"],"capabilities":[{"type":"MULTI_ROLE"},{"type":"GPU_RESOURCES"}]}}}"#,
    );
    let effects = stage.play(&format!(
        r#"call 1 {{"type":"UPDATE_FRAMEWORK","framework_id":{{"value":"$F1"}},"update_framework":{call}}}"#
    ));
    let reply = effects.lines().find_map(|line| line.strip_prefix("reply ")).unwrap();
    format!("{reply}\n")
}

/// What the framework is told, a line each.
fn launch(row: &str) -> String {
    let mut stage = stage();
    let effects = accept(&mut stage, &operations(row));
    let mut out = String::new();
    for line in effects.lines() {
        let Some((_, event)) = line.split_once("stream 1 <- ") else { continue };
        let event = parse(event.as_bytes()).unwrap_or_else(|error| panic!("{error}: {event}"));
        let status =
            ["update", "update_operation_status"].iter().find_map(|member| event.get(member)?.get("status"));
        let Some(status) = status else { continue };
        let word = |name: &str| match status.get(name) {
            Some(Json::String(text)) => text.clone(),
            Some(object) => match object.get("value") {
                Some(Json::String(text)) => text.clone(),
                _ => panic!("what is {name} in {event:?}"),
            },
            None => "-".to_string(),
        };
        let id = if status.get("task_id").is_some() { word("task_id") } else { word("operation_id") };
        let (state, reason, source) = (word("state"), word("reason"), word("source"));
        assert!(status.get("uuid").is_none(), "what a master says by itself is not acknowledged: {line}");
        let message = word("message").replace('\n', "\\n");
        out.push_str(&format!("{id} {state} {reason} {source} {message}\n"));
    }
    if out.is_empty() { "accepted\n".to_string() } else { out }
}

fn check(name: &str) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables").join(name);
    let expected = fs::read_to_string(&path).unwrap();
    let mut actual = String::new();
    let mut rows = 0;
    for line in expected.lines() {
        if let Some(row) = line.strip_prefix("> ") {
            actual.push_str(&format!("{line}\n{}", answer(row)));
            rows += 1;
        } else if line.is_empty() || line.starts_with('#') {
            actual.push_str(&format!("{line}\n"));
        }
    }
    if std::env::var_os("UPDATE_SCENES").is_some() {
        fs::write(&path, &actual).unwrap();
    } else {
        let differs = expected.lines().zip(actual.lines()).find(|(a, b)| a != b);
        assert!(expected == actual, "{name}: (recorded, ours) {differs:#?}");
    }
    rows
}

#[test]
fn tasks_are_refused_as_by_mesos() {
    let rows: usize = ["ids", "checks", "resources", "commands", "containers", "limits", "executors"]
        .into_iter()
        .map(|name| check(&format!("{name}.txt")))
        .sum();
    assert!(rows > 250, "rows are missing: {rows}");
}

#[test]
fn groups_are_refused_as_by_mesos() {
    assert!(check("groups.txt") > 80, "rows are missing");
}

#[test]
fn operations_are_refused_as_by_mesos() {
    assert!(check("operations.txt") > 10, "rows are missing");
}

#[test]
fn descriptions_are_refused_as_by_mesos() {
    assert!(check("subscriptions.txt") > 70, "rows are missing");
    assert!(check("updates.txt") > 15, "rows are missing");
}
