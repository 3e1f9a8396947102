// SPDX-License-Identifier: Apache-2.0

//! A framework whose tasks run while the cluster is asked, and the recording of what it then says.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::framework::Framework;
use crate::http;
use crate::random;
use crate::stage::{Cluster, eventually, scalar, task};

/// Two tasks under one executor; the framework wants no more offers.
pub fn start(cluster: &Cluster) -> Result<Framework> {
    let info = json!({
        "user": "root",
        "name": "live",
        "hostname": "localhost",
        "failover_timeout": 60,
        "checkpoint": true,
        "roles": ["dev/team"],
        "webui_url": "http://localhost/",
        "labels": {"labels": [{"key": "a", "value": "b"}, {"key": "alone"}]},
        "capabilities": [{"type": "MULTI_ROLE"}, {"type": "TASK_KILLING_STATE"}],
    });
    let mut framework = Framework::subscribe(&cluster.master, info)?;
    let ids = [random::uuid()?, random::uuid()?];
    let executor = json!({
        "executor_id": {"value": "live-executor"},
        "framework_id": {"value": framework.id},
        "name": "runs until it is killed",
        "command": {"shell": true, "value": cluster.executor},
        "resources": [scalar("cpus", 0.2), scalar("mem", 64.0)],
        "labels": {"labels": [{"key": "kind", "value": "executor"}]},
    });
    framework.launch(|agent| {
        let mut first = task("stay with all that a task may have", &ids[0], agent, &executor);
        first["labels"] = json!({"labels": [{"key": "c", "value": "d"}]});
        first["discovery"] = json!({
            "visibility": "CLUSTER",
            "name": "service",
            "environment": "test",
            "ports": {"ports": [{"number": 31005, "name": "http", "protocol": "tcp"}]},
            "labels": {"labels": [{"key": "e", "value": "f"}]},
        });
        let ports =
            json!({"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31005, "end": 31006}]}});
        first["resources"] = json!([scalar("cpus", 0.5), scalar("mem", 128.0), ports]);
        first["kill_policy"] = json!({"grace_period": {"nanoseconds": 3_000_000_000_u64}});
        json!([first, task("stay", &ids[1], agent, &executor)])
    })?;
    framework.call(json!({"type": "SUPPRESS", "suppress": {}}))?;
    framework.await_updates("TASK_RUNNING", ids.len())?;
    // What the framework acknowledged reaches the agent a little later, and what was not taken is given back.
    eventually("the cluster is at rest", || {
        let slaves = http::get(&cluster.master, "/slaves")?;
        let offered = slaves.pointer("/slaves").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(offered.iter().all(|agent| agent["offered_resources"]["cpus"] == 0.0))
    })?;
    Ok(framework)
}

const CALLS: &[&str] = &["GET_AGENTS", "GET_EXECUTORS", "GET_FRAMEWORKS", "GET_ROLES", "GET_TASKS"];
const AGENT_CALLS: &[&str] = &["GET_CONTAINERS", "GET_EXECUTORS", "GET_FRAMEWORKS", "GET_STATE", "GET_TASKS"];
const TARGETS: &[&str] = &[
    "/frameworks",
    "/roles",
    "/slaves",
    "/state-summary",
    "/tasks?limit=2",
    "/allocator/offer_constraints_debug",
];
const AGENT_TARGETS: &[&str] =
    &["/slave(1)/state", "/slave(1)/containers", "/monitor/statistics", "/files/debug"];

/// Asks everything of this group, and writes it down as the other recordings are.
pub fn record(cluster: &Cluster, folder: &Path) -> Result<()> {
    let framework = start(cluster)?;
    for (who, address, host, targets, calls) in [
        ("master", &cluster.master, "127.0.0.1:15350", TARGETS, CALLS),
        ("agent", &cluster.agent, "127.0.0.1:15351", AGENT_TARGETS, AGENT_CALLS),
    ] {
        for target in targets {
            let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            write(address, folder, &format!("live_{who}_GET_{}", plain(target)), request.as_bytes())?;
        }
        for call in calls {
            let body = json!({"type": call}).to_string();
            let request = format!(
                "POST /api/v1 HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nAccept: application/json\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            write(address, folder, &format!("live_{who}_v1_{call}"), request.as_bytes())?;
        }
    }
    framework.tear_down()
}

/// `/slave(1)/state` as `_slave_1__state`.
fn plain(target: &str) -> String {
    target.chars().map(|sign| if sign.is_ascii_alphanumeric() { sign } else { '_' }).collect()
}

fn write(address: &str, folder: &Path, name: &str, request: &[u8]) -> Result<()> {
    let answer = http::exchange(address, request)?;
    let mut text = [crate::recording::REQUEST, request, b"\n", crate::recording::RESPONSE].concat();
    text.extend_from_slice(format!("HTTP/1.1 {}\r\n", answer.status).as_bytes());
    for (header, value) in &answer.headers {
        text.extend_from_slice(format!("{header}: {value}\r\n").as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(&answer.body);
    text.push(b'\n');
    let path = folder.join(format!("{name}.txt"));
    std::fs::write(&path, text).with_context(|| format!("cannot write '{}'", path.display()))
}
