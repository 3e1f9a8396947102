// SPDX-License-Identifier: Apache-2.0

//! The task that speaks to one peer address.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddrV4;
use std::time::Duration;

use kaon_api::libprocess;
use rustix::net::sockopt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::{Options, Outgoing};
use crate::http::REPLIES;
use crate::lease::Leased;

pub enum Command {
    Send(Outgoing),
    Link,
    /// Wants to know when all before it is written.
    Flush(oneshot::Sender<()>),
}

pub struct Peer {
    address: SocketAddrV4,
    queue: mpsc::Receiver<Command>,
    /// Taken from the queue, not yet written.
    backlog: VecDeque<Command>,
    exited: mpsc::Sender<SocketAddrV4>,
    options: Options,
    linked: bool,
}

/// Why a connection is no longer spoken on.
enum End {
    /// Nothing more to say, and no link.
    Idle(OwnedReadHalf, OwnedWriteHalf),
    /// The peer closed it, or refused it.
    Closed(io::Error),
    /// The peer has not been heard of for too long.
    Silent(io::Error),
    /// A fresh connection is wanted.
    Replaced(OwnedReadHalf, OwnedWriteHalf),
    /// Nobody sends through this task any more.
    Abandoned,
}

/// Bound: bytes encoded but not written; more messages are encoded only below it.
const OUT_MAX: usize = 256 << 10;
/// Bound: commands taken from the queue at once.
const TAKE: usize = 256;
/// How long to wait between two attempts to redial.
const REDIAL_PAUSE: Duration = Duration::from_secs(1);
/// How long the peer's last replies are read after our last message.
const LINGER: Duration = Duration::from_secs(5);

impl Peer {
    pub fn new(
        address: SocketAddrV4,
        queue: mpsc::Receiver<Command>,
        exited: mpsc::Sender<SocketAddrV4>,
        options: Options,
    ) -> Peer {
        Peer { address, queue, backlog: VecDeque::new(), exited, options, linked: false }
    }

    /// Runs until nobody has anything to say to this peer.
    pub async fn run(mut self) {
        while self.has_work().await {
            let mut redial_until = None;
            loop {
                let end = match connect(self.address, self.options.connect_within).await {
                    Ok(stream) => {
                        redial_until = None;
                        self.converse(stream).await
                    }
                    Err(error) => end_of(error),
                };
                let until = *redial_until.get_or_insert_with(|| Instant::now() + self.options.redial_for);
                match end {
                    // What was written on the old one must still arrive.
                    End::Replaced(reader, writer) => drop(tokio::spawn(linger(reader, writer))),
                    End::Silent(error) if self.is_linked() && Instant::now() < until => {
                        tracing::info!("Redialling {}, which has fallen silent: {error}", self.address);
                        sleep(REDIAL_PAUSE).await;
                    }
                    End::Silent(error) | End::Closed(error) => {
                        self.lost(&error).await;
                        break;
                    }
                    End::Idle(reader, writer) => {
                        tokio::spawn(linger(reader, writer));
                        break;
                    }
                    End::Abandoned => {
                        self.lost(&io::Error::other("too many messages wait")).await;
                        return;
                    }
                }
            }
        }
    }

    /// Waits for something to do; false when this task may end.
    async fn has_work(&mut self) -> bool {
        if !self.backlog.is_empty() {
            return true;
        }
        let command = match timeout(self.options.idle, self.queue.recv()).await {
            Ok(command) => command,
            Err(_) => {
                // What was put into the queue before it closed must still be done.
                self.queue.close();
                self.queue.recv().await
            }
        };
        self.backlog.extend(command);
        !self.backlog.is_empty()
    }

    fn is_linked(&self) -> bool {
        self.linked || self.backlog.iter().any(|command| matches!(command, Command::Link))
    }

    /// Drops what was to be sent on the connection that is gone, and tells its end.
    async fn lost(&mut self, error: &io::Error) {
        while let Ok(command) = self.queue.try_recv() {
            self.backlog.push_back(command);
        }
        let linked = self.is_linked();
        let dropped = self.backlog.drain(..).filter(|command| matches!(command, Command::Send(_))).count();
        tracing::debug!("Lost the connection to {} and {dropped} messages for it: {error}", self.address);
        self.linked = false;
        if linked {
            // The receiver is gone only when the whole process ends.
            let _ = self.exited.send(self.address).await;
        }
    }

