// SPDX-License-Identifier: Apache-2.0

//! A stream of records to a client that may be slow.
//!
//! The writer never waits. What the client has not taken yet lies in a queue. Beyond its bounds the client has to go on
//! reading, or else the stream is cut, and the connection with it, so that one slow reader costs the others nothing: an
//! answer to one question may be larger than the bounds, and comes faster than anybody reads. Records are encoded when they
//! are taken, on the thread that serves the connection; so the writer says about how large each is.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::Frame;
use kaon_api::recordio;
use tokio::sync::Notify;

/// The writing end, for records of type `T`.
pub struct Writer<T> {
    queue: Arc<Mutex<Queue<T>>>,
    gone: Arc<Gone>,
    bounds: Bounds,
}

/// The bytes that wait for all clients of this process.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// What may wait for a client that does not read; more cuts its stream.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bound: records.
    pub records: usize,
    /// Bound: bytes. A single record may be larger: a client that keeps up is to get it.
    pub bytes: usize,
    /// For so long a client may take nothing while more than that waits for it.
    pub patience: Duration,
    /// Bound: bytes that may wait for all clients of the process before more than that waits for this one.
    pub shared: usize,
}

/// The reading end: the body of an answer.
pub struct Records(Box<dyn Source>);

/// Tells that a stream has no reader any more.
#[derive(Debug, Default)]
pub struct Gone(Notify);

/// Why a record was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the client has closed the stream")]
    Closed,
    #[error("the client reads too slowly")]
    TooSlow,
}

struct Queue<T> {
    /// Each with its size.
    records: VecDeque<(T, usize)>,
    bytes: usize,
    /// When the client took something last, or the first of what waits was put here.
    taken: Instant,
    state: State,
    waker: Option<Waker>,
    /// Ends the connection at once, even while it waits for its client to take more.
    cut: Arc<Notify>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// No more will be written; what waits is still delivered.
    Finished,
    /// Ended at the bound.
    Cut,
    /// The reader is gone.
    Closed,
}

/// Opens a stream; `encode` turns a record into its bytes, without the RecordIO header.
pub fn open<T: Send + 'static>(bounds: Bounds, encode: fn(&T) -> Vec<u8>) -> (Writer<T>, Records) {
    let queue = Arc::new(Mutex::new(Queue {
        records: VecDeque::new(),
        bytes: 0,
        taken: Instant::now(),
        state: State::Open,
        waker: None,
        cut: Arc::default(),
    }));
    let gone = Arc::new(Gone::default());
    let reader = Reader { queue: queue.clone(), gone: gone.clone(), encode };
    (Writer { queue, gone, bounds }, Records(Box::new(reader)))
}

impl<T> Writer<T> {
    /// Puts a record of about this size into the queue; it becomes one chunk.
    pub fn send(&self, record: T, size: usize) -> Result<(), Refused> {
        let mut queue = lock(&self.queue);
        match queue.state {
            State::Open => {}
            State::Cut => return Err(Refused::TooSlow),
            State::Finished | State::Closed => return Err(Refused::Closed),
        }
        if queue.records.is_empty() {
            queue.taken = Instant::now();
        } else if queue.is_too_slow(&self.bounds, size) {
            queue.state = State::Cut;
            queue.clear();
            queue.cut.notify_one();
            queue.wake();
            return Err(Refused::TooSlow);
        }
        queue.records.push_back((record, size));
        queue.bytes += size;
        WAITING.fetch_add(size, Ordering::Relaxed);
        queue.wake();
        Ok(())
    }

    /// Ends the stream after what was written: the client sees the zero chunk.
    pub fn finish(&self) {
        let mut queue = lock(&self.queue);
        if queue.state == State::Open {
            queue.state = State::Finished;
            queue.wake();
        }
    }

    /// Becomes ready when the reader is gone, for whatever reason.
    pub fn gone(&self) -> Arc<Gone> {
        self.gone.clone()
    }
}

/// A writer that is dropped ends its stream.
impl<T> Drop for Writer<T> {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Gone {
    pub async fn wait(&self) {
        self.0.notified().await;
    }
}

impl<T> Queue<T> {
    /// Whether one more record, of this size, is too much for its client.
    fn is_too_slow(&self, bounds: &Bounds, size: usize) -> bool {
        let within = self.records.len() < bounds.records && self.bytes.saturating_add(size) <= bounds.bytes;
        let shared = WAITING.load(Ordering::Relaxed).saturating_add(size);
        !within && (shared > bounds.shared || self.taken.elapsed() >= bounds.patience)
    }

    fn pop(&mut self) -> Option<T> {
        let (record, size) = self.records.pop_front()?;
        self.bytes -= size;
        WAITING.fetch_sub(size, Ordering::Relaxed);
        self.taken = Instant::now();
        Some(record)
    }

    fn clear(&mut self) {
        self.records = VecDeque::new();
        WAITING.fetch_sub(std::mem::take(&mut self.bytes), Ordering::Relaxed);
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

fn lock<T>(queue: &Mutex<Queue<T>>) -> std::sync::MutexGuard<'_, Queue<T>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

type Chunk = Option<Result<Frame<Bytes>, Refused>>;

trait Source: Send {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Chunk>;
    fn cut(&self) -> Arc<Notify>;
}

struct Reader<T> {
    queue: Arc<Mutex<Queue<T>>>,
    gone: Arc<Gone>,
    encode: fn(&T) -> Vec<u8>,
}

impl<T: Send> Source for Reader<T> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Chunk> {
        let record = {
            let mut queue = lock(&self.queue);
            match (queue.pop(), queue.state) {
                (_, State::Cut) => return Poll::Ready(Some(Err(Refused::TooSlow))),
                (Some(record), _) => record,
                (None, State::Finished | State::Closed) => return Poll::Ready(None),
                (None, State::Open) => {
                    queue.waker = Some(context.waker().clone());
                    return Poll::Pending;
                }
            }
        };
        let mut chunk = Vec::new();
        recordio::encode(&(self.encode)(&record), &mut chunk);
        Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
    }

    fn cut(&self) -> Arc<Notify> {
        lock(&self.queue).cut.clone()
    }
}

impl<T> Drop for Reader<T> {
    fn drop(&mut self) {
        let mut queue = lock(&self.queue);
        queue.state = State::Closed;
        queue.clear();
        self.gone.0.notify_one();
    }
}

impl Records {
    /// Notified when the connection must end at once.
    pub(super) fn cut(&self) -> Arc<Notify> {
        self.0.cut()
    }

    pub(super) fn poll_chunk(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Chunk> {
        self.get_mut().0.poll(context)
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Records")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_all_clients_is_bounded_and_is_given_back() {
        let bounds = Bounds { records: 1, bytes: 10, patience: Duration::from_secs(3600), shared: 100 };
        let open = || open(bounds, |record: &String| record.clone().into_bytes());
        let ((first, reader), (second, _reader)) = (open(), open());
        let send = |writer: &Writer<String>| writer.send("x".repeat(30), 30);
        assert_eq!([send(&first), send(&first), send(&second)], [Ok(()); 3], "beyond the bounds of each");
        assert_eq!(send(&second), Err(Refused::TooSlow), "and of all");
        assert_eq!(send(&first), Ok(()), "what waited for the other counts no more");
        drop(reader);
        let (third, _reader) = open();
        assert_eq!([send(&third), send(&third), send(&third)], [Ok(()); 3], "nor what nobody will read");
        assert_eq!(send(&third), Err(Refused::TooSlow));
    }
}
