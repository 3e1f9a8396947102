// SPDX-License-Identifier: Apache-2.0

//! An executor and its agent.

use std::time::Duration;

use kaon_api::v1::executor::{Call, Event as WireEvent, call, event};
use kaon_api::v1::{ExecutorID, FrameworkID, TaskID, TaskInfo, TaskState};
use kaon_sdk::executor::{Environment, Event, Events, Executor};

use crate::peer::{Connection, Peer, soon};

fn environment(peer: &Peer, checkpoint: bool) -> Environment {
    Environment {
        agent: peer.address(),
        framework_id: FrameworkID::from("F"),
        executor_id: ExecutorID::from("E"),
        sandbox: "/nowhere".into(),
        checkpoint,
        recovery_timeout: Duration::from_millis(800),
        subscription_backoff_max: Duration::from_millis(100),
        shutdown_grace_period: Duration::from_secs(5),
        authentication_token: Some("secret".into()),
    }
}

async fn asked(peer: &Peer) -> (Connection, call::Subscribe) {
    let mut stream = peer.accept().await;
    let request = stream.request().await;
    assert!(request.head.to_lowercase().contains("authorization: bearer secret\r\n"), "{}", request.head);
    let call: Call = request.call();
    assert_eq!((call.framework_id.value.as_str(), call.executor_id.value.as_str()), ("F", "E"));
    (stream, call.subscribe.unwrap())
}

async fn confirm(stream: &mut Connection) {
    stream.begin_stream().await;
    let subscribed = Some(Box::<event::Subscribed>::default());
    stream
        .event(&WireEvent { r#type: Some(event::Type::Subscribed), subscribed, ..Default::default() })
        .await;
}

async fn accept(peer: &Peer) -> (Connection, call::Subscribe) {
    let (mut stream, subscribe) = asked(peer).await;
    confirm(&mut stream).await;
    (stream, subscribe)
}

async fn connect(peer: &Peer, checkpoint: bool) -> (Executor, Events, Connection) {
    let connecting = Executor::connect(environment(peer, checkpoint));
    let (connected, (stream, _)) = soon(async { tokio::join!(connecting, accept(peer)) }).await;
    let (executor, mut events) = connected.unwrap();
    assert!(matches!(soon(events.next()).await, Some(Event::Subscribed(_))));
    (executor, events, stream)
}

async fn launch(stream: &mut Connection) {
    let task = TaskInfo { task_id: TaskID::from("t"), ..Default::default() };
    let launch = event::Launch { task: Box::new(task), ..Default::default() };
    stream
        .event(&WireEvent { r#type: Some(event::Type::Launch), launch: Some(launch), ..Default::default() })
        .await;
}

#[tokio::test]
async fn what_the_agent_has_not_stored_is_said_again() {
    let peer = Peer::bind().await;
    let (executor, mut events, mut stream) = connect(&peer, true).await;
    launch(&mut stream).await;
    assert!(matches!(soon(events.next()).await, Some(Event::Launch(_))));
    let task = TaskID::from("t");
    drop(stream);
    assert!(matches!(soon(events.next()).await, Some(Event::Disconnected(_))));

    // Too late for this SUBSCRIBE, so it is said right after it.
    let (mut stream, subscribe) = soon(asked(&peer)).await;
    executor.update(executor.status(&task, TaskState::TaskRunning)).await.unwrap();
    assert_eq!((subscribe.unacknowledged_tasks.len(), subscribe.unacknowledged_updates.len()), (1, 0));
    confirm(&mut stream).await;
    let mut calls = peer.accept().await;
    let first = calls.request().await.call::<Call>().update.unwrap().status;
    assert_eq!(first.state, TaskState::TaskRunning);
    assert!(first.uuid.as_ref().is_some_and(|uuid| uuid.len() == 16));
    assert!(matches!(soon(events.next()).await, Some(Event::Subscribed(_))));

    drop((stream, calls));
    assert!(matches!(soon(events.next()).await, Some(Event::Disconnected(_))));
    let (mut stream, subscribe) = soon(accept(&peer)).await;
    assert_eq!(subscribe.unacknowledged_updates.len(), 1);
    assert_eq!(subscribe.unacknowledged_updates[0].status, first);
    let uuid = first.uuid.unwrap();
    let acknowledged = event::Acknowledged { task_id: task, uuid, ..Default::default() };
    let event = WireEvent { r#type: Some(event::Type::Acknowledged), ..Default::default() };
    stream.event(&WireEvent { acknowledged: Some(acknowledged), ..event }).await;
    soon(executor.until_acknowledged()).await;

    drop(stream);
    let (_stream, subscribe) = soon(accept(&peer)).await;
    assert!(subscribe.unacknowledged_tasks.is_empty() && subscribe.unacknowledged_updates.is_empty());
}

#[tokio::test]
async fn an_executor_that_does_not_checkpoint_ends_with_its_agent() {
    let peer = Peer::bind().await;
    let (_executor, mut events, stream) = connect(&peer, false).await;
    drop(stream);
    assert!(matches!(soon(events.next()).await, Some(Event::Disconnected(_))));
    assert!(matches!(soon(events.next()).await, Some(Event::Shutdown)));
    assert!(soon(events.next()).await.is_none());
}

#[tokio::test]
async fn an_agent_that_stays_away_too_long_is_mourned() {
    let peer = Peer::bind().await;
    let (_executor, mut events, stream) = connect(&peer, true).await;
    drop((stream, peer));
    assert!(matches!(soon(events.next()).await, Some(Event::Disconnected(_))));
    assert!(matches!(soon(events.next()).await, Some(Event::Shutdown)));
}
