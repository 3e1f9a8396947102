// SPDX-License-Identifier: Apache-2.0

//! HTTP as bytes on a socket, so that nothing is added to a request or smoothed in an answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Bound: how long an answer, or the next record of a stream, is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bound: one chunk of an answer.
const CHUNK_MAX: usize = 64 << 20;

/// What a server said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The body's pieces, where it came in chunks.
    pub chunks: Option<Vec<Vec<u8>>>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The body, unpacked where it is compressed.
    pub fn plain_body(&self) -> Result<Vec<u8>> {
        match self.header("content-encoding") {
            None => Ok(self.body.clone()),
            Some("gzip") => {
                let mut plain = Vec::new();
                flate2::read::GzDecoder::new(&self.body[..])
                    .read_to_end(&mut plain)
                    .context("the body is not gzip")?;
                Ok(plain)
            }
            Some(other) => bail!("a Content-Encoding that nobody asked for: {other}"),
        }
    }

    /// An answer as it was recorded. Its lengths are not heeded: paths were replaced in it afterwards.
    pub fn of_recording(bytes: &[u8]) -> Result<Answer> {
        let mut reader = bytes;
        let mut answer = read_head(&mut reader)?;
        if answer.header("transfer-encoding") == Some("chunked") {
            let mut chunks = Vec::new();
            // A recording of a stream may end anywhere between two chunks.
            while let Ok(Some(chunk)) = read_recorded_chunk(&mut reader) {
                chunks.push(chunk);
            }
            answer.body = chunks.concat();
            answer.chunks = Some(chunks);
        } else {
            reader.read_to_end(&mut answer.body)?;
        }
        Ok(answer)
    }
}

/// Sends bytes on a connection of its own, and reads what comes until the server closes it.
pub fn exchange(address: &str, request: &[u8]) -> Result<Answer> {
    let stream = connect(address)?;
    (&stream).write_all(request)?;
    let mut reader = BufReader::new(stream);
    let mut answer = read_head(&mut reader)?;
    if answer.header("transfer-encoding") == Some("chunked") {
        let mut chunks = Vec::new();
        while let Some(chunk) = read_chunk(&mut reader)? {
            chunks.push(chunk);
        }
        answer.body = chunks.concat();
        answer.chunks = Some(chunks);
    } else {
        let length =
            answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(u64::MAX);
        reader.take(length).read_to_end(&mut answer.body).context("the answer does not end")?;
    }
    Ok(answer)
}

/// The body of a JSON call's answer.
pub fn post(address: &str, target: &str, headers: &str, body: &str) -> Result<Answer> {
    exchange(address, &post_request(target, &format!("{headers}Connection: close\r\n"), body))
}

pub fn get(address: &str, target: &str) -> Result<serde_json::Value> {
    let request = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let answer =
        exchange(address, request.as_bytes()).with_context(|| format!("GET {target} of {address}"))?;
    if answer.status != 200 {
        bail!("GET {target} of {address}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    serde_json::from_slice(&answer.body).with_context(|| format!("GET {target} of {address} is not JSON"))
}

pub fn post_request(target: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {target} HTTP/1.1\r\nHost: conformance\r\nContent-Type: application/json\r\n\
         Accept: application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An answer that goes on.
pub struct Stream {
    /// Status and headers alone.
    pub head: Answer,
    reader: BufReader<TcpStream>,
}

impl Stream {
    pub fn open(address: &str, request: &[u8]) -> Result<Stream> {
        let stream = connect(address)?;
        (&stream).write_all(request)?;
        let mut reader = BufReader::new(stream);
        let head = read_head(&mut reader)?;
        Ok(Stream { head, reader })
    }

    /// From now on the next chunk is waited for as long as it takes.
    pub fn wait_without_end(&self) -> Result<()> {
        Ok(self.reader.get_ref().set_read_timeout(None)?)
    }

    /// The next chunk; none at the stream's end.
    pub fn next_chunk(&mut self) -> Result<Option<Vec<u8>>> {
        read_chunk(&mut self.reader)
    }
}

/// The record that a chunk carries. Mesos: exactly one, with its length in front.
pub fn record(chunk: &[u8]) -> Result<&[u8]> {
    let at = chunk.iter().position(|byte| *byte == b'\n').context("a chunk without a record's length")?;
    let length: usize =
        std::str::from_utf8(&chunk[..at])?.parse().context("a record's length is not a number")?;
    let record = &chunk[at + 1..];
    if record.len() != length {
        bail!("a chunk holds {} bytes, but its record has {length}", record.len());
    }
    Ok(record)
}

fn connect(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn read_head(reader: &mut impl BufRead) -> Result<Answer> {
    loop {
        let first = line(reader)?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("'{first}' is no status line"))?;
        let mut answer = Answer { status, ..Answer::default() };
        loop {
            let line = line(reader)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').with_context(|| format!("'{line}' is no header"))?;
            answer.headers.push((name.to_owned(), value.trim().to_owned()));
        }
        // "100 Continue" and its like precede the answer.
        if status >= 200 {
            return Ok(answer);
        }
    }
}

fn read_chunk(reader: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    let size = line(reader)?;
    let length =
        usize::from_str_radix(&size, 16).with_context(|| format!("'{size}' is no size of a chunk"))?;
    if length > CHUNK_MAX {
        bail!("a chunk of {length} bytes");
    }
    let mut chunk = vec![0; length];
    reader.read_exact(&mut chunk)?;
    let end = line(reader)?;
    if !end.is_empty() {
        bail!("a chunk is longer than it says: '{end:.40}' follows");
    }
    Ok((length > 0).then_some(chunk))
}

/// A chunk whose lengths are those from before paths were replaced in it. JSON has no line's end inside.
fn read_recorded_chunk(reader: &mut &[u8]) -> Result<Option<Vec<u8>>> {
    let mut strict = *reader;
    if let Ok(chunk) = read_chunk(&mut strict) {
        *reader = strict;
        return Ok(chunk);
    }
    let (_, _, record) = (line(reader)?, line(reader)?, line(reader)?);
    Ok(Some(format!("{}\n{record}", record.len()).into_bytes()))
}

/// One line, without its end.
fn line(reader: &mut impl BufRead) -> Result<String> {
    let mut bytes = Vec::new();
    reader.read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        bail!("the connection ended");
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
