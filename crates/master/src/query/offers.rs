// SPDX-License-Identifier: Apache-2.0

//! The offers that wait for an answer, as readers are shown them.

use kaon_api::json::JsonWriter;
use kaon_api::v1;
use kaon_model::ExecutorId;

use super::members::Members;
use super::resources::put_flat;
use crate::flows::inverse_offering::wire_inverse_offer;
use crate::flows::offering::wire_offer;
use crate::state::{Agent, Framework, InverseOffer, Offer, Tables};

/// Writes the v0 form.
pub(super) fn write(w: &mut JsonWriter<'_>, tables: &Tables, offer: &Offer) {
    let parties = parties(tables, offer);
    w.object(|w| {
        w.put_text("id", offer.id.as_str());
        w.put_text("framework_id", parties.map_or("", |(_, framework)| framework.id.as_str()));
        w.put_object("allocation_info", |w| w.put_text("role", offer.role.as_str()));
        w.put_text("slave_id", parties.map_or("", |(agent, _)| agent.id.as_str()));
        put_flat(w, "resources", &offer.resources);
    });
}

/// The message for operators: other than the framework's own it always names the role. `executors` are those of the
/// framework on the agent.
pub(super) fn message<'a>(
    tables: &Tables,
    offer: &Offer,
    executors: impl Iterator<Item = &'a ExecutorId>,
) -> Option<v1::Offer> {
    let (agent, framework) = parties(tables, offer)?;
    let role = Some(offer.role.to_string());
    Some(v1::Offer {
        executor_ids: executors.map(|id| v1::ExecutorID::from(id.as_str())).collect(),
        resources: offer.resources.allocate(&offer.role).to_wire(),
        allocation_info: Some(v1::resource::AllocationInfo { role, ..Default::default() }),
        ..wire_offer(offer, agent, framework)
    })
}

pub(super) fn inverse(tables: &Tables, offer: &InverseOffer) -> Option<v1::InverseOffer> {
    let (agent, framework) = (tables.agents.get(offer.agent)?, tables.frameworks.get(offer.framework)?);
    Some(wire_inverse_offer(offer, agent, framework))
}

fn parties<'a>(tables: &'a Tables, offer: &Offer) -> Option<(&'a Agent, &'a Framework)> {
    Some((tables.agents.get(offer.agent)?, tables.frameworks.get(offer.framework)?))
}
