// SPDX-License-Identifier: Apache-2.0

//! All that a daemon answers to, as the daemon itself lists it.

use kaon_api::v1;
use kaon_api::wire::Enumeration;
use kaon_daemon::http::route::Routes;
use kaon_daemon::{AGENT_ROUTES, MASTER_ROUTES};

use crate::daemon::Daemon;

/// A daemon with every way into it.
pub struct Target<'a> {
    pub name: &'static str,
    pub daemon: &'a Daemon,
    pub paths: Vec<String>,
    /// Each API with the types of its calls.
    pub apis: Vec<(&'static str, Vec<&'static str>)>,
    pub actor: &'static str,
    pub messages: &'static [&'static str],
}

pub fn master(daemon: &Daemon) -> Target<'_> {
    Target {
        name: "master",
        daemon,
        paths: paths(&MASTER_ROUTES),
        apis: vec![
            ("/api/v1", names::<v1::master::call::Type>()),
            ("/api/v1/scheduler", names::<v1::scheduler::call::Type>()),
        ],
        actor: "master",
        messages: kaon_master::PeerMessage::NAMES,
    }
}

pub fn agent(daemon: &Daemon) -> Target<'_> {
    Target {
        name: "agent",
        daemon,
        paths: paths(&AGENT_ROUTES),
        apis: vec![
            ("/api/v1", names::<v1::agent::call::Type>()),
            ("/api/v1/executor", names::<v1::executor::call::Type>()),
        ],
        actor: "slave(1)",
        messages: kaon_agent::input::PeerMessage::NAMES,
    }
}

fn paths(routes: &Routes) -> Vec<String> {
    let all = routes.actors.iter().flat_map(|(actor, endpoints)| {
        endpoints.iter().map(move |endpoint| format!("/{actor}/{endpoint}").trim_end_matches('/').to_owned())
    });
    all.chain(["/".to_owned(), "/nosuch".to_owned()]).collect()
}

fn names<T: Enumeration>() -> Vec<&'static str> {
    T::VALUES.iter().map(|(_, _, name, _)| name.v1).collect()
}
