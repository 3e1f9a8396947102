// SPDX-License-Identifier: Apache-2.0

//! What clients and peers meet at a master's port: decodes, checks, and hands to the core.

mod maintenance;
mod quota;

use std::sync::Arc;

use hyper::StatusCode;
use kaon_api::libprocess::Message;
use kaon_api::v1;
use kaon_api::v1::master::call::Type;
use kaon_api::wire::{Enumeration, Message as _};
use kaon_master::{Caller, Input, Master, PeerMessage, Reply, Stream, Ticket, query, validate};
use tokio::sync::oneshot;

use super::forms;
use super::shell::Event;
use crate::access::Realm;
use crate::front::{self, Common, aside, is_post};
use crate::http::negotiate::{Form, read_call, reading};
use crate::http::route::{Route, Routes};
use crate::http::{Delivery, Request, Response, Service};
use crate::log::verbosity;
use crate::metrics::Counters;
use crate::replies::Replies;
use crate::runtime::{Closed, Door};
use crate::streams::{Asked, Streams, refusal};

/// All endpoints of the daemon.
pub const ROUTES: Routes = Routes {
    delegate: "master",
    actors: &[
        (
            "master",
            &[
                "api/v1",
                "api/v1/scheduler",
                "audit",
                "create-volumes",
                "destroy-volumes",
                "events",
                "flags",
                "frameworks",
                "health",
                "kaon/maintenance/schedule",
                "machine/down",
                "machine/up",
                "maintenance/schedule",
                "maintenance/status",
                "quota",
                "redirect",
                "reserve",
                "roles",
                "slaves",
                "state",
                "state-summary",
                "tasks",
                "teardown",
                "unreserve",
                "weights",
            ],
        ),
        ("allocator", &["offer_constraints_debug"]),
        ("registrar(1)", &["registry"]),
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
    pub door: Door<Master>,
    pub streams: Arc<Streams<Event>>,
    pub replies: Arc<Replies<Reply>>,
    pub common: Common,
    /// `host:port` of the leader, for those who ask for it.
    pub leader: String,
}

impl Service for Front {
    async fn message(&self, message: Message) -> Delivery {
        Counters::add(&self.common.counters.messages_received);
        let Message { from, to, name, body, .. } = message;
        if to != "master" && !ACTORS.iter().any(|actor| to.starts_with(actor)) {
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
                tracing::warn!("Dropped a {name} from {from}, which is not for masters");
                Counters::add(&self.common.counters.messages_dropped);
                return Delivery::Accepted;
            }
        };
        match self.door.put(Input::Message { from, to, message: Box::new(message) }).await {
            Ok(()) => Delivery::Accepted,
            Err(Closed) => Delivery::NoActor,
        }
    }

    async fn request(&self, request: Request) -> Response {
        Counters::add(&self.common.counters.http_requests);
        let Some(route) = ROUTES.find(request.path()) else { return Response::plain(StatusCode::NOT_FOUND) };
        tracing::debug!("HTTP {} for {} from {}", request.method, request.target, request.peer);
        let caller = match self.caller(route, &request) {
            Ok(caller) => caller,
            Err(sent_away) => return sent_away,
        };
        let answered = match (route.actor, route.endpoint) {
            ("master", "health") => Ok(Response::ok()),
            ("master", "redirect") => Ok(front::redirect(&request, &self.leader)),
            ("master", "api/v1") => self.operator(request, caller).await,
            ("master", "api/v1/scheduler") => self.scheduler(request, caller).await,
            ("master", "events") => self.events(&request, caller).await,
            ("master", "teardown") => self.teardown(request, caller).await,
            ("master", "create-volumes" | "destroy-volumes" | "reserve" | "unreserve") => {
                self.operation(route.endpoint, &request, caller).await
            }
            ("master", "quota") => self.quota(route, &request, caller).await,
            ("master", "weights") => self.weights(route, &request, caller).await,
            ("metrics", endpoint) => self.metrics(endpoint, &request).await,
            ("master", "machine/down" | "machine/up") => {
                self.machines(route.endpoint, &request, caller).await
            }
            ("master", "maintenance/schedule" | "maintenance/status" | "kaon/maintenance/schedule") => {
                self.maintenance(route, &request, caller).await
            }
            ("master" | "registrar(1)" | "allocator", _) => self.show(route, &request).await,
            _ => Ok(self.common.answer(&ROUTES, route, &request).await),
        };
        answered.unwrap_or_else(|response| response)
    }
}

/// The ticket of calls that are answered already.
const NOBODY: Ticket = Ticket(0);

