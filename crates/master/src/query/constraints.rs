// SPDX-License-Identifier: Apache-2.0

//! `/allocator/offer_constraints_debug`: which agents frameworks do not want to be offered.

use kaon_api::json::Dialect;

use super::members::{self, Members};
use crate::flows::offering::agent_shape;
use crate::view::View;

pub(super) fn endpoint(view: &View) -> String {
    let agents = view.tables.agents.values();
    let agents: Vec<_> = agents.map(|agent| (&agent.id, agent_shape(&view.config, agent))).collect();
    members::object(Dialect::V0, |w| {
        w.put_object("frameworks", |w| {
            for (_, framework) in view.tables.frameworks_by_age() {
                w.put_object(framework.id.as_str(), |w| {
                    w.put_texts("suppressed_roles", framework.suppressed.iter().map(|role| role.as_str()));
                    w.put_object("excluded_by_attribute_constraints", |w| {
                        for role in framework.roles.iter() {
                            let excluded = agents
                                .iter()
                                .filter(|(_, shape)| framework.constraints.excludes(role, shape));
                            w.put_texts(role.as_str(), excluded.map(|(id, _)| id.as_str()));
                        }
                    });
                });
            }
        });
    })
}
