// SPDX-License-Identifier: Apache-2.0

//! What executors, operators and the master meet at an agent's port: decodes, checks, and hands to the core.

use std::sync::Arc;

use hyper::StatusCode;
use kaon_agent::effect::Reply;
use kaon_agent::input::{Input, PeerMessage, Stream, Ticket};
use kaon_agent::query::{self, BadQuery, Usage};
use kaon_agent::validate;
use kaon_agent::{Agent, View};
use kaon_api::libprocess::Message;
use kaon_api::v1;
use tokio::sync::oneshot;

use super::shell::Event;
use crate::front::{self, Common, aside, is_post};
use crate::host::Meter;
use crate::http::negotiate::{Form, read_call};
use crate::http::route::Routes;
use crate::http::{Delivery, Request, Response, Service};
use crate::metrics::Counters;
use crate::replies::Replies;
use crate::runtime::{Clock, Closed, Door};
use crate::streams::{Streams, refusal};

/// All endpoints of the daemon.
pub const ROUTES: Routes = Routes {
    delegate: "slave(1)",
    actors: &[
        (
            "slave(1)",
            &["api/v1", "api/v1/executor", "containerizer/debug", "containers", "flags", "health", "state"],
        ),
        ("monitor", &["statistics", "statistics.json"]),
        front::FILES,
        front::HELP,
        front::LOGGING,
        front::METRICS,
        front::PROCESSES,
        front::PROFILER,
        front::SYSTEM,
        front::VERSION,
    ],
};

pub struct Front {
    pub door: Door<Agent>,
    pub streams: Arc<Streams<Event>>,
    pub replies: Arc<Replies<Reply>>,
    pub common: Common,
    pub meter: Meter,
}

impl Service for Front {
    async fn message(&self, message: Message) -> Delivery {
        Counters::add(&self.common.counters.messages_received);
        let Message { from, to, name, body, .. } = message;
        // Mesos: the second speaks for the agent while it authenticates.
        if to != "slave(1)" && !to.starts_with("crammd5-authenticatee(") {
            return Delivery::NoActor;
        }
        let message = match PeerMessage::decode(&name, &body) {
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                tracing::warn!("Dropped a {name} from {from}: {error}");
                Counters::add(&self.common.counters.messages_dropped);
                return Delivery::Accepted;
            }
            None => {
                tracing::warn!("Dropped a {name} from {from}, which is not for agents");
                Counters::add(&self.common.counters.messages_dropped);
                return Delivery::Accepted;
            }
        };
        match self.door.put(Input::Message { from, message: Box::new(message) }).await {
            Ok(()) => Delivery::Accepted,
            Err(Closed) => Delivery::NoActor,
        }
    }

    async fn request(&self, request: Request) -> Response {
        Counters::add(&self.common.counters.http_requests);
        let Some(route) = ROUTES.find(request.path()) else { return Response::plain(StatusCode::NOT_FOUND) };
        tracing::debug!("HTTP {} for {} from {}", request.method, request.target, request.peer);
        let answered = match (route.actor, route.endpoint) {
            ("slave(1)", "health") => Ok(Response::ok()),
            ("slave(1)", "api/v1") => self.operator(request).await,
            ("slave(1)", "api/v1/executor") => self.executor(request).await,
            ("slave(1)", endpoint) => self.show(endpoint, &request).await,
            ("monitor", _) => self.show("monitor/statistics", &request).await,
            ("metrics", endpoint) => self.metrics(endpoint, &request).await,
            ("files", "debug") => self.show_names(&request).await,
            _ => Ok(self.common.answer(&ROUTES, route, &request).await),
        };
        answered.unwrap_or_else(|response| response)
    }
}

impl Front {
    /// An un-versioned endpoint that reads.
    async fn show(&self, endpoint: &'static str, request: &Request) -> Result<Response, Response> {
        let view = self.door.view().await?;
        let usage = self.usage(&view, endpoint).await;
        let query = request.query.pairs().to_vec();
        let json = aside(move || query::v0(&view, endpoint, &query, &usage)).await;
        match json.ok_or_else(|| Response::plain(StatusCode::NOT_FOUND))? {
            Ok(json) => Ok(Response::json(request, json.into_bytes())),
            Err(BadQuery { code, text }) => Err(refusal(code, text)),
        }
    }

    /// The names of files. Sandboxes are attached by the folder that holds them all, and shown one by one.
    async fn show_names(&self, request: &Request) -> Result<Response, Response> {
        let view = self.door.view().await?;
        let files = self.common.files.clone();
        let names = aside(move || {
            let mut names = query::sandboxes(&view);
            let plain = files.attached().into_iter().filter(|(_, real)| real.is_file());
            names.extend(plain.map(|(name, real)| (name, real.to_string_lossy().into_owned())));
            names
        });
        Ok(Response::json(request, front::debug(&names.await)))
    }

    /// What containers use, where an answer of this name tells it.
    pub async fn usage(&self, view: &View, name: &str) -> Usage {
        let mut usage = Usage::new();
        if query::needs_usage(name) {
            for meter in query::meters(view) {
                let used = self.meter.usage(&meter.executor, &meter.containers, &meter.resources).await;
                usage.insert(meter.executor, used);
            }
        }
        usage
    }

    async fn metrics(&self, endpoint: &str, request: &Request) -> Result<Response, Response> {
        let view = self.door.view().await?;
        let figures = aside(move || query::metrics(&view, Clock::default().now().wall)).await;
        Ok(self.common.metrics(endpoint, request, figures))
    }

    async fn executor(&self, request: Request) -> Result<Response, Response> {
        is_post(&request)?;
        let call: v1::executor::Call = read_call(&request).await?;
        validate::executor_call(&call)
            .map_err(|text| bad(format!("Failed to validate Executor::Call: {text}")))?;
        let call = Box::new(call);
        if call.r#type == Some(v1::executor::call::Type::Subscribe) {
            let form = Form::of_answer(&request)?;
            return self.stream(form, |stream| Input::Subscribe { stream, call }).await;
        }
        let (ticket, reply) = self.replies.ticket();
        self.door.put(Input::Call { ticket: Ticket(ticket), call }).await?;
        answer(reply).await
    }

    /// Asks the core for a stream, and sees to it that the core hears of its end.
    async fn stream(&self, form: Form, input: impl FnOnce(Stream) -> Input) -> Result<Response, Response> {
        let asked = self.streams.ask(form);
        let (stream, gone) = (Stream(asked.number), asked.gone.clone());
        let (door, streams) = (self.door.clone(), self.streams.clone());
        self.door.put(input(stream)).await?;
        tokio::spawn(async move {
            gone.wait().await;
            streams.forget(stream.0);
            // The loop has ended only if the process is about to.
            let _ = door.put(Input::StreamClosed { stream }).await;
        });
        Ok(asked.answer().await)
    }
}

pub fn bad(text: impl Into<String>) -> Response {
    Response::text(StatusCode::BAD_REQUEST, text)
}

async fn answer(reply: oneshot::Receiver<Reply>) -> Result<Response, Response> {
    match reply.await.map_err(|_| Closed)? {
        Reply::Accepted => Ok(Response::accepted()),
        Reply::Refused { code, text } => Err(refusal(code, text)),
    }
}
