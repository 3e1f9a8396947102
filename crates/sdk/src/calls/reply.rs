// SPDX-License-Identifier: Apache-2.0

//! Reads the answers to pipelined calls.

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;

use super::Answer;
use crate::{Address, Error};

/// Bound: the head of an answer.
const HEAD_MAX: usize = 64 * 1024;
/// Bound: headers of an answer.
const HEADERS_MAX: usize = 64;
/// Bound: the body of an answer; calls are answered with a line of text at most.
const BODY_MAX: usize = 1024 * 1024;
/// How much is read at once.
const READ_SIZE: usize = 16 * 1024;

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub status: u16,
    pub text: String,
    /// Where a redirect leads.
    pub location: Option<String>,
}

impl Reply {
    /// Nothing, if the call was taken.
    pub(crate) fn taken(self, address: &Address) -> Result<(), Error> {
        let Reply { status, text, .. } = self;
        let address = address.clone();
        match status {
            200..=299 => Ok(()),
            300..=399 => Err(Error::NoLeader { address }),
            _ => Err(Error::Status { address, status, text }),
        }
    }
}

/// Hands each answer to whom it is awaited by, in order, until the peer closes or sends what cannot be read, or
/// until nothing is awaited and nothing more will be.
pub(super) async fn read_all(
    address: &Address,
    mut reader: impl AsyncRead + Unpin,
    mut awaited: mpsc::Receiver<Option<Answer>>,
) {
    let mut buffer = Vec::new();
    loop {
        let answer = tokio::select! {
            // An answer is awaited before its call is written, by this same task; so what arrives while none is
            // awaited is the end of the connection, or nothing that was asked for.
            biased;
            awaited = awaited.recv() => awaited,
            _ = read_more(&mut reader, &mut buffer), if buffer.is_empty() => None,
        };
        let Some(answer) = answer else { return };
        let reply = match read_one(&mut reader, &mut buffer).await {
            Ok(reply) => reply,
            Err(reason) => return tracing::debug!(%address, reason, "closing the connection for calls"),
        };
        match answer {
            // The caller may have given up meanwhile, and then nobody needs to know.
            Some(answer) => drop(answer.send(Ok(reply))),
            None if reply.status >= 300 => {
                tracing::debug!(%address, reply.status, reply.text, "a call was not taken");
            }
            None => {}
        }
    }
}

async fn read_one(reader: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Result<Reply, String> {
    loop {
        if let Some((reply, length)) = parse(buffer)? {
            buffer.drain(..length);
            return Ok(reply);
        }
        if read_more(reader, buffer).await.map_err(|error| error.to_string())? == 0 {
            return Err("the peer closed it".into());
        }
    }
}

async fn read_more(reader: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> std::io::Result<usize> {
    buffer.reserve(READ_SIZE);
    reader.read_buf(buffer).await
}

/// The first answer in `bytes` and its length, or none as long as it is not complete.
fn parse(bytes: &[u8]) -> Result<Option<(Reply, usize)>, String> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response.parse(bytes).map_err(|error| error.to_string())? {
        httparse::Status::Complete(head) => head,
        httparse::Status::Partial if bytes.len() > HEAD_MAX => {
            return Err("the head of an answer is too long".into());
        }
        httparse::Status::Partial => return Ok(None),
    };
    let header = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| String::from_utf8_lossy(header.value).into_owned())
    };
    if header("Transfer-Encoding").is_some() {
        return Err("the answer to a call has no length".into());
    }
    let length = header("Content-Length").map_or(Ok(0), |text| text.trim().parse::<usize>());
    let length = length.map_err(|_| "the length of an answer is not a number".to_owned())?;
    if length > BODY_MAX {
        return Err(format!("the answer to a call is {length} bytes long"));
    }
    let Some(body) = bytes.get(head..head + length) else { return Ok(None) };
    let text = String::from_utf8_lossy(body).trim().to_owned();
    let status = response.code.unwrap_or_default();
    Ok(Some((Reply { status, text, location: header("Location") }, head + length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let stream = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\nHTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\nno\nHTTP/1.1 2";
        let (first, used) = parse(stream).unwrap().unwrap();
        assert_eq!((first.status, first.text.as_str()), (202, ""));
        let (second, more) = parse(&stream[used..]).unwrap().unwrap();
        assert_eq!((second.status, second.text.as_str()), (400, "no"));
        assert_eq!(parse(&stream[used + more..]), Ok(None));
        for cut in 0..used {
            assert_eq!(parse(&stream[..cut]), Ok(None), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for text in [
            "SSH-2.0-OpenSSH_9.2\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text:?}");
        }
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &[b'x'; HEAD_MAX]].concat();
        assert!(parse(&endless).is_err());
    }
}
