// SPDX-License-Identifier: Apache-2.0

//! The connection of a framework's calls, which are sent without waiting for the answers between them.

use std::net::SocketAddrV4;
use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::task::spawn_local;

use super::events::{Head, head};
use crate::board::Board;
use crate::pipe::Pipe;

/// A way to make calls.
pub struct Calls {
    pipe: Pipe,
    /// All lines of a call's head but the length.
    head: Vec<u8>,
}

impl Calls {
    pub async fn open(master: SocketAddrV4, stream_id: &str, board: Rc<Board>) -> Result<Calls> {
        let connection = TcpStream::connect(master).await?;
        connection.set_nodelay(true)?;
        let (reader, writer) = connection.into_split();
        let what = "the connection of a framework's calls";
        let pipe = Pipe::new(writer, board.clone(), what);
        spawn_local(async move {
            if let Err(error) = read_answers(reader).await {
                board.fail(format!("{what}: {error:#}"));
            }
        });
        let head = format!(
            "POST /api/v1/scheduler HTTP/1.1\r\nHost: {master}\r\nContent-Type: application/x-protobuf\r\n\
             Mesos-Stream-Id: {stream_id}\r\nContent-Length: "
        );
        Ok(Calls { pipe, head: head.into_bytes() })
    }

    pub fn append(&self, body: &[u8]) {
        self.pipe.append(|out| {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(body.len().to_string().as_bytes());
            out.extend_from_slice(b"\r\n\r\n");
            out.extend_from_slice(body);
        });
    }
}

/// Every call must be taken: one that is refused would be counted as done.
async fn read_answers(mut reader: OwnedReadHalf) -> Result<()> {
    let mut buffer = Vec::new();
    loop {
        let mut used = 0;
        while let Some(Head { status, text, length, .. }) = head(&buffer[used..])? {
            let body = text.content_length.context("the answer to a call has no length")?;
            let Some(words) = buffer.get(used + length..used + length + body) else { break };
            if status >= 300 {
                bail!("a call was refused with {status}: {}", String::from_utf8_lossy(words));
            }
            used += length + body;
        }
        buffer.drain(..used);
        ensure!(reader.read_buf(&mut buffer).await? > 0, "the master closed it");
    }
}
