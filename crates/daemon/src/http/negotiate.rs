// SPDX-License-Identifier: Apache-2.0

//! Which form a body has, and which form its sender wants back.

use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use kaon_api::json::{Dialect, from_json, parse, to_json};
use kaon_api::wire::Message;

use super::{Request, Response};

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

/// Reads the call that a request carries.
pub fn read_call<M: Message>(request: &Request) -> Result<M, Response> {
    let refuse = |text: String| Response::text(StatusCode::BAD_REQUEST, text);
    match Form::of_body(request)? {
        Form::Protobuf => {
            M::decode(&request.body).map_err(|_| refuse("Failed to parse body into Call protobuf".into()))
        }
        Form::Json => {
            let json = parse(&request.body)
                .map_err(|error| refuse(format!("Failed to parse body into JSON: {error}")))?;
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
    use super::allows;

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
