// SPDX-License-Identifier: Apache-2.0

//! The body of an answer, in the shape that the HTTP library takes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as LibraryBody, Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

use super::Body;
use super::stream::Records;

/// Bound: a file is sent in pieces of this size.
const PIECE: usize = 64 << 10;

pub enum HttpBody {
    Bytes(Bytes),
    Stream(Records),
    File { file: Box<File>, missing: u64 },
}

impl From<Body> for HttpBody {
    fn from(body: Body) -> HttpBody {
        match body {
            Body::Bytes(bytes) => HttpBody::Bytes(bytes),
            Body::Stream(records) => HttpBody::Stream(records),
            Body::File(file, length) => HttpBody::File { file, missing: length },
        }
    }
}

impl LibraryBody for HttpBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            HttpBody::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            HttpBody::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            HttpBody::Stream(records) => {
                Pin::new(records).poll_chunk(context).map(|chunk| chunk.map(|c| c.map_err(io::Error::other)))
            }
            HttpBody::File { missing: 0, .. } => Poll::Ready(None),
            HttpBody::File { file, missing } => {
                let piece = ready!(poll_piece(file, *missing, context));
                if let Ok(bytes) = &piece {
                    *missing -= bytes.len() as u64;
                }
                Poll::Ready(Some(piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, HttpBody::Bytes(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            HttpBody::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            HttpBody::File { missing, .. } => SizeHint::with_exact(*missing),
            HttpBody::Stream(_) => SizeHint::default(),
        }
    }
}

/// A file that became shorter meanwhile breaks the connection off: its length has been promised.
fn poll_piece(file: &mut File, missing: u64, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
    let mut piece = vec![0; PIECE.min(usize::try_from(missing).unwrap_or(PIECE))];
    let mut buffer = ReadBuf::new(&mut piece);
    ready!(Pin::new(file).poll_read(context, &mut buffer))?;
    let length = buffer.filled().len();
    if length == 0 {
        return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter")));
    }
    piece.truncate(length);
    Poll::Ready(Ok(piece.into()))
}
