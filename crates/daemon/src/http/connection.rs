// SPDX-License-Identifier: Apache-2.0

//! One connection on which a client makes HTTP requests, one after the other.
//!
//! Mesos never closes an idle connection, and its own scheduler library takes a closed one for a lost master; so there
//! is no idle limit here either. What bounds the idle ones is their number.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{StatusCode, header};
use hyper_util::rt::TokioIo;
use rustix::net::{Shutdown, shutdown, sockopt};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::body::HttpBody;
use super::incoming::{self, Share};
use super::pace::Pace;
use super::server::Port;
use super::sniff::HEADERS_MAX;
use super::{Body, Query, Request, Response, Service, encode::encode};
use crate::lease::Lease;

/// Bound: the head of a request; a longer one is answered 431.
const HEAD_MAX: usize = 64 << 10;
/// Bound: how long a client may leave what we send unacknowledged before its connection counts as dead.
const DEAD_AFTER: Duration = Duration::from_secs(120);

/// `begun` was read from the connection already.
pub async fn serve<S: Service>(
    stream: TcpStream,
    begun: Vec<u8>,
    peer: SocketAddr,
    port: Arc<Port<S>>,
) -> io::Result<()> {
    sockopt::set_tcp_user_timeout(&stream, DEAD_AFTER.as_millis() as u32)?;
    let stream = Arc::new(stream);
    let cut = Arc::new(Cut::default());
    let pace = Pace::new(port.limits.answer_patience);
    let handler = service_fn(|request| {
        let (port, cut) = (port.clone(), cut.clone());
        async move { Ok::<_, Infallible>(answer(request, peer, &port, &cut).await) }
    });
    let served = http1::Builder::new()
        .title_case_headers(true)
        // Who says that no more requests will come waits for the answers to those that came. Who leaves a stream is
        // noticed by `Cut`.
        .half_close(true)
        .header_read_timeout(None)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_MAX)
        .serve_connection(
            TokioIo::new(Begun { stream: stream.clone(), begun, at: 0, cut: cut.clone(), pace }),
            handler,
        );
    tokio::select! {
        result = served => result.map_err(io::Error::other),
        reason = cut.wait(&stream) => Err(io::Error::other(reason)),
    }
}

async fn answer<S: Service>(
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    port: &Port<S>,
    cut: &Cut,
) -> hyper::Response<HttpBody> {
    let (head, body) = request.into_parts();
    let mut share = Share::new(port.budget.clone());
    let response = match read(&head, body, peer, port, &mut share).await {
        Ok(request) => port.service.request(request).await,
        // What is left of the body is not worth reading, so the connection ends after the answer.
        Err(response) => response.with(header::CONNECTION, "close"),
    };
    cut.bind(response.lease.clone());
    cut.watch(match &response.body {
        Body::Stream(records) => Some(records.cut()),
        _ => None,
    });
    encode(&head.headers, response).await
}

async fn read<S: Service>(
    head: &hyper::http::request::Parts,
    body: Incoming,
    peer: SocketAddr,
    port: &Port<S>,
    share: &mut Share,
) -> Result<Request, Response> {
    // Mesos: whose resource it is does not matter, but that it is one.
    if !head.uri.path().starts_with('/') {
        return Err(Response::text(StatusCode::BAD_REQUEST, "Request URL path must start with '/'"));
    }
    let query = head.uri.query().unwrap_or_default();
    let Some(query) = Query::parse(query) else {
        return Err(Response::plain(StatusCode::BAD_REQUEST));
    };
    let mut body = incoming::read(body, port.limits.body, port.limits.body_patience, share).await?;
    // Mesos: of the codings it knows this one, by exactly this name.
    if head
        .headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .next_back()
        .is_some_and(|coding| coding == "gzip")
    {
        body = incoming::decompress(&body, port.limits.body, share).await?;
    }
    Ok(Request {
        method: head.method.to_string(),
        target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        query,
        headers: head.headers.clone(),
        body,
        peer,
    })
}

/// Ends a connection whose stream was cut, even while the library waits for the client to take bytes; one whose client
/// leaves a stream; and one that carries what only a leader may say, when it leads no longer.
#[derive(Default)]
struct Cut {
    stream: Mutex<Option<Arc<Notify>>>,
    lease: Mutex<Option<Lease>>,
    changed: Notify,
}

impl Cut {
    /// The next answer is this stream, or none.
    fn watch(&self, stream: Option<Arc<Notify>>) {
        *self.stream() = stream;
        self.changed.notify_one();
    }

    fn stream(&self) -> MutexGuard<'_, Option<Arc<Notify>>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next answer is good under this lease. What was said under one that is over may still wait to be written, so
    /// such a connection says nothing more at all.
    fn bind(&self, lease: Option<Lease>) {
        let mut bound = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        if bound.as_ref().is_none_or(Lease::holds) {
            *bound = lease;
        }
    }

    fn check(&self) -> io::Result<()> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(Ok(()), Lease::check)
    }

    /// Why the connection ends.
    async fn wait(&self, socket: &TcpStream) -> &'static str {
        loop {
            let stream = self.stream().clone();
            match stream {
                None => self.changed.notified().await,
                Some(stream) => tokio::select! {
                    () = stream.notified() => return "the client reads too slowly",
                    // The library sees the end meanwhile only if nothing came after the request. The kernel is not
                    // asked for what comes with priority: this waits for the end alone.
                    _ = socket.ready(Interest::PRIORITY) => return "the client has left its stream",
                    () = self.changed.notified() => {}
                },
            }
        }
    }
}

/// A connection of which some bytes were read already.
struct Begun {
    stream: Arc<TcpStream>,
    begun: Vec<u8>,
    at: usize,
    cut: Arc<Cut>,
    pace: Pace,
}

impl Begun {
    fn read(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            match self.stream.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(|_| ())),
            }
        }
    }

    fn write(
        &mut self,
        context: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.cut.check()?;
        while self.stream.poll_write_ready(context)?.is_ready() {
            match write(&self.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => {
                    self.pace.took(*written.as_ref().unwrap_or(&0));
                    return Poll::Ready(written);
                }
            }
        }
        // Streams have bounds of their own.
        if self.cut.stream().is_some() {
            self.pace.stop();
        } else {
            self.pace.wait(context)?;
        }
        Poll::Pending
    }
}

impl AsyncRead for Begun {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let rest = &this.begun[this.at..];
        if rest.is_empty() {
            return this.read(context, buffer);
        }
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        this.at += count;
        if this.at == this.begun.len() {
            (this.begun, this.at) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Begun {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().write(context, |stream| stream.try_write(bytes))
    }

    /// The library asks for this when it has nothing left to write.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().pace.stop();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(shutdown(&self.stream, Shutdown::Write).map_err(io::Error::from))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().write(context, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
