// SPDX-License-Identifier: Apache-2.0

//! What clients are answered, word for word as Mesos answers.

use crate::daemon::{Daemon, Events};
use crate::support::Folder;

pub fn master() -> Daemon {
    Daemon::start("master", &["--ip=127.0.0.1", "--port=0", "--registry=in_memory"].map(str::to_string))
}

#[test]
fn endpoints_answer_under_all_their_names() {
    let master = master();
    for path in ["/state", "/state/", "//state", "/master/state", "/state.json", "/master/state.json"] {
        let (status, headers, body) = master.get(path);
        assert_eq!(status, "HTTP/1.1 200 OK", "{path}");
        assert!(
            headers.starts_with("Date: ") && headers.contains("Content-Type: application/json\r\n"),
            "{headers}"
        );
        assert!(!headers.contains("Server:") && body.starts_with("{\"version\":\"1.11.0\","), "{body}");
    }
    for path in ["/slaves/x-S0", "/tasks/?task_id=x", "/master/frameworks/", "/roles.json", "/flags"] {
        assert_eq!(master.get(path).0, "HTTP/1.1 200 OK", "{path}");
        assert_eq!(master.post(path, "", "").0, "HTTP/1.1 200 OK", "{path}");
    }
    for path in ["/", "/nosuch", "/%zz", "/%73tate", "/redirect/x", "/state/../state", "/slave(1)/state"] {
        let (status, headers, body) = master.get(path);
        assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 404 Not Found", "404 Not Found."), "{path}");
        assert!(headers.contains("Content-Type: text/plain; charset=utf-8\r\n"), "{headers}");
    }
}