    async fn converse(&mut self, stream: TcpStream) -> End {
        if self.linked
            && let Err(error) = watch(&stream, self.options.dead_after)
        {
            return End::Closed(error);
        }
        let (mut reader, inner) = stream.into_split();
        let mut writer = Leased { inner, lease: self.options.lease.clone() };
        let mut out = Vec::with_capacity(4096);
        let mut thrown_away = vec![0; 4096];
        loop {
            match self.fill(&mut out, &writer.inner) {
                Ok(Fill::More) => {}
                Ok(Fill::Replace) if out.is_empty() => return End::Replaced(reader, writer.inner),
                Ok(Fill::Replace) => {}
                Err(error) => return End::Closed(error),
            }
            let room = TAKE.saturating_sub(self.backlog.len());
            let mut taken = Vec::new();
            tokio::select! {
                written = writer.write(&out), if !out.is_empty() => match written {
                    Ok(count) => drop(out.drain(..count)),
                    Err(error) => return end_of(error),
                },
                read = reader.read(&mut thrown_away) => match read {
                    Ok(0) => return End::Closed(io::ErrorKind::UnexpectedEof.into()),
                    Ok(_) => {}
                    Err(error) => return end_of(error),
                },
                count = self.queue.recv_many(&mut taken, room.max(1)), if room > 0 => {
                    if count == 0 {
                        return End::Abandoned;
                    }
                    self.backlog.extend(taken);
                }
                () = sleep(self.options.idle), if out.is_empty() && !self.linked => {
                    return End::Idle(reader, writer.inner);
                }
            }
        }
    }

    /// Encodes what waits, up to the bound, or up to where a fresh connection is wanted.
    fn fill(&mut self, out: &mut Vec<u8>, connection: &OwnedWriteHalf) -> io::Result<Fill> {
        while out.len() < OUT_MAX {
            match self.backlog.pop_front() {
                None => break,
                Some(Command::Send(message)) => {
                    let (name, body) = (message.encode)();
                    libprocess::encode(&message.from, &message.to, name, &body, &[REPLIES], out);
                }
                Some(Command::Flush(done)) if out.is_empty() => drop(done.send(())),
                Some(flush @ Command::Flush(_)) => {
                    self.backlog.push_front(flush);
                    break;
                }
                Some(Command::Link) if self.linked => {
                    if !out.is_empty() {
                        self.backlog.push_front(Command::Link);
                    }
                    return Ok(Fill::Replace);
                }
                Some(Command::Link) => {
                    watch(connection.as_ref(), self.options.dead_after)?;
                    self.linked = true;
                }
            }
        }
        Ok(Fill::More)
    }
}

enum Fill {
    More,
    /// What follows belongs on a fresh connection.
    Replace,
}

async fn connect(address: SocketAddrV4, within: Duration) -> io::Result<TcpStream> {
    let stream =
        timeout(within, TcpStream::connect(address)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Lets the kernel notice that the peer has vanished.
fn watch(stream: &TcpStream, dead_after: Duration) -> io::Result<()> {
    let probes = 3;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, dead_after.max(Duration::from_secs(1)))?;
    sockopt::set_tcp_keepintvl(stream, (dead_after / probes).max(Duration::from_secs(1)))?;
    sockopt::set_tcp_keepcnt(stream, probes)?;
    sockopt::set_tcp_user_timeout(stream, u32::try_from(dead_after.as_millis()).unwrap_or(u32::MAX))?;
    Ok(())
}

/// A peer that cannot be reached may be alive behind a broken network; one that closes or refuses has said so itself.
fn end_of(error: io::Error) -> End {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut};
    match error.kind() {
        TimedOut | HostUnreachable | NetworkUnreachable => End::Silent(error),
        _ => End::Closed(error),
    }
}

/// Ends a connection so that nothing on the way to the peer is lost: closing with replies unread would reset it.
async fn linger(mut reader: OwnedReadHalf, mut writer: OwnedWriteHalf) {
    let _ = writer.shutdown().await;
    let mut thrown_away = vec![0; 4096];
    let rest = async { while matches!(reader.read(&mut thrown_away).await, Ok(1..)) {} };
    let _ = timeout(LINGER, rest).await;
}
