// SPDX-License-Identifier: Apache-2.0

//! Accepts the connections of a daemon's port.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kaon_api::libprocess::Message;
use rustix::net::sockopt;
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::incoming::{Budget, Share};
use super::sniff::{Kind, sniff};
use super::{Request, Response, connection, messages};

/// What stands behind the port.
pub trait Service: Send + Sync + 'static {
    /// Takes a message from a peer. Messages of one connection come one after the other, in order; while this waits,
    /// the peer waits.
    fn message(&self, message: Message) -> impl Future<Output = Delivery> + Send;
    /// Answers a request.
    fn request(&self, request: Request) -> impl Future<Output = Response> + Send;
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It lies in the actor's mailbox, or was dropped there: the sender is told the same.
    Accepted,
    /// There is no such actor.
    NoActor,
}

/// The bounds of a port.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bound: open connections; a further one is closed at once.
    pub connections: usize,
    /// Bound: the body of one request; a larger one is answered 413.
    pub body: usize,
    /// Bound: the bodies of all requests and messages being read, but for the first 64 KiB of each; what does not fit
    /// is answered 503.
    pub bodies: usize,
    /// How long the head of a connection's first request, once begun, may take.
    pub head_patience: Duration,
    /// How long a body may take, and a message once begun.
    pub body_patience: Duration,
    /// How long a client may take hardly anything of an answer that waits for it.
    pub answer_patience: Duration,
    /// Whether messages must say that they come from where their connection does.
    pub match_peer_ip: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 20_000,
            body: 64 << 20,
            bodies: 512 << 20,
            head_patience: Duration::from_secs(10),
            body_patience: Duration::from_secs(60),
            answer_patience: Duration::from_secs(60),
            match_peer_ip: false,
        }
    }
}

impl Limits {
    /// The bounds of a daemon, of which a variable of libprocess sets one.
    pub fn of_daemon() -> Limits {
        let variable = std::env::var("LIBPROCESS_REQUIRE_PEER_ADDRESS_IP_MATCH");
        let match_peer_ip = variable.is_ok_and(|value| value == "true" || value == "1");
        let limits = Limits::default();
        // Half of the files that this process may open is left to its own connections, and to its files.
        let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files / 2).ok());
        Limits { match_peer_ip, connections: limits.connections.min(files.unwrap_or(usize::MAX)), ..limits }
    }
}

/// After so long a silence the kernel asks whether the other side is still there, so that those that vanished without
/// a word do not take up places for ever.
const ASK_AFTER: Duration = Duration::from_secs(600);
/// How long to wait after a failed accept: mostly the process has run out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the future is dropped.
pub async fn serve<S: Service>(listener: TcpListener, service: Arc<S>, limits: Limits) {
    let free = Arc::new(Semaphore::new(limits.connections));
    let port = Arc::new(Port { service, budget: Budget::new(limits.bodies), limits });
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("Failed to accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = free.clone().try_acquire_owned() else {
            tracing::warn!("Refused a connection from {peer}: {} are open already", port.limits.connections);
            continue;
        };
        let port = port.clone();
        tokio::spawn(async move {
            if let Err(error) = port.connection(stream, peer).await {
                tracing::debug!("Connection from {peer} ended: {error}");
            }
            drop(permit);
        });
    }
}

/// What all connections share.
pub(super) struct Port<S> {
    pub service: Arc<S>,
    pub limits: Limits,
    pub budget: Arc<Budget>,
}

impl<S: Service> Port<S> {
    async fn connection(self: Arc<Self>, mut stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        stream.set_nodelay(true)?;
        sockopt::set_socket_keepalive(&stream, true)?;
        sockopt::set_tcp_keepidle(&stream, ASK_AFTER)?;
        let mut begun = Vec::new();
        match sniff(&mut stream, &mut begun, self.limits.head_patience).await? {
            Kind::Message => {
                let only = self.limits.match_peer_ip.then_some(peer.ip());
                let share = Share::new(self.budget.clone());
                let patience = self.limits.body_patience;
                messages::serve(stream, begun, &*self.service, only, share, patience).await
            }
            Kind::Http => connection::serve(stream, begun, peer, self).await,
            Kind::Nothing => Ok(()),
        }
    }
}
