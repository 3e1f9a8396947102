// SPDX-License-Identifier: Apache-2.0

//! The operator API of an agent.
//!
//! Mesos: its rules differ a little from the master's. What the client accepts is looked at first, and bodies and
//! answers may be streams for those calls that attach to a container.

use hyper::StatusCode;
use kaon_agent::query;
use kaon_api::json::{Dialect, from_json, parse};
use kaon_api::v1::agent::call::Type;
use kaon_api::v1::agent::response::{GetLoggingLevel, ListFiles, ReadFile};
use kaon_api::v1::agent::{Call, Response as Answer, response};
use kaon_api::wire::{Enumeration, Message};

use super::front::{Front, bad};
use crate::front::{self, aside, is_post};
use crate::http::negotiate::{Form, allows, reading};
use crate::http::{Request, Response};
use crate::log::verbosity;
use crate::runtime::Clock;

const FORMS: &str = "application/json or application/x-protobuf or application/recordio";

impl Front {
    pub async fn operator(&self, request: Request) -> Result<Response, Response> {
        is_post(&request)?;
        let accepted = accepted(&request);
        let call = match accepted {
            Accepted::Nothing => {
                let text = format!("Expecting 'Accept' to allow {FORMS}");
                return Err(Response::text(StatusCode::NOT_ACCEPTABLE, text));
            }
            _ => read(&request).await?,
        };
        let kind = validate(&call).map_err(|text| bad(format!("Failed to validate agent::Call: {text}")))?;
        let form = match accepted {
            Accepted::One(form) => form,
            _ => {
                let text = format!("Streaming response is not supported for {} call", kind.name());
                return Err(Response::text(StatusCode::NOT_ACCEPTABLE, text));
            }
        };
        match kind {
            Type::GetLoggingLevel => Ok(form.message(&Answer {
                r#type: response::Type::from_name(kind.name()),
                get_logging_level: Some(GetLoggingLevel { level: verbosity::level(), ..Default::default() }),
                ..Default::default()
            })),
            Type::SetLoggingLevel => match &call.set_logging_level {
                Some(wanted) => Ok(front::logging::set(wanted.level, &wanted.duration)),
                None => {
                    Err(bad("Failed to validate agent::Call: Expecting 'set_logging_level' to be present"))
                }
            },
            Type::ListFiles | Type::ReadFile => Ok(form.message(&self.files(kind, &call).await?)),
            _ => self.read_state(form, call, kind.name()).await,
        }
    }

    async fn read_state(&self, form: Form, call: Call, name: &'static str) -> Result<Response, Response> {
        let view = self.door.view().await?;
        let usage = self.usage(&view, name).await;
        // The shell's figures are few, and wanted by one call.
        let own = self.common.figures(Default::default());
        let body = aside(move || {
            let figures = || {
                let mut figures = query::metrics(&view, Clock::default().now().wall);
                figures.extend(own);
                figures
            };
            match form {
                Form::Json => query::v1_json(&view, &call, &usage, figures).map(String::into_bytes),
                Form::Protobuf => query::v1(&view, &call, &usage, figures).map(|answer| answer.encode()),
            }
        });
        match body.await {
            Some(body) => Ok(form.answer(body)),
            None => {
                let text = format!("{name} is not implemented by this agent");
                Err(Response::text(StatusCode::NOT_IMPLEMENTED, text))
            }
        }
    }

    async fn files(&self, kind: Type, call: &Call) -> Result<Answer, Response> {
        let mut answer = Answer { r#type: response::Type::from_name(kind.name()), ..Default::default() };
        if let Some(list) = &call.list_files {
            let file_infos = front::list_files(&self.common.files, &list.path).await?;
            answer.list_files = Some(ListFiles { file_infos, ..Default::default() });
        }
        if let Some(read) = &call.read_file {
            let (size, data) =
                front::read_file(&self.common.files, &read.path, read.offset, read.length).await?;
            answer.read_file = Some(ReadFile { size, data, ..Default::default() });
        }
        Ok(answer)
    }
}

/// What the client takes.
enum Accepted {
    One(Form),
    Stream,
    Nothing,
}

fn accepted(request: &Request) -> Accepted {
    let accept = request.header("accept");
    let takes = |kind: &str| accept.is_none_or(|accept| allows(accept, kind));
    match [Form::Json, Form::Protobuf].into_iter().find(|form| takes(form.content_type())) {
        Some(form) => Accepted::One(form),
        None if takes("application/recordio") => Accepted::Stream,
        None => Accepted::Nothing,
    }
}

async fn read(request: &Request) -> Result<Call, Response> {
    let unsupported = |text: String| Response::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
    match request.header("content-type") {
        None => Err(bad("Expecting 'Content-Type' to be present")),
        Some("application/json") => reading(&request.body, from_text).await,
        Some("application/x-protobuf") => {
            let call = reading(&request.body, Call::decode).await;
            call.map_err(|_| bad("Failed to parse body into a protobuf object"))
        }
        Some("application/recordio") if request.header("message-content-type").is_none() => {
            Err(bad("Expecting 'Message-Content-Type' to be set for streaming requests"))
        }
        Some("application/recordio") => {
            Err(unsupported("Streaming 'Content-Type' application/recordio is not supported yet".to_owned()))
        }
        Some(_) => Err(unsupported(format!("Expecting 'Content-Type' of {FORMS}"))),
    }
}

fn from_text(body: &[u8]) -> Result<Call, Response> {
    let json = parse(body).map_err(|error| bad(format!("Failed to parse body into JSON: {error}")))?;
    from_json(&json, Dialect::V1).map_err(|error| bad(error.to_string()))
}

/// Checks the members of those calls that are answered here.
fn validate(call: &Call) -> Result<Type, String> {
    let expecting = |name: &str| Err(format!("Expecting '{name}' to be present"));
    match call.r#type {
        None => expecting("type"),
        Some(Type::GetMetrics) if call.get_metrics.is_none() => expecting("get_metrics"),
        Some(Type::SetLoggingLevel) if call.set_logging_level.is_none() => expecting("set_logging_level"),
        Some(Type::ListFiles) if call.list_files.is_none() => expecting("list_files"),
        Some(Type::ReadFile) if call.read_file.is_none() => expecting("read_file"),
        Some(kind) => Ok(kind),
    }
}
