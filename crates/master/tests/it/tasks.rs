// SPDX-License-Identifier: Apache-2.0

//! What a framework is told of tasks that cannot be launched.

use crate::scene::Stage;

/// Launches `operation` on a fresh offer of `cpus:4;mem:1024;disk:1024;ports:[31000-31009]`, where a task `old` runs
/// already, and returns the messages of the refusals.
fn refusals(stage: &mut Stage, operation: &str) -> Vec<String> {
    let accept = format!(
        r#"call 1 {{"type":"ACCEPT","framework_id":{{"value":"$F1"}},"accept":{{"filters":{{"refuse_seconds":0}},"offer_ids":[{{"value":"$O"}}],"operations":[{operation}]}}}}"#
    );
    let effects = stage.play(&accept);
    let refusal = |line: &str| {
        let (_, rest) = line.split_once(r#""message":""#)?;
        let (message, _) = rest.split_once(r#"","source":"SOURCE_MASTER","reason":"REASON_TASK_"#)?;
        Some(message.replace("\\n", "\n").replace("\\\"", "\""))
    };
    let messages = effects.lines().filter_map(refusal).collect();
    stage.play("after 1100ms");
    messages
}

fn stage() -> Stage {
    let mut stage = Stage::new();
    stage.play(r#"subscribe 1 {"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}"#);
    stage.play("join 1 cpus:5;mem:1024;disk:1024;gpus:2;ports:[31000-31009]");
    stage.play(r#"subscribe 1 {"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n","capabilities":[{"type":"GPU_RESOURCES"}]}}}"#);
    stage.play("after 1secs");
    stage.play("launch 1 old:1");
    stage.play("after 6secs");
    stage
}

const CPU: &str = r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1}}"#;

/// Members of a task, JSON without braces; what is not given is as it must be.
fn task(id: &str, members: &str) -> String {
    let mut all = vec![format!(r#""name":"x","task_id":{{"value":"{id}"}}"#)];
    let given = |name: &str| members.contains(&format!(r#""{name}":"#));
    if !given("agent_id") {
        all.push(r#""agent_id":{"value":"$A1"}"#.to_string());
    }
    if !members.contains(r#""command":"#) && !members.contains(r#""executor":"#) {
        all.push(r#""command":{"value":"true"}"#.to_string());
    }
    if !members.starts_with(r#""resources":"#) {
        all.push(format!(r#""resources":[{CPU}]"#));
    }
    all.push(members.to_string());
    all.retain(|part| !part.is_empty());
    format!("{{{}}}", all.join(","))
}

fn check(stage: &mut Stage, id: &str, members: &str, expected: &str) {
    let operation = format!(r#"{{"type":"LAUNCH","launch":{{"task_infos":[{}]}}}}"#, task(id, members));
    assert_eq!(refusals(stage, &operation), [expected], "{members}");
}

#[test]
fn tasks_are_refused_with_the_texts_of_mesos() {
    let mut stage = stage();
    let long = "x".repeat(256);
    for (id, members, expected) in [
        ("", "", "ID must not be empty"),
        ("..", "", "'..' is disallowed"),
        ("a/b", "", "'a/b' contains invalid characters"),
        (long.as_str(), "", "ID must not be greater than 255 characters"),
        ("old", "", "Task has duplicate ID: old"),
        (
            "t",
            r#""kill_policy":{"grace_period":{"nanoseconds":-1}}"#,
            "Task's 'kill_policy.grace_period' must be non-negative",
        ),
        (
            "t",
            r#""max_completion_time":{"nanoseconds":-1}"#,
            "Task's `max_completion_time` must be non-negative",
        ),
        ("t", r#""check":{}"#, "Task uses invalid check: CheckInfo must specify 'type'"),
        (
            "t",
            r#""check":{"type":"HTTP"}"#,
            "Task uses invalid check: Expecting 'http' to be set for HTTP check",
        ),
        (
            "t",
            r#""check":{"type":"TCP","tcp":{"port":1},"delay_seconds":-1}"#,
            "Task uses invalid check: Expecting 'delay_seconds' to be non-negative",
        ),
        (
            "t",
            r#""health_check":{"type":"COMMAND"}"#,
            "Task uses invalid health check: Expecting 'command' to be set for COMMAND health check",
        ),
        (
            "t",
            r#""health_check":{"type":"HTTP","http":{"port":1,"scheme":"ftp"}}"#,
            "Task uses invalid health check: Unsupported HTTP health check scheme: 'ftp'",
        ),
        (
            "t",
            r#""health_check":{"type":"HTTP","http":{"port":1,"path":"x"}}"#,
            "Task uses invalid health check: The path 'x' of HTTP health check must start with '/'",
        ),
        ("t", r#""resources":[]"#, "Task uses no resources"),
        (
            "t",
            r#""resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":-1}}]"#,
            "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0",
        ),
        (
            "t",
            r#""resources":[{"name":"gpus","type":"SCALAR","scalar":{"value":0.5}}]"#,
            "Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer",
        ),
        (
            "t",
            r#""resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":9}}]"#,
            "Total resources cpus(allocated: *):9 required by task and its executor is more than available cpus(allocated: *):4; gpus(allocated: *):2; mem(allocated: *):1024; disk(allocated: *):1024; ports(allocated: *):[31000-31009]",
        ),
        (
            "t",
            r#""resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"a"}}]"#,
            "Total resources cpus(allocated: a):1 required by task and its executor is more than available cpus(allocated: *):4; gpus(allocated: *):2; mem(allocated: *):1024; disk(allocated: *):1024; ports(allocated: *):[31000-31009]",
        ),
        (
            "t",
            r#""resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"a"}},{"name":"mem","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"b"}}]"#,
            "Invalid task resources: The resources have multiple allocation roles ('b' and 'a') but only one allocation role is allowed",
        ),
        (
            "t",
            r#""resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}},{"name":"cpus","type":"SCALAR","scalar":{"value":1},"revocable":{}}]"#,
            "Task mixes revocable and non-revocable resources: Cannot use both revocable and non-revocable 'cpus' at the same time",
        ),
        (
            "t",
            r#""command":{"environment":{"variables":[{"name":"E"}]}}"#,
            "Task's `CommandInfo` is invalid: Environment variable 'E' of type 'VALUE' must have a value set",
        ),
        (
            "t",
            r#""container":{"type":"DOCKER"}"#,
            "Task's `ContainerInfo` is invalid: DockerInfo 'docker' is not set for DOCKER typed ContainerInfo",
        ),
        (
            "t",
            r#""container":{"type":"MESOS","volumes":[{"mode":"RO","container_path":"x"}]}"#,
            "Task's `ContainerInfo` is invalid: Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source'",
        ),
        (
            "t",
            r#""limits":{"disk":{"value":1}}"#,
            "Only cpus and mem may be included in a task's resource limits",
        ),
        (
            "t",
            r#""limits":{"cpus":{"value":0.5}}"#,
            "The cpu limit must be greater than or equal to the cpu request",
        ),
        (
            "t",
            r#""limits":{"mem":{"value":64}}"#,
            "When a memory limit is specified, a memory request must also be specified",
        ),
        (
            "t",
            r#""container":{"type":"MESOS","linux_info":{"share_cgroups":false}}"#,
            "Only tasks in a task group may have 'share_cgroups' set to 'false'",
        ),
        (
            "t",
            r#""command":{"value":"x"},"executor":{"executor_id":{"value":"e"}}"#,
            "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present",
        ),
        (
            "t",
            r#""executor":{"executor_id":{"value":"/"},"command":{"value":"x"}}"#,
            "'/' contains invalid characters",
        ),
        ("t", r#""executor":{"executor_id":{"value":"e"}}"#, "'ExecutorInfo.command' must be set"),
        (
            "t",
            r#""executor":{"executor_id":{"value":"e"},"type":"CUSTOM"}"#,
            "'ExecutorInfo.command' must be set for 'CUSTOM' executor",
        ),
        (
            "t",
            r#""executor":{"executor_id":{"value":"e"},"type":"DEFAULT"}"#,
            "'ExecutorInfo.type' must be 'CUSTOM'",
        ),
        (
            "t",
            r#""executor":{"executor_id":{"value":"e"},"framework_id":{"value":"f"},"command":{"value":"x"}}"#,
            "ExecutorInfo has an invalid FrameworkID (Actual: f vs Expected: M-0001)",
        ),
        (
            "t",
            r#""executor":{"executor_id":{"value":"e"},"command":{"value":"x"},"shutdown_grace_period":{"nanoseconds":-1}}"#,
            "ExecutorInfo's 'shutdown_grace_period' must be non-negative",
        ),
        (
            "t",
            r#""resources":[{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":31000,"end":31001}]}}],"executor":{"executor_id":{"value":"e"},"command":{"value":"x"},"resources":[{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":31001,"end":31002}]}}]}"#,
            "There are overlapping resources in the task resources ports(allocated: *):[31000-31001] and executor resources ports(allocated: *):[31001-31002]",
        ),
    ] {
        check(&mut stage, id, members, expected);
    }
    check(
        &mut stage,
        "t",
        r#""agent_id":{"value":"other"}"#,
        "Task uses invalid agent other while agent M-S0 is expected",
    );
}

#[test]
fn groups_are_refused_with_the_texts_of_mesos() {
    let mut stage = stage();
    let r = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":0.5}},{"name":"mem","type":"SCALAR","scalar":{"value":32}},{"name":"disk","type":"SCALAR","scalar":{"value":1}}]"#;
    let mut check = |executor: &str, members: &str, expected: &str| {
        let executor =
            format!(r#"{{"executor_id":{{"value":"e"}},"framework_id":{{"value":"$F1"}},{executor}}}"#);
        let tasks = format!("{},{}", task("a", members), task("b", ""));
        let group = format!(
            r#"{{"type":"LAUNCH_GROUP","launch_group":{{"executor":{executor},"task_group":{{"tasks":[{tasks}]}}}}}}"#
        );
        // Every task of the group is told.
        assert_eq!(refusals(&mut stage, &group), [expected, expected], "{executor} {members}");
    };
    let good = format!(r#""type":"DEFAULT","resources":{r}"#);
    check(&format!(r#""resources":{r}"#), "", "'ExecutorInfo.type' must be set");
    check(r#""type":"DEFAULT""#, "", "Executor 'e' uses less CPUs (None) than the minimum required (0.01)");
    check(
        r#""type":"DEFAULT","resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}},{"name":"mem","type":"SCALAR","scalar":{"value":31}}]"#,
        "",
        "Executor 'e' uses less memory (31) than the minimum required (32MB)",
    );
    check(
        r#""type":"DEFAULT","resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}},{"name":"mem","type":"SCALAR","scalar":{"value":32}}]"#,
        "",
        "Executor 'e' uses no disk",
    );
    check(
        &format!(r#"{good},"command":{{"value":"x"}}"#),
        "",
        "'ExecutorInfo.command' must not be set for 'DEFAULT' executor",
    );
    check(
        &format!(r#"{good},"container":{{"type":"DOCKER"}}"#),
        "",
        "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor",
    );
    check(
        &format!(r#"{good},"container":{{"type":"MESOS","linux_info":{{"share_cgroups":true}}}}"#),
        "",
        "The 'share_cgroups' field cannot be set to 'true' on executor containers",
    );
    check(
        &good,
        r#""container":{"type":"DOCKER","docker":{"image":"x"}}"#,
        "Task 'a' is invalid: Docker ContainerInfo is not supported on the task",
    );
    check(
        &good,
        r#""limits":{"cpus":{"value":2}}"#,
        "Task 'a' is invalid: Resource limits may only be set for tasks within a task group when the 'share_cgroups' field is set to 'false'.",
    );
    check(
        &good,
        r#""container":{"type":"MESOS","linux_info":{"share_cgroups":false}}"#,
        "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a single executor",
    );
    check(
        &good,
        r#""executor":{"executor_id":{"value":"f"}}"#,
        "The `ExecutorInfo` of task 'a' is different from executor 'e'",
    );
    check(
        &good,
        r#""resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":9}}]"#,
        "Total resources cpus(allocated: *):10.5; mem(allocated: *):32; disk(allocated: *):1 required by task group and its executor are more than available cpus(allocated: *):4; gpus(allocated: *):2; mem(allocated: *):1024; disk(allocated: *):1024; ports(allocated: *):[31000-31009]",
    );
}