/// Recorded from Mesos, but for what it does not survive.
#[test]
fn quota_is_set_and_removed_by_its_old_endpoint() {
    let master = master();
    let bad = |body: &str, text: &str| {
        let (status, _, answer) = master.post("/quota", "", body);
        assert_eq!((status.as_str(), answer.as_str()), ("HTTP/1.1 400 Bad Request", text), "{body}");
    };
    bad("", "Failed to parse set quota request JSON '': syntax error at line 1 near: ");
    bad("[]", "Failed to parse set quota request JSON '[]': Unexpected JSON type parsed");
    bad(
        r#"{"role":5,"guarantee":[]}"#,
        r#"Failed to validate set quota request JSON '{"role":5,"guarantee":[]}': Not expecting a JSON number for field 'role'"#,
    );
    bad(r#"{"role":"h"}"#, "Failed to validate set quota request: QuotaInfo with empty 'guarantee'");
    let good =
        r#"{"role":"h","force":true,"guarantee":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]}"#;
    let (status, _, text) = master.post("/quota", "", &good.replace("true", "false"));
    assert_eq!(status, "HTTP/1.1 409 Conflict");
    assert!(text.ends_with("Total quota guarantees 'cpus:1' exceed cluster capacity '{}'"), "{text}");
    assert_eq!(master.post("/quota", "", good).0, "HTTP/1.1 200 OK");
    let guarantee = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1.0}}]"#;
    let config = r#"{"role":"h","guarantees":{"cpus":{"value":1.0}},"limits":{"cpus":{"value":1.0}}}"#;
    let shown = format!(r#"{{"infos":[{{"role":"h","guarantee":{guarantee}}}],"configs":[{config}]}}"#);
    assert_eq!(master.get("/quota").2, shown);
    let roles = master.get("/roles").2;
    assert!(
        roles.contains(r#""quota":{"role":"h","guarantee":{"cpus":1.0},"limit":{"cpus":1.0},"consumed":{}}"#),
        "{roles}"
    );
    assert!(
        master
            .get("/metrics/snapshot")
            .2
            .contains(r#""allocator/mesos/quota/roles/h/resources/cpus/limit":1.0"#)
    );
    let delete = |path: &str| {
        let (status, _, text) =
            master.ask(&format!("DELETE {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        format!("{} {text}", status.split(' ').nth(1).unwrap())
    };
    let tokens = "expected 3 tokens, found 2 tokens";
    assert_eq!(
        delete("/quota"),
        format!("400 Failed to parse remove quota request for path '/master/quota': {tokens}")
    );
    assert_eq!(delete("/quota/h"), "200 ");
    let none = "400 Failed to remove quota for path '/master/quota/h': Role 'h' has no quota set";
    assert_eq!(delete("/quota/h"), none);
    assert_eq!(master.get("/quota").2, "{}");
    let (status, headers, _) = master.ask("PUT /quota HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(status, "HTTP/1.1 405 Method Not Allowed");
    assert!(headers.contains("Allow: GET, POST, DELETE\r\n"), "{headers}");
}

#[test]
fn weights_are_set_by_their_old_endpoint() {
    let master = master();
    let put = |body: &str| {
        let length = body.len();
        let request = format!(
            "PUT /weights HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let (status, _, text) = master.ask(&request);
        format!("{} {text}", status.split(' ').nth(1).unwrap())
    };
    for (body, answer) in [
        ("{}", "400 Failed to parse update weights request JSON '{}': Unexpected JSON type parsed"),
        ("[1]", "400 Failed to convert weights JSON array to protobuf '[1]': Expecting a JSON object"),
        (
            "[{}]",
            "400 Failed to convert weights JSON array to protobuf '[{}]': Missing required fields: weight",
        ),
        ("[]", "200 "),
        (r#"[{"role":"b/c","weight":2.5},{"role":"a","weight":3}]"#, "200 "),
    ] {
        assert_eq!(put(body), answer);
    }
    assert_eq!(master.get("/weights").2, r#"[{"role":"a","weight":3.0},{"role":"b/c","weight":2.5}]"#);
    assert_eq!(master.post("/weights", "", "[]").0, "HTTP/1.1 405 Method Not Allowed");
    assert_eq!(master.get("/allocator/offer_constraints_debug").2, r#"{"frameworks":{}}"#);
    assert_eq!(master.get("/offer_constraints_debug").0, "HTTP/1.1 404 Not Found");
}

#[test]
fn the_small_endpoints_answer() {
    let master = master();
    let (status, headers, body) = master.get("/health");
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", ""));
    assert!(headers.contains("Content-Length: 0\r\n"));
    for path in ["/redirect", "/master/redirect"] {
        let (status, headers, _) = master.get(path);
        assert_eq!(status, "HTTP/1.1 307 Temporary Redirect");
        let port = master.address.rsplit(':').next().unwrap();
        assert!(headers.contains("Location: //") && headers.contains(&format!(":{port}\r\n")), "{headers}");
    }
    let (_, _, version) = master.get("/version");
    assert!(
        version.contains("\"kaon_version\":") && version.ends_with("\"version\":\"1.11.0\"}"),
        "{version}"
    );
    let request = "GET /version HTTP/1.0\r\nAuthorization: Basic dTpw\r\n\r\n";
    assert_eq!(master.ask(request).2, version, "what a client says of itself is ignored");
    let (status, _, text) = master.get("/metrics/snapshot?timeout=x");
    assert_eq!(status, "HTTP/1.1 400 Bad Request");
    assert_eq!(text, "Invalid timeout 'x': Failed to convert '' to number.\n");
    let (_, _, metrics) = master.get("/metrics/snapshot?timeout=100ms");
    for name in ["master/elected", "system/cpus_total", "kaon/http_requests", "registrar/queued_operations"] {
        assert!(metrics.contains(&format!("\"{name}\":")), "{name}");
    }
    let (_, headers, metrics) = master.get("/metrics");
    assert!(headers.contains("openmetrics-text") && metrics.ends_with("# EOF\n"));
    assert_eq!(master.get("/files/debug").2, "{}");
    assert_eq!(master.get("/files/read").2, "Expecting 'path=value' in query.\n");
    assert!(master.get("/system/stats.json").2.starts_with("{\"avg_load_15min\":"));
    let (status, _, body) = master.post("/master/teardown", "", "frameworkId=nope");
    assert_eq!(
        (status.as_str(), body.as_str()),
        ("HTTP/1.1 400 Bad Request", "No framework found with specified ID")
    );
    assert_eq!(master.get("/teardown").0, "HTTP/1.1 405 Method Not Allowed");
}

#[test]
fn calls_are_checked_in_mesos_order() {
    let master = master();
    let json = "Content-Type: application/json\r\n";
    let subscribe = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"x"}}}"#;
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let (scheduler, operator) = ("/api/v1/scheduler", "/api/v1");
    for (path, headers, body, status, text) in [
        (scheduler, "", subscribe, 400, "Expecting 'Content-Type' to be present"),
        (
            scheduler,
            "Content-Type: application/json; charset=utf-8\r\n",
            subscribe,
            415,
            "Expecting 'Content-Type' of application/json or application/x-protobuf",
        ),
        (scheduler, json, "{oops", 400, "Failed to parse body into JSON: syntax error at line 1 near: oops"),
        (scheduler, json, "[]", 400, "Failed to convert JSON into Call protobuf: Expecting a JSON object"),
        (scheduler, json, &deep, 400, "Failed to parse body into JSON: syntax error at line 1 near: ["),
        (
            scheduler,
            "Content-Type: application/x-protobuf\r\n",
            "\u{1}",
            400,
            "Failed to parse body into Call protobuf",
        ),
        (scheduler, json, "{}", 400, "Failed to validate scheduler::Call: Expecting 'type' to be present"),
        (
            scheduler,
            "Content-Type: application/json\r\nAccept: text/plain\r\n",
            subscribe,
            406,
            "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
        ),
        (
            scheduler,
            "Content-Type: application/json\r\nMesos-Stream-Id: x\r\n",
            subscribe,
            400,
            "Subscribe calls should not include the 'Mesos-Stream-Id' header",
        ),
        (
            scheduler,
            json,
            r#"{"type":"REVIVE","framework_id":{"value":"x"}}"#,
            400,
            "Framework cannot be found",
        ),
        (
            operator,
            json,
            r#"{"type":1}"#,
            400,
            "Failed to convert JSON into Call protobuf: Not expecting a JSON number for field 'type'",
        ),
        (
            operator,
            json,
            r#"{"type":"GET_METRICS"}"#,
            400,
            "Failed to validate master::Call: Expecting 'get_metrics' to be present",
        ),
        (operator, json, r#"{"type":"LIST_FILES","list_files":{"path":"/x"}}"#, 404, ""),
        (
            "/api/v1/operator",
            json,
            r#"{"type":"GET_HEALTH"}"#,
            200,
            r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#,
        ),
        (
            operator,
            json,
            r#"{"type":"GET_LOGGING_LEVEL"}"#,
            200,
            r#"{"type":"GET_LOGGING_LEVEL","get_logging_level":{"level":0}}"#,
        ),
    ] {
        let (line, _, answer) = master.post(path, headers, body);
        assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{line} {answer:.200} for {body:.100}");
        assert!(answer.starts_with(text), "{answer:.200} for {body:.100}");
    }
    let (status, headers, body) = master.get("/api/v1/scheduler");
    assert_eq!(status, "HTTP/1.1 405 Method Not Allowed");
    assert!(headers.contains("Allow: POST\r\n"));
    assert_eq!(body, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.");
    let protobuf = "Content-Type: application/json\r\nAccept: application/x-protobuf\r\n";
    let (_, headers, body) = master.post(operator, protobuf, r#"{"type":"GET_HEALTH"}"#);
    assert!(headers.contains("Content-Type: application/x-protobuf\r\n"));
    assert_eq!(body.as_bytes(), [8, 1, 18, 2, 8, 1]);
}

#[test]
fn an_operator_watches() {
    let master = master();
    let mut events = Events::subscribe(&master, "/api/v1", r#"{"type":"SUBSCRIBE"}"#);
    assert!(events.next().unwrap().starts_with("{\"type\":\"SUBSCRIBED\",\"subscribed\":{\"get_state\":"));
    assert_eq!(events.next().unwrap(), "{\"type\":\"HEARTBEAT\"}");
    let framework = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"x"}}}"#;
    let mut scheduler = Events::subscribe(&master, "/api/v1/scheduler", framework);
    assert!(!scheduler.id.is_empty() && scheduler.next().unwrap().contains("SUBSCRIBED"));
    assert!(events.wait_for("FRAMEWORK_ADDED").contains("\"name\":\"x\""));
    drop(scheduler);
    assert!(events.wait_for("FRAMEWORK_REMOVED").contains("\"name\":\"x\""));
}

#[test]
fn the_agents_port_answers_executors() {
    let folder = Folder::new();
    let flags = [
        "--ip=127.0.0.1",
        "--port=0",
        "--master=127.0.0.1:1",
        &format!("--work_dir={}", folder.path().join("work").display()),
        &format!("--runtime_dir={}", folder.path().join("runtime").display()),
    ]
    .map(str::to_string);
    let agent = Daemon::start("agent", &flags);
    assert_eq!(agent.get("/slave(1)/health").0, "HTTP/1.1 200 OK");
    assert_eq!(agent.get("/master/health").0, "HTTP/1.1 404 Not Found");
    let call =
        r#"{"type":"SUBSCRIBE","executor_id":{"value":"e"},"framework_id":{"value":"f"},"subscribe":{}}"#;
    let (status, text) = agent.call("/api/v1/executor", "", call);
    assert_eq!((status.as_str(), text.as_str()), ("HTTP/1.1 400 Bad Request", "Framework cannot be found"));
    let (status, text) = agent.call(
        "/slave(1)/api/v1/executor",
        "",
        r#"{"type":"MESSAGE","executor_id":{"value":"e"},"framework_id":{"value":"f"}}"#,
    );
    assert_eq!(status, "HTTP/1.1 400 Bad Request");
    assert_eq!(text, "Failed to validate Executor::Call: Expecting 'message' to be present");
    for (path, text) in [
        ("/state", "{\"version\":\"1.11.0\""),
        ("/slave(1)/state.json", "{\"version\":\"1.11.0\""),
        ("/containers", "[]"),
        ("/monitor/statistics", "[]"),
        ("/monitor/statistics.json", "[]"),
        ("/flags", "{\"flags\":{"),
        ("/metrics/snapshot", "{\"containerizer/fetcher/cache_size_total_bytes\":2147483648.0,"),
        ("/containerizer/debug", "{\"pending\":[]}"),
        ("/files/debug", "{}"),
        ("/__processes__", "[{\"events\":[],\"id\":\"slave(1)\"},"),
        ("/help", "## HELP\n> [/files][files]\n"),
        ("/help/slave(1)/state", "### USAGE ###\n>        /slave(1)/state\n"),
        ("/logging/toggle", "0\n"),
        ("/logging/toggle?level=1&duration=1mins", ""),
        ("/logging/toggle", "1\n"),
        ("/logging/toggle?level=0&duration=1secs", ""),
        ("/logging/toggle", "0\n"),
    ] {
        let (status, _, body) = agent.get(path);
        assert!(status == "HTTP/1.1 200 OK" && body.starts_with(text), "{path}: {status} {body}");
    }
    for (path, status, text) in [
        ("/help/nosuch", 404, "404 Not Found."),
        ("/help/slave(1)/nosuch", 400, "No help available for '/slave(1)/nosuch'.\n"),
        ("/logging/toggle?level=1", 400, "Expecting 'duration=value' in query.\n"),
        ("/logging/toggle?duration=1secs", 400, "Expecting 'level=value' in query.\n"),
        ("/logging/toggle?level=x&duration=1secs", 400, "Failed to convert 'x' to number.\n"),
        ("/logging/toggle?level=-1&duration=1secs", 400, "Invalid level '-1'.\n"),
        ("/logging/toggle?level=1&duration=xx", 400, "Failed to convert '' to number.\n"),
        ("/profiler/stop", 400, "Perftools is disabled. To enable perftools, configure libprocess with"),
        ("/memory-profiler/state", 404, "404 Not Found."),
    ] {
        let (got, _, body) = agent.get(path);
        assert!(got.contains(&format!(" {status} ")) && body.starts_with(text), "{path}: {got} {body}");
    }
    let json = "Content-Type: application/json\r\n";
    for (headers, body, status, text) in [
        (json, r#"{"type":"GET_HEALTH"}"#, 200, r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#),
        (json, r#"{"type":"GET_CONTAINERS"}"#, 200, r#"{"type":"GET_CONTAINERS""#),
        (
            json,
            r#"{"type":"GET_LOGGING_LEVEL"}"#,
            200,
            r#"{"type":"GET_LOGGING_LEVEL","get_logging_level":{"level":0}}"#,
        ),
        (
            json,
            r#"{"type":"SET_LOGGING_LEVEL","set_logging_level":{"level":2,"duration":{"nanoseconds":60000000000}}}"#,
            200,
            "",
        ),
        (
            json,
            r#"{"type":"GET_LOGGING_LEVEL"}"#,
            200,
            r#"{"type":"GET_LOGGING_LEVEL","get_logging_level":{"level":2}}"#,
        ),
        (
            json,
            r#"{"type":"SET_LOGGING_LEVEL"}"#,
            400,
            "Failed to validate agent::Call: Expecting 'set_logging_level' to be present",
        ),
        (json, r#"{"type":1}"#, 400, "Not expecting a JSON number for field 'type'"),
        (json, "{}", 400, "Failed to validate agent::Call: Expecting 'type' to be present"),
        (
            json,
            r#"{"type":"READ_FILE"}"#,
            400,
            "Failed to validate agent::Call: Expecting 'read_file' to be present",
        ),
        (json, r#"{"type":"LIST_FILES","list_files":{"path":"/etc"}}"#, 404, ""),
        (json, r#"{"type":"PRUNE_IMAGES"}"#, 501, "PRUNE_IMAGES is not implemented by this agent"),
        ("", "{}", 400, "Expecting 'Content-Type' to be present"),
        ("Content-Type: application/recordio\r\n", "", 400, "Expecting 'Message-Content-Type' to be set"),
        (
            "Content-Type: text/plain\r\nAccept: text/plain\r\n",
            "",
            406,
            "Expecting 'Accept' to allow application/json",
        ),
        ("Content-Type: text/plain\r\n", "", 415, "Expecting 'Content-Type' of application/json"),
        (
            "Content-Type: application/json\r\nAccept: application/recordio\r\n",
            r#"{"type":"GET_HEALTH"}"#,
            406,
            "Streaming response is not supported for GET_HEALTH call",
        ),
    ] {
        let (line, _, answer) = agent.post("/api/v1", headers, body);
        assert!(
            line.starts_with(&format!("HTTP/1.1 {status} ")) && answer.starts_with(text),
            "{line} {answer} for {body}"
        );
    }
}
