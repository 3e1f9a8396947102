// SPDX-License-Identifier: Apache-2.0

//! The executor's side of the older API: messages between processes.
//!
//! Mesos: registration is asked for once; updates are not sent again but to an agent that has restarted and asks; who
//! is left alone by its agent ends itself, at once or when the agent has had its time to return.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::StatusCode;
use kaon_api::internal;
use kaon_api::libprocess::{Message as Envelope, Upid};
use kaon_api::v1;
use kaon_api::wire::Message;
use kaon_model::Uuid;
use kaon_sdk::executor::{Environment, Event, Subscribed};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::address::{self, Place};
use crate::flags::{Flags, executor};
use crate::http::{Delivery, Limits, Request, Response, Service, serve};
use crate::links::{Links, Options, Outgoing};
use crate::process;

/// Mesos: how executors are called within their process.
const ACTOR: &str = "executor(1)";
/// Bound: messages that were not looked at yet; the agent waits then.
const MESSAGES_MAX: usize = 256;

/// A registered executor, or one that is about to be.
pub struct Driver {
    environment: Environment,
    pid: Upid,
    agent: Upid,
    links: Links,
    messages: mpsc::Receiver<Envelope>,
    exited: mpsc::Receiver<SocketAddrV4>,
    agent_id: Option<v1::AgentID>,
    /// Whether the agent is there, and knows us.
    connected: bool,
    /// When an agent that is away has had its time to return.
    alone_until: Option<Instant>,
    /// Tasks of which no update was acknowledged.
    tasks: BTreeMap<String, v1::TaskInfo>,
    /// In the order in which they were made. Bound: a command executor makes a few, and one for each change that its
    /// checks see.
    updates: Vec<internal::StatusUpdate>,
    over: bool,
    /// The agent is not waited for.
    gone: bool,
}

struct Mailbox(mpsc::Sender<Envelope>);

impl Service for Mailbox {
    async fn message(&self, message: Envelope) -> Delivery {
        if message.to != ACTOR {
            return Delivery::NoActor;
        }
        match self.0.send(message).await {
            Ok(()) => Delivery::Accepted,
            Err(_) => Delivery::NoActor,
        }
    }

    async fn request(&self, _: Request) -> Response {
        Response::plain(StatusCode::NOT_FOUND)
    }
}

impl Driver {
    pub async fn connect(environment: Environment) -> Result<Driver, String> {
        let name = "MESOS_SLAVE_PID";
        let text =
            std::env::var(name).map_err(|_| format!("Expecting '{name}' to be set in the environment"))?;
        let agent: Upid = text.parse().map_err(|_| format!("Cannot parse {name} '{text}'"))?;
        let none = Flags::load(executor::GROUPS, [], []).map_err(|error| error.to_string())?;
        let place = address::place(&none, |name| std::env::var(name).ok()).await;
        let Place { listener, address, .. } = place.map_err(|error| error.to_string())?;
        let (sender, messages) = mpsc::channel(MESSAGES_MAX);
        tokio::spawn(serve(listener, Arc::new(Mailbox(sender)), Limits::of_daemon()));
        let (links, exited) = Links::new(Handle::current(), Options::default());
        let mut driver = Driver {
            environment,
            pid: Upid::new(ACTOR, address),
            agent,
            links,
            messages,
            exited,
            agent_id: None,
            connected: false,
            alone_until: None,
            tasks: BTreeMap::new(),
            updates: Vec::new(),
            over: false,
            gone: false,
        };
        driver.links.link(driver.agent.address());
        driver.send(internal::RegisterExecutorMessage {
            framework_id: driver.environment.framework_id.clone(),
            executor_id: driver.environment.executor_id.clone(),
            ..Default::default()
        });
        Ok(driver)
    }

    /// What the agent tells; none after the last event. May be cancelled without loss.
    pub async fn next(&mut self) -> Option<Event> {
        while !self.over {
            let event = tokio::select! {
                message = self.messages.recv() => message.and_then(|message| self.hear(message)),
                peer = self.exited.recv() => peer.and_then(|peer| self.lost(peer)),
                () = until(self.alone_until) => {
                    tracing::warn!("The agent did not return within {:?}", self.environment.recovery_timeout);
                    Some(Event::Shutdown)
                }
            };
            if event.is_some() {
                self.over = matches!(event, Some(Event::Shutdown));
                return event;
            }
        }
        None
    }

    /// Waits until the agent has stored all updates; what else it tells meanwhile is not listened to.
    pub async fn until_acknowledged(&mut self) {
        while !self.updates.is_empty() && !self.gone {
            let over = tokio::select! {
                message = self.messages.recv() => {
                    message.and_then(|message| self.hear(message));
                    false
                }
                // Nobody will acknowledge anything any more.
                peer = self.exited.recv() => peer.is_none_or(|peer| self.lost(peer).is_some_and(is_last)),
                () = until(self.alone_until) => true,
            };
            if over {
                return;
            }
        }
    }

