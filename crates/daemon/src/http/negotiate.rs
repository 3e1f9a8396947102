// SPDX-License-Identifier: Apache-2.0

//! Which form a body has, and which form its sender wants back.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use kaon_api::json::{Dialect, from_json, parse, to_json};
use kaon_api::wire::Message;
use tokio::sync::Semaphore;

use super::{Request, Response};
use crate::front::aside;

/// A form of the messages of the v1 APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Protobuf,
}

impl Form {
    pub fn content_type(self) -> &'static str {
        match self {
            Form::Json => "application/json",
            Form::Protobuf => "application/x-protobuf",
        }
    }

    fn encode<M: Message>(self, message: &M) -> Vec<u8> {
        match self {
            Form::Json => to_json(message, Dialect::V1).into_bytes(),
            Form::Protobuf => message.encode(),
        }
    }

    /// 200 with a message.
    pub fn message<M: Message>(self, message: &M) -> Response {
        self.answer(self.encode(message))
    }

    /// 200 with a message that has this form already.
    pub fn answer(self, body: Vec<u8>) -> Response {
        Response::new(StatusCode::OK, body).with(CONTENT_TYPE, self.content_type())
    }

    /// The form of a request's body. Mesos: the value must be exactly one of the two, without parameters.
    pub fn of_body(request: &Request) -> Result<Form, Response> {
        match request.header("content-type") {
            None => Err(Response::text(StatusCode::BAD_REQUEST, "Expecting 'Content-Type' to be present")),
            Some("application/json") => Ok(Form::Json),
            Some("application/x-protobuf") => Ok(Form::Protobuf),
            Some(_) => Err(Response::text(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Expecting 'Content-Type' of application/json or application/x-protobuf",
            )),
        }
    }

    /// The form of the answer. Mesos: JSON, if the client takes both.
    pub fn of_answer(request: &Request) -> Result<Form, Response> {
        let accept = request.header("accept");
        let takes = |form: Form| accept.is_none_or(|accept| allows(accept, form.content_type()));
        [Form::Json, Form::Protobuf].into_iter().find(|form| takes(*form)).ok_or_else(|| {
            Response::text(
                StatusCode::NOT_ACCEPTABLE,
                "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
            )
        })
    }
}

/// Bound: a body that is read on the spot; a larger one is read on a thread that may take its time.
const INLINE_MAX: usize = 64 << 10;
/// Bound: so many large bodies are read at a time, since what they become takes many times their length.
static LARGE: Semaphore = Semaphore::const_new(2);

/// Runs what makes something of a body.
pub async fn reading<T, F>(body: &Bytes, read: F) -> T
where
    T: Send + 'static,
    F: FnOnce(&[u8]) -> T + Send + 'static,
{
    if body.len() <= INLINE_MAX {
        return read(body);
    }
    let place = LARGE.acquire().await.expect("it is never closed");
    let body = body.clone();
    aside(move || {
        let read = read(&body);
        // Not before, even if nobody waits for it any more.
        drop(place);
        read
    })
    .await
}

/// Reads the call that a request carries.
pub async fn read_call<M: Message + Send + 'static>(request: &Request) -> Result<M, Response> {
    let form = Form::of_body(request)?;
    reading(&request.body, move |body| decode(form, body)).await
}

fn decode<M: Message>(form: Form, body: &[u8]) -> Result<M, Response> {
    let refuse = |text: String| Response::text(StatusCode::BAD_REQUEST, text);
    match form {
        Form::Protobuf => {
            M::decode(body).map_err(|_| refuse("Failed to parse body into Call protobuf".into()))
        }
        Form::Json => {
            let json =
                parse(body).map_err(|error| refuse(format!("Failed to parse body into JSON: {error}")))?;
            from_json(&json, Dialect::V1)
                .map_err(|error| refuse(format!("Failed to convert JSON into Call protobuf: {error}")))
        }
    }
}

/// Whether a header of the kind `Accept` takes `wanted`; `q=0` excludes, `*` and `type/*` are understood.
///
/// Mesos: the most specific range that fits does not win; any that takes it suffices, unless it is excluded by name.
pub fn allows(header: &str, wanted: &str) -> bool {
    let mut allowed = false;
    for range in header.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused = parts.any(|parameter| {
            let quality = parameter.split_once('=').filter(|(key, _)| key.trim().eq_ignore_ascii_case("q"));
            quality.is_some_and(|(_, value)| value.trim().parse::<f64>() == Ok(0.0))
        });
        let exact = name.eq_ignore_ascii_case(wanted);
        if exact && refused {
            return false;
        }
        let family = name.strip_suffix("/*").zip(wanted.split_once('/'));
        let fits = exact
            || name == "*"
            || name == "*/*"
            || family.is_some_and(|(name, (wanted, _))| name.eq_ignore_ascii_case(wanted));
        allowed |= fits && !refused;
    }
    allowed
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_large_body_keeps_nobody_from_being_served() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (sender, receiver) = mpsc::channel();
        let large = Bytes::from(vec![b' '; INLINE_MAX + 1]);
        let read = reading(&large, move |_| receiver.recv_timeout(Duration::from_secs(20)));
        let serve = async { sender.send(()).unwrap() };
        let (read, ()) = runtime.block_on(async { tokio::join!(read, serve) });
        assert_eq!(read, Ok(()), "somebody was served meanwhile");
        assert_eq!(LARGE.available_permits(), 2);
    }

    #[test]
    fn ranges_are_understood() {
        for (header, json) in [
            ("application/json", true),
            ("APPLICATION/JSON", true),
            ("text/html, application/*;q=0.5", true),
            ("*/*", true),
            ("*", true),
            ("text/plain", false),
            ("application/json;q=0", false),
            ("*/*, application/json; q=0.0", false),
            ("", false),
        ] {
            assert_eq!(allows(header, "application/json"), json, "{header:?}");
        }
        assert!(allows("gzip, deflate, br", "gzip"));
        assert!(!allows("gzip;q=0", "gzip"));
    }
}
