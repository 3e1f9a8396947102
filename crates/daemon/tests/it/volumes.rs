// SPDX-License-Identifier: Apache-2.0

//! Reservations and volumes with real processes: what a task wrote is found by the next one, until the volume is
//! destroyed.

use crate::cluster::{Framework, agent_flags, master};
use crate::daemon::{Daemon, member};
use crate::support::{Folder, eventually};

const SUBSCRIBE: &str = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"it","role":"a","checkpoint":true,"capabilities":[{"type":"RESERVATION_REFINEMENT"}]}}}"#;

const DISK: &str =
    r#"{"name":"disk","type":"SCALAR","scalar":{"value":64},"reservations":[{"type":"DYNAMIC","role":"a"}]"#;

fn volume() -> String {
    format!(
        r#"{DISK},"disk":{{"persistence":{{"id":"v1"}},"volume":{{"container_path":"data","mode":"RW"}}}}}}"#
    )
}

fn launch(task: &str, agent: &str, script: &str) -> String {
    let scalar = |name: &str, value: &str| {
        format!(r#"{{"name":"{name}","type":"SCALAR","scalar":{{"value":{value}}}}}"#)
    };
    let resources = [scalar("cpus", "0.1"), scalar("mem", "32"), volume()].join(",");
    format!(
        r#"{{"type":"LAUNCH","launch":{{"task_infos":[{{"name":"{task}","task_id":{{"value":"{task}"}},"agent_id":{{"value":"{agent}"}},"command":{{"value":"{script}"}},"resources":[{resources}]}}]}}}}"#
    )
}

fn accept(framework: &Framework, master: &Daemon, offer: &str, operations: &[String]) {
    let operations = operations.join(",");
    let accept = format!(
        r#","accept":{{"offer_ids":[{{"value":"{offer}"}}],"operations":[{operations}],"filters":{{"refuse_seconds":0}}}}"#
    );
    framework.call(master, "ACCEPT", &accept);
}

fn next_offer(framework: &mut Framework, holds: &str) -> (String, String) {
    loop {
        let offers = framework.events.wait_for("OFFERS");
        if offers.contains(holds) {
            return (member(&offers, "id").to_string(), member(&offers, "agent_id").to_string());
        }
    }
}

/// An offer that was not rescinded when its agent went: the answer about a task that never was comes after all that
/// the master had said before.
fn standing_offer(framework: &mut Framework, master: &Daemon, holds: &str) -> String {
    let mut standing = None;
    loop {
        framework.call(master, "RECONCILE", r#","reconcile":{"tasks":[{"task_id":{"value":"nobody"}}]}"#);
        loop {
            let event = framework.events.next().expect("the stream goes on");
            if event.contains(r#""type":"OFFERS""#) && event.contains(holds) {
                standing = Some(member(&event, "id").to_string());
            } else if event.contains(r#""type":"RESCIND""#) {
                standing = standing.filter(|offer| !event.contains(offer.as_str()));
            } else if event.contains(r#""nobody""#) {
                break;
            }
        }
        if let Some(offer) = standing.take() {
            return offer;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// A form as an operator's tools send it, with the answer's status line and body.
fn post(master: &Daemon, endpoint: &str, agent: &str, field: &str, list: &str) -> (String, String) {
    let coded: String = list.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let (status, _, body) = master.post(endpoint, "", &format!("slaveId={agent}&{field}={coded}"));
    (status, body)
}

#[test]
fn what_a_task_wrote_outlives_it_and_its_agents_process() {
    let folder = Folder::new();
    let master = master();
    let mut agent = Daemon::start("agent", &agent_flags(&master, &folder));
    let mut framework = Framework::subscribe_with(&master, SUBSCRIBE);

    let (offer, agent_id) = next_offer(&mut framework, "disk");
    let reserve =
        format!(r#"{{"type":"RESERVE","id":{{"value":"r"}},"reserve":{{"resources":[{DISK}}}]}}}}"#);
    let create = format!(r#"{{"type":"CREATE","create":{{"volumes":[{}]}}}}"#, volume());
    let write = launch("write", &agent_id, "echo kept > data/file");
    accept(&framework, &master, &offer, &[reserve, create, write]);
    let told = framework.events.wait_for("UPDATE_OPERATION_STATUS");
    assert!(told.contains("OPERATION_FINISHED") && member(&told, "operation_id") == "r", "{told}");
    let acknowledge = format!(
        r#","acknowledge_operation_status":{{"agent_id":{{"value":"{agent_id}"}},"operation_id":{{"value":"r"}},"uuid":"{}"}}"#,
        member(&told, "uuid")
    );
    framework.call(&master, "ACKNOWLEDGE_OPERATION_STATUS", &acknowledge);
    framework.until(&master, &agent_id, "TASK_FINISHED");
    let place = folder.path().join("work/volumes/roles/a/v1/file");
    assert_eq!(std::fs::read_to_string(&place).unwrap(), "kept\n");

    agent.child.kill().unwrap();
    agent.child.wait().unwrap();
    let port = agent.address.rsplit(':').next().unwrap().to_string();
    let mut same = agent_flags(&master, &folder);
    same.iter_mut().filter(|flag| *flag == "--port=0").for_each(|flag| *flag = format!("--port={port}"));
    let agent = Daemon::start("agent", &same);
    let (_, _, state) = agent.get("/state");
    assert!(state.contains(r#""reserved_resources":{"a":{"disk":64.0"#), "{state}");

    eventually("the agent is back", || master.get("/slaves").2.contains("reregistered_time"));
    let offer = standing_offer(&mut framework, &master, r#""persistence":{"id":"v1"}"#);
    accept(&framework, &master, &offer, &[launch("read", &agent_id, "cat data/file")]);
    framework.until(&master, &agent_id, "TASK_FINISHED");
    let latest = format!("/frameworks/{}/executors/read/runs/latest", framework.id);
    let (_, _, body) = agent.get(&format!("/files/read?path={latest}/stdout&offset=0"));
    assert_eq!(body, r#"{"data":"kept\n","offset":0}"#);

    // An operator gives it back, though it is on offer.
    let accepted = ("HTTP/1.1 202 Accepted".to_string(), String::new());
    let conflict = post(&master, "/unreserve", &agent_id, "resources", &format!("[{DISK}}}]"));
    assert_eq!(conflict.0, "HTTP/1.1 409 Conflict", "{}", conflict.1);
    assert_eq!(post(&master, "/destroy-volumes", &agent_id, "volumes", &format!("[{}]", volume())), accepted);
    eventually("the volume is gone with its data", || !place.parent().unwrap().exists());
    assert_eq!(post(&master, "/unreserve", &agent_id, "resources", &format!("[{DISK}}}]")), accepted);
    eventually("nothing is reserved", || agent.get("/state").2.contains(r#""reserved_resources":{}"#));
    let (status, text) =
        post(&master, "/reserve", &agent_id, "resources", &format!("[{}]", DISK.to_string() + "x"));
    assert!(status.ends_with("400 Bad Request") && text.starts_with("Error parsing 'resources'"), "{text}");
    let (status, text) = post(&master, "/reserve", "nobody", "resources", "[]");
    assert_eq!(
        (status.as_str(), text.as_str()),
        ("HTTP/1.1 400 Bad Request", "No agent found with specified ID")
    );
    let get = master.get("/reserve");
    assert_eq!(get.0, "HTTP/1.1 405 Method Not Allowed");
    eventually("all operations are acknowledged", || {
        let (_, body) = master.call("/api/v1", "", r#"{"type":"GET_OPERATIONS"}"#);
        body == r#"{"type":"GET_OPERATIONS","get_operations":{}}"#
    });
    let (_, _, metrics) = master.get("/metrics/snapshot");
    for name in ["reserve", "create", "destroy", "unreserve"] {
        assert!(
            metrics.contains(&format!(r#""master/operations/{name}/finished":1.0"#)),
            "{name}: {metrics}"
        );
    }
}
