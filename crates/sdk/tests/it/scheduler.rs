// SPDX-License-Identifier: Apache-2.0

//! A scheduler and its master.

use std::time::Duration;

use kaon_api::v1::scheduler::{Call, Event as WireEvent, call, event};
use kaon_api::v1::{AgentID, FrameworkID, FrameworkInfo, Offer, OfferID, TaskID, TaskState, TaskStatus};
use kaon_sdk::{Error, Event, Events, Options, Scheduler};

use crate::peer::{Connection, Peer, record, soon};

fn options(peer: &Peer) -> Options {
    let framework = FrameworkInfo { user: "u".into(), name: "n".into(), ..Default::default() };
    Options::new(peer.address().into(), framework)
}

fn subscribed(interval: f64) -> WireEvent {
    let subscribed = event::Subscribed {
        framework_id: FrameworkID::from("F"),
        heartbeat_interval_seconds: Some(interval),
        ..Default::default()
    };
    WireEvent { r#type: Some(event::Type::Subscribed), subscribed: Some(subscribed), ..Default::default() }
}

fn error(message: &str) -> WireEvent {
    let error = event::Error { message: message.into(), ..Default::default() };
    WireEvent { r#type: Some(event::Type::Error), error: Some(error), ..Default::default() }
}

fn update(task: &str) -> WireEvent {
    let status = TaskStatus {
        task_id: TaskID::from(task),
        state: TaskState::TaskRunning,
        agent_id: Some(AgentID::from("A")),
        uuid: Some(vec![7; 16]),
        ..Default::default()
    };
    let update = event::Update { status: Box::new(status), ..Default::default() };
    WireEvent { r#type: Some(event::Type::Update), update: Some(update), ..Default::default() }
}

fn offers() -> WireEvent {
    let offer = Offer { id: OfferID::from("O"), agent_id: AgentID::from("A"), ..Default::default() };
    let offers = event::Offers { offers: vec![offer], ..Default::default() };
    WireEvent { r#type: Some(event::Type::Offers), offers: Some(offers), ..Default::default() }
}

/// A scheduler with a subscription that stands.
async fn connect(peer: &Peer, interval: f64) -> (Scheduler, Events, Connection, Call) {
    let serve = async {
        let mut stream = peer.accept().await;
        let call: Call = stream.request().await.call();
        stream.begin_stream().await;
        stream.event(&subscribed(interval)).await;
        (stream, call)
    };
    let (connected, (stream, call)) = tokio::join!(soon(Scheduler::connect(options(peer))), serve);
    let (scheduler, mut events) = connected.unwrap();
    assert!(matches!(soon(events.next()).await, Some(Event::Subscribed(_))));
    (scheduler, events, stream, call)
}

#[tokio::test]
async fn events_arrive_however_the_stream_is_cut() {
    let peer = Peer::bind().await;
    let (_scheduler, mut events, mut stream, call) = connect(&peer, 15.0).await;
    assert_eq!(call.r#type, Some(call::Type::Subscribe));
    assert_eq!((call.framework_id, call.subscribe.unwrap().framework_info.id), (None, None));
    let heartbeat = WireEvent { r#type: Some(event::Type::Heartbeat), ..Default::default() };
    let records = [record(&offers()), record(&heartbeat), record(&update("t")), record(&offers())].concat();
    for (index, piece) in records.chunks(5).enumerate() {
        stream.chunk(piece).await;
        if index % 3 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    assert!(matches!(soon(events.next()).await, Some(Event::Offers(offers)) if offers[0].id.value == "O"));
    assert!(matches!(soon(events.next()).await, Some(Event::Update(status)) if status.task_id.value == "t"));
    assert!(matches!(soon(events.next()).await, Some(Event::Offers(_))));
}

#[tokio::test]
async fn an_update_is_acknowledged_when_it_has_been_dealt_with() {
    let peer = Peer::bind().await;
    let (_scheduler, mut events, mut stream, _) = connect(&peer, 15.0).await;
    stream.event(&update("t")).await;
    assert!(matches!(soon(events.next()).await, Some(Event::Update(_))));
    let too_early = tokio::time::timeout(Duration::from_millis(100), peer.accept()).await;
    assert!(too_early.is_err(), "nothing is said while the update is being dealt with");
    stream.event(&offers()).await;
    assert!(matches!(soon(events.next()).await, Some(Event::Offers(_))));
    let request = peer.accept().await.request().await;
    assert!(request.head.contains("Mesos-Stream-Id: the-stream\r\n"), "{}", request.head);
    let call: Call = request.call();
    assert_eq!(call.framework_id, Some(FrameworkID::from("F")));
    let acknowledge = call.acknowledge.unwrap();
    assert_eq!((acknowledge.task_id.value.as_str(), acknowledge.uuid), ("t", vec![7; 16]));
}

#[tokio::test]
async fn calls_do_not_wait_for_each_other() {
    let peer = Peer::bind().await;
    let (scheduler, _events, _stream, _) = connect(&peer, 15.0).await;
    let serve = async {
        let mut calls = peer.accept().await;
        for expected in ["a", "b", "c"] {
            let call: Call = calls.request().await.call();
            assert_eq!(call.kill.unwrap().task_id.value, expected);
        }
        // All answers in one packet, cut in the middle of the last.
        let taken = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
        let refused = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno";
        calls.write(format!("{taken}{refused}HTTP/1.1 202 Acc").as_bytes()).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        calls.write(b"epted\r\ncontent-length: 0\r\n\r\n").await;
    };
    let kill = |task| scheduler.kill(task, None, None);
    let (a, b, c, ()) = soon(async { tokio::join!(kill("a"), kill("b"), kill("c"), serve) }).await;
    assert!(a.is_ok() && c.is_ok(), "{a:?} {c:?}");
    assert!(matches!(b, Err(Error::Status { status: 400, ref text, .. }) if text == "no"), "{b:?}");
}

#[tokio::test]
async fn the_leader_is_found_by_redirect() {
    let (follower, leader) = (Peer::bind().await, Peer::bind().await);
    let serve = async {
        let mut asked = follower.accept().await;
        asked.request().await;
        let location = format!("Location: //{}/api/v1/scheduler\r\n", leader.address());
        asked.answer("307 Temporary Redirect", &location, "").await;
        let mut stream = leader.accept().await;
        let call: Call = stream.request().await.call();
        assert_eq!(call.r#type, Some(call::Type::Subscribe));
        stream.begin_stream().await;
        stream.event(&subscribed(15.0)).await;
        stream
    };
    let (connected, _stream) = tokio::join!(soon(Scheduler::connect(options(&follower))), serve);
    assert_eq!(connected.unwrap().0.framework_id().value, "F");
}

#[tokio::test]
async fn a_framework_comes_back_under_its_id_and_as_quiet_as_it_was() {
    let peer = Peer::bind().await;
    let (scheduler, mut events, stream, _) = connect(&peer, 15.0).await;
    let serve = async {
        let mut calls = peer.accept().await;
        calls.request().await;
        calls.answer("202 Accepted", "", "").await;
        calls
    };
    let (suppressed, calls) = soon(async { tokio::join!(scheduler.suppress(&[]), serve) }).await;
    suppressed.unwrap();
    drop((stream, calls));
    assert!(matches!(soon(events.next()).await, Some(Event::Disconnected(_))));
    assert!(matches!(scheduler.revive(&["other"]).await, Err(Error::NotSubscribed)));
    // D1: drivers of Mesos make up a TASK_LOST with MASTER_DISCONNECTED. Here the caller is told, and nothing is sent.
    assert!(matches!(scheduler.launch(["O".into()], Vec::new(), None).await, Err(Error::NotSubscribed)));
    // The master is still recovering at first.
    peer_refuses(&peer, "503 Service Unavailable").await;
    let mut stream = peer.accept().await;
    let call: Call = stream.request().await.call();
    let subscribe = call.subscribe.unwrap();
    assert_eq!(call.framework_id, Some(FrameworkID::from("F")));
    assert_eq!(subscribe.framework_info.id, Some(FrameworkID::from("F")));
    assert_eq!(subscribe.suppressed_roles, ["*"]);
    stream.begin_stream().await;
    stream.event(&subscribed(15.0)).await;
    assert!(matches!(soon(events.next()).await, Some(Event::Subscribed(_))));
}

async fn peer_refuses(peer: &Peer, status: &str) {
    let mut asked = peer.accept().await;
    asked.request().await;
    asked.answer(status, "", "not now").await;
}

#[tokio::test]
async fn a_silent_master_is_given_up() {
    let peer = Peer::bind().await;
    let (_scheduler, mut events, mut stream, _) = connect(&peer, 0.2).await;
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stream.event(&WireEvent { r#type: Some(event::Type::Heartbeat), ..Default::default() }).await;
    }
    let Some(Event::Disconnected(reason)) = soon(events.next()).await else { panic!("it is still alive") };
    assert!(reason.contains("no word"), "{reason}");
}

#[tokio::test]
async fn a_call_that_was_under_way_is_not_waited_for_in_vain() {
    let peer = Peer::bind().await;
    let (scheduler, mut events, stream, _) = connect(&peer, 15.0).await;
    let lose = async {
        let mut calls = peer.accept().await;
        calls.request().await;
        drop(stream);
        calls
    };
    let (killed, _calls) = soon(async { tokio::join!(scheduler.kill("t", None, None), lose) }).await;
    assert!(matches!(killed, Err(Error::Unanswered)), "{killed:?}");
    assert!(matches!(soon(events.next()).await, Some(Event::Disconnected(_))));
}

#[tokio::test]
async fn garbage_in_the_stream_leads_to_a_new_subscription() {
    for garbage in ["nonsense\n", "3\nabc", "99999999999999999999999"] {
        let peer = Peer::bind().await;
        let (_scheduler, mut events, mut stream, _) = connect(&peer, 15.0).await;
        stream.chunk(garbage.as_bytes()).await;
        assert!(matches!(soon(events.next()).await, Some(Event::Disconnected(_))), "{garbage}");
        let again: Call = peer.accept().await.request().await.call();
        assert_eq!(again.framework_id, Some(FrameworkID::from("F")), "{garbage}");
    }
}

#[tokio::test]
async fn a_refusal_is_final() {
    let peer = Peer::bind().await;
    let (_scheduler, mut events, mut stream, _) = connect(&peer, 15.0).await;
    stream.event(&error("Framework failed over")).await;
    assert!(matches!(soon(events.next()).await, Some(Event::Error(text)) if text == "Framework failed over"));
    assert!(soon(events.next()).await.is_none());

    let serve = async {
        let mut stream = peer.accept().await;
        stream.request().await;
        stream.begin_stream().await;
        stream.event(&error("no such role")).await;
    };
    let (connected, ()) = tokio::join!(soon(Scheduler::connect(options(&peer))), serve);
    assert!(matches!(connected, Err(Error::Refused(text)) if text == "no such role"));

    let refused =
        async { tokio::join!(Scheduler::connect(options(&peer)), peer_refuses(&peer, "401 Unauthorized")) };
    assert!(matches!(soon(refused).await.0, Err(Error::Status { status: 401, .. })));
}

#[tokio::test]
async fn a_master_that_is_not_there_is_named() {
    let peer = Peer::bind().await;
    let options = Options { patience: Duration::from_millis(500), ..options(&peer) };
    let address = peer.address().to_string();
    drop(peer);
    let error = soon(Scheduler::connect(options)).await.unwrap_err().to_string();
    assert!(error.contains(&address) && error.contains("cannot connect"), "{error}");
}

#[tokio::test]
async fn teardown_ends_the_events() {
    let peer = Peer::bind().await;
    let (scheduler, mut events, stream, _) = connect(&peer, 15.0).await;
    let serve = async {
        let mut calls = peer.accept().await;
        let call: Call = calls.request().await.call();
        assert_eq!(call.r#type, Some(call::Type::Teardown));
        // A master closes the stream first.
        drop(stream);
        tokio::time::sleep(Duration::from_millis(50)).await;
        calls.answer("202 Accepted", "", "").await;
    };
    let (torn_down, ()) = soon(async { tokio::join!(scheduler.teardown(), serve) }).await;
    torn_down.unwrap();
    assert!(soon(events.next()).await.is_none());
}
