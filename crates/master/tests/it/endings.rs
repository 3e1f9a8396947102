// SPDX-License-Identifier: Apache-2.0

//! What becomes of tasks, and who says so: a row for each case in which a master speaks.
//!
//! Rows have the names that Mesos's own behaviour is known by here: M1 to M14. Each is
//! played for a framework with PARTITION_AWARE and for one without.

use kaon_api::json::{Json, parse};

use crate::scene::Stage;

struct Row {
    name: &'static str,
    /// Inputs; what the last one leads to is looked at.
    script: &'static [&'static str],
    aware: &'static [&'static str],
    plain: &'static [&'static str],
}

const TASK: &str = r#"define task {"name":"t","task_id":{"value":"t"},"agent_id":{"value":"$A1"},"command":{"value":"true"},"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]}"#;
const THEIRS: &str = r#"define theirs {"name":"t","task_id":{"value":"t"},"agent_id":{"value":"$A1"},"command":{"value":"true","user":"forbidden"},"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]}"#;
const LAUNCH: &str = r#"define launch {"type":"LAUNCH","launch":{"task_infos":[$task]}}"#;
const GROUP: &str = r#"define group {"type":"LAUNCH_GROUP","launch_group":{"executor":{"executor_id":{"value":"e"}},"task_group":{"tasks":[$task]}}}"#;
const ACCEPT: &str = r#"define accept {"type":"ACCEPT","framework_id":{"value":"$F1"},"accept":"#;
const RECONCILE: &str = r#"define reconcile {"type":"RECONCILE","framework_id":{"value":"$F1"},"reconcile":"#;
const GONE: &str = r#"operator {"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"$A1"}}}"#;
const SUPPRESS: &str = r#"call 1 {"type":"SUPPRESS","framework_id":{"value":"$F1"}}"#;
const RUNNING: &str = "update 1 1 t TASK_RUNNING 1";
const RETURN: &str = r#"return 1 cpus:4;mem:512 {"frameworks":[{"user":"u","name":"n","id":{"value":"$F1"}}],"tasks":[{"name":"t","task_id":{"value":"t"},"framework_id":{"value":"$F1"},"agent_id":{"value":"$A1"},"state":"TASK_RUNNING","resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"*"}}]}]}"#;

