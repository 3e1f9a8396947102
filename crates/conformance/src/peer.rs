// SPDX-License-Identifier: Apache-2.0

//! A process that speaks the messages between processes: a driver or an agent, as far as a master can tell.

use std::io::{Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kaon_api::internal;
use kaon_api::json;
use kaon_api::libprocess::{Decoder, Message, Upid, encode};
use kaon_api::v0::scheduler::Call;
use kaon_api::v0::scheduler::call::{Subscribe, Type};
use kaon_api::v1;
use kaon_api::wire::{self, Message as _};
use serde_json::Value;

/// Bound: how long an answer to a message is waited for.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often a stopped listener notices.
const PAUSE: Duration = Duration::from_millis(20);

/// Its connections end with it.
pub struct Peer {
    pub upid: Upid,
    master: Upid,
    link: TcpStream,
    inbox: Receiver<Message>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    accepted: Mutex<Vec<TcpStream>>,
}

impl Peer {
    /// Listens where the master's host can reach it.
    pub fn start(name: &str, master: &str) -> Result<Peer> {
        let link = TcpStream::connect(master).with_context(|| format!("cannot connect to {master}"))?;
        let (SocketAddr::V4(own), SocketAddr::V4(other)) = (link.local_addr()?, link.peer_addr()?) else {
            bail!("{master} is not an IPv4 address, which the messages between processes need");
        };
        let listener = TcpListener::bind((*own.ip(), 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let (sender, inbox) = channel();
        let shared = Arc::new(Shared::default());
        let accepting = shared.clone();
        std::thread::spawn(move || accept(&listener, &accepting, &sender));
        let upid = Upid::new(name, SocketAddrV4::new(*own.ip(), port));
        Ok(Peer { upid, master: Upid::new("master", other), link, inbox, shared })
    }

    pub fn send<M: wire::Message>(&self, message: &M) -> Result<()> {
        let mut bytes = Vec::new();
        encode(&self.upid, &self.master, M::PROTO_NAME, &message.encode(), &[], &mut bytes);
        (&self.link)
            .write_all(&bytes)
            .with_context(|| format!("cannot send {} to {}", M::PROTO_NAME, self.master))
    }

    /// Waits for a message of this type; others are passed over.
    pub fn receive<M: wire::Message>(&self) -> Result<M> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.inbox.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(message) if message.name == M::PROTO_NAME => return Ok(M::decode(&message.body)?),
                Ok(message) if message.name == internal::FrameworkErrorMessage::PROTO_NAME => {
                    bail!(
                        "{} refuses: {}",
                        self.master,
                        internal::FrameworkErrorMessage::decode(&message.body)?.message
                    );
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    bail!(
                        "{} sent {} no {} within {} s",
                        self.master,
                        self.upid,
                        M::PROTO_NAME,
                        PATIENCE.as_secs()
                    );
                }
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        let accepted = self.shared.accepted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for stream in accepted.iter().chain([&self.link]) {
            // One that is closed already cannot be closed.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, shared: &Shared, inbox: &Sender<Message>) {
    while !shared.stopped.load(Ordering::Relaxed) {
        let Ok((stream, _)) = listener.accept() else {
            std::thread::sleep(PAUSE);
            continue;
        };
        let Ok(copy) = stream.set_nonblocking(false).and_then(|()| stream.try_clone()) else { continue };
        shared.accepted.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(copy);
        let inbox = inbox.clone();
        std::thread::spawn(move || read(stream, &inbox));
    }
}

/// Hands on what arrives, until the connection ends or what comes is no message.
fn read(mut stream: TcpStream, inbox: &Sender<Message>) {
    let mut decoder = Decoder::default();
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = stream.read(&mut bytes) {
        decoder.feed(&bytes[..count]);
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => match inbox.send(message) {
                    Ok(()) => {}
                    Err(_) => return,
                },
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

/// A framework of the old driver, which comes and goes; the port that it listened at.
pub fn pass_by_as_driver(master: &str, name: &str, hostname: &str) -> Result<u16> {
    let peer = Peer::start(&format!("scheduler-{}", crate::random::uuid()?), master)?;
    let framework_info = v1::FrameworkInfo {
        user: "root".to_owned(),
        name: name.to_owned(),
        hostname: Some(hostname.to_owned()),
        ..Default::default()
    };
    let subscribe = Subscribe { framework_info: Box::new(framework_info), ..Default::default() };
    peer.send(&Call { r#type: Some(Type::Subscribe), subscribe: Some(subscribe), ..Default::default() })?;
    let registered: internal::FrameworkRegisteredMessage = peer.receive()?;
    let framework_id = Some(registered.framework_id);
    peer.send(&Call { r#type: Some(Type::Teardown), framework_id, ..Default::default() })?;
    Ok(peer.upid.port)
}

/// An agent that registers with this `AgentInfo`; its id, and the process, whose end it is that the master sees.
pub fn register_as_agent(master: &str, mut agent: Value) -> Result<(String, Peer)> {
    use v1::agent_info::capability::Type::*;
    let peer = Peer::start("slave(1)", master)?;
    agent["port"] = peer.upid.port.into();
    let agent = json::from_json(&json::parse(agent.to_string().as_bytes())?, json::Dialect::V1)?;
    let capabilities = [
        MultiRole,
        HierarchicalRole,
        ReservationRefinement,
        ResourceProvider,
        ResizeVolume,
        AgentOperationFeedback,
        AgentDraining,
        TaskResourceLimits,
    ];
    let capability = |kind| v1::agent_info::Capability { r#type: Some(kind), ..Default::default() };
    peer.send(&internal::RegisterAgentMessage {
        agent: Box::new(v1::AgentInfo { checkpoint: Some(true), ..agent }),
        version: Some("1.11.0".to_owned()),
        agent_capabilities: capabilities.into_iter().map(capability).collect(),
        resource_version_uuid: Some(v1::UUID {
            value: crate::random::uuid_bytes()?.to_vec(),
            ..Default::default()
        }),
        ..Default::default()
    })?;
    let registered: internal::AgentRegisteredMessage = peer.receive()?;
    Ok((registered.agent_id.value, peer))
}
