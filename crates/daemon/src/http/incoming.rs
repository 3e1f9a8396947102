// SPDX-License-Identifier: Apache-2.0

//! Reads the body of a request, within bounds.

use std::future::poll_fn;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::bufread::GzDecoder;
use hyper::StatusCode;
use hyper::body::{Body, Incoming};

use super::Response;

/// What each body, or message, may take without asking whether there is room: large ones do not keep out usual ones.
pub const USUAL: usize = 64 << 10;

/// What the bodies being read may take together, beyond what each may.
#[derive(Debug)]
pub struct Budget {
    free: AtomicUsize,
}

impl Budget {
    pub fn new(bytes: usize) -> Arc<Budget> {
        Arc::new(Budget { free: AtomicUsize::new(bytes) })
    }

    fn take(&self, bytes: usize) -> bool {
        self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes)).is_ok()
    }
}

/// A part of the budget, given back when dropped.
pub struct Share {
    budget: Arc<Budget>,
    taken: usize,
}

impl Share {
    pub fn new(budget: Arc<Budget>) -> Share {
        Share { budget, taken: 0 }
    }

    /// Takes so much more, if there is room.
    fn grow(&mut self, bytes: usize) -> bool {
        let taken = self.budget.take(bytes);
        self.taken += if taken { bytes } else { 0 };
        taken
    }

    /// Takes so much in all, if there is room.
    pub fn set(&mut self, bytes: usize) -> bool {
        if bytes >= self.taken {
            return self.grow(bytes - self.taken);
        }
        self.budget.free.fetch_add(self.taken - bytes, Ordering::Relaxed);
        self.taken = bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.free.fetch_add(self.taken, Ordering::Relaxed);
    }
}

/// Reads a body whole; the answer says why that failed.
pub async fn read(
    mut body: Incoming,
    max: usize,
    patience: Duration,
    share: &mut Share,
) -> Result<Bytes, Response> {
    let announced = body.size_hint().lower();
    if announced > max as u64 {
        return Err(too_large(max));
    }
    let whole = async {
        let mut bytes = BytesMut::new();
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let frame = frame.map_err(|_| Response::plain(StatusCode::BAD_REQUEST))?;
            // Trailers say nothing that we read.
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > max {
                return Err(too_large(max));
            }
            if !share.set((bytes.len() + data.len()).saturating_sub(USUAL)) {
                return Err(Response::plain(StatusCode::SERVICE_UNAVAILABLE));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.freeze())
    };
    match tokio::time::timeout(patience, whole).await {
        Ok(result) => result,
        Err(_) => Err(Response::plain(StatusCode::REQUEST_TIMEOUT)),
    }
}

/// Bound: what is decompressed before others are served.
const PIECE: usize = 64 << 10;

/// The plain text of a compressed body, within the same bounds.
pub async fn decompress(body: &[u8], max: usize, share: &mut Share) -> Result<Bytes, Response> {
    // Mesos: so it says, whatever is wrong with it; what follows the compressed text is wrong, too.
    let bad = || Response::text(StatusCode::INTERNAL_SERVER_ERROR, "Failed to decompress body");
    let mut decoder = GzDecoder::new(body);
    let mut plain = Vec::new();
    loop {
        let piece = (&mut decoder).take(PIECE as u64).read_to_end(&mut plain).map_err(|_| bad())?;
        if plain.len() > max {
            return Err(too_large(max));
        }
        if !share.set((body.len() + plain.len()).saturating_sub(USUAL)) {
            return Err(Response::plain(StatusCode::SERVICE_UNAVAILABLE));
        }
        if piece == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    if decoder.into_inner().is_empty() { Ok(plain.into()) } else { Err(bad()) }
}

/// Mesos has no limit; here one client's body must not take the memory of all.
fn too_large(max: usize) -> Response {
    Response::text(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("The body is larger than the {max} bytes that are accepted"),
    )
}
