// SPDX-License-Identifier: Apache-2.0

//! Writes an answer down: its date, its length, and its compression.

use std::io::Write;
use std::time::SystemTime;

use bytes::Bytes;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, DATE, HeaderMap, HeaderValue};

use super::body::HttpBody;
use super::negotiate::allows;
use super::{Body, Response};

/// Mesos: smaller bodies are not worth the effort.
const GZIP_MIN: usize = 1024;
/// Bound: what is compressed on the spot; more goes to a thread that may take its time.
const GZIP_INLINE_MAX: usize = 64 << 10;

/// `asked` are the headers of the request.
pub async fn encode(asked: &HeaderMap, response: Response) -> hyper::Response<HttpBody> {
    let Response { status, headers, mut body, lease: _ } = response;
    let mut encoded = hyper::Response::new(HttpBody::Bytes(Bytes::new()));
    *encoded.status_mut() = status;
    let out = encoded.headers_mut();
    // Mesos: `Date` comes first.
    out.insert(DATE, date());
    for (name, value) in headers {
        out.append(name, value);
    }
    if let Body::Bytes(bytes) = &mut body
        && bytes.len() >= GZIP_MIN
        && !out.contains_key(CONTENT_ENCODING)
        && wants_gzip(asked)
    {
        *bytes = gzip(std::mem::take(bytes)).await;
        out.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    match &body {
        Body::Bytes(bytes) => out.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len())),
        Body::File(_, length) => out.insert(CONTENT_LENGTH, HeaderValue::from(*length)),
        Body::Stream(_) => None,
    };
    *encoded.body_mut() = HttpBody::from(body);
    encoded
}

/// The moment, as HTTP writes it.
pub fn date() -> HeaderValue {
    HeaderValue::from_str(&httpdate::fmt_http_date(SystemTime::now())).expect("a date is a header value")
}

fn wants_gzip(asked: &HeaderMap) -> bool {
    let value = asked.get_all(ACCEPT_ENCODING).iter().next_back().and_then(|value| value.to_str().ok());
    value.is_some_and(|value| allows(value, "gzip"))
}

async fn gzip(bytes: Bytes) -> Bytes {
    if bytes.len() <= GZIP_INLINE_MAX {
        return compress(&bytes);
    }
    let plain = bytes.clone();
    tokio::task::spawn_blocking(move || compress(&plain)).await.expect("compressing does not panic")
}

fn compress(bytes: &[u8]) -> Bytes {
    let buffer = Vec::with_capacity(bytes.len() / 4);
    let mut encoder = flate2::write::GzEncoder::new(buffer, flate2::Compression::fast());
    encoder.write_all(bytes).expect("writing to memory succeeds");
    encoder.finish().expect("writing to memory succeeds").into()
}
