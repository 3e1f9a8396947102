// SPDX-License-Identifier: Apache-2.0

//! `/logging/toggle`: more of the log for a while.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use kaon_api::v1;

use crate::flags::{Kind, Value};
use crate::http::{Request, Response};
use crate::log::verbosity;

/// Mesos: without a query it says the level.
pub fn answer(request: &Request) -> Response {
    let bad = |text: String| Response::text(StatusCode::BAD_REQUEST, text);
    let (level, duration) = match (request.query.get("level"), request.query.get("duration")) {
        (None, None) => {
            let response = Response::new(StatusCode::OK, format!("{}\n", verbosity::level()));
            return response.with(CONTENT_TYPE, "text/plain; charset=utf-8");
        }
        (None, Some(_)) => return bad("Expecting 'level=value' in query.\n".to_owned()),
        (Some(_), None) => return bad("Expecting 'duration=value' in query.\n".to_owned()),
        (Some(level), Some(duration)) => (level, duration),
    };
    let Ok(number) = level.parse::<i64>() else {
        return bad(format!("Failed to convert '{level}' to number.\n"));
    };
    let Ok(level) = u32::try_from(number) else { return bad(format!("Invalid level '{number}'.\n")) };
    match Value::parse(Kind::Duration, duration) {
        Ok(Value::Duration(span)) => {
            verbosity::set(level, span.to_std());
            Response::ok()
        }
        Ok(_) => bad(format!("Invalid duration '{duration}'.\n")),
        Err(error) => bad(format!("{error}.\n")),
    }
}

/// SET_LOGGING_LEVEL of either operator API. Mesos: a duration that is none changes nothing for long.
pub fn set(level: u32, duration: &v1::DurationInfo) -> Response {
    verbosity::set(level, Duration::from_nanos(u64::try_from(duration.nanoseconds).unwrap_or(0)));
    Response::ok()
}
