// SPDX-License-Identifier: Apache-2.0

//! Plain HTTP/1.1 requests over connections that are kept for the next one.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{Address, Error};

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a peer may take to begin its answer.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Bound: connections kept to one peer; more are closed after use.
const IDLE_MAX: usize = 16;
/// Bound: the text of a refusal.
const REFUSAL_MAX: usize = 16 * 1024;

type Sender = SendRequest<Full<Bytes>>;

/// A client with the connections that it keeps.
#[derive(Debug, Default)]
pub struct Client {
    idle: Mutex<BTreeMap<Address, Vec<Sender>>>,
}

/// What is asked of a peer.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    pub method: Method,
    /// The path with its query.
    pub path: &'a str,
    /// The media type of the body, or what is accepted if there is none.
    pub media_type: Option<&'static str>,
    /// What shows who asks, if the peer wants that: `Bearer …`, `Basic …`.
    pub authorization: Option<&'a str>,
    pub body: Bytes,
}

impl Client {
    pub fn new() -> Client {
        Client::default()
    }

    /// Fetches `path`; the answer's status is for the caller to judge.
    pub async fn get(&self, address: &Address, path: &str) -> Result<Response<Incoming>, Error> {
        let ask =
            Ask { method: Method::GET, path, media_type: None, authorization: None, body: Bytes::new() };
        self.send(address, &ask).await
    }

    /// Fetches `path` whole, if it is there and no larger than `max` bytes.
    pub async fn get_bytes(&self, address: &Address, path: &str, max: usize) -> Result<Bytes, Error> {
        let response = expect_success(address, self.get(address, path).await?).await?;
        read_body(address, response.into_body(), max).await
    }

    pub(crate) async fn send(&self, address: &Address, ask: &Ask<'_>) -> Result<Response<Incoming>, Error> {
        let mut request = ask.request(address)?;
        while let Some(mut sender) = self.take_idle(address) {
            let answer = timeout(ANSWER_TIMEOUT, sender.try_send_request(request)).await;
            match answer.map_err(|_| no_answer(address))? {
                Ok(response) => return Ok(self.keep(address, sender, response)),
                // The peer closed the kept connection before it saw anything of the request.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(broken(address, error.into_error())),
                },
            }
        }
        let mut sender = handshake(address).await?;
        let answer = timeout(ANSWER_TIMEOUT, sender.send_request(request)).await;
        let response = answer.map_err(|_| no_answer(address))?.map_err(|error| broken(address, error))?;
        Ok(self.keep(address, sender, response))
    }

    fn take_idle(&self, address: &Address) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let senders = idle.get_mut(address)?;
        senders.retain(|sender| !sender.is_closed());
        // A sender whose last answer is still being read is not ready; it stays for later.
        let ready = senders.iter().position(SendRequest::is_ready)?;
        Some(senders.swap_remove(ready))
    }

    fn keep(&self, address: &Address, sender: Sender, response: Response<Incoming>) -> Response<Incoming> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let senders = idle.entry(address.clone()).or_default();
        if senders.len() < IDLE_MAX {
            senders.push(sender);
        }
        response
    }
}

impl Ask<'_> {
    fn request(&self, address: &Address) -> Result<Request<Full<Bytes>>, Error> {
        let mut builder = Request::builder().method(self.method.clone()).uri(self.path);
        builder = builder.header(HOST, address.to_string());
        if let Some(media_type) = self.media_type {
            builder = builder.header(ACCEPT, media_type);
            if self.method == Method::POST {
                builder = builder.header(CONTENT_TYPE, media_type);
            }
        }
        if let Some(shown) = self.authorization {
            builder = builder.header(AUTHORIZATION, shown);
        }
        let request = builder.body(Full::new(self.body.clone()));
        request.map_err(|error| Error::Broken { address: address.clone(), reason: error.to_string() })
    }
}

/// Opens a connection of its own.
pub(crate) async fn dial(address: &Address) -> Result<TcpStream, Error> {
    let connecting = TcpStream::connect((address.host.as_str(), address.port));
    let within = CONNECT_TIMEOUT;
    let timed_out = |_| Error::Timeout { address: address.clone(), what: "accept a connection", within };
    let stream = timeout(within, connecting).await.map_err(timed_out)?;
    let stream = stream.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
    stream.map_err(|reason| Error::Connect { address: address.clone(), reason })
}

async fn handshake(address: &Address) -> Result<Sender, Error> {
    let stream = TokioIo::new(dial(address).await?);
    let (sender, connection) = http1::handshake(stream).await.map_err(|error| broken(address, error))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended");
        }
    });
    Ok(sender)
}

/// Sends one request over a connection that is used for nothing else, as streams need it.
pub(crate) async fn send_alone(address: &Address, ask: &Ask<'_>) -> Result<Response<Incoming>, Error> {
    let request = ask.request(address)?;
    let mut sender = handshake(address).await?;
    let answer = timeout(ANSWER_TIMEOUT, sender.send_request(request)).await;
    answer.map_err(|_| no_answer(address))?.map_err(|error| broken(address, error))
}

/// The leader that a 307 names.
pub(crate) fn redirect<B>(response: &Response<B>) -> Option<Address> {
    let is_redirect = response.status() == StatusCode::TEMPORARY_REDIRECT;
    let location = is_redirect.then(|| response.headers().get(LOCATION))?;
    location.map(HeaderValue::to_str)?.ok().and_then(Address::from_location)
}

/// The response if its status is 2xx; else the status with its text as an error.
pub async fn expect_success(
    address: &Address,
    response: Response<Incoming>,
) -> Result<Response<Incoming>, Error> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = read_body(address, response.into_body(), REFUSAL_MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&body).trim().to_owned();
    Err(Error::Status { address: address.clone(), status: status.as_u16(), text })
}

/// All of a body that is no larger than `max` bytes.
pub async fn read_body(address: &Address, body: Incoming, max: usize) -> Result<Bytes, Error> {
    let collected = Limited::new(body, max).collect().await;
    let reason = |error: Box<dyn std::error::Error + Send + Sync>| error.to_string();
    let body =
        collected.map_err(|error| Error::Broken { address: address.clone(), reason: reason(error) })?;
    Ok(body.to_bytes())
}

fn no_answer(address: &Address) -> Error {
    Error::Timeout { address: address.clone(), what: "answer", within: ANSWER_TIMEOUT }
}

fn broken(address: &Address, error: hyper::Error) -> Error {
    Error::Broken { address: address.clone(), reason: error.to_string() }
}

/// The text as it may stand in a query.
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
