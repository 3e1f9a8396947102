// SPDX-License-Identifier: Apache-2.0

//! What is told of tasks whose container must not run on: a row for each reason, for each kind of executor.
//!
//! Rows have the names that Mesos's own behaviour is known by here. Each is played for a framework with PARTITION_AWARE
//! and for one without.

use crate::endings::told;

struct Row {
    name: &'static str,
    /// What the containerizer says.
    limit: &'static str,
    aware: &'static str,
    /// Where a framework without PARTITION_AWARE hears something else.
    plain: Option<&'static str>,
}

const ROWS: &[Row] = &[
    Row {
        name: "A14, too much memory",
        limit: "memory of=mem:32 Memory limit exceeded: Requested: 32MB Maximum Used: 33MB",
        aware: "TASK_FAILED AGENT REASON_CONTAINER_LIMITATION_MEMORY 'Memory limit exceeded: Requested: 32MB Maximum Used: 33MB' of [mem:32]",
        plain: None,
    },
    Row {
        name: "A14, too much of the disk",
        limit: "disk of=disk:10 Disk usage (20MB) exceeds quota (10MB)",
        aware: "TASK_FAILED AGENT REASON_CONTAINER_LIMITATION_DISK 'Disk usage (20MB) exceeds quota (10MB)' of [disk:10]",
        plain: None,
    },
    Row {
        name: "A14, ports that are not its own",
        limit: "other of=ports:[31000-31000] Container is listening on unallocated port(s): [31000-31000]",
        aware: "TASK_FAILED AGENT REASON_CONTAINER_LIMITATION 'Container is listening on unallocated port(s): [31000-31000]' of [ports:[31000-31000]]",
        plain: None,
    },
    Row {
        name: "A15, others want what it uses",
        limit: "preempted Container preempted by QoS correction",
        aware: "TASK_GONE AGENT REASON_CONTAINER_PREEMPTED 'Container preempted by QoS correction'",
        plain: Some("TASK_LOST AGENT REASON_CONTAINER_PREEMPTED 'Container preempted by QoS correction'"),
    },
    Row {
        name: "A16, it cannot be given what it is to have",
        limit: "update Failed to update resources for container: no such cgroup",
        aware: "TASK_GONE AGENT REASON_CONTAINER_UPDATE_FAILED 'Failed to update resources for container: no such cgroup'",
        plain: Some(
            "TASK_LOST AGENT REASON_CONTAINER_UPDATE_FAILED 'Failed to update resources for container: no such cgroup'",
        ),
    },
    // Mesos: aborts where resources are told with this.
    Row {
        name: "A17, whoever carries its input and output is gone",
        limit: "switchboard of=disk:10 'IOSwitchboard' exited with status 1",
        aware: "TASK_FAILED AGENT REASON_IO_SWITCHBOARD_EXITED ''IOSwitchboard' exited with status 1'",
        plain: None,
    },
];

/// Who runs the tasks.
struct Kind {
    name: &'static str,
    /// Until its tasks run, and what was told of them is acknowledged.
    before: &'static [&'static str],
    /// The ends of its containers; nobody is told anything before the last.
    ends: &'static [&'static str],
    tasks: &'static [&'static str],
}

const KINDS: &[Kind] = &[
    Kind {
        name: "a command task",
        before: &["run f1 t", "launched c1 9", "ack f1 t", "ack f1 t"],
        ends: &["exit c1 signal 9"],
        tasks: &["t@t"],
    },
    Kind {
        name: "a group of tasks",
        before: &[
            "group f1 e a,b launch=true",
            "launched c2 8",
            "launched c3 9",
            "ack f1 a",
            "ack f1 a",
            "ack f1 b",
            "ack f1 b",
        ],
        ends: &["exit c3 signal 9", "exit c2 signal 9"],
        tasks: &["a@e", "b@e"],
    },
    Kind {
        name: "a custom executor, with a task that it has and one that waits for it",
        before: &[
            "run f1 t executor=e launch=true",
            "launched c1 9",
            "subscribe s1 f1 e",
            "hold",
            "run f1 u executor=e launch=false",
        ],
        ends: &["exit c1 signal 9", "release"],
        tasks: &["t@e", "u@e"],
    },
];

