// SPDX-License-Identifier: Apache-2.0

//! Sends libprocess messages to peers.
//!
//! Each peer address has one task, which writes messages back to back and throws away whatever comes back. A peer may
//! be *linked*: its connection stays open, and its end is told. Without a link the connection lasts only as long as
//! there is something to send.
//!
//! Mesos: a message that cannot be sent is lost, silently; whoever needs an answer asks again.

mod peer;

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::Duration;

use kaon_api::libprocess::Upid;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::lease::Lease;
use peer::{Command, Peer};

/// A message on its way. It is encoded by the task that sends it, not by the one that decided to.
pub struct Outgoing {
    pub from: Upid,
    pub to: Upid,
    /// Gives the message's protobuf name and its bytes.
    pub encode: Box<dyn FnOnce() -> (&'static str, Vec<u8>) + Send>,
}

/// How connections behave.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a linked peer may leave what we send unacknowledged before the connection is made anew. About the
    /// interval of pings, so that one lost connection costs no agent.
    pub dead_after: Duration,
    /// How long a connection may take to be made.
    pub connect_within: Duration,
    /// How long a link that died by silence is redialled before its end is told after all.
    pub redial_for: Duration,
    /// How long an unlinked connection is kept for further messages.
    pub idle: Duration,
    /// Without it nothing is written.
    pub lease: Lease,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            dead_after: Duration::from_secs(15),
            connect_within: Duration::from_secs(10),
            redial_for: Duration::from_secs(600),
            idle: Duration::from_secs(1),
            lease: Lease::default(),
        }
    }
}

/// Bound: so many messages wait for one peer; one more cuts the connection, since a peer that misses messages without
/// being told would act on a wrong picture.
const QUEUE_MAX: usize = 131_072;

/// The peers of one process.
pub struct Links {
    peers: BTreeMap<SocketAddrV4, mpsc::Sender<Command>>,
    /// The next size at which peers that are no longer spoken to are forgotten.
    prune_at: usize,
    runtime: Handle,
    options: Options,
    exited: mpsc::Sender<SocketAddrV4>,
}

impl Links {
    /// Tasks run on `runtime`; the addresses of links that ended come out of the receiver.
    pub fn new(runtime: Handle, options: Options) -> (Links, mpsc::Receiver<SocketAddrV4>) {
        let (exited, ended) = mpsc::channel(256);
        (Links { peers: BTreeMap::new(), prune_at: 64, runtime, options, exited }, ended)
    }

    pub fn send(&mut self, message: Outgoing) {
        let address = message.to.address();
        // Mesos: the address of a framework that speaks HTTP; there is nobody to send to.
        if address.port() == 0 || address.ip().is_unspecified() {
            tracing::debug!("Dropped a message to '{}', which is no address", message.to);
            return;
        }
        self.command(address, Command::Send(message));
    }

    /// Opens a linked connection, or replaces the one there is by a fresh one without telling its end.
    pub fn link(&mut self, address: SocketAddrV4) {
        self.command(address, Command::Link);
    }

    /// Waits until all that was sent so far is on its way, but no longer than this.
    pub async fn flush(&mut self, patience: Duration) {
        let mut flushed = Vec::new();
        for peer in self.peers.values() {
            let (done, written) = oneshot::channel();
            // A queue that is full, or gone, has nothing to wait for.
            if peer.try_send(Command::Flush(done)).is_ok() {
                flushed.push(written);
            }
        }
        let all = async {
            for written in flushed {
                // Dropped where the connection is lost.
                let _ = written.await;
            }
        };
        let _ = tokio::time::timeout(patience, all).await;
    }

    fn command(&mut self, address: SocketAddrV4, command: Command) {
        let command = match self.peers.get(&address) {
            None => command,
            Some(peer) => match peer.try_send(command) {
                Ok(()) => return,
                Err(mpsc::error::TrySendError::Closed(command)) => command,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    tracing::warn!("Gave up the connection to {address}: {QUEUE_MAX} messages wait for it");
                    self.peers.remove(&address);
                    return;
                }
            },
        };
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        // A new queue has room for its first command.
        if sender.try_send(command).is_ok() {
            let peer = Peer::new(address, queue, self.exited.clone(), self.options.clone());
            self.runtime.spawn(peer.run());
            self.peers.insert(address, sender);
            self.prune();
        }
    }

    fn prune(&mut self) {
        if self.peers.len() >= self.prune_at {
            self.peers.retain(|_, peer| !peer.is_closed());
            self.prune_at = 2 * self.peers.len().max(32);
        }
    }
}
