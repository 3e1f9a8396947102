// SPDX-License-Identifier: Apache-2.0

//! An operator, masters and an agent.

use std::time::Duration;

use kaon_api::json::{Dialect, to_json};
use kaon_api::v1::{self, master};
use kaon_api::wire::Message;
use kaon_sdk::maintenance::{Enforcement, Schedule, Window};
use kaon_sdk::operator::Agent;
use kaon_sdk::{Error, Operator};

use crate::peer::{Peer, soon};

#[tokio::test]
async fn the_leader_is_asked_whoever_was_named() {
    let (gone, follower, leader) = (Peer::bind().await, Peer::bind().await, Peer::bind().await);
    let masters = format!("{},{}", gone.address(), follower.address());
    drop(gone);
    let operator = Operator::new(masters.parse().unwrap());
    let serve = async {
        let mut asked = follower.accept().await;
        assert!(asked.request().await.head.starts_with("GET /state HTTP/1.1\r\n"));
        asked
            .answer("307 Temporary Redirect", &format!("Location: //{}/state\r\n", leader.address()), "")
            .await;
        let mut asked = leader.accept().await;
        asked.request().await;
        asked.answer("200 OK", "", r#"{"limits":{"mem":Infinity},"slaves":[]}"#).await;
        // The next request comes to the leader at once, and over the same connection.
        let call: master::Call = asked.request().await.call();
        assert_eq!(call.r#type, Some(master::call::Type::GetHealth));
        let healthy = master::response::GetHealth { healthy: true, ..Default::default() };
        let response = master::Response { get_health: Some(healthy), ..Default::default() };
        let body = response.encode();
        asked.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes()).await;
        asked.write(&body).await;
    };
    let ask = async {
        let state = operator.get_json("/state").await.unwrap();
        assert!(state["slaves"].is_array() && state["limits"]["mem"].is_null(), "{state}");
        let call = master::Call { r#type: Some(master::call::Type::GetHealth), ..Default::default() };
        operator.call(&call).await.unwrap().unwrap()
    };
    let (response, ()) = soon(async { tokio::join!(ask, serve) }).await;
    assert!(response.get_health.unwrap().healthy);
    assert_eq!(operator.leader(), Some(leader.address()));
}

#[tokio::test]
async fn a_file_is_read_in_pieces() {
    let peer = Peer::bind().await;
    let agent = Agent::new(peer.address());
    let serve = async {
        let mut asked = peer.accept().await;
        let request = asked.request().await;
        assert!(
            request.head.starts_with("GET /files/read?path=/a%20b&offset=3&length=4 "),
            "{}",
            request.head
        );
        asked.answer("200 OK", "", r#"{"data":"text","offset":3}"#).await;
        asked.request().await;
        asked.answer("404 Not Found", "", "no such file\n").await;
    };
    let read = async { (agent.read_file("/a b", 3, 4).await, agent.file_size("/other").await) };
    let ((piece, missing), ()) = soon(async { tokio::join!(read, serve) }).await;
    assert_eq!(piece.unwrap().data, "text");
    assert!(matches!(missing, Err(Error::Status { status: 404, ref text, .. }) if text == "no such file"));
}

#[tokio::test]
async fn an_agent_is_taken_out_of_service() {
    let peer = Peer::bind().await;
    let operator = Operator::new(peer.address().to_string().parse().unwrap());
    let serve = async {
        let mut asked = peer.accept().await;
        let drain = asked.request().await.call::<master::Call>().drain_agent.unwrap();
        let grace = drain.max_grace_period.unwrap();
        assert_eq!((drain.agent_id.value.as_str(), drain.mark_gone), ("S1", Some(true)));
        assert_eq!((grace.seconds, grace.nanos), (Some(1), Some(500_000_000)));
        asked.answer("200 OK", "", "").await;
        for kind in [master::call::Type::DeactivateAgent, master::call::Type::MarkAgentGone] {
            assert_eq!(asked.request().await.call::<master::Call>().r#type, Some(kind));
            asked.answer("200 OK", "", "").await;
        }
        assert!(asked.request().await.call::<master::Call>().reactivate_agent.is_some());
        asked.answer("400 Bad Request", "", "Agent is still in the DRAINING state").await;
    };
    let ask = async {
        operator.drain_agent("S1", Some(Duration::from_millis(1500)), true).await.unwrap();
        operator.deactivate_agent("S1").await.unwrap();
        operator.mark_agent_gone("S1").await.unwrap();
        operator.reactivate_agent("S1").await.unwrap_err()
    };
    let (refused, ()) = soon(async { tokio::join!(ask, serve) }).await;
    assert!(matches!(refused, Error::Status { status: 400, .. }), "{refused}");
}

fn window(start: i64) -> Window {
    let machine = v1::MachineID { hostname: Some(format!("h{start}")), ..Default::default() };
    let start = v1::TimeInfo { nanoseconds: start, ..Default::default() };
    let unavailability = v1::Unavailability { start, ..Default::default() };
    Window { machine_ids: vec![machine], unavailability, ..Default::default() }
}

/// Another operator changed the schedule in between: the change is made anew, to what is there by now.
#[tokio::test]
async fn a_schedule_is_changed_though_another_changes_it_too() {
    let peer = Peer::bind().await;
    let operator = Operator::new(peer.address().to_string().parse().unwrap());
    let serve = async {
        let mut asked = peer.accept().await;
        assert!(asked.request().await.head.starts_with("GET /kaon/maintenance/schedule "));
        asked.answer("200 OK", "", "{}").await;
        let posted = String::from_utf8(asked.request().await.body).unwrap();
        assert!(posted.contains(r#""replaces":{}"#), "{posted}");
        asked.answer("409 Conflict", "", "another by now").await;
        asked.request().await;
        let other = to_json(&Schedule { windows: vec![window(1)], ..Default::default() }, Dialect::V0);
        asked.answer("200 OK", "", &other).await;
        let request = asked.request().await;
        assert!(request.head.starts_with("POST /kaon/maintenance/schedule "), "{}", request.head);
        asked.answer("200 OK", "", "").await;
        String::from_utf8(request.body).unwrap()
    };
    let edit = operator.edit_maintenance_schedule(|schedule| {
        schedule.windows.push(window(2));
        Ok::<(), Error>(())
    });
    let (edited, posted) = soon(async { tokio::join!(edit, serve) }).await;
    edited.unwrap();
    let one = r#"{"machine_ids":[{"hostname":"h1"}],"unavailability":{"start":{"nanoseconds":1}}}"#;
    let two = one.replace("h1", "h2").replace(r#"nanoseconds":1"#, r#"nanoseconds":2"#);
    assert_eq!(posted, format!(r#"{{"windows":[{one},{two}],"replaces":{{"windows":[{one}]}}}}"#));
}

/// A master of Mesos knows nothing of what is enforced, and is asked in its own way.
#[tokio::test]
async fn a_schedule_of_mesos_is_changed_too() {
    let peer = Peer::bind().await;
    let operator = Operator::new(peer.address().to_string().parse().unwrap());
    let serve = async {
        let mut asked = peer.accept().await;
        asked.request().await;
        asked.answer("404 Not Found", "", "").await;
        let call: master::Call = asked.request().await.call();
        assert_eq!(call.r#type, Some(master::call::Type::GetMaintenanceSchedule));
        asked.answer("200 OK", "", "").await;
        asked.request().await;
        asked.answer("404 Not Found", "", "").await;
        let update = asked.request().await.call::<master::Call>().update_maintenance_schedule.unwrap();
        asked.answer("200 OK", "", "").await;
        asked.request().await;
        asked.answer("404 Not Found", "", "").await;
        asked.request().await;
        asked.answer("200 OK", "", "").await;
        asked.request().await;
        asked.answer("404 Not Found", "", "").await;
        update.schedule.windows.len()
    };
    let edit = async {
        let plain = |schedule: &mut Schedule| {
            schedule.windows.push(window(2));
            Ok::<(), Error>(())
        };
        operator.edit_maintenance_schedule(plain).await.unwrap();
        // What it cannot do it is not asked for in part.
        let enforced = |schedule: &mut Schedule| {
            schedule.windows.push(Window { enforcement: Some(Enforcement::default()), ..window(2) });
            Ok::<(), Error>(())
        };
        operator.edit_maintenance_schedule(enforced).await.unwrap_err()
    };
    let (refused, windows) = soon(async { tokio::join!(edit, serve) }).await;
    assert_eq!(windows, 1);
    assert!(matches!(refused, Error::Status { status: 404, .. }), "{refused}");
}
