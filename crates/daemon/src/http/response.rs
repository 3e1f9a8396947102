// SPDX-License-Identifier: Apache-2.0

//! An answer before it is written down.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use tokio::fs::File;

use super::Request;
use super::stream::Records;
use crate::lease::Lease;

/// What a handler gives back. Date, length and compression are added when it is written.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Body,
    /// The answer is one of a leader: once this is over, no more of it is written.
    pub lease: Option<Lease>,
}

#[derive(Debug)]
pub enum Body {
    Bytes(Bytes),
    /// Records as they come, one chunk each.
    Stream(Records),
    /// So many bytes of a file.
    File(Box<File>, u64),
}

impl Response {
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Response {
        Response { status, headers: Vec::new(), body: Body::Bytes(body.into()), lease: None }
    }

    /// 200 with an empty body.
    pub fn ok() -> Response {
        Response::new(StatusCode::OK, Bytes::new())
    }

    /// 202 with an empty body.
    pub fn accepted() -> Response {
        Response::new(StatusCode::ACCEPTED, Bytes::new())
    }

    /// A refusal with a text for people.
    pub fn text(status: StatusCode, text: impl Into<String>) -> Response {
        Response::new(status, text.into()).with(CONTENT_TYPE, "text/plain; charset=utf-8")
    }

    /// A refusal of which no more can be said than its name: `404 Not Found.`
    pub fn plain(status: StatusCode) -> Response {
        let name = status.canonical_reason().unwrap_or("Unknown");
        Response::text(status, format!("{} {name}.", status.as_u16()))
    }

    pub fn method_not_allowed(allowed: &[&str], got: &str) -> Response {
        let quoted: Vec<String> = allowed.iter().map(|method| format!("'{method}'")).collect();
        let text = format!(
            "405 Method Not Allowed. Expecting one of {{ {} }}, but received '{got}'.",
            quoted.join(", ")
        );
        let mut response = Response::text(StatusCode::METHOD_NOT_ALLOWED, text);
        let allow = HeaderValue::from_str(&allowed.join(", ")).expect("methods are header values");
        response.headers.insert(0, (ALLOW, allow));
        response
    }

    /// 307; a location that is no header value (it came from outside) is a bad request.
    pub fn redirect(location: &str) -> Response {
        match HeaderValue::from_str(location) {
            Ok(location) => {
                let mut response = Response::new(StatusCode::TEMPORARY_REDIRECT, Bytes::new());
                response.headers.push((LOCATION, location));
                response
            }
            Err(_) => Response::plain(StatusCode::BAD_REQUEST),
        }
    }

    /// 200 with JSON, wrapped into a call where the request asks for it by `?jsonp=`.
    pub fn json(request: &Request, json: Vec<u8>) -> Response {
        let Some(callback) = request.query.get("jsonp") else {
            return Response::new(StatusCode::OK, json).with(CONTENT_TYPE, "application/json");
        };
        // Mesos writes whatever it is given; here only what can be a function's name, so that no page can be made
        // to run a text of a stranger's.
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.$[]".contains(&byte);
        if !callback.bytes().all(is_name) {
            return Response::text(
                StatusCode::BAD_REQUEST,
                "The value of 'jsonp' is not the name of a function",
            );
        }
        let mut script = Vec::with_capacity(json.len() + callback.len() + 2);
        script.extend_from_slice(callback.as_bytes());
        script.push(b'(');
        script.extend_from_slice(&json);
        script.push(b')');
        Response::new(StatusCode::OK, script).with(CONTENT_TYPE, "text/javascript")
    }

    pub fn under(mut self, lease: Lease) -> Response {
        self.lease = Some(lease);
        self
    }

    pub fn with(self, name: HeaderName, value: &'static str) -> Response {
        self.with_value(name, HeaderValue::from_static(value))
    }

    pub fn with_value(mut self, name: HeaderName, value: HeaderValue) -> Response {
        self.headers.push((name, value));
        self
    }
}
