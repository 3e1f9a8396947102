// SPDX-License-Identifier: Apache-2.0

//! Reads messages from a connection, whatever pieces its bytes arrive in.

use std::net::Ipv4Addr;

use super::Upid;

/// One received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub from: Upid,
    /// The id of the actor that is addressed, percent-decoded: `master`.
    pub to: String,
    /// The full protobuf name of the body: `mesos.internal.RegisterSlaveMessage`.
    pub name: String,
    /// What Kaon's own parts say to each other: the headers whose names begin with `Kaon-`.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Its sender wants the connection to end after the reply.
    pub is_last: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("the request is not HTTP: {0}")]
    Http(String),
    #[error("Request URL path must start with '/'")]
    Path,
    #[error("the request is not a libprocess message: {0}")]
    NotAMessage(&'static str),
    #[error("the request's head is longer than {0} bytes")]
    HeadTooLarge(usize),
    #[error("the message is longer than {0} bytes")]
    BodyTooLarge(usize),
}

/// After an error the connection has no meaning any more and should be closed.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    used: usize,
    /// The message whose body is still arriving.
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    message: Message,
    length: Length,
}

#[derive(Debug, PartialEq, Eq)]
enum Length {
    /// This many bytes are missing.
    Known(usize),
    Chunked,
    /// Inside a chunk: this many of its bytes are missing, then a line end.
    Chunk(usize),
    /// After the last chunk: lines up to an empty one.
    Trailer,
}

/// Bound: the head of a request; libprocess writes some hundred bytes.
const HEAD_MAX: usize = 64 << 10;
/// Bound: one message. The largest is an agent's re-registration, with all its tasks.
const BODY_MAX: usize = 256 << 20;
/// Bound: the line that announces a chunk.
const CHUNK_LINE_MAX: usize = 1 << 10;

