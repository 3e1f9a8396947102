// SPDX-License-Identifier: Apache-2.0

//! The stream of a framework's events.

use std::net::SocketAddrV4;

use anyhow::{Context, Result, bail};
use kaon_api::recordio::Decoder;
use kaon_api::v1::scheduler::{Call, Event};
use kaon_api::wire::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bound: one event; one with the offers of 100,000 agents fits.
const EVENT_MAX: usize = 256 << 20;
/// Bound: the head of an answer.
const HEAD_MAX: usize = 64 << 10;

pub struct Events {
    connection: TcpStream,
    /// With which calls must be signed.
    pub stream_id: String,
    buffer: Vec<u8>,
    chunk: Chunk,
    records: Decoder,
}

/// Where the reader stands in the chunks of the answer.
#[derive(Clone, Copy)]
enum Chunk {
    /// In front of a line that says how long the chunk is.
    Size,
    /// So many bytes of the chunk are missing.
    Data(usize),
    /// In front of the line end after a chunk.
    End,
}

impl Events {
    /// Subscribes, and reads the head of the answer.
    pub async fn open(master: SocketAddrV4, subscribe: &Call) -> Result<Events> {
        let unreachable = || format!("the master at {master} cannot be reached");
        let mut connection = TcpStream::connect(master).await.with_context(unreachable)?;
        let body = subscribe.encode();
        let request = format!(
            "POST /api/v1/scheduler HTTP/1.1\r\nHost: {master}\r\nAccept: application/x-protobuf\r\n\
             Content-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        connection.write_all(&[request.as_bytes(), &body].concat()).await?;
        let mut buffer = Vec::new();
        let head = loop {
            if let Some(head) = head(&buffer)? {
                break head;
            }
            if connection.read_buf(&mut buffer).await? == 0 {
                bail!("the master closed the connection instead of opening a stream");
            }
        };
        buffer.drain(..head.length);
        if head.status != 200 {
            bail!("the subscription was answered {}: {}", head.status, String::from_utf8_lossy(&buffer));
        }
        let stream_id = head.text.stream_id.unwrap_or_default();
        Ok(Events { connection, stream_id, buffer, chunk: Chunk::Size, records: Decoder::new(EVENT_MAX) })
    }

    /// The next event; none at the end of the stream. May be cancelled without loss.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(record) = self.records.next_record()? {
                return Ok(Some(Event::decode(&record)?));
            }
            self.unchunk()?;
            if let Some(record) = self.records.next_record()? {
                return Ok(Some(Event::decode(&record)?));
            }
            self.buffer.reserve(64 << 10);
            if self.connection.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Moves the content of chunks that have arrived to the records.
    fn unchunk(&mut self) -> Result<()> {
        let mut used = 0;
        loop {
            let rest = &self.buffer[used..];
            match self.chunk {
                Chunk::Size => {
                    let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else { break };
                    let digits = std::str::from_utf8(&rest[..end])?;
                    let size = usize::from_str_radix(digits, 16).context("a chunk without its length")?;
                    used += end + 2;
                    self.chunk = Chunk::Data(size);
                }
                Chunk::Data(0) => self.chunk = Chunk::End,
                Chunk::Data(missing) => {
                    let taken = rest.len().min(missing);
                    if taken == 0 {
                        break;
                    }
                    self.records.feed(&rest[..taken]);
                    used += taken;
                    self.chunk = Chunk::Data(missing - taken);
                }
                Chunk::End => {
                    if rest.len() < 2 {
                        break;
                    }
                    used += 2;
                    self.chunk = Chunk::Size;
                }
            }
        }
        self.buffer.drain(..used);
        Ok(())
    }
}

/// The head of an answer, as far as it matters here.
pub struct Head {
    pub status: u16,
    pub text: Fields,
    /// How long the head is.
    pub length: usize,
}

#[derive(Default)]
pub struct Fields {
    pub content_length: Option<usize>,
    pub stream_id: Option<String>,
}

/// Reads the head that `bytes` begin with, if it is whole.
pub fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let Some(end) = bytes.windows(4).take(HEAD_MAX).position(|four| four == b"\r\n\r\n") else {
        return if bytes.len() > HEAD_MAX { bail!("the head of an answer is too long") } else { Ok(None) };
    };
    let text = std::str::from_utf8(&bytes[..end])?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let status = status.context("the answer is not HTTP")?;
    let mut fields = Fields::default();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case("Content-Length") {
            fields.content_length = Some(value.parse().context("a Content-Length that is no number")?);
        } else if name.eq_ignore_ascii_case("Mesos-Stream-Id") {
            fields.stream_id = Some(value.to_owned());
        }
    }
    Ok(Some(Head { status, text: fields, length: end + 4 }))
}
