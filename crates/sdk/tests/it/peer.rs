// SPDX-License-Identifier: Apache-2.0

//! A server that says exactly what the test tells it to.

use std::time::Duration;

use kaon_api::wire::Message;
use kaon_sdk::Address;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Nothing here takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Peer {
    listener: TcpListener,
}

pub struct Request {
    pub head: String,
    pub body: Vec<u8>,
}

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Peer {
    pub async fn bind() -> Peer {
        Peer { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub fn address(&self) -> Address {
        self.listener.local_addr().unwrap().to_string().parse().unwrap()
    }

    pub async fn accept(&self) -> Connection {
        let (stream, _) = soon(self.listener.accept()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Connection { stream, buffer: Vec::new() }
    }
}

impl Connection {
    pub async fn request(&mut self) -> Request {
        loop {
            if let Some(request) = self.take_request() {
                return request;
            }
            let read = soon(self.stream.read_buf(&mut self.buffer)).await.unwrap();
            assert!(read > 0, "the client closed the connection");
        }
    }

    fn take_request(&mut self) -> Option<Request> {
        let end = self.buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = String::from_utf8(self.buffer[..end].to_vec()).unwrap();
        let mut lengths = head
            .lines()
            .filter_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let length: usize = lengths.next().unwrap_or(0);
        let body = self.buffer.get(end..end + length)?.to_vec();
        self.buffer.drain(..end + length);
        Some(Request { head, body })
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        soon(self.stream.write_all(bytes)).await.unwrap();
    }

    /// An answer with a length.
    pub async fn answer(&mut self, status: &str, headers: &str, body: &str) {
        let text = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len());
        self.write(text.as_bytes()).await;
    }

    /// The head of an event stream.
    pub async fn begin_stream(&mut self) {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nMesos-Stream-Id: the-stream\r\n\r\n";
        self.write(head.as_bytes()).await;
    }

    /// One event in one chunk.
    pub async fn event(&mut self, event: &impl Message) {
        self.chunk(&record(event)).await;
    }

    pub async fn chunk(&mut self, data: &[u8]) {
        let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
        chunk.extend_from_slice(data);
        chunk.extend_from_slice(b"\r\n");
        self.write(&chunk).await;
    }
}

impl Request {
    pub fn call<M: Message>(&self) -> M {
        assert!(self.head.contains("application/x-protobuf"), "{}", self.head);
        M::decode(&self.body).unwrap()
    }
}

pub fn record(event: &impl Message) -> Vec<u8> {
    let mut record = Vec::new();
    kaon_api::recordio::encode(&event.encode(), &mut record);
    record
}

pub async fn soon<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("it should not take that long")
}
