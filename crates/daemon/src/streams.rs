// SPDX-License-Identifier: Apache-2.0

//! The event streams that are open, by the numbers that the cores know them by.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use tokio::sync::oneshot;

use crate::http::negotiate::Form;
use crate::http::stream::{self, Bounds, Gone, Records, Refused, Writer};
use crate::http::{Body, Response};
use crate::metrics::Counters;

/// Bound: what waits for one client. Beyond it a client that does not read is dropped, and will find out what it missed.
///
/// Who asks for the states of a hundred thousand tasks gets as many events at once, and reads as fast as it can.
const BOUNDS: Bounds =
    Bounds { records: 16_384, bytes: 64 << 20, patience: Duration::from_secs(10), shared: 1 << 30 };

const STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");

/// An event that can be written to a client.
pub trait Record: Send + 'static {
    fn json(&self) -> Vec<u8>;
    fn protobuf(&self) -> Vec<u8>;
    /// About how many bytes it takes.
    fn size(&self) -> usize;
    /// Whose stream this is, where the event says so.
    fn subscriber(&self) -> Option<&str> {
        None
    }
}

pub struct Streams<T> {
    last: AtomicU64,
    open: Mutex<Table<T>>,
    counters: Arc<Counters>,
}

struct Table<T> {
    by_number: BTreeMap<u64, Open<T>>,
    /// The streams whose clients have been told an id.
    by_id: BTreeMap<String, u64>,
    /// Nobody will write to any of them any more.
    is_over: bool,
}

struct Open<T> {
    writer: Writer<T>,
    /// Taken when the client is answered.
    answer: Option<oneshot::Sender<Answer>>,
    id: Option<String>,
    subscriber: Option<String>,
}

/// What a client that asked for a stream is told.
enum Answer {
    Stream { id: Option<String> },
    Refused { code: u16, text: String },
}

/// A stream that was asked for; the client has no answer yet.
pub struct Asked {
    pub number: u64,
    /// Becomes ready when the client is gone.
    pub gone: Arc<Gone>,
    form: Form,
    records: Records,
    answer: oneshot::Receiver<Answer>,
}

impl<T: Record> Streams<T> {
    pub fn new(counters: Arc<Counters>) -> Streams<T> {
        let table = Table { by_number: BTreeMap::new(), by_id: BTreeMap::new(), is_over: false };
        Streams { last: AtomicU64::new(0), open: Mutex::new(table), counters }
    }

    /// Makes a stream for a client that takes events in this form.
    pub fn ask(&self, form: Form) -> Asked {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let encode = match form {
            Form::Json => T::json,
            Form::Protobuf => T::protobuf,
        };
        let (writer, records) = stream::open(BOUNDS, encode);
        let gone = writer.gone();
        let (sender, answer) = oneshot::channel();
        let open = Open { writer, answer: Some(sender), id: None, subscriber: None };
        let mut table = self.lock();
        if !table.is_over {
            table.by_number.insert(number, open);
        }
        drop(table);
        Asked { number, gone, form, records, answer }
    }

    /// Sets the id that the client is told with the answer.
    pub fn name(&self, number: u64, id: String) {
        let mut table = self.lock();
        if let Some(open) = table.by_number.get_mut(&number) {
            open.id = Some(id.clone());
            table.by_id.insert(id, number);
        }
    }

    /// Whether the stream of this id is open and this subscriber's, so that a call that names both is from whoever
    /// reads the stream.
    pub fn is_of(&self, id: &str, subscriber: &str) -> bool {
        let table = self.lock();
        let open = table.by_id.get(id).and_then(|number| table.by_number.get(number));
        open.is_some_and(|open| open.subscriber.as_deref() == Some(subscriber))
    }

    pub fn send(&self, number: u64, event: T) {
        let size = event.size();
        let mut table = self.lock();
        let Some(open) = table.by_number.get_mut(&number) else { return };
        if open.answer.is_some() {
            open.subscriber = event.subscriber().map(str::to_owned);
            open.accept();
        }
        if open.writer.send(event, size) == Err(Refused::TooSlow) {
            let Bounds { records, bytes, patience, shared } = BOUNDS;
            tracing::warn!(
                "Dropped a client of events, for which more than {records} or {bytes} bytes wait: it has taken nothing for \
                 {patience:?}, or more than {shared} bytes wait for all clients"
            );
            Counters::add(&self.counters.streams_cut);
            table.remove(number);
        }
    }

    /// Ends a stream after what was sent.
    pub fn close(&self, number: u64) {
        if let Some(mut open) = self.lock().remove(number) {
            open.accept();
        }
    }

    /// Answers by a refusal instead of a stream; one that was answered already ends.
    pub fn refuse(&self, number: u64, code: u16, text: String) {
        if let Some(open) = self.lock().remove(number)
            && let Some(answer) = open.answer
        {
            // The client may have gone.
            let _ = answer.send(Answer::Refused { code, text });
        }
    }

    /// Ends all streams, and whatever is asked for from now on.
    pub fn end(&self) {
        let mut table = self.lock();
        table.is_over = true;
        table.by_number.clear();
        table.by_id.clear();
    }

    /// Forgets a stream whose client is gone.
    pub fn forget(&self, number: u64) {
        self.lock().remove(number);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table<T>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Table<T> {
    fn remove(&mut self, number: u64) -> Option<Open<T>> {
        let open = self.by_number.remove(&number)?;
        if let Some(id) = &open.id {
            self.by_id.remove(id);
        }
        Some(open)
    }
}

impl<T> Open<T> {
    /// The first event, or the end, is what says that the client gets its stream.
    fn accept(&mut self) {
        if let Some(answer) = self.answer.take() {
            // The client may have gone.
            let _ = answer.send(Answer::Stream { id: self.id.clone() });
        }
    }
}

impl Asked {
    /// Waits for what the core says, and answers so.
    pub async fn answer(self) -> Response {
        match self.answer.await {
            Ok(Answer::Stream { id }) => {
                let mut response = Response {
                    status: StatusCode::OK,
                    headers: Vec::new(),
                    body: Body::Stream(self.records),
                    lease: None,
                };
                if let Some(id) = id.and_then(|id| HeaderValue::try_from(id).ok()) {
                    response.headers.push((STREAM_ID, id));
                }
                response.with(CONTENT_TYPE, self.form.content_type())
            }
            Ok(Answer::Refused { code, text }) => refusal(code, text),
            Err(_) => Response::plain(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// What a core refuses with.
pub fn refusal(code: u16, text: String) -> Response {
    Response::text(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), text)
}