/// The actors beside the master itself, each of which has a number behind its name.
const ACTORS: [&str; 2] = ["slave-observer(", "crammd5-authenticator-session("];

/// Who must say who they are to come to an endpoint. Mesos: has the same ones.
pub fn realm(route: Route<'_>) -> Option<Realm> {
    match (route.actor, route.endpoint) {
        // Frameworks have a flag of their own.
        ("master", "health" | "redirect" | "api/v1/scheduler") => None,
        (
            "master",
            "audit" | "events" | "flags" | "frameworks" | "roles" | "slaves" | "state" | "state-summary"
            | "tasks",
        ) => Some(Realm::Readonly),
        ("master", _) => Some(Realm::Readwrite),
        _ => front::realm(route),
    }
}

impl Front {
    fn caller(&self, route: Route<'_>, request: &Request) -> Result<Caller, Response> {
        let guard = &self.common.guard;
        let principal = guard.admit(realm(route), request)?;
        Ok(Caller { denied: guard.denied(principal.as_deref()), principal })
    }

    /// An un-versioned endpoint that reads.
    async fn show(&self, route: Route<'_>, request: &Request) -> Result<Response, Response> {
        let view = self.door.view().await?;
        let query = request.query.pairs().to_vec();
        let endpoint = match route.actor {
            "registrar(1)" => "registrar(1)/registry",
            "allocator" => "allocator/offer_constraints_debug",
            _ => route.endpoint,
        };
        let json = aside(move || query::v0(&view, endpoint, &query)).await;
        let json = json.ok_or_else(|| Response::plain(StatusCode::NOT_FOUND))?;
        Ok(Response::json(request, json.into_bytes()))
    }

    async fn metrics(&self, endpoint: &str, request: &Request) -> Result<Response, Response> {
        let view = self.door.view().await?;
        let mut figures = aside(move || query::metrics(&view)).await;
        self.common.counters.collect_registry(&mut figures);
        Ok(self.common.metrics(endpoint, request, figures))
    }

