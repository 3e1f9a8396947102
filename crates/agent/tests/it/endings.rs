// SPDX-License-Identifier: Apache-2.0

//! What becomes of tasks on an agent, and who says so: a row for each case.
//!
//! Rows have the names that Mesos's own behaviour is known by here: A where the agent speaks, E where the executor does.
//! Each is played for a framework with PARTITION_AWARE and for one without.

struct Row {
    name: &'static str,
    /// Inputs; the updates that the last one sends are looked at.
    script: &'static [&'static str],
    aware: &'static [&'static str],
    /// Where a framework without PARTITION_AWARE hears something else.
    plain: Option<&'static [&'static str]>,
}

const ROWS: &[Row] = &[
    // Divergence 35: Mesos gives the reason GC_ERROR. Sandboxes cannot fail to be kept here.
    Row {
        name: "A1, limits that nothing enforces",
        script: &["run f1 t limits=cpus"],
        aware: &[
            "t TASK_DROPPED AGENT REASON_TASK_INVALID 'CPU limits can only be set on tasks launched in Mesos containers when the agent has loaded the 'cgroups/cpu' isolator'",
        ],
        plain: Some(&[
            "t TASK_LOST AGENT REASON_TASK_INVALID 'CPU limits can only be set on tasks launched in Mesos containers when the agent has loaded the 'cgroups/cpu' isolator'",
        ]),
    },
    // Divergence 89: Mesos prints the whole task.
    Row {
        name: "A2, a user as whom nobody may run tasks here",
        script: &["run f1 t user=forbidden"],
        aware: &[
            "t TASK_ERROR AGENT REASON_TASK_UNAUTHORIZED 'Framework f1 is not authorized to launch task t under user 'forbidden''",
        ],
        plain: None,
    },
    Row {
        name: "A2, in a group",
        script: &["group f1 e a,b user=forbidden launch=true"],
        aware: &[
            "a TASK_ERROR AGENT REASON_TASK_GROUP_UNAUTHORIZED 'Framework f1 is not authorized to launch task a under user 'forbidden''",
            "b TASK_ERROR AGENT REASON_TASK_GROUP_UNAUTHORIZED 'Framework f1 is not authorized to launch task a under user 'forbidden''",
        ],
        plain: None,
    },
    Row {
        name: "A4, the agent has other resources by now",
        script: &["run f1 t stale"],
        aware: &["t TASK_DROPPED AGENT REASON_INVALID_OFFERS 'Task assumes outdated resource state'"],
        plain: Some(&["t TASK_LOST AGENT REASON_INVALID_OFFERS 'Task assumes outdated resource state'"]),
    },
    Row {
        name: "A4, for a group",
        script: &["group f1 e a,b stale launch=true"],
        aware: &[
            "a TASK_DROPPED AGENT REASON_INVALID_OFFERS 'Task group assumes outdated resource state'",
            "b TASK_DROPPED AGENT REASON_INVALID_OFFERS 'Task group assumes outdated resource state'",
        ],
        plain: Some(&[
            "a TASK_LOST AGENT REASON_INVALID_OFFERS 'Task group assumes outdated resource state'",
            "b TASK_LOST AGENT REASON_INVALID_OFFERS 'Task group assumes outdated resource state'",
        ]),
    },
    Row {
        name: "A6, a command task with the id of an executor",
        script: &["run f1 x executor=t launch=true", "run f1 t"],
        aware: &[
            "t TASK_DROPPED AGENT REASON_TASK_INVALID 'Cannot reuse an already existing executor for a command task'",
        ],
        plain: Some(&[
            "t TASK_LOST AGENT REASON_TASK_INVALID 'Cannot reuse an already existing executor for a command task'",
        ]),
    },
    Row {
        name: "A7, an executor that is to be launched is there",
        script: &["run f1 x executor=e launch=true", "run f1 t executor=e launch=true"],
        aware: &[
            "t TASK_DROPPED AGENT REASON_EXECUTOR_TERMINATED 'Master wants to launch executor, but one already exists'",
        ],
        plain: Some(&[
            "t TASK_LOST AGENT REASON_EXECUTOR_TERMINATED 'Master wants to launch executor, but one already exists'",
        ]),
    },
    Row {
        name: "A7, an executor that is to be there is not",
        script: &["run f1 t executor=e launch=false"],
        aware: &[
            "t TASK_DROPPED AGENT REASON_EXECUTOR_TERMINATED 'No executor is expected to launch and there is none running'",
        ],
        plain: Some(&[
            "t TASK_LOST AGENT REASON_EXECUTOR_TERMINATED 'No executor is expected to launch and there is none running'",
        ]),
    },
    Row {
        name: "A7, the executor is ending",
        script: &[
            "run f1 x executor=e launch=true",
            "shutdown-executor f1 e",
            "run f1 t executor=e launch=false",
        ],
        aware: &["t TASK_DROPPED AGENT REASON_EXECUTOR_TERMINATED 'Executor terminating'"],
        plain: Some(&["t TASK_LOST AGENT REASON_EXECUTOR_TERMINATED 'Executor terminating'"]),
    },
    Row {
        name: "A7, the executor has ended, and its task's end waits to be acknowledged",
        script: &[
            "run f1 x executor=e launch=true",
            "launched c1 9",
            "exit c1 0",
            "run f1 t executor=e launch=false",
        ],
        aware: &["t TASK_DROPPED AGENT REASON_EXECUTOR_TERMINATED 'Executor terminated'"],
        plain: Some(&["t TASK_LOST AGENT REASON_EXECUTOR_TERMINATED 'Executor terminated'"]),
    },
    Row {
        name: "A7, a kill of a task that no executor has",
        script: &["run f1 x executor=e launch=true", "kill f1 t"],
        aware: &["t TASK_DROPPED AGENT REASON_EXECUTOR_TERMINATED 'Cannot find executor'"],
        plain: Some(&["t TASK_LOST AGENT REASON_EXECUTOR_TERMINATED 'Cannot find executor'"]),
    },
    Row {
        name: "A8, killed while its order is not durable",
        script: &["hold", "run f1 t executor=e launch=true", "kill f1 t", "release"],
        aware: &[
            "t@e TASK_KILLED AGENT REASON_TASK_KILLED_DURING_LAUNCH 'Killed before delivery to the executor'",
        ],
        plain: None,
    },
    Row {
        name: "A8, killed while it waits for its executor",
        script: &["run f1 t executor=e launch=true", "launched c1 9", "kill f1 t"],
        aware: &[
            "t@e TASK_KILLED AGENT REASON_TASK_KILLED_DURING_LAUNCH 'Killed before delivery to the executor'",
        ],
        plain: None,
    },
    Row {
        name: "A8, for a group",
        script: &["group f1 e a,b custom launch=true", "kill f1 b"],
        aware: &[
            "a@e TASK_KILLED AGENT REASON_TASK_KILLED_DURING_LAUNCH 'Killed before delivery to the executor'",
            "b@e TASK_KILLED AGENT REASON_TASK_KILLED_DURING_LAUNCH 'Killed before delivery to the executor'",
        ],
        plain: None,
    },
    Row {
        name: "A9, the container of an executor cannot be made",
        script: &["run f1 t executor=e launch=true", "failed c1 no such image"],
        aware: &["t@e TASK_FAILED AGENT REASON_CONTAINER_LAUNCH_FAILED 'no such image'"],
        plain: None,
    },
    Row {
        name: "A9, the container of a command task cannot be made",
        script: &["run f1 t", "failed c1 no such image", "ack f1 t"],
        aware: &["t@t TASK_FAILED AGENT REASON_CONTAINER_LAUNCH_FAILED 'no such image'"],
        plain: None,
    },
    Row {
        name: "A10, the executor does not come",
        script: &["run f1 t executor=e launch=true", "launched c1 9", "advance 60", "exit c1 signal 9"],
        aware: &[
            "t@e TASK_FAILED AGENT REASON_EXECUTOR_REGISTRATION_TIMEOUT 'Executor did not register within 1mins'",
        ],
        plain: None,
    },
    Row {
        name: "A11, the executor does not come back to a restarted agent",
        script: &[
            "run f1 t executor=e launch=true",
            "launched c1 9",
            "subscribe s1 f1 e",
            "crash",
            "restart",
            "leader",
            "advance 5",
            "exit c1 signal 9",
            "reregistered S0",
        ],
        aware: &[
            "t@e TASK_GONE AGENT REASON_EXECUTOR_REREGISTRATION_TIMEOUT 'Executor did not reregister within 2secs'",
        ],
        plain: Some(&[
            "t@e TASK_LOST AGENT REASON_EXECUTOR_REREGISTRATION_TIMEOUT 'Executor did not reregister within 2secs'",
        ]),
    },
    Row {
        name: "A12, the executor comes back without a task that it was sent",
        script: &[
            "run f1 t executor=e launch=true",
            "launched c1 9",
            "subscribe s1 f1 e",
            "crash",
            "restart",
            "leader",
            "subscribe s2 f1 e",
            "advance 5",
            "reregistered S0",
        ],
        aware: &["t@e TASK_DROPPED AGENT REASON_AGENT_RESTARTED 'Task launched during agent restart'"],
        plain: Some(&["t@e TASK_LOST AGENT REASON_AGENT_RESTARTED 'Task launched during agent restart'"]),
    },
    Row {
        name: "A13, the executor ends with a task",
        script: &["run f1 t executor=e launch=true", "launched c1 9", "subscribe s1 f1 e", "exit c1 1"],
        aware: &["t@e TASK_FAILED AGENT REASON_EXECUTOR_TERMINATED 'Executor terminated'"],
        plain: None,
    },
    Row {
        name: "A13, and one that waited for it",
        script: &["run f1 t executor=e launch=true", "launched c1 9", "exit c1 unknown"],
        aware: &["t@e TASK_FAILED AGENT REASON_EXECUTOR_TERMINATED 'Executor terminated'"],
        plain: None,
    },
    Row {
        name: "A18, the master knows a task that is not here",
        script: &["crash", "restart", "leader", "advance 5", "reregistered S0 f1 t"],
        aware: &["t TASK_DROPPED AGENT REASON_RECONCILIATION 'Reconciliation: task unknown to the agent'"],
        plain: Some(&["t TASK_LOST AGENT REASON_RECONCILIATION 'Reconciliation: task unknown to the agent'"]),
    },
    Row {
        name: "A3, a task for an agent that is being emptied",
        script: &["run f1 x", "launched c1 9", "drain", "run f1 t"],
        aware: &[
            "t TASK_DROPPED AGENT REASON_AGENT_DRAINING 'Task was received while agent was already draining'",
        ],
        plain: Some(&[
            "t TASK_LOST AGENT REASON_AGENT_DRAINING 'Task was received while agent was already draining'",
        ]),
    },
    Row {
        name: "A3, for a group",
        script: &["run f1 x", "launched c1 9", "drain", "group f1 e a,b launch=true"],
        aware: &[
            "a TASK_DROPPED AGENT REASON_AGENT_DRAINING 'Task was received while agent was already draining'",
            "b TASK_DROPPED AGENT REASON_AGENT_DRAINING 'Task was received while agent was already draining'",
        ],
        plain: Some(&[
            "a TASK_LOST AGENT REASON_AGENT_DRAINING 'Task was received while agent was already draining'",
            "b TASK_LOST AGENT REASON_AGENT_DRAINING 'Task was received while agent was already draining'",
        ]),
    },
    Row {
        name: "A19, a task is killed because the agent is being emptied",
        script: &["run f1 t", "launched c1 9", "ack f1 t", "ack f1 t", "drain", "exit c1 signal 15"],
        aware: &[
            "t@t TASK_KILLED EXECUTOR REASON_AGENT_DRAINING 'Command terminated with signal Terminated'",
        ],
        plain: None,
    },
    Row {
        name: "A19, and because it will not come back",
        script: &["run f1 t", "launched c1 9", "ack f1 t", "ack f1 t", "drain gone", "exit c1 signal 15"],
        aware: &[
            "t@t TASK_GONE_BY_OPERATOR EXECUTOR REASON_AGENT_DRAINING 'Command terminated with signal Terminated'",
        ],
        plain: Some(&[
            "t@t TASK_KILLED EXECUTOR REASON_AGENT_DRAINING 'Command terminated with signal Terminated'",
        ]),
    },
    // Mesos: TASK_GONE_BY_OPERATOR to a framework that hears of TASK_KILLING.
    Row {
        name: "A19, its end is not told before it has ended",
        script: &[
            "framework f1 aware killing",
            "run f1 t",
            "launched c1 9",
            "ack f1 t",
            "ack f1 t",
            "drain gone",
        ],
        aware: &["t@t TASK_KILLING EXECUTOR REASON_AGENT_DRAINING"],
        plain: None,
    },
    Row {
        name: "A19, a task that had not reached its executor",
        script: &["run f1 t executor=e launch=true", "launched c1 9", "drain"],
        aware: &["t@e TASK_KILLED AGENT REASON_AGENT_DRAINING 'Killed before delivery to the executor'"],
        plain: None,
    },
    Row {
        name: "A19, one that its own executor ends",
        script: &[
            "run f1 t executor=e launch=true",
            "launched c1 9",
            "subscribe s1 f1 e",
            "drain gone",
            "update f1 e t TASK_KILLED 7",
        ],
        aware: &["t TASK_GONE_BY_OPERATOR EXECUTOR REASON_AGENT_DRAINING"],
        plain: Some(&["t TASK_KILLED EXECUTOR REASON_AGENT_DRAINING"]),
    },
    Row {
        name: "a task that ends of itself while the agent is being emptied ends so",
        script: &[
            "run f1 t executor=e launch=true",
            "launched c1 9",
            "subscribe s1 f1 e",
            "drain gone",
            "update f1 e t TASK_FINISHED 7",
        ],
        aware: &["t TASK_FINISHED EXECUTOR"],
        plain: None,
    },
    Row {
        name: "E1, a check tells something else",
        script: &[
            "run f1 t check=probe.sh",
            "launched c1 9",
            "ack f1 t",
            "ack f1 t",
            "advance 1.5",
            "looked check c1 1 3",
        ],
        aware: &["t@t TASK_RUNNING EXECUTOR REASON_TASK_CHECK_STATUS_UPDATED"],
        plain: None,
    },
    Row {
        name: "E1, a task is well",
        script: &[
            "run f1 t health=80",
            "launched c1 9",
            "ack f1 t",
            "ack f1 t",
            "advance 16",
            "looked health c1 1 true",
        ],
        aware: &["t@t TASK_RUNNING EXECUTOR REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"],
        plain: None,
    },
    Row {
        name: "E2, a task takes longer than it may",
        script: &[
            "run f1 t max=5",
            "launched c1 9",
            "ack f1 t",
            "ack f1 t",
            "advance 6",
            "exit c1 signal 15",
        ],
        aware: &[
            "t@t TASK_FAILED EXECUTOR REASON_MAX_COMPLETION_TIME_REACHED 'Command terminated with signal Terminated'",
        ],
        plain: None,
    },
    Row {
        name: "a task succeeds",
        script: &["run f1 t", "launched c1 9", "ack f1 t", "ack f1 t", "exit c1 0"],
        aware: &["t@t TASK_FINISHED EXECUTOR 'Command exited with status 0'"],
        plain: None,
    },
    Row {
        name: "a task fails",
        script: &["run f1 t", "launched c1 9", "ack f1 t", "ack f1 t", "exit c1 3"],
        aware: &["t@t TASK_FAILED EXECUTOR 'Command exited with status 3'"],
        plain: None,
    },
    Row {
        name: "a killed task that succeeds is killed all the same",
        script: &["run f1 t", "launched c1 9", "ack f1 t", "ack f1 t", "kill f1 t", "exit c1 0"],
        aware: &["t@t TASK_KILLED EXECUTOR 'Command exited with status 0'"],
        plain: None,
    },
    Row {
        name: "nobody hears of the tasks of a framework that is ending",
        script: &[
            "run f1 t",
            "launched c1 9",
            "ack f1 t",
            "ack f1 t",
            "shutdown-framework f1",
            "exit c1 signal 15",
        ],
        aware: &[],
        plain: None,
    },
    Row {
        name: "nor of tasks that are meant for another agent",
        script: &["run f1 t agent=S9"],
        aware: &[],
        plain: None,
    },
];

/// The updates that the last input sends.
pub fn told(aware: bool, script: &[&str]) -> Vec<String> {
    let framework = if aware { "framework f1 aware checkpoint" } else { "framework f1 checkpoint" };
    let before = [framework, "start", "leader", "advance 1", "registered S0"];
    let scene: String = before.iter().chain(script).map(|line| format!("> {line}\n")).collect();
    let played = crate::scene::play(&scene);
    let (_, effects) = played.rsplit_once("> ").unwrap();
    let updates =
        effects.lines().filter_map(|line| line.split_once(" StatusUpdate ")).map(|(_, update)| update);
    updates
        .map(|update| {
            // What follows is the update's uuid, with where its task runs.
            let (told, _) = update.rsplit_once(" u").unwrap();
            told.to_string()
        })
        .collect()
}

#[test]
fn agents_say_what_becomes_of_tasks() {
    let mut wrong = Vec::new();
    for row in ROWS {
        for (aware, expected) in [(true, row.aware), (false, row.plain.unwrap_or(row.aware))] {
            let told = told(aware, row.script);
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