const ROWS: &[Row] = &[
    Row {
        name: "M1, no offer",
        script: &[r#"call 1 $accept{"operations":[$launch]}}"#],
        aware: &["t DROPPED INVALID_OFFERS MASTER Task launched with invalid offers: No offers specified"],
        plain: &["t LOST INVALID_OFFERS MASTER Task launched with invalid offers: No offers specified"],
    },
    Row {
        name: "M1, an offer that is over, and a group",
        script: &[r#"call 1 $accept{"offer_ids":[{"value":"$O"},{"value":"x"}],"operations":[$group]}}"#],
        aware: &[
            "t DROPPED INVALID_OFFERS MASTER Task launched with invalid offers: Offer x is no longer valid",
        ],
        plain: &[
            "t LOST INVALID_OFFERS MASTER Task launched with invalid offers: Offer x is no longer valid",
        ],
    },
    Row {
        name: "M1, an offer named twice",
        script: &[
            r#"call 1 $accept{"offer_ids":[{"value":"$M-O0"},{"value":"$M-O0"}],"operations":[$launch]}}"#,
        ],
        aware: &[
            "t DROPPED INVALID_OFFERS MASTER Task launched with invalid offers: Duplicate offer M-O0 in offer list",
        ],
        plain: &[
            "t LOST INVALID_OFFERS MASTER Task launched with invalid offers: Duplicate offer M-O0 in offer list",
        ],
    },
    Row {
        // Mesos: "Agent removed" with AGENT_REMOVED where the agent goes while an acceptance waits to be authorized.
        // Here nothing waits, so an agent that is gone has taken its offers with it.
        name: "M2, the agent is gone",
        script: &[
            r#"message slave(1)@10.0.0.1:5051 master UnregisterAgent {"agent_id":{"value":"$A1"}}"#,
            r#"call 1 $accept{"offer_ids":[{"value":"$O"}],"operations":[$launch]}}"#,
        ],
        aware: &[
            "t DROPPED INVALID_OFFERS MASTER Task launched with invalid offers: Offer M-O0 is no longer valid",
        ],
        plain: &[
            "t LOST INVALID_OFFERS MASTER Task launched with invalid offers: Offer M-O0 is no longer valid",
        ],
    },
    Row {
        // Mesos: "Agent disconnected" with AGENT_DISCONNECTED, as above.
        name: "M3, the agent is disconnected",
        script: &[
            "exited 10.0.0.1:5051",
            r#"call 1 $accept{"offer_ids":[{"value":"$O"}],"operations":[$launch]}}"#,
        ],
        aware: &[
            "t DROPPED INVALID_OFFERS MASTER Task launched with invalid offers: Offer M-O0 is no longer valid",
        ],
        plain: &[
            "t LOST INVALID_OFFERS MASTER Task launched with invalid offers: Offer M-O0 is no longer valid",
        ],
    },
    Row {
        name: "M4, an invalid task",
        script: &["launch 1 t:9"],
        aware: &[
            "t ERROR TASK_INVALID MASTER Total resources cpus(allocated: *):9 required by task and its executor is more than available cpus(allocated: *):4; mem(allocated: *):512",
        ],
        plain: &[
            "t ERROR TASK_INVALID MASTER Total resources cpus(allocated: *):9 required by task and its executor is more than available cpus(allocated: *):4; mem(allocated: *):512",
        ],
    },
    Row {
        name: "M4, an id on LAUNCH",
        script: &[
            r#"call 1 $accept{"offer_ids":[{"value":"$O"}],"operations":[{"type":"LAUNCH","id":{"value":"o"},"launch":{"task_infos":[$task]}}]}}"#,
        ],
        aware: &["t ERROR TASK_INVALID MASTER The `id` field cannot be set on LAUNCH operations"],
        plain: &["t ERROR TASK_INVALID MASTER The `id` field cannot be set on LAUNCH operations"],
    },
    Row {
        name: "M5, an invalid group",
        script: &[r#"call 1 $accept{"offer_ids":[{"value":"$O"}],"operations":[$group]}}"#],
        aware: &["t ERROR TASK_GROUP_INVALID MASTER 'ExecutorInfo.framework_id' must be set"],
        plain: &["t ERROR TASK_GROUP_INVALID MASTER 'ExecutorInfo.framework_id' must be set"],
    },
    Row {
        name: "M6, a user as whom nobody may run tasks",
        script: &[
            r#"call 1 $accept{"offer_ids":[{"value":"$O"}],"operations":[{"type":"LAUNCH","launch":{"task_infos":[$theirs]}}]}}"#,
        ],
        aware: &[
            "t ERROR TASK_UNAUTHORIZED MASTER Principal 'p' no authorized to launch task t of framework M-0000 under user 'forbidden'",
        ],
        plain: &[
            "t ERROR TASK_UNAUTHORIZED MASTER Principal 'p' no authorized to launch task t of framework M-0000 under user 'forbidden'",
        ],
    },
    Row {
        // Mesos: without the blank, and of the last task that may not.
        name: "M6, in a group",
        script: &[
            r#"call 1 $accept{"offer_ids":[{"value":"$O"}],"operations":[{"type":"LAUNCH_GROUP","launch_group":{"executor":{"executor_id":{"value":"e"}},"task_group":{"tasks":[$task,$theirs]}}}]}}"#,
        ],
        aware: &[
            "t ERROR TASK_GROUP_UNAUTHORIZED MASTER Task 't' is not authorized tolaunch task t of framework M-0000 under user 'forbidden'",
            "t ERROR TASK_GROUP_UNAUTHORIZED MASTER Task 't' is not authorized tolaunch task t of framework M-0000 under user 'forbidden'",
        ],
        plain: &[
            "t ERROR TASK_GROUP_UNAUTHORIZED MASTER Task 't' is not authorized tolaunch task t of framework M-0000 under user 'forbidden'",
            "t ERROR TASK_GROUP_UNAUTHORIZED MASTER Task 't' is not authorized tolaunch task t of framework M-0000 under user 'forbidden'",
        ],
    },
    Row {
        name: "M7, the agent is silent",
        script: &["launch 1 t:1", RUNNING, SUPPRESS, "after 75secs"],
        aware: &["t UNREACHABLE AGENT_REMOVED MASTER health check timed out (since)"],
        plain: &["t LOST AGENT_REMOVED MASTER health check timed out (since)"],
    },
    Row {
        name: "M7, the agent stays away",
        script: &["launch 1 t:1", RUNNING, SUPPRESS, "exited 10.0.0.1:5051", "after 10mins"],
        aware: &["t UNREACHABLE AGENT_REMOVED MASTER health check timed out (since)"],
        plain: &["t LOST AGENT_REMOVED MASTER health check timed out (since)"],
    },
    Row {
        name: "M8, a registered agent is marked gone",
        script: &["launch 1 t:1", RUNNING, GONE],
        aware: &["t GONE_BY_OPERATOR AGENT_REMOVED_BY_OPERATOR MASTER Agent has been marked gone"],
        plain: &["t LOST AGENT_REMOVED MASTER Agent has been marked gone"],
    },
    Row {
        name: "M9, an unreachable agent is marked gone",
        script: &["launch 1 t:1", RUNNING, SUPPRESS, "after 75secs", GONE],
        aware: &["t GONE_BY_OPERATOR AGENT_REMOVED_BY_OPERATOR MASTER Agent has been marked gone"],
        plain: &["t LOST AGENT_REMOVED MASTER Agent has been marked gone"],
    },
    Row {
        name: "M10, the agent says farewell",
        script: &[
            "launch 1 t:1",
            r#"message slave(1)@10.0.0.1:5051 master UnregisterAgent {"agent_id":{"value":"$A1"}}"#,
        ],
        aware: &["t LOST AGENT_REMOVED MASTER Agent host1 removed: the agent unregistered"],
        plain: &["t LOST AGENT_REMOVED MASTER Agent host1 removed: the agent unregistered"],
    },
    Row {
        name: "M10, another agent registers at its address",
        script: &["launch 1 t:1", "exited 10.0.0.1:5051", "join 1 cpus:4;mem:512"],
        aware: &[
            "t LOST AGENT_REMOVED MASTER Agent host1 removed: a new agent registered at the same address",
        ],
        plain: &[
            "t LOST AGENT_REMOVED MASTER Agent host1 removed: a new agent registered at the same address",
        ],
    },
    Row {
        // Divergence 9: Mesos says LOST for AGENT_DISCONNECTED here, for a framework without checkpoints.
        name: "M11, the agent's link breaks",
        script: &["launch 1 t:1", RUNNING, "exited 10.0.0.1:5051"],
        aware: &[],
        plain: &[],
    },
    Row {
        name: "M12, the framework is removed",
        script: &["launch 1 t:1", RUNNING, r#"call 1 {"type":"TEARDOWN","framework_id":{"value":"$F1"}}"#],
        aware: &[],
        plain: &[],
    },
    Row {
        name: "M13, an unreachable agent is back",
        script: &["launch 1 t:1", RUNNING, SUPPRESS, "after 75secs", RETURN],
        aware: &["t RUNNING AGENT_REREGISTERED MASTER Unreachable agent re-reregistered"],
        plain: &["t RUNNING AGENT_REREGISTERED MASTER Unreachable agent re-reregistered"],
    },
    Row {
        name: "M14, reconciliation of all tasks",
        script: &["launch 1 t:1", RUNNING, r#"call 1 $reconcile{"tasks":[]}}"#],
        aware: &["t RUNNING RECONCILIATION MASTER Reconciliation: Latest task state"],
        plain: &["t RUNNING RECONCILIATION MASTER Reconciliation: Latest task state"],
    },
    Row {
        name: "M14, a task that was just launched",
        script: &["launch 1 t:1", r#"call 1 $reconcile{"tasks":[{"task_id":{"value":"t"}}]}}"#],
        aware: &["t STAGING RECONCILIATION MASTER Reconciliation: Latest task state"],
        plain: &["t STAGING RECONCILIATION MASTER Reconciliation: Latest task state"],
    },
    Row {
        name: "M14, a task whose end is not acknowledged",
        script: &["launch 1 t:1", "update 1 1 t TASK_FAILED 1", r#"call 1 $reconcile{"tasks":[]}}"#],
        aware: &["t FAILED RECONCILIATION MASTER Reconciliation: Latest task state"],
        plain: &["t FAILED RECONCILIATION MASTER Reconciliation: Latest task state"],
    },
    Row {
        name: "M14, the state told last counts, not the newest",
        script: &[
            "launch 1 t:1",
            "update 1 1 t TASK_RUNNING 1 TASK_FINISHED",
            r#"call 1 $reconcile{"tasks":[]}}"#,
        ],
        aware: &["t RUNNING RECONCILIATION MASTER Reconciliation: Latest task state"],
        plain: &["t RUNNING RECONCILIATION MASTER Reconciliation: Latest task state"],
    },
    Row {
        name: "M14, an unknown task of a registered agent",
        script: &[r#"call 1 $reconcile{"tasks":[{"task_id":{"value":"t"},"agent_id":{"value":"$A1"}}]}}"#],
        aware: &["t GONE RECONCILIATION MASTER Reconciliation: Task is unknown to the agent"],
        plain: &["t LOST RECONCILIATION MASTER Reconciliation: Task is unknown to the agent"],
    },
    Row {
        name: "M14, of an unreachable agent, even if there was no such task",
        script: &[
            SUPPRESS,
            "after 75secs",
            r#"call 1 $reconcile{"tasks":[{"task_id":{"value":"x"},"agent_id":{"value":"$A1"}}]}}"#,
        ],
        aware: &["x UNREACHABLE RECONCILIATION MASTER Reconciliation: Task is unreachable (since)"],
        plain: &["x LOST RECONCILIATION MASTER Reconciliation: Task is unreachable (since)"],
    },
    Row {
        name: "M14, of an agent that is gone",
        script: &[
            GONE,
            r#"call 1 $reconcile{"tasks":[{"task_id":{"value":"x"},"agent_id":{"value":"$A1"}}]}}"#,
        ],
        aware: &["x GONE_BY_OPERATOR RECONCILIATION MASTER Reconciliation: Task is gone"],
        plain: &["x LOST RECONCILIATION MASTER Reconciliation: Task is gone"],
    },
    Row {
        name: "M14, of no agent, or one that nobody knows",
        script: &[
            r#"call 1 $reconcile{"tasks":[{"task_id":{"value":"x"}},{"task_id":{"value":"y"},"agent_id":{"value":"z"}}]}}"#,
        ],
        aware: &[
            "x UNKNOWN RECONCILIATION MASTER Reconciliation: Task is unknown",
            "y UNKNOWN RECONCILIATION MASTER Reconciliation: Task is unknown",
        ],
        plain: &[
            "x LOST RECONCILIATION MASTER Reconciliation: Task is unknown",
            "y LOST RECONCILIATION MASTER Reconciliation: Task is unknown",
        ],
    },
    Row {
        name: "M14, an unknown task is killed",
        script: &[
            r#"call 1 {"type":"KILL","framework_id":{"value":"$F1"},"kill":{"task_id":{"value":"x"}}}"#,
        ],
        aware: &["x UNKNOWN RECONCILIATION MASTER Reconciliation: Task is unknown"],
        plain: &["x LOST RECONCILIATION MASTER Reconciliation: Task is unknown"],
    },
];

fn stage(aware: bool) -> Stage {
    let mut stage = Stage::new();
    stage.play("set forbidden_user forbidden");
    for definition in [TASK, THEIRS, LAUNCH, GROUP, ACCEPT, RECONCILE] {
        stage.play(definition);
    }
    let capabilities = if aware { r#","capabilities":[{"type":"PARTITION_AWARE"}]"# } else { "" };
    stage.play(&format!(
        r#"subscribe 1 {{"type":"SUBSCRIBE","subscribe":{{"framework_info":{{"user":"u","name":"n","principal":"p","failover_timeout":60{capabilities}}}}}}}"#
    ));
    stage.play("join 1 cpus:4;mem:512");
    stage.play("after 10ms");
    stage
}

/// The statuses that the effects tell the framework.
fn told(effects: &str) -> Vec<String> {
    let events = effects.lines().filter_map(|line| line.strip_prefix("stream 1 <- "));
    let events = events.map(|event| parse(event.as_bytes()).unwrap());
    events.filter_map(|event| event.get("update").map(status)).collect()
}

fn status(update: &Json) -> String {
    let status = update.get("status").unwrap();
    let word = |name: &str, prefix: &str| match status.get(name) {
        Some(Json::String(text)) => text.strip_prefix(prefix).unwrap().to_string(),
        other => panic!("{name} is {other:?} in {status:?}"),
    };
    assert_eq!(status.get("uuid"), None, "what a master says by itself is not acknowledged");
    assert_eq!(status.get("data"), None);
    let Some(Json::String(id)) = status.get("task_id").and_then(|id| id.get("value")) else {
        panic!("{status:?}")
    };
    let (state, reason) = (word("state", "TASK_"), word("reason", "REASON_"));
    let since = if status.get("unreachable_time").is_some() { " (since)" } else { "" };
    format!("{id} {state} {reason} {} {}{since}", word("source", "SOURCE_"), word("message", ""))
}

#[test]
fn masters_say_what_becomes_of_tasks() {
    let mut wrong = Vec::new();
    for row in ROWS {
        for (aware, expected) in [(true, row.aware), (false, row.plain)] {
            let mut stage = stage(aware);
            let (last, before) = row.script.split_last().unwrap();
            before.iter().for_each(|line| drop(stage.play(line)));
            let told = told(&stage.play(last));
            if told != expected {
                wrong.push(format!(
                    "{} (aware: {aware}):\nexpected {expected:#?}\n    told {told:#?}",
                    row.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the operators' stream tells of a task whose framework is gone, which the framework never hears.
#[test]
fn removed_frameworks_leave_killed_tasks_to_watchers() {
    let mut stage = stage(true);
    for line in ["watch 9", "launch 1 t:1", RUNNING] {
        stage.play(line);
    }
    let effects = stage.play(r#"operator {"type":"TEARDOWN","teardown":{"framework_id":{"value":"$F1"}}}"#);
    let updated = effects.lines().find(|line| line.starts_with("watcher 9 <- {\"type\":\"TASK_UPDATED\""));
    let updated = updated.unwrap_or_else(|| panic!("{effects}"));
    for part in
        [r#""state":"TASK_KILLED""#, r#""reason":"REASON_FRAMEWORK_REMOVED""#, r#""source":"SOURCE_MASTER""#]
    {
        assert!(updated.contains(part), "{part}: {updated}");
    }
}
