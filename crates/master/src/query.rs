// SPDX-License-Identifier: Apache-2.0

//! What readers are shown, rendered from a view.
//!
//! Everything here is a pure function of a [`View`] and runs on the reader's own thread. The un-versioned endpoints
//! are JSON made by hand ([`v0`]); the operator calls are messages ([`v1()`]) with a JSON form of their own
//! ([`v1_json`]); figures are one flat map ([`metrics()`]). Sums are made in one pass over the rows.

mod agents;
mod constraints;
mod durable;
mod executors;
mod frameworks;
mod groups;
mod identity;
mod listing;
mod members;
mod metrics;
mod offers;
mod resources;
mod roles;
mod state;
mod summary;
mod sums;
mod tasks;
pub(crate) mod v1;

use crate::view::View;

pub use metrics::{metrics, unmeasured};
pub(crate) use roles::consumed;
pub use v1::{answer as v1, answer_json as v1_json, event_json, get_state};

/// The endpoints that [`v0`] answers, as they stand behind the process id: `/master/state`, `/state`. The first
/// and the registry belong to processes of their own.
pub const ENDPOINTS: &[&str] = &[
    "allocator/offer_constraints_debug",
    "audit",
    "flags",
    "frameworks",
    "kaon/maintenance/schedule",
    "maintenance/schedule",
    "maintenance/status",
    "quota",
    "registrar(1)/registry",
    "roles",
    "slaves",
    "state",
    "state-summary",
    "tasks",
    "version",
    "weights",
];

/// Renders an un-versioned endpoint as JSON; none for endpoints not among [`ENDPOINTS`].
///
/// Mesos: what a query says wrongly is as if it were not said, so nothing can fail here.
pub fn v0(view: &View, endpoint: &str, query: &[(String, String)]) -> Option<String> {
    let query = Query(query);
    Some(match endpoint {
        "allocator/offer_constraints_debug" => constraints::endpoint(view),
        "audit" => durable::audit(view),
        "flags" => identity::flags(view),
        "frameworks" => frameworks::endpoint(view, query),
        "kaon/maintenance/schedule" => durable::enforced_schedule(view),
        "maintenance/schedule" => durable::maintenance_schedule(view),
        "maintenance/status" => durable::maintenance_status(view),
        "quota" => durable::quota(view),
        "registrar(1)/registry" => durable::registry(view),
        "roles" => roles::endpoint(view),
        "slaves" => agents::endpoint(view, query),
        "state" => state::endpoint(view),
        "state-summary" => summary::endpoint(view),
        "tasks" => tasks::endpoint(view, query),
        "version" => identity::version(view),
        "weights" => roles::weights(view),
        _ => return None,
    })
}

/// The decoded part of a URL behind its question mark.
#[derive(Clone, Copy)]
struct Query<'a>(&'a [(String, String)]);

impl<'a> Query<'a> {
    /// Mesos: the last of equal names counts.
    fn get(self, name: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether an id is asked for, or none in particular.
    fn selects(self, name: &str, id: &str) -> bool {
        self.get(name).is_none_or(|wanted| wanted == id)
    }
}

#[cfg(test)]
mod tests;
