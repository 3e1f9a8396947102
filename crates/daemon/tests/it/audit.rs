// SPDX-License-Identifier: Apache-2.0

//! What operators did is remembered, and those who listen hear of it.

use std::io::Write;

use serde_json::Value;

use crate::daemon::Daemon;
use crate::support::{Folder, read_until};

#[test]
fn actions_are_told_and_outlive_the_master() {
    let folder = Folder::new();
    let flags = [
        "--ip=127.0.0.1".to_string(),
        "--port=0".to_string(),
        format!("--work_dir={}", folder.path().display()),
    ];
    let master = Daemon::start("master", &flags);
    let mut events = master.connect();
    events.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let head = read_until(&mut events, "\"HEARTBEAT\"");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("\"SUBSCRIBED\""), "{head}");

    let weights =
        r#"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"a","weight":2.0}]}}"#;
    let wrong = r#"{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"nobody"}}}"#;
    let json = "Content-Type: application/json\r\n";
    assert_eq!(master.post("/api/v1", json, weights).0, "HTTP/1.1 200 OK");
    assert_eq!(master.post("/api/v1", json, wrong).0, "HTTP/1.1 400 Bad Request");
    let told = read_until(&mut events, "\"result\":\"done\"");
    assert!(told.contains("\"ACTION\"") && told.contains("\"UPDATE_WEIGHTS\""), "{told}");

    let audit = |master: &Daemon| serde_json::from_str::<Value>(&master.get("/audit").2).unwrap();
    let before = audit(&master);
    let [action] = before["audit"].as_array().unwrap().as_slice() else { panic!("{before}") };
    assert_eq!((&action["action"], &action["subject"]), (&"UPDATE_WEIGHTS".into(), &"a".into()));
    assert!(action["at"]["nanoseconds"].as_i64().is_some_and(|at| at > 0), "{action}");
    drop(master);
    assert_eq!(audit(&Daemon::start("master", &flags)), before, "the next master knows of it");
}
