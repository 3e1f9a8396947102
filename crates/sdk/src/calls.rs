// SPDX-License-Identifier: Apache-2.0

//! Sends calls one after another without waiting for the answers between them.
//!
//! Thousands of acknowledgements a second are not to cost a round trip each, and calls must arrive in the order in
//! which they were made, so they are pipelined on one connection of their own. No HTTP library does that.

mod reply;

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{Address, Error, http};
pub(crate) use reply::Reply;

/// Bound: calls that wait to be written; who makes more waits with them.
const QUEUE_MAX: usize = 1024;
/// Bound: calls written whose answers are awaited.
const IN_FLIGHT_MAX: usize = 256;
/// Bound: calls written at once.
const BATCH_MAX: usize = 64;
/// How long answers are awaited after the last caller has gone.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

type Answer = oneshot::Sender<Result<Reply, Error>>;

#[derive(Debug)]
struct Pending {
    body: Vec<u8>,
    /// None where nobody cares for the answer.
    answer: Option<Answer>,
}

/// The way to one peer for calls of one subscription.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    queue: mpsc::Sender<Pending>,
}

impl Calls {
    /// `headers` are whole lines, each with its `\r\n`, that go with every call. Aborting the task breaks off what
    /// is under way; dropping all `Calls` lets it finish.
    pub(crate) fn open(address: Address, path: &str, headers: &str) -> (Calls, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Length: ");
        let task = tokio::spawn(run(address, head, waiting));
        (Calls { queue }, task)
    }

    /// Sends a call and awaits the answer, whatever its status.
    pub(crate) async fn call(&self, body: Vec<u8>) -> Result<Reply, Error> {
        let (answer, answered) = oneshot::channel();
        let pending = Pending { body, answer: Some(answer) };
        self.queue.send(pending).await.map_err(|_| Error::NotSubscribed)?;
        answered.await.map_err(|_| Error::Unanswered)?
    }

    /// Queues a call of which the answer does not matter, if there is room.
    pub(crate) fn try_post(&self, body: Vec<u8>) -> Result<(), Error> {
        self.queue.try_send(Pending { body, answer: None }).map_err(|_| Error::NotSubscribed)
    }

    /// Waits for room in the queue. May be cancelled without loss.
    pub(crate) async fn room(&self) -> Result<Room<'_>, Error> {
        self.queue.reserve().await.map(Room).map_err(|_| Error::NotSubscribed)
    }
}

/// A place in the queue.
pub(crate) struct Room<'a>(mpsc::Permit<'a, Pending>);

impl Room<'_> {
    /// Queues a call of which the answer does not matter.
    pub(crate) fn post(self, body: Vec<u8>) {
        self.0.send(Pending { body, answer: None });
    }
}

/// Serves calls until the last sender has gone; connects again when there is something to say.
async fn run(address: Address, head: String, mut queue: mpsc::Receiver<Pending>) {
    while let Some(first) = queue.recv().await {
        match http::dial(&address).await {
            Ok(stream) => serve(&address, &head, stream, first, &mut queue).await,
            Err(error) => match first.answer {
                // The caller may have given up meanwhile, and then nobody needs to know.
                Some(answer) => drop(answer.send(Err(error))),
                None => tracing::debug!(%error, "a call was dropped"),
            },
        }
    }
}

/// Serves calls over one connection until either end closes it.
async fn serve(
    address: &Address,
    head: &str,
    stream: TcpStream,
    first: Pending,
    queue: &mut mpsc::Receiver<Pending>,
) {
    let (reader, writer) = stream.into_split();
    let (in_flight, awaited) = mpsc::channel(IN_FLIGHT_MAX);
    let mut reading = Box::pin(reply::read_all(address, reader, awaited));
    tokio::select! {
        written = write_all(head, writer, first, queue, in_flight) => match written {
            // Closing a socket with answers unread would reset it, and might take the last calls along.
            Ok(_writer) => drop(timeout(DRAIN_TIMEOUT, reading).await),
            Err(error) => tracing::debug!(%address, %error, "calls could not be written"),
        },
        () = &mut reading => {}
    }
}

/// Writes calls until the queue ends, and hands the writer back so that it stays open.
async fn write_all(
    head: &str,
    mut writer: OwnedWriteHalf,
    first: Pending,
    queue: &mut mpsc::Receiver<Pending>,
    in_flight: mpsc::Sender<Option<Answer>>,
) -> std::io::Result<OwnedWriteHalf> {
    let mut batch = vec![first];
    let mut bytes = Vec::new();
    loop {
        for pending in batch.drain(..) {
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend_from_slice(pending.body.len().to_string().as_bytes());
            bytes.extend_from_slice(b"\r\n\r\n");
            bytes.extend_from_slice(&pending.body);
            if let Err(mpsc::error::TrySendError::Full(answer)) = in_flight.try_send(pending.answer) {
                // No answer can come for what was not written yet, so write before waiting.
                writer.write_all(&bytes).await?;
                bytes.clear();
                if in_flight.send(answer).await.is_err() {
                    return Ok(writer);
                }
            }
        }
        writer.write_all(&bytes).await?;
        bytes.clear();
        if queue.recv_many(&mut batch, BATCH_MAX).await == 0 {
            return Ok(writer);
        }
    }
}
