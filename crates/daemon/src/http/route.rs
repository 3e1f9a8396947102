// SPDX-License-Identifier: Apache-2.0

//! Finds the endpoint that a path means.
//!
//! Mesos: every endpoint belongs to an actor, `/<actor>/<endpoint>`. A path whose first segment is no actor is looked
//! up at the delegate (`master`, `slave(1)`). Empty segments do not count; only the actor's name may be
//! percent-coded; segments after the longest known endpoint are ignored (`/slaves/<id>`, `/api/v1/operator`).

use super::request::percent_decode;

/// The endpoints of a daemon.
#[derive(Clone, Debug)]
pub struct Routes {
    pub delegate: &'static str,
    /// Each actor with its endpoints; an endpoint may have several segments, or none.
    pub actors: &'static [(&'static str, &'static [&'static str])],
}

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    pub actor: &'static str,
    pub endpoint: &'static str,
    /// What follows the endpoint, without its slash.
    pub rest: &'a str,
}

impl Routes {
    /// None where nothing is found: the answer is 404.
    pub fn find<'a>(&self, path: &'a str) -> Option<Route<'a>> {
        // Mesos: a path that climbs is not looked at.
        if path.contains("/..") {
            return None;
        }
        let (first, rest) = segment(path)?;
        let named = percent_decode(first)?;
        match self.actors.iter().find(|(actor, _)| *actor == named) {
            Some(actor) => endpoint(actor, rest),
            None => endpoint(self.actors.iter().find(|(actor, _)| *actor == self.delegate)?, path),
        }
    }
}

/// The first segment of a path, and what follows it.
fn segment(path: &str) -> Option<(&str, &str)> {
    let path = path.trim_start_matches('/');
    match path.split_once('/') {
        Some((first, rest)) => Some((first, rest)),
        None => (!path.is_empty()).then_some((path, "")),
    }
}

/// The endpoint of an actor that takes the most segments of the path.
fn endpoint<'a>(
    (actor, endpoints): &(&'static str, &'static [&'static str]),
    path: &'a str,
) -> Option<Route<'a>> {
    let fits = |endpoint: &&'static str| Some((*endpoint, strip(endpoint, path)?));
    let (endpoint, rest) = endpoints.iter().filter_map(fits).max_by_key(|(endpoint, _)| endpoint.len())?;
    // Mesos: an endpoint without a name answers for nothing below it, but for the one that explains the others.
    let rest = rest.trim_matches('/');
    let answers = !endpoint.is_empty() || rest.is_empty() || *actor == "help";
    answers.then_some(Route { actor, endpoint, rest })
}

/// What is left of a path after the segments of an endpoint.
fn strip<'a>(endpoint: &str, mut path: &'a str) -> Option<&'a str> {
    for wanted in endpoint.split('/').filter(|part| !part.is_empty()) {
        let (first, rest) = segment(path)?;
        if first != wanted && !is_old_name(first, wanted) {
            return None;
        }
        path = rest;
    }
    Some(path)
}

/// Mesos dropped the suffix long ago and answers 404; old checks and terminals still ask with it, so it is taken.
fn is_old_name(segment: &str, endpoint: &str) -> bool {
    segment.strip_suffix(".json") == Some(endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: Routes = Routes {
        delegate: "slave(1)",
        actors: &[
            ("slave(1)", &["state", "api/v1", "api/v1/executor", "redirect", "slaves"]),
            ("version", &[""]),
            ("metrics", &["", "snapshot"]),
            ("system", &["stats.json"]),
        ],
    };

    #[test]
    fn paths_lead_where_mesos_leads_them() {
        let state = Some(("slave(1)", "state", ""));
        for (path, expected) in [
            ("/state", state),
            ("/state/", state),
            ("//state", state),
            ("/state.json", state),
            ("/slave(1)/state", state),
            ("/slave%281%29/state", state),
            ("/slave(1)/state.json", state),
            ("/slaves/x-S0", Some(("slave(1)", "slaves", "x-S0"))),
            ("/slaves/x/y/", Some(("slave(1)", "slaves", "x/y"))),
            ("/api/v1", Some(("slave(1)", "api/v1", ""))),
            ("/api//v1/", Some(("slave(1)", "api/v1", ""))),
            ("/api/v1/operator", Some(("slave(1)", "api/v1", "operator"))),
            ("/api/v1/executor", Some(("slave(1)", "api/v1/executor", ""))),
            ("/version", Some(("version", "", ""))),
            ("/metrics", Some(("metrics", "", ""))),
            ("/metrics/snapshot", Some(("metrics", "snapshot", ""))),
            ("/system/stats.json", Some(("system", "stats.json", ""))),
            ("/metrics/nosuch", None),
            ("/version/nosuch", None),
            ("/", None),
            ("", None),
            ("/nosuch", None),
            ("/api", None),
            ("/slave(2)/state", None),
            ("/%73tate", None),
            ("/%zz", None),
            ("/state/../state", None),
            ("/statements", None),
        ] {
            let found = ROUTES.find(path).map(|route| (route.actor, route.endpoint, route.rest));
            assert_eq!(found, expected, "{path}");
        }
    }
}
