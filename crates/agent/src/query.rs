// SPDX-License-Identifier: Apache-2.0

//! Answers to questions about an agent, from a view of it.
//!
//! Everything here is a pure function of a [`View`] and runs on the reader's own thread. What containers use is
//! measured by the shell, which asks [`meters`] what to measure and hands the figures back as a [`Usage`].

mod containers;
mod executors;
mod identity;
mod members;
mod metrics;
mod resources;
mod state;
mod tasks;
mod v1;

use std::collections::BTreeMap;

use kaon_api::v1::ResourceStatistics;
use kaon_model::ContainerId;

use crate::state::View;

pub use containers::{Meter, meters};
pub use metrics::metrics;
pub(crate) use resources::held_by;
pub use v1::{answer as v1, answer_json as v1_json};

/// The endpoints that [`v0`] answers, as they stand behind the process id: `/slave(1)/state`, `/state`.
pub const ENDPOINTS: &[&str] =
    &["containers", "flags", "monitor/statistics", "monitor/statistics.json", "state", "version"];

/// What the executors use, by the id of the executor's container.
pub type Usage = BTreeMap<ContainerId, ResourceStatistics>;

/// A refusal: the status of HTTP with the text of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadQuery {
    pub code: u16,
    pub text: String,
}

/// Renders an un-versioned endpoint as JSON; none for endpoints not among [`ENDPOINTS`].
pub fn v0(
    view: &View,
    endpoint: &str,
    query: &[(String, String)],
    usage: &Usage,
) -> Option<Result<String, BadQuery>> {
    Some(match endpoint {
        "containerizer/debug" => Ok(containers::pending(view)),
        "containers" => containers::endpoint(view, query, usage),
        "flags" => Ok(identity::flags(view)),
        "monitor/statistics" | "monitor/statistics.json" => Ok(containers::statistics(view, usage)),
        "state" => Ok(state::endpoint(view)),
        "version" => Ok(identity::version(view)),
        _ => return None,
    })
}

/// The sandboxes, by the names under which their files are shown.
pub fn sandboxes(view: &View) -> BTreeMap<String, String> {
    executors::sandboxes(view)
}

/// Whether an endpoint, or an operator call of this name, needs the figures of [`meters`].
pub fn needs_usage(name: &str) -> bool {
    matches!(name, "containers" | "monitor/statistics" | "monitor/statistics.json" | "GET_CONTAINERS")
}