#[test]
fn tasks_are_told_what_befell_their_container() {
    let mut wrong = Vec::new();
    for row in ROWS {
        for kind in KINDS {
            for (aware, expected) in [(true, row.aware), (false, row.plain.unwrap_or(row.aware))] {
                let container = "c1";
                let limit = format!("limit {container} {}", row.limit);
                // A second one changes nothing.
                let second = format!("limit {container} other of=cpus:1 Another limit");
                let (last, ends) = kind.ends.split_last().unwrap();
                let mut script: Vec<&str> = kind.before.to_vec();
                script.extend([limit.as_str(), second.as_str()]);
                script.extend(ends);
                assert_eq!(told(aware, &script), [] as [&str; 0], "{}, {}", row.name, kind.name);
                script.push(last);
                let expected: Vec<String> =
                    kind.tasks.iter().map(|task| format!("{task} {expected}")).collect();
                let told = told(aware, &script);
                if told != expected {
                    let (row, kind) = (row.name, kind.name);
                    wrong.push(format!(
                        "{row}, {kind} (aware: {aware}):\nexpected {expected:#?}\n    told {told:#?}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const DISK: &str = "limit c1 disk of=disk:10 Disk usage (20MB) exceeds quota (10MB)";
const TOO_MUCH: &str = "TASK_FAILED AGENT REASON_CONTAINER_LIMITATION_DISK 'Disk usage (20MB) exceeds quota (10MB)' of [disk:10]";

/// What goes before what, where several things happen to one executor. Mesos: `pendingTermination` with what its
/// containerizer says of the container.
#[test]
fn the_container_goes_before_the_agent_and_the_agent_before_the_executor() {
    let command = &["run f1 t", "launched c1 9", "ack f1 t", "ack f1 t"][..];
    let custom = &["run f1 t executor=e launch=true", "launched c1 9"][..];
    let late = DISK.replace("c1", "c2");
    for (name, before, then, expected) in [
        (
            "it was being killed: it ends as its container does",
            command,
            &["kill f1 t", DISK, "exit c1 signal 15"][..],
            format!("t@t {TOO_MUCH}"),
        ),
        (
            "the agent is being emptied",
            command,
            &["drain gone", DISK, "exit c1 signal 9"],
            format!("t@t {TOO_MUCH}"),
        ),
        (
            "its executor was asked to end",
            custom,
            &["subscribe s1 f1 e", "shutdown-executor f1 e", DISK, "exit c1 signal 9"],
            format!("t@e {TOO_MUCH}"),
        ),
        (
            "who was asked to end is not preempted",
            custom,
            &["subscribe s1 f1 e", "shutdown-executor f1 e", "limit c1 preempted QoS", "exit c1 0"],
            "t@e TASK_FAILED AGENT REASON_EXECUTOR_TERMINATED 'Executor terminated'".to_string(),
        ),
        (
            "its executor did not come before its container was gone",
            custom,
            &[DISK, "advance 60", "exit c1 signal 9"],
            format!("t@e {}", TOO_MUCH.replace("'Disk", "'Executor did not register within 1mins; Disk")),
        ),
        (
            "it did not come in time, and was over its quota after that",
            custom,
            &["advance 60", DISK, "exit c1 signal 9"],
            "t@e TASK_FAILED AGENT REASON_EXECUTOR_REGISTRATION_TIMEOUT 'Executor did not register within 1mins'"
                .to_string(),
        ),
        (
            "nor is that held against who was preempted",
            custom,
            &["limit c1 preempted Container preempted by QoS correction", "advance 60", "exit c1 signal 9"],
            "t@e TASK_GONE AGENT REASON_CONTAINER_PREEMPTED 'Container preempted by QoS correction'".to_string(),
        ),
        (
            "it never came to be launched",
            command,
            &[DISK, "failed c1 Container was destroyed before it was launched"],
            format!("t@t {TOO_MUCH}"),
        ),
        (
            "it was over its quota before it was noted, and is told so again",
            custom,
            &[
                "hold",
                "run f1 late executor=l launch=true",
                "limit c2 disk of=disk:10 passed over",
                "release",
                "launched c2 10",
                &late,
                "exit c2 signal 9",
            ],
            format!("late@l {TOO_MUCH}"),
        ),
        (
            "the agent was killed in between: why it ended is forgotten, as with Mesos",
            custom,
            &[DISK, "crash", "exit c1 signal 9", "restart", "leader", "advance 5", "reregistered S0"],
            "t@e TASK_FAILED AGENT REASON_EXECUTOR_TERMINATED 'Executor terminated'".to_string(),
        ),
    ] {
        let script: Vec<&str> = before.iter().chain(then).copied().collect();
        assert_eq!(told(true, &script), [expected], "{name}");
    }
}

#[test]
fn what_ended_of_itself_is_not_limited_any_more() {
    for (name, script) in [
        ("it has ended", &["run f1 t", "launched c1 9", "ack f1 t", "ack f1 t", "exit c1 0", DISK][..]),
        (
            "its framework is ending",
            &["run f1 t", "launched c1 9", "shutdown-framework f1", DISK, "exit c1 9"],
        ),
        // Mesos: measures what belongs to the executor alone.
        (
            "it is one task of a group",
            &["group f1 e z,t launch=true", "limit c2 disk too much", "launched c2 9"],
        ),
    ] {
        assert_eq!(told(true, script), [] as [&str; 0], "{name}");
    }
}
