// SPDX-License-Identifier: Apache-2.0

//! RESERVE_RESOURCES, UNRESERVE_RESOURCES, CREATE_VOLUMES, DESTROY_VOLUMES, GROW_VOLUME, SHRINK_VOLUME: an operator
//! changes what an agent has.

use kaon_allocator::Withdrawal;
use kaon_api::v1;
use kaon_api::v1::master::{Call, call};
use kaon_api::v1::offer::operation::{Create, Destroy, GrowVolume, Reserve, ShrinkVolume, Type, Unreserve};
use kaon_api::wire::Enumeration;
use kaon_model::{Conversion, Resources, conversions};

use crate::caller::Caller;
use crate::effect::Reply;
use crate::master::{Answer, Master, Turn};
use crate::rejection::Rejection;
use crate::state::AgentRow;
use crate::validate::operation::{self, Wish};

impl Master {
    /// Mesos: accepted is what the books can take; whether the agent did it is seen from its resources.
    pub(super) fn operate_on_agent(&mut self, turn: &mut Turn, call: Call, caller: &Caller) -> Answer {
        let (agent, mut order) = order_of(call)?;
        let row = self.state.agents.row(&agent.value);
        let row = row.ok_or_else(|| Rejection::Invalid("No agent found with specified ID".to_string()))?;
        operation::adopt(&mut order, None).map_err(Rejection::Invalid)?;
        self.allowed(row, &order, caller).map_err(Rejection::Invalid)?;
        let kind = order.r#type.unwrap_or_default().name();
        let steps = conversions(&order)
            .map_err(|error| Rejection::Invalid(format!("Invalid {kind} operation: {error}")))?;
        self.make_room(turn, row, &steps);
        let id = self.state.agent(row).id.clone();
        self.allocator
            .convert_free(turn.now.mono, &id, &steps)
            .map_err(|refusal| Rejection::Conflict(refusal.to_string()))?;
        self.order_operation(turn, row, None, order, steps);
        Ok(Reply::Accepted)
    }

    fn allowed(&self, row: AgentRow, order: &v1::offer::Operation, caller: &Caller) -> Result<(), String> {
        let agent = self.state.agent(row);
        let wish = Wish { agent, framework: None, principal: caller.principal.as_deref() };
        let kind = order.r#type.unwrap_or_default();
        let verdict = match kind {
            Type::Reserve => order.reserve.as_ref().map(|own| operation::reserve(own, wish)),
            Type::Unreserve => order.unreserve.as_ref().map(operation::unreserve),
            Type::Create => order.create.as_ref().map(|own| operation::create(own, wish)),
            Type::Destroy => {
                order.destroy.as_ref().map(|own| operation::destroy(own, agent, self.allocator.books()))
            }
            Type::GrowVolume => {
                order.grow_volume.as_ref().map(|own| operation::grow_volume(own, &agent.capabilities))
            }
            Type::ShrinkVolume => {
                order.shrink_volume.as_ref().map(|own| operation::shrink_volume(own, &agent.capabilities))
            }
            _ => None,
        };
        // Mesos: names the agent in all but two.
        let place = match kind {
            Type::Unreserve | Type::Destroy => String::new(),
            _ => format!(" on agent {}", agent.title()),
        };
        let invalid = |error| format!("Invalid {} operation{place}: {error}", kind.name());
        verdict.unwrap_or(Ok(())).map_err(invalid)
    }

    /// Takes back offers that hold something of what is needed, until what was taken back is enough.
    fn make_room(&mut self, turn: &mut Turn, row: AgentRow, steps: &[Conversion]) {
        let mut required: Resources = steps.iter().map(|step| &step.consumed).sum();
        let mut recovered = Resources::new();
        for number in self.state.offers.of_agent(row) {
            let Some(offered) = self.state.offer(number).map(|offer| offer.resources.clone()) else {
                continue;
            };
            let left = &required - &offered;
            if left == required {
                continue;
            }
            required = left;
            recovered += &offered;
            self.rescind_offer(turn, number, Withdrawal::Rescinded);
            if recovered.apply(steps).is_ok() {
                return;
            }
        }
    }
}

/// The operation that a call means, with its agent.
fn order_of(call: Call) -> Result<(v1::AgentID, v1::offer::Operation), Rejection> {
    let kind = call.r#type.unwrap_or_default();
    let missing =
        || Rejection::Invalid(format!("Expecting '{}' to be present", kind.name().to_ascii_lowercase()));
    let nowhere = || Rejection::Invalid(crate::validate::NO_AGENT.to_string());
    let of = |kind| v1::offer::Operation { r#type: Some(kind), ..Default::default() };
    Ok(match kind {
        call::Type::ReserveResources => {
            let call = call.reserve_resources.ok_or_else(missing)?;
            let own = Reserve { source: call.source, resources: call.resources, ..Default::default() };
            (call.agent_id, v1::offer::Operation { reserve: Some(own), ..of(Type::Reserve) })
        }
        call::Type::UnreserveResources => {
            let call = call.unreserve_resources.ok_or_else(missing)?;
            let own = Unreserve { resources: call.resources, ..Default::default() };
            (call.agent_id, v1::offer::Operation { unreserve: Some(own), ..of(Type::Unreserve) })
        }
        call::Type::CreateVolumes => {
            let call = call.create_volumes.ok_or_else(missing)?;
            let own = Create { volumes: call.volumes, ..Default::default() };
            (call.agent_id, v1::offer::Operation { create: Some(own), ..of(Type::Create) })
        }
        call::Type::DestroyVolumes => {
            let call = call.destroy_volumes.ok_or_else(missing)?;
            let own = Destroy { volumes: call.volumes, ..Default::default() };
            (call.agent_id, v1::offer::Operation { destroy: Some(own), ..of(Type::Destroy) })
        }
        call::Type::GrowVolume => {
            let call = call.grow_volume.ok_or_else(missing)?;
            let own = GrowVolume { volume: call.volume, addition: call.addition, ..Default::default() };
            let agent = call.agent_id.ok_or_else(nowhere)?;
            (agent, v1::offer::Operation { grow_volume: Some(own), ..of(Type::GrowVolume) })
        }
        call::Type::ShrinkVolume => {
            let call = call.shrink_volume.ok_or_else(missing)?;
            let own = ShrinkVolume { volume: call.volume, subtract: call.subtract, ..Default::default() };
            let agent = call.agent_id.ok_or_else(nowhere)?;
            (agent, v1::offer::Operation { shrink_volume: Some(own), ..of(Type::ShrinkVolume) })
        }
        _ => return Err(Rejection::NotImplemented(format!("{} is no operation", kind.name()))),
    })
}
