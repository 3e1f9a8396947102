// SPDX-License-Identifier: Apache-2.0

//! Tells what a new connection speaks.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};

/// What the first request of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A libprocess message: the connection is a peer's.
    Message,
    /// Anything else, well-formed or not.
    Http,
    /// The connection ended, or its first request took too long to arrive.
    Nothing,
}

/// Bound: the head of the first request. A longer one is left to the HTTP library, which refuses it.
const HEAD_MAX: usize = 64 << 10;
/// Bound: the headers of a request.
pub const HEADERS_MAX: usize = 100;

/// Reads until it is clear what comes; `buffer` holds what was read.
///
/// A connection that sends nothing is waited for without end, since a peer may link itself long before it has
/// something to say; a head that has begun must be whole within `patience`.
pub async fn sniff<S>(stream: &mut S, buffer: &mut Vec<u8>, patience: Duration) -> io::Result<Kind>
where
    S: AsyncRead + Unpin,
{
    if stream.read_buf(buffer).await? == 0 {
        return Ok(Kind::Nothing);
    }
    let deadline = Instant::now() + patience;
    loop {
        if let Some(kind) = kind(buffer) {
            return Ok(kind);
        }
        match timeout_at(deadline, stream.read_buf(buffer)).await {
            Ok(Ok(0)) | Err(_) => return Ok(Kind::Nothing),
            Ok(result) => result?,
        };
    }
}

/// What the bytes are, if there are enough of them.
fn kind(bytes: &[u8]) -> Option<Kind> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(_)) if is_message(&request) => Some(Kind::Message),
        Ok(httparse::Status::Complete(_)) | Err(_) => Some(Kind::Http),
        Ok(httparse::Status::Partial) => (bytes.len() >= HEAD_MAX).then_some(Kind::Http),
    }
}

/// Mesos: a message is a POST that says from which process it comes.
fn is_message(request: &httparse::Request<'_, '_>) -> bool {
    let says = |header: &httparse::Header<'_>| {
        header.name.eq_ignore_ascii_case("Libprocess-From")
            || (header.name.eq_ignore_ascii_case("User-Agent") && header.value.starts_with(b"libprocess/"))
    };
    request.method == Some("POST") && request.headers.iter().any(says)
}

#[cfg(test)]
mod tests {
    use super::{HEAD_MAX, Kind, kind};

    #[test]
    fn messages_are_told_from_requests() {
        for (head, expected) in [
            ("POST /master/m HTTP/1.1\r\nUser-Agent: libprocess/a@1.2.3.4:1\r\n\r\n", Some(Kind::Message)),
            ("POST /master/m HTTP/1.1\r\nlibprocess-from: a@1.2.3.4:1\r\n\r\n", Some(Kind::Message)),
            ("GET /master/m HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:1\r\n\r\n", Some(Kind::Http)),
            ("POST /api/v1 HTTP/1.1\r\nUser-Agent: curl\r\nHost:\r\n\r\n", Some(Kind::Http)),
            ("POST /api/v1 HTTP/1.1\r\nUser-Agent: libpro", None),
            ("\u{16}\u{3}\u{1}", Some(Kind::Http)),
        ] {
            assert_eq!(kind(head.as_bytes()), expected, "{head:?}");
        }
        let long = format!("GET /{}", "a".repeat(HEAD_MAX));
        assert_eq!(kind(long.as_bytes()), Some(Kind::Http));
    }
}
