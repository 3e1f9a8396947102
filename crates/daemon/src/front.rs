// SPDX-License-Identifier: Apache-2.0

//! What every daemon answers alike, without its core.

mod actors;
mod files;
pub mod logging;

use std::path::PathBuf;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use kaon_model::Span;

use crate::access::{Guard, Realm};
use crate::files::Files;
use crate::http::route::{Route, Routes};
use crate::http::{Request, Response};
use crate::metrics::{self, Counters, Metrics, OPEN_METRICS, System};
use crate::version;

pub use files::{debug, list_files, read_file};

/// The actors of [`Common`], for the tables of routes.
pub const VERSION: (&str, &[&str]) = ("version", &[""]);
pub const METRICS: (&str, &[&str]) = ("metrics", &["", "snapshot"]);
pub const SYSTEM: (&str, &[&str]) = ("system", &["stats.json"]);
pub const LOGGING: (&str, &[&str]) = ("logging", &["toggle"]);
pub const PROFILER: (&str, &[&str]) = ("profiler", &["start", "stop"]);
pub const PROCESSES: (&str, &[&str]) = ("__processes__", &[""]);
pub const HELP: (&str, &[&str]) = ("help", &[""]);
pub const FILES: (&str, &[&str]) = ("files", &["browse", "read", "download", "debug"]);

/// What every daemon has.
#[derive(Clone, Default)]
pub struct Common {
    pub files: Arc<Files>,
    pub counters: Arc<Counters>,
    pub guard: Arc<Guard>,
}

/// Who may come to the actors above. Mesos: so.
pub fn realm(route: Route<'_>) -> Option<Realm> {
    match route.actor {
        "help" | "system" | "version" => None,
        "logging" | "profiler" => Some(Realm::Readwrite),
        _ => Some(Realm::Readonly),
    }
}

impl Common {
    /// Shows the log under the name that Mesos gives it: `/master/log`.
    pub fn show_log(&self, name: &str, file: Option<PathBuf>) {
        if let Some(file) = file {
            self.files.attach(name, &file);
        }
    }

    /// Answers for the actors above, but for `metrics`, which needs figures of the core.
    pub async fn answer(&self, routes: &Routes, route: Route<'_>, request: &Request) -> Response {
        match route.actor {
            "help" => actors::help(routes, route.rest, request),
            "__processes__" => actors::processes(routes, request),
            "logging" => logging::answer(request),
            "profiler" => Response::text(StatusCode::BAD_REQUEST, NO_PROFILER),
            "version" => Response::json(request, version::json()),
            "system" => Response::json(request, System::now().json()),
            "files" => files::answer(&self.files, route.endpoint, request).await,
            _ => Response::plain(StatusCode::NOT_FOUND),
        }
    }

    /// Adds the shell's figures to those of a core.
    pub fn figures(&self, mut metrics: Metrics) -> Metrics {
        self.counters.collect(&mut metrics);
        System::now().collect(&mut metrics);
        // An empty sum of doubles is -0, which nobody wants to read.
        metrics.values_mut().for_each(|value| *value += 0.0);
        metrics
    }

    /// Answers for the actor `metrics`.
    pub fn metrics(&self, endpoint: &str, request: &Request, metrics: Metrics) -> Response {
        let metrics = self.figures(metrics);
        match endpoint {
            "" => Response::new(StatusCode::OK, metrics::open_metrics(&metrics))
                .with(CONTENT_TYPE, OPEN_METRICS),
            _ => match bad_timeout(request) {
                Some(text) => Response::text(StatusCode::BAD_REQUEST, text),
                None => Response::json(request, metrics::snapshot(&metrics)),
            },
        }
    }
}

/// What is wrong with the time that an answer may take. Nothing here takes any.
fn bad_timeout(request: &Request) -> Option<String> {
    let timeout = request.query.get("timeout")?;
    let error = timeout.parse::<Span>().err()?;
    Some(format!("Invalid timeout '{timeout}': {error}.\n"))
}

/// Mesos: so says every build but special ones, and clients know the text.
const NO_PROFILER: &str =
    "Perftools is disabled. To enable perftools, configure libprocess with --enable-perftools.\n";

/// Where this daemon redirects to, if it is asked where the leader is. Mesos: without a scheme; the request's own path
/// is kept, unless it is that of the question.
pub fn redirect(request: &Request, leader: &str) -> Response {
    let path = request.path().trim_start_matches('/').trim_end_matches('/');
    match path {
        "redirect" | "master/redirect" => Response::redirect(&format!("//{leader}")),
        _ => Response::plain(StatusCode::NOT_FOUND),
    }
}

/// Mesos: the v1 APIs take nothing but POST.
pub fn is_post(request: &Request) -> Result<(), Response> {
    match request.method.as_str() {
        "POST" => Ok(()),
        other => Err(Response::method_not_allowed(&["POST"], other)),
    }
}

/// Runs what may take its time, such as rendering a whole cluster, off the threads that serve connections.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