    async fn scheduler(&self, request: Request, caller: Caller) -> Result<Response, Response> {
        is_post(&request)?;
        let call: v1::scheduler::Call = read_call(&request).await?;
        validate::scheduler_call(&call, caller.principal.as_deref())
            .map_err(|text| bad(format!("Failed to validate scheduler::Call: {text}")))?;
        use v1::scheduler::call::Type::{ReconcileOperations, Subscribe};
        let form = match call.r#type {
            Some(Subscribe | ReconcileOperations) => Form::of_answer(&request)?,
            _ => Form::Json,
        };
        let stream_id = request.header("mesos-stream-id").map(str::to_owned);
        let call = Box::new(call);
        if call.r#type == Some(Subscribe) {
            if stream_id.is_some() {
                return Err(bad("Subscribe calls should not include the 'Mesos-Stream-Id' header"));
            }
            let subscribe = |stream| Input::Subscribe { stream, call, caller };
            return self.stream(form, subscribe).await;
        }
        if self.is_taken(&call, stream_id.as_deref(), &caller) {
            self.door.put(Input::Call { ticket: NOBODY, stream_id, call, caller }).await?;
            return Ok(Response::accepted());
        }
        let (ticket, reply) = self.replies.ticket();
        self.door.put(Input::Call { ticket: Ticket(ticket), stream_id, call, caller }).await?;
        answer(reply).await
    }

    /// Whether a call will be taken whatever the core finds: one that only asks for events, of the framework that reads
    /// the stream. Such calls are most of all; they need not wait for the core, and so can be pipelined.
    fn is_taken(&self, call: &v1::scheduler::Call, stream_id: Option<&str>, caller: &Caller) -> bool {
        use v1::scheduler::call::Type::{Accept, Acknowledge, Decline};
        let framework = call.framework_id.as_ref().map_or("", |id| &id.value);
        matches!(call.r#type, Some(Accept | Acknowledge | Decline))
            // Whether a name is the framework's own only the core knows.
            && caller.principal.is_none()
            && stream_id.is_some_and(|id| self.streams.is_of(id, framework))
    }

    async fn operator(&self, request: Request, caller: Caller) -> Result<Response, Response> {
        is_post(&request)?;
        let call: v1::master::Call = read_call(&request).await?;
        validate::operator_call(&call)
            .map_err(|text| bad(format!("Failed to validate master::Call: {text}")))?;
        let form = Form::of_answer(&request)?;
        let kind = call.r#type.unwrap_or(Type::Unknown);
        match kind {
            Type::Subscribe => self.stream(form, |stream| Input::Watch { stream, caller }).await,
            Type::GetLoggingLevel => Ok(form.message(&logging_level())),
            Type::SetLoggingLevel => Ok(set_logging_level(&call)),
            Type::ListFiles | Type::ReadFile => Ok(form.message(&self.files(kind, &call).await?)),
            _ if kind.name().starts_with("GET_") => self.read(form, call).await,
            _ => self.change(call, caller).await,
        }
    }

    /// The stream of our own events for operators.
    async fn events(&self, request: &Request, caller: Caller) -> Result<Response, Response> {
        if request.method != "GET" {
            return Err(Response::method_not_allowed(&["GET"], request.method.as_str()));
        }
        let form = Form::of_answer(request)?;
        self.stream(form, |stream| Input::Listen { stream, caller }).await
    }

    /// An operator's call that changes something.
    async fn change(&self, call: v1::master::Call, caller: Caller) -> Result<Response, Response> {
        let (ticket, reply) = self.replies.ticket();
        self.door.put(Input::Operator { ticket: Ticket(ticket), call: Box::new(call), caller }).await?;
        answer(reply).await
    }

    /// The old form of the call, whose body is a form of HTML.
    async fn teardown(&self, request: Request, caller: Caller) -> Result<Response, Response> {
        is_post(&request)?;
        let call = reading(&request.body, forms::teardown).await.map_err(bad)?;
        self.change(call, caller).await
    }

    /// The old form of a call that changes what an agent has.
    async fn operation(
        &self,
        endpoint: &'static str,
        request: &Request,
        caller: Caller,
    ) -> Result<Response, Response> {
        is_post(request)?;
        let call = reading(&request.body, move |body| forms::operation(endpoint, body)).await.map_err(bad)?;
        self.change(call, caller).await
    }

    async fn files(&self, kind: Type, call: &v1::master::Call) -> Result<v1::master::Response, Response> {
        use v1::master::response::{ListFiles, ReadFile};
        let mut answer = v1::master::Response { r#type: response_type(kind), ..Default::default() };
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

    /// An operator's call that reads.
    async fn read(&self, form: Form, call: v1::master::Call) -> Result<Response, Response> {
        let view = self.door.view().await?;
        // The shell's figures are few, and wanted by one call.
        let mut own = self.common.figures(Default::default());
        self.common.counters.collect_registry(&mut own);
        let body = aside(move || {
            let figures = || {
                let mut figures = query::metrics(&view);
                figures.extend(own);
                figures
            };
            match form {
                Form::Json => query::v1_json(&view, &call, figures).map(String::into_bytes),
                Form::Protobuf => query::v1(&view, &call, figures).map(|answer| answer.encode()),
            }
        });
        let body = body.await.ok_or_else(|| Response::plain(StatusCode::NOT_IMPLEMENTED))?;
        Ok(form.answer(body))
    }

    /// Asks the core for a stream, and sees to it that the core hears of its end.
    async fn stream(&self, form: Form, input: impl FnOnce(Stream) -> Input) -> Result<Response, Response> {
        let asked: Asked = self.streams.ask(form);
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

impl From<Closed> for Response {
    fn from(closed: Closed) -> Response {
        Response::text(StatusCode::SERVICE_UNAVAILABLE, closed.to_string())
    }
}

fn logging_level() -> v1::master::Response {
    let level = v1::master::response::GetLoggingLevel { level: verbosity::level(), ..Default::default() };
    v1::master::Response {
        r#type: response_type(Type::GetLoggingLevel),
        get_logging_level: Some(level),
        ..Default::default()
    }
}

/// Invariant: a call of this type has been validated to say what level.
fn set_logging_level(call: &v1::master::Call) -> Response {
    let wanted = call.set_logging_level.as_ref();
    wanted.map_or_else(Response::ok, |wanted| front::logging::set(wanted.level, &wanted.duration))
}

/// The answer is of the name of the call.
fn response_type(kind: Type) -> Option<v1::master::response::Type> {
    v1::master::response::Type::from_name(kind.name())
}

fn bad(text: impl Into<String>) -> Response {
    Response::text(StatusCode::BAD_REQUEST, text)
}

async fn answer(reply: oneshot::Receiver<Reply>) -> Result<Response, Response> {
    match reply.await.map_err(|_| Closed)? {
        Reply::Ok => Ok(Response::ok()),
        Reply::Accepted => Ok(Response::accepted()),
        Reply::Refused { code, text } => Err(refusal(code, text)),
    }
}
