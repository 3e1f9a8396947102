// SPDX-License-Identifier: Apache-2.0

//! Who may come, and who may take hosts out of service. Recorded from Mesos, where nothing else is said.

use std::fs;

use serde_json::Value;

use crate::daemon::Daemon;
use crate::support::Folder;

/// `alice:a` and `bob:b`, as HTTP Basic has them.
const ALICE: &str = "Authorization: Basic YWxpY2U6YQ==\r\n";
const BOB: &str = "Authorization: Basic Ym9iOmI=\r\n";
const WRONG: &str = "Authorization: Basic YWxpY2U6Yg==\r\n";

fn flags(folder: &Folder, more: &[&str]) -> Vec<String> {
    let credentials = folder.path().join("credentials");
    let text = r#"{"credentials":[{"principal":"alice","secret":"a"},{"principal":"bob","secret":"b"}]}"#;
    fs::write(&credentials, text).unwrap();
    let own = ["--ip=127.0.0.1", "--port=0", "--registry=in_memory"].map(str::to_string);
    let credentials = format!("--credentials={}", credentials.display());
    own.into_iter().chain([credentials]).chain(more.iter().map(|flag| flag.to_string())).collect()
}

/// All lists, for alice alone.
fn acls() -> String {
    let list = |(name, objects): (&str, &str)| {
        let rule =
            |who: &str, what: &str| format!(r#"{{"principals":{who},"{objects}":{{"type":"{what}"}}}}"#);
        let (alice, others) = (rule(r#"{"values":["alice"]}"#, "ANY"), rule(r#"{"type":"ANY"}"#, "NONE"));
        format!(r#""{name}":[{alice},{others}]"#)
    };
    let lists = [
        ("update_maintenance_schedules", "machines"),
        ("start_maintenances", "machines"),
        ("stop_maintenances", "machines"),
        ("drain_agents", "agents"),
        ("deactivate_agents", "agents"),
        ("reactivate_agents", "agents"),
        ("mark_agents_gone", "agents"),
    ];
    format!("--acls={{{}}}", lists.map(list).join(","))
}

#[test]
fn callers_say_who_they_are() {
    let folder = Folder::new();
    let asks = ["--authenticate_http_readonly", "--authenticate_http_readwrite"];
    let master = Daemon::start("master", &flags(&folder, &asks));
    let call = r#"{"type":"GET_HEALTH"}"#;
    for (path, body, realm) in [
        ("/state", "", "readonly"),
        ("/master/flags", "", "readonly"),
        ("/metrics/snapshot", "", "readonly"),
        ("/metrics", "", "readonly"),
        ("/files/browse?path=/", "", "readonly"),
        ("/registrar(1)/registry", "", "readonly"),
        ("/__processes__", "", "readonly"),
        ("/audit", "", "readonly"),
        ("/api/v1", call, "readwrite"),
        ("/quota", "", "readwrite"),
        ("/machine/down", "[]", "readwrite"),
        ("/maintenance/schedule", "{}", "readwrite"),
        ("/kaon/maintenance/schedule", "{}", "readwrite"),
        ("/logging/toggle", "", "readwrite"),
    ] {
        for proof in ["", WRONG, "Authorization: Bearer x\r\n"] {
            let (status, headers, text) = master.post(path, proof, body);
            assert_eq!((&*status, &*text), ("HTTP/1.1 401 Unauthorized", "401 Unauthorized."), "{path}");
            // Divergence 87.
            let challenge = format!("Www-Authenticate: Basic realm=\"mesos-master-{realm}\"\r\n");
            assert!(headers.contains(&challenge), "{path}: {headers}");
        }
        let known = master.post(path, &format!("Content-Type: application/json\r\n{ALICE}"), body).0;
        assert!(!known.contains("401") && !known.contains("403"), "{path}: {known}");
    }
    for open in ["/health", "/version", "/redirect", "/help", "/system/stats.json"] {
        let status = master.get(open).0;
        assert!(status.contains("200") || status.contains("307"), "{open}: {status}");
    }
    // Frameworks are not asked by these flags.
    assert!(master.post("/api/v1/scheduler", "", "").0.contains("400"));
}

#[test]
fn who_may_not_changes_nothing() {
    let folder = Folder::new();
    let acls = acls();
    let master = Daemon::start("master", &flags(&folder, &["--authenticate_http_readwrite", &acls]));
    let window = r#"{"machine_ids":[{"hostname":"a"}],"unavailability":{"start":{"nanoseconds":4000000000000000000}}}"#;
    let schedule = format!(r#"{{"windows":[{window}]}}"#);
    let call =
        |kind: &str, body: &str| format!(r#"{{"type":"{kind}","{}":{body}}}"#, kind.to_ascii_lowercase());
    let agent = r#"{"agent_id":{"value":"nobody"}}"#;
    let machines = r#"{"machines":[{"hostname":"a"}]}"#;
    let schedules = format!(r#"{{"schedule":{schedule}}}"#);
    let enforced = schedule.replace(
        r#"{"nanoseconds":4000000000000000000}}"#,
        r#"{"nanoseconds":4000000000000000000}},"enforcement":{}"#,
    );
    // What Mesos, and so we, answer to whoever may.
    let rows = [
        ("/api/v1", call("DRAIN_AGENT", agent), "400 Bad Request"),
        ("/api/v1", call("DRAIN_AGENT", &agent.replacen('{', r#"{"mark_gone":true,"#, 1)), "400 Bad Request"),
        ("/api/v1", call("DEACTIVATE_AGENT", agent), "400 Bad Request"),
        ("/api/v1", call("REACTIVATE_AGENT", agent), "400 Bad Request"),
        ("/api/v1", call("MARK_AGENT_GONE", agent), "404 Not Found"),
        ("/api/v1", call("UPDATE_MAINTENANCE_SCHEDULE", &schedules), "200 OK"),
        ("/maintenance/schedule", schedule.clone(), "200 OK"),
        ("/kaon/maintenance/schedule", enforced, "200 OK"),
        ("/api/v1", call("START_MAINTENANCE", machines), "200 OK"),
        ("/api/v1", call("STOP_MAINTENANCE", machines), "200 OK"),
        ("/machine/down", r#"[{"hostname":"a"}]"#.to_string(), "400 Bad Request"),
        ("/machine/up", r#"[{"hostname":"a"}]"#.to_string(), "400 Bad Request"),
    ];
    let headers = |who: &str| format!("Content-Type: application/json\r\n{who}");
    let registry = || master.get("/registrar(1)/registry").2;
    for (path, body, allowed) in &rows {
        let before = registry();
        let (status, _, text) = master.post(path, &headers(BOB), body);
        assert_eq!((&*status, &*text), ("HTTP/1.1 403 Forbidden", "403 Forbidden."), "{path} {body}");
        assert_eq!(registry(), before, "{path} {body}");
        let (status, _, text) = master.post(path, &headers(ALICE), body);
        assert_eq!(status, format!("HTTP/1.1 {allowed}"), "{path} {body}: {text}");
    }
    let audit: Value = serde_json::from_str(&master.get("/audit").2).unwrap();
    let who = |action: &Value| (action["principal"].clone(), action["action"].clone());
    let done: Vec<_> = audit["audit"].as_array().unwrap().iter().map(who).collect();
    let alice = |action: &str| ("alice".into(), action.into());
    let schedules = "UPDATE_MAINTENANCE_SCHEDULE";
    let (enforce, start) = (alice("ENFORCE_MAINTENANCE_SCHEDULE"), alice("START_MAINTENANCE"));
    let expected = [alice(schedules), alice(schedules), enforce, start, alice("STOP_MAINTENANCE")];
    assert_eq!(done, expected, "{audit}");
}

#[test]
fn what_cannot_be_enforced_is_refused() {
    let folder = Folder::new();
    for (flag, why) in [
        (r#"--acls={"register_frameworks":[]}"#, "what is not enforced must not seem to be: unknown field"),
        (r#"--acls={"permissive":false}"#, "'permissive' can be nothing but true"),
        ("--acls=/no/such/file", "cannot read '/no/such/file'"),
    ] {
        let (status, said) = Daemon::fails("master", &flags(&folder, &[flag]));
        assert!(!status.success() && said.contains(why), "{flag}: {said}");
    }
    let nobody = ["--ip=127.0.0.1", "--port=0", "--registry=in_memory", "--authenticate_http"];
    let (status, said) = Daemon::fails("master", &nobody.map(str::to_string));
    let why = "No credentials provided for the default 'basic' HTTP authenticator for realm 'mesos-master-readwrite'";
    assert!(!status.success() && said.contains(why), "{said}");
}
