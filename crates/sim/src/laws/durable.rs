// SPDX-License-Identifier: Apache-2.0

//! Acknowledged is durable: what a leader tells others of an agent stands in the registry, and what was said to be gone never
//! returns.

use std::collections::BTreeSet;

use kaon_api::v1;
use kaon_master::Registry;

use crate::report::Broken;

#[derive(Debug, Default)]
pub struct Durable {
    gone: BTreeSet<String>,
}

const LAW: &str = "acknowledged is durable";

impl Durable {
    /// A leader told an agent that it belongs to the cluster, or gave it work.
    ///
    /// What was written of the agent since may not have come to the leader yet; but nobody joins before that is written.
    pub fn belongs(&self, agent: &str, joins: bool, registry: &Registry) -> Result<(), Broken> {
        if self.gone.contains(agent) {
            return Err(Broken { law: "gone never returns", what: format!("{agent} was taken back") });
        }
        let was = registry.is_gone(agent) || (!joins && registry.unreachable_since(agent).is_some());
        if registry.is_admitted(agent) || was {
            return Ok(());
        }
        Err(Broken { law: LAW, what: format!("{agent} was told that it is admitted, which is not written") })
    }

    pub fn some_are_gone(&self) -> bool {
        !self.gone.is_empty()
    }

    /// A framework was told that an agent cannot be reached.
    pub fn unreachable(&self, status: &v1::TaskStatus, registry: &Registry) -> Result<(), Broken> {
        let agent = status.agent_id.as_ref().map_or("", |id| id.value.as_str());
        if !registry.is_admitted(agent) {
            return Ok(());
        }
        let what = format!("{} is told unreachable, and {agent} is not written so", status.task_id.value);
        Err(Broken { law: LAW, what })
    }

    /// An operator was told that an agent is gone.
    pub fn gone(&mut self, agent: String, registry: &Registry) -> Result<(), Broken> {
        if !registry.is_gone(&agent) {
            return Err(Broken {
                law: LAW,
                what: format!("{agent} is said to be gone, which is not written"),
            });
        }
        self.gone.insert(agent);
        Ok(())
    }
}

/// An operator was told that something is done.
pub fn is_in_audit(action: &str, agent: &str, registry: &Registry) -> Result<(), Broken> {
    if registry.audit().iter().any(|done| done.action == action && done.subject.as_deref() == Some(agent)) {
        return Ok(());
    }
    Err(Broken { law: LAW, what: format!("{action} of {agent} was answered, and no audit tells of it") })
}
