// SPDX-License-Identifier: Apache-2.0

//! What a daemon tells of its own inside: the actors behind its port, with their endpoints.

use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use kaon_api::json::{Dialect, JsonWriter};

use crate::http::route::Routes;
use crate::http::{Request, Response};

const MARKDOWN: &str = "text/x-markdown";

/// `/__processes__`. Mesos: with the messages that wait at each; here they wait before the core, unsorted.
pub fn processes(routes: &Routes, request: &Request) -> Response {
    let mut out = Vec::new();
    JsonWriter::new(&mut out, Dialect::V0).array(|w| {
        for (actor, _) in routes.actors {
            w.element();
            w.object(|w| {
                w.key("events");
                w.array(|_| {});
                w.key("id");
                w.string(actor);
            });
        }
    });
    Response::json(request, out)
}

/// `/help`, `/help/<actor>`, `/help/<actor>/<endpoint>`.
pub fn help(routes: &Routes, rest: &str, request: &Request) -> Response {
    let (actor, endpoint) = rest.split_once('/').unwrap_or((rest, ""));
    if actor.is_empty() {
        return match request.query.get("format") {
            Some("json") => Response::json(request, json(routes)),
            _ => markdown(index(routes)),
        };
    }
    let Some((actor, endpoints)) = documented(routes).find(|(name, _)| *name == actor) else {
        return Response::plain(StatusCode::NOT_FOUND);
    };
    if endpoint.is_empty() {
        return markdown(contents(actor, endpoints));
    }
    match endpoints.iter().find(|name| **name == endpoint) {
        Some(name) => markdown(text(actor, name)),
        None => {
            let text = format!("No help available for '/{actor}/{endpoint}'.\n");
            Response::text(StatusCode::BAD_REQUEST, text)
        }
    }
}

type Actor = (&'static str, &'static [&'static str]);

/// The actors that somebody may ask something, in order.
fn documented(routes: &Routes) -> impl Iterator<Item = Actor> {
    let mut actors: Vec<Actor> = routes.actors.to_vec();
    actors.retain(|(name, _)| *name != "help" && *name != "__processes__");
    actors.sort_unstable();
    actors.into_iter()
}

fn markdown(text: String) -> Response {
    Response::new(StatusCode::OK, text).with(CONTENT_TYPE, MARKDOWN)
}

fn index(routes: &Routes) -> String {
    let names: Vec<&str> = documented(routes).map(|(name, _)| name).collect();
    let lines: String = names.iter().map(|name| format!("> [/{name}][{name}]\n")).collect();
    let links: String = names.iter().map(|name| format!("[{name}]: help/{name}\n")).collect();
    format!("## HELP\n{lines}\n{links}")
}

fn contents(actor: &str, endpoints: &[&str]) -> String {
    let paths: Vec<String> = endpoints.iter().map(|name| path(actor, name)).collect();
    let lines: String = paths.iter().map(|path| format!("> [/{path}][{path}]\n")).collect();
    let links: String = paths.iter().map(|path| format!("[{path}]: {path}\n")).collect();
    format!("## `/{actor}` ##\n{lines}\n{links}")
}

fn text(actor: &str, endpoint: &str) -> String {
    let path = path(actor, endpoint);
    format!("### USAGE ###\n>        /{path}\n\n### TL;DR; ###\n{}\n", sentence(actor, endpoint))
}

fn json(routes: &Routes) -> Vec<u8> {
    let mut out = Vec::new();
    JsonWriter::new(&mut out, Dialect::V0).object(|w| {
        w.key("processes");
        w.array(|w| {
            for (actor, endpoints) in documented(routes) {
                w.element();
                w.object(|w| {
                    w.key("id");
                    w.string(actor);
                    w.key("endpoints");
                    w.array(|w| {
                        for endpoint in endpoints {
                            w.element();
                            w.object(|w| {
                                w.key("name");
                                w.string(&format!("/{endpoint}"));
                                w.key("text");
                                w.string(&text(actor, endpoint));
                            });
                        }
                    });
                });
            }
        });
    });
    out
}

fn path(actor: &str, endpoint: &str) -> String {
    match endpoint {
        "" => actor.to_owned(),
        endpoint => format!("{actor}/{endpoint}"),
    }
}

/// What an endpoint is for.
fn sentence(actor: &str, endpoint: &str) -> &'static str {
    match (actor, endpoint) {
        (_, "api/v1") => "The operator API: calls by POST.",
        (_, "api/v1/scheduler") => "The scheduler API: calls of frameworks by POST.",
        (_, "api/v1/executor") => "The executor API: calls of executors by POST.",
        ("allocator", _) => {
            "Which roles are suppressed, and which agents the constraints of offers keep away."
        }
        ("files", "browse") => "The entries of a folder.",
        ("files", "debug") => "The names under which files are shown, and where the files are.",
        ("files", "download") => "A whole file.",
        ("files", "read") => "A part of a file.",
        ("logging", _) => "The verbosity of the log; sets it for a while.",
        ("metrics", "") => "All figures in the format of OpenMetrics.",
        ("metrics", _) => "All figures as one object.",
        ("profiler", _) => "Profiles of this process, which it cannot make.",
        ("registrar(1)", _) => "What the master keeps durably.",
        ("system", _) => "The load and the memory of the host.",
        ("version", _) => "The version of this program.",
        (_, "containerizer/debug") => "What the containerizer waits for.",
        (_, "containers") => "The containers, with what they use.",
        ("monitor", _) => "What the executors' containers use.",
        (_, "create-volumes" | "destroy-volumes") => "Volumes on reserved disks of an agent, by operators.",
        (_, "flags") => "The flags with which the daemon was started.",
        (_, "frameworks") => "The frameworks, with their tasks and offers.",
        (_, "health") => "200 as long as the daemon serves.",
        (_, "machine/down" | "machine/up") => "Begins or ends the maintenance of machines.",
        (_, "kaon/maintenance/schedule") => {
            "When which machines are to be maintained, with what is enforced of that."
        }
        (_, "maintenance/schedule") => "When which machines are to be maintained.",
        (_, "maintenance/status") => "Which machines are being drained or are down.",
        (_, "quota") => "The guarantees and limits of roles.",
        (_, "redirect") => "Leads to the leading master.",
        (_, "reserve" | "unreserve") => "Reserves resources of an agent for a role, or gives them back.",
        (_, "roles") => "The roles, with their weights, frameworks and resources.",
        (_, "slaves") => "The agents.",
        (_, "state") => "All that the daemon knows.",
        (_, "state-summary") => "Agents and frameworks with the numbers of their tasks.",
        (_, "tasks") => "The tasks of all frameworks.",
        (_, "teardown") => "Ends a framework with all its tasks.",
        (_, "weights") => "The weights of roles.",
        _ => "An endpoint of this daemon.",
    }
}