    pub fn update(&mut self, mut status: v1::TaskStatus) {
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        // Without random numbers the whole process could not have been started.
        let random: [u8; 32] = process::entropy().unwrap_or_default();
        let mut identity = [0; 16];
        identity.copy_from_slice(&random[..16]);
        let uuid = Uuid::from_random(identity).to_vec();
        status.uuid = Some(uuid.clone());
        status.timestamp = Some(timestamp);
        status.source = Some(v1::task_status::Source::SourceExecutor);
        status.executor_id = Some(self.environment.executor_id.clone());
        status.agent_id.clone_from(&self.agent_id);
        let update = internal::StatusUpdate {
            framework_id: self.environment.framework_id.clone(),
            executor_id: status.executor_id.clone(),
            agent_id: status.agent_id.clone(),
            status: Box::new(status),
            timestamp,
            uuid: Some(uuid),
            ..Default::default()
        };
        self.updates.push(update.clone());
        let pid = Some(self.pid.to_string());
        self.send(internal::StatusUpdateMessage { update: Box::new(update), pid, ..Default::default() });
    }

    fn send<M: Message + Send + 'static>(&mut self, message: M) {
        let encode = Box::new(move || (M::PROTO_NAME, message.encode()));
        self.links.send(Outgoing { from: self.pid.clone(), to: self.agent.clone(), encode });
    }

    /// The linked connection is gone, and with it, for all that is known, the agent.
    fn lost(&mut self, peer: SocketAddrV4) -> Option<Event> {
        if peer != self.agent.address() || self.alone_until.is_some() {
            return None;
        }
        let was_connected = std::mem::replace(&mut self.connected, false);
        if !self.environment.checkpoint || !was_connected {
            tracing::warn!("The agent at {} is gone", self.agent);
            self.gone = true;
            return Some(Event::Shutdown);
        }
        self.alone_until = Some(Instant::now() + self.environment.recovery_timeout);
        Some(Event::Disconnected(format!("the connection to the agent at {} ended", self.agent)))
    }

    fn hear(&mut self, envelope: Envelope) -> Option<Event> {
        let Envelope { from, name, body, .. } = envelope;
        if name == internal::ReconnectExecutorMessage::PROTO_NAME {
            let message = decode::<internal::ReconnectExecutorMessage>(&body)?;
            self.reconnect(from, message);
            return None;
        }
        if from.address() != self.agent.address() {
            tracing::warn!("Ignoring a {name} from {from}, which is not our agent");
            return None;
        }
        match name.as_str() {
            internal::ExecutorRegisteredMessage::PROTO_NAME => Some(self.registered(decode(&body)?)),
            internal::ExecutorReregisteredMessage::PROTO_NAME => {
                let message: internal::ExecutorReregisteredMessage = decode(&body)?;
                self.agent_id = Some(message.agent_id);
                self.connected = true;
                None
            }
            internal::RunTaskMessage::PROTO_NAME => {
                let message: internal::RunTaskMessage = decode(&body)?;
                self.tasks.insert(message.task.task_id.value.clone(), (*message.task).clone());
                Some(Event::Launch(message.task))
            }
            internal::KillTaskMessage::PROTO_NAME => {
                let message: internal::KillTaskMessage = decode(&body)?;
                Some(Event::Kill { task_id: message.task_id, policy: message.kill_policy })
            }
            internal::StatusUpdateAcknowledgementMessage::PROTO_NAME => {
                let message: internal::StatusUpdateAcknowledgementMessage = decode(&body)?;
                // Mesos: the acknowledgement of any update is that of the task.
                self.tasks.remove(&message.task_id.value);
                self.updates.retain(|update| update.uuid.as_ref() != Some(&message.uuid));
                Some(Event::Acknowledged { task_id: message.task_id, uuid: message.uuid })
            }
            internal::FrameworkToExecutorMessage::PROTO_NAME => {
                Some(Event::Message(decode::<internal::FrameworkToExecutorMessage>(&body)?.data))
            }
            internal::ShutdownExecutorMessage::PROTO_NAME => Some(Event::Shutdown),
            _ => {
                tracing::warn!("Ignoring a {name}, which is not for executors");
                None
            }
        }
    }

    fn registered(&mut self, message: internal::ExecutorRegisteredMessage) -> Event {
        self.agent_id = Some(message.agent_id);
        self.connected = true;
        let (executor, framework) = (*message.executor_info, *message.framework_info);
        let agent = *message.agent_info;
        Event::Subscribed(Box::new(Subscribed { executor, framework, agent, container_id: None }))
    }

    /// The agent has restarted, perhaps elsewhere on its host.
    fn reconnect(&mut self, from: Upid, message: internal::ReconnectExecutorMessage) {
        tracing::info!("The agent asks to be reconnected with, from {from}");
        self.agent = from;
        self.agent_id = Some(message.agent_id);
        self.alone_until = None;
        self.links.link(self.agent.address());
        self.send(internal::ReregisterExecutorMessage {
            executor_id: self.environment.executor_id.clone(),
            framework_id: self.environment.framework_id.clone(),
            tasks: self.tasks.values().cloned().collect(),
            updates: self.updates.clone(),
            ..Default::default()
        });
    }
}

fn is_last(event: Event) -> bool {
    matches!(event, Event::Shutdown)
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn decode<M: Message>(body: &[u8]) -> Option<M> {
    match M::decode(body) {
        Ok(message) => Some(message),
        Err(error) => {
            tracing::warn!("Ignoring a {} that cannot be read: {error}", M::PROTO_NAME);
            None
        }
    }
}
