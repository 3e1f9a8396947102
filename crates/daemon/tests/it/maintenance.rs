// SPDX-License-Identifier: Apache-2.0

//! Maintenance by the endpoints and calls of operators. Recorded from Mesos, where nothing else is said.

use super::front::master;

const WINDOW: &str =
    r#"{"windows":[{"machine_ids":[MACHINES],"unavailability":{"start":{"nanoseconds":7}}}]}"#;

fn window(machines: &str) -> String {
    WINDOW.replace("MACHINES", machines)
}

/// What makes no sense is refused with Mesos's words, and changes nothing.
#[test]
fn wrong_plans_are_refused() {
    let master = master();
    let planned = window(r#"{"hostname":"Down","ip":"10.0.0.1"},{"hostname":"draining"}"#);
    assert_eq!(master.post("/maintenance/schedule", "", &planned).0, "HTTP/1.1 200 OK");
    let down = r#"[{"hostname":"dOWN","ip":"10.0.0.1"}]"#;
    assert_eq!(master.post("/machine/down", "", down).0, "HTTP/1.1 200 OK");
    let shown = || [master.get("/maintenance/schedule").2, master.get("/maintenance/status").2];
    let before = shown();
    assert!(before[1].contains(r#""down_machines":[{"hostname":"Down","ip":"10.0.0.1"}]"#), "{}", before[1]);

    let negative = r#"{"windows":[{"machine_ids":[{"hostname":"a"},{"hostname":"a"}],
        "unavailability":{"start":{"nanoseconds":1},"duration":{"nanoseconds":-1}}}]}"#;
    let twice = r#"{"windows":[{"machine_ids":[{"hostname":"a","ip":"1.2.3.4"}],"unavailability":{"start":{"nanoseconds":1}}},
        {"machine_ids":[{"hostname":"A","ip":"1.2.3.4"}],"unavailability":{"start":{"nanoseconds":9}}}]}"#;
    let (schedule, down, up) = ("/maintenance/schedule", "/machine/down", "/machine/up");
    let dup = r#"[{"hostname":"draining"},{"hostname":"Draining"}]"#;
    for (path, body, text) in [
        (schedule, "", "syntax error at line 1 near: "),
        (schedule, "x", "syntax error at line 1 near: x"),
        (schedule, "[]", "Unexpected JSON type parsed"),
        (schedule, r#"{"windows":3}"#, "Not expecting a JSON number for field 'windows'"),
        (schedule, r#"{"windows":[{}]}"#, "Missing required fields: windows[0].unavailability"),
        (schedule, &window(""), "List of machines in the maintenance window is empty"),
        (schedule, &window("{}"), "Both 'hostname' and 'ip' for a machine are empty"),
        (schedule, &window(r#"{"hostname":"","ip":""}"#), "Both 'hostname' and 'ip' for a machine are empty"),
        (schedule, &window(r#"{"hostname":"a","ip":"::1"}"#), "Failed to parse IPv4: ::1"),
        (schedule, &window(r#"{"hostname":"a","ip":"127.1"}"#), "Failed to parse IPv4: 127.1"),
        (
            schedule,
            &window(r#"{"hostname":"a"},{"hostname":"A"}"#),
            r#"Machine '{"hostname":"A"}' appears more than once in the schedule"#,
        ),
        (
            schedule,
            twice,
            r#"Machine '{"hostname":"A","ip":"1.2.3.4"}' appears more than once in the schedule"#,
        ),
        (schedule, negative, "Unavailability 'duration' is negative"),
        (
            schedule,
            "{}",
            r#"Machine '{"hostname":"Down","ip":"10.0.0.1"}' is deactivated and cannot be removed from the schedule"#,
        ),
        (down, "", "syntax error at line 1 near: "),
        (down, "{}", "Unexpected JSON type parsed"),
        (down, "[]", "List of machines is empty"),
        (down, "[3]", "Expecting a JSON object"),
        (down, r#"[{"hostname":3}]"#, "Not expecting a JSON number for field 'hostname'"),
        (down, "[{}]", "Both 'hostname' and 'ip' for a machine are empty"),
        (down, r#"[{"ip":"bad"}]"#, "Failed to parse IPv4: bad"),
        (down, dup, r#"Machine '{"hostname":"Draining"}' appears more than once in the schedule"#),
        (
            down,
            r#"[{"hostname":"draining"},{"hostname":"nobody"}]"#,
            r#"Machine '{"hostname":"nobody"}' is not part of a maintenance schedule"#,
        ),
        (
            down,
            r#"[{"hostname":"down"}]"#,
            r#"Machine '{"hostname":"down"}' is not part of a maintenance schedule"#,
        ),
        (
            down,
            r#"[{"hostname":"down","ip":"10.0.0.1"}]"#,
            r#"Machine '{"hostname":"down","ip":"10.0.0.1"}' is not in DRAINING mode and cannot be brought down"#,
        ),
        (up, "[]", "List of machines is empty"),
        (
            up,
            r#"[{"hostname":"draining"}]"#,
            r#"Machine '{"hostname":"draining"}' is not in DOWN mode and cannot be brought up"#,
        ),
        (
            up,
            r#"[{"hostname":"nobody"}]"#,
            r#"Machine '{"hostname":"nobody"}' is not part of a maintenance schedule"#,
        ),
    ] {
        let (status, _, answer) = master.post(path, "", body);
        assert_eq!((status.as_str(), answer.as_str()), ("HTTP/1.1 400 Bad Request", text), "{path} {body}");
        assert_eq!(shown(), before, "{path} {body}");
    }
    for (method, path, allowed) in
        [("PUT", schedule, "GET, POST"), ("GET", down, "POST"), ("DELETE", "/maintenance/status", "GET")]
    {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let (status, headers, _) = master.ask(&request);
        assert_eq!(status, "HTTP/1.1 405 Method Not Allowed");
        assert!(headers.contains(&format!("Allow: {allowed}\r\n")), "{headers}");
    }
}

#[test]
fn calls_are_refused_in_the_same_words() {
    let master = master();
    let call = |body: &str| {
        let headers = "Content-Type: application/json\r\nAccept: application/json\r\n";
        let (status, _, text) = master.post("/api/v1", headers, body);
        format!("{} {text}", status.split(' ').nth(1).unwrap())
    };
    let update = |schedule: &str| {
        let update = format!(r#""update_maintenance_schedule":{{"schedule":{schedule}}}"#);
        call(&format!(r#"{{"type":"UPDATE_MAINTENANCE_SCHEDULE",{update}}}"#))
    };
    let machines = |kind: &str, machines: &str| {
        let member = kind.to_lowercase();
        call(&format!(r#"{{"type":"{kind}","{member}":{{"machines":{machines}}}}}"#))
    };
    assert_eq!(update(&window("")), "400 List of machines in the maintenance window is empty");
    assert_eq!(update(&window(r#"{"hostname":"x"}"#)), "200 ");
    let (start, stop, x) = ("START_MAINTENANCE", "STOP_MAINTENANCE", r#"[{"hostname":"x"}]"#);
    assert_eq!(machines(start, "[]"), "400 List of machines is empty");
    let none = r#"400 Machine '{"hostname":"q"}' is not part of a maintenance schedule"#;
    assert_eq!(machines(start, r#"[{"hostname":"q"}]"#), none);
    assert_eq!(machines(start, x), "200 ");
    let status = call(r#"{"type":"GET_MAINTENANCE_STATUS"}"#);
    assert!(status.ends_with(r#"{"status":{"down_machines":[{"hostname":"x"}]}}}"#), "{status}");
    let down = r#"400 Machine '{"hostname":"x"}' is not in DRAINING mode and cannot be brought down"#;
    assert_eq!(machines(start, x), down);
    assert_eq!(machines(stop, x), "200 ");
    let schedule = call(r#"{"type":"GET_MAINTENANCE_SCHEDULE"}"#);
    assert!(schedule.ends_with(r#""get_maintenance_schedule":{"schedule":{}}}"#), "{schedule}");
    assert_eq!(master.get("/registrar(1)/registry").2.matches(r#""machines":{}"#).count(), 1);
}