impl Decoder {
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.used > 0 && self.used >= self.buffer.len() / 2 {
            self.buffer.drain(..self.used);
            self.used = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether a message has begun that is not whole yet.
    pub fn is_within_message(&self) -> bool {
        self.pending.is_some() || self.used < self.buffer.len()
    }

    /// How many bytes of messages that are not whole yet are kept.
    pub fn held(&self) -> usize {
        let body = self.pending.as_ref().map_or(0, |pending| pending.message.body.capacity());
        body + self.buffer.capacity()
    }

    /// The next whole message, if it has arrived.
    pub fn next_message(&mut self) -> Result<Option<Message>, FrameError> {
        if self.pending.is_none() {
            match head(&self.buffer[self.used..])? {
                Some((pending, length)) => {
                    self.used += length;
                    self.pending = Some(pending);
                }
                None => return Ok(None),
            }
        }
        if !self.body()? {
            return Ok(None);
        }
        Ok(self.pending.take().map(|pending| pending.message))
    }

    /// Moves what has arrived of the body; true when it is whole.
    fn body(&mut self) -> Result<bool, FrameError> {
        let Some(Pending { message, length }) = &mut self.pending else { return Ok(false) };
        loop {
            let rest = &self.buffer[self.used..];
            match length {
                Length::Known(0) => return Ok(true),
                Length::Known(missing) => {
                    let taken = rest.len().min(*missing);
                    message.body.extend_from_slice(&rest[..taken]);
                    self.used += taken;
                    *missing -= taken;
                    if *missing > 0 {
                        return Ok(false);
                    }
                }
                Length::Chunked => {
                    let Some(line) = line(rest)? else { return Ok(false) };
                    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
                    let size = std::str::from_utf8(digits)
                        .ok()
                        .filter(|text| !text.starts_with('+'))
                        .and_then(|text| usize::from_str_radix(text, 16).ok())
                        .ok_or_else(|| FrameError::Http("a chunk's size is not a number".into()))?;
                    if size > BODY_MAX - message.body.len() {
                        return Err(FrameError::BodyTooLarge(BODY_MAX));
                    }
                    self.used += line.len() + 2;
                    *length = if size == 0 { Length::Trailer } else { Length::Chunk(size) };
                }
                Length::Chunk(0) => {
                    let Some(line) = line(rest)? else { return Ok(false) };
                    if !line.is_empty() {
                        return Err(FrameError::Http("a chunk is longer than announced".into()));
                    }
                    self.used += 2;
                    *length = Length::Chunked;
                }
                Length::Chunk(missing) => {
                    let taken = rest.len().min(*missing);
                    if taken == 0 {
                        return Ok(false);
                    }
                    message.body.extend_from_slice(&rest[..taken]);
                    self.used += taken;
                    *missing -= taken;
                }
                Length::Trailer => {
                    let Some(line) = line(rest)? else { return Ok(false) };
                    self.used += line.len() + 2;
                    if line.is_empty() {
                        return Ok(true);
                    }
                }
            }
        }
    }
}

/// A line without its end, if it has arrived.
fn line(bytes: &[u8]) -> Result<Option<&[u8]>, FrameError> {
    let end = bytes.windows(2).take(CHUNK_LINE_MAX).position(|pair| pair == b"\r\n");
    if end.is_none() && bytes.len() > CHUNK_LINE_MAX {
        return Err(FrameError::Http("a chunk's line is too long".into()));
    }
    Ok(end.map(|end| &bytes[..end]))
}

/// Parses a request's head, once it is whole; returns its length too.
fn head(bytes: &[u8]) -> Result<Option<(Pending, usize)>, FrameError> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let status = request.parse(bytes).map_err(|error| FrameError::Http(error.to_string()))?;
    let httparse::Status::Complete(length) = status else {
        return if bytes.len() > HEAD_MAX { Err(FrameError::HeadTooLarge(HEAD_MAX)) } else { Ok(None) };
    };
    if request.method != Some("POST") {
        return Err(FrameError::NotAMessage("its method is not POST"));
    }
    let path = request.path.unwrap_or_default().strip_prefix('/').ok_or(FrameError::Path)?;
    let (to, name) = path.split_once('/').ok_or(FrameError::NotAMessage("its path names no message"))?;
    let find = |name: &str| {
        let header = request.headers.iter().rev().find(|header| header.name.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(header.value))
    };
    let from = find("Libprocess-From")
        .or_else(|| {
            find("User-Agent").and_then(|agent| Some(agent.strip_prefix("libprocess/")?.to_owned().into()))
        })
        .ok_or(FrameError::NotAMessage("it does not say who sent it"))?;
    // Mesos: what is no address is none, and the message is delivered.
    let from = from.trim().parse().unwrap_or_else(|_| Upid::empty());
    if find("Content-Encoding").is_some() {
        return Err(FrameError::NotAMessage("its body is compressed, which no sender does"));
    }
    let body = match (find("Transfer-Encoding"), find("Content-Length")) {
        (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => Length::Chunked,
        (Some(_), _) => return Err(FrameError::Http("its Transfer-Encoding is not chunked".into())),
        (None, Some(length)) => Length::Known(decimal(&length)?),
        (None, None) => Length::Known(0),
    };
    let connection = find("Connection").unwrap_or_default();
    let is_last = match request.version {
        Some(0) => !connection.eq_ignore_ascii_case("keep-alive"),
        _ => connection.eq_ignore_ascii_case("close"),
    };
    let own = request.headers.iter().filter(|header| is_ours(header.name));
    let headers =
        own.map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()));
    let message = Message {
        from,
        to: percent_decode(to),
        name: name.to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
        is_last,
    };
    Ok(Some((Pending { message, length: body }, length)))
}

fn is_ours(header: &str) -> bool {
    header.get(..5).is_some_and(|prefix| prefix.eq_ignore_ascii_case("Kaon-"))
}

fn decimal(length: &str) -> Result<usize, FrameError> {
    if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(FrameError::Http("its Content-Length is not a number".into()));
    }
    let length = length.parse().ok().filter(|length| *length <= BODY_MAX);
    length.ok_or(FrameError::BodyTooLarge(BODY_MAX))
}

/// `slave%281%29` → `slave(1)`; what is not a code stays as it is.
fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes
            .get(at..at + 3)
            .filter(|code| code[0] == b'%' && code[1] != b'+')
            .and_then(|code| std::str::from_utf8(&code[1..]).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(code.unwrap_or(bytes[at]));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Message {
    /// Whether the sender's address is one that a reply could reach.
    pub fn has_address(&self) -> bool {
        self.from.ip != Ipv4Addr::UNSPECIFIED && self.from.port != 0
    }
}
