// SPDX-License-Identifier: Apache-2.0

//! Calls of operators that change something. Those that only read are answered from a picture.

mod duty;
mod maintenance;
mod mark_agent_gone;
mod operations;
mod quota;
mod teardown;
mod weights;

use kaon_api::v1::master::{Call, call};
use kaon_api::wire::Enumeration;

use crate::caller::{Caller, needed};
use crate::effect::Reply;
use crate::input::Ticket;
use crate::master::{Master, Turn};
use crate::rejection::Rejection;

pub(crate) use duty::{DutyChange, Wish};
pub(crate) use maintenance::MachineChange;
pub(crate) use mark_agent_gone::Gone;
pub(crate) use quota::QuotaUpdate;
pub(crate) use weights::WeightsUpdate;

impl Master {
    /// The reply, or none where it comes once something is durable.
    pub(crate) fn operator_call(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        call: Call,
        caller: &Caller,
    ) -> Result<Option<Reply>, Rejection> {
        // Mesos: tells some of what is wrong with a call before it looks whether that is the caller's business.
        caller.may(needed(&call))?;
        let kind = call.r#type.unwrap_or_default();
        if is_operation(kind) {
            return self.operate_on_agent(turn, call, caller).map(Some);
        }
        let member = kind.name().to_ascii_lowercase();
        let missing = || Rejection::Invalid(format!("Expecting '{member}' to be present"));
        match kind {
            call::Type::Teardown => {
                self.operator_teardown(turn, &call.teardown.ok_or_else(missing)?).map(Some)
            }
            call::Type::MarkAgentGone => {
                self.mark_agent_gone(turn, ticket, &call.mark_agent_gone.ok_or_else(missing)?)
            }
            call::Type::DeactivateAgent => {
                let id = call.deactivate_agent.ok_or_else(missing)?.agent_id;
                self.change_duty(turn, ticket, &id, Wish::Deactivate)
            }
            call::Type::ReactivateAgent => {
                let id = call.reactivate_agent.ok_or_else(missing)?.agent_id;
                self.change_duty(turn, ticket, &id, Wish::Reactivate)
            }
            call::Type::DrainAgent => {
                let call = call.drain_agent.ok_or_else(missing)?;
                self.change_duty(turn, ticket, &call.agent_id, Wish::to_drain(&call))
            }
            call::Type::UpdateQuota => {
                self.update_quota(turn, ticket, call.update_quota.ok_or_else(missing)?)
            }
            call::Type::SetQuota => {
                self.set_quota(turn, ticket, call.set_quota.ok_or_else(missing)?.quota_request)
            }
            call::Type::RemoveQuota => {
                self.remove_quota(turn, ticket, &call.remove_quota.ok_or_else(missing)?.role)
            }
            call::Type::UpdateWeights => {
                self.update_weights(turn, ticket, call.update_weights.ok_or_else(missing)?.weight_infos)
            }
            call::Type::UpdateMaintenanceSchedule => {
                let update = call.update_maintenance_schedule.ok_or_else(missing)?;
                self.update_schedule(turn, ticket, update.schedule)
            }
            call::Type::StartMaintenance => {
                self.start_maintenance(turn, ticket, call.start_maintenance.ok_or_else(missing)?.machines)
            }
            call::Type::StopMaintenance => {
                self.stop_maintenance(turn, ticket, call.stop_maintenance.ok_or_else(missing)?.machines)
            }
            call::Type::Unknown => Err(Rejection::NotImplemented("501 Not Implemented.".to_string())),
            _ => Err(Rejection::NotImplemented(format!("{} is not supported by this master", kind.name()))),
        }
    }
}

fn is_operation(kind: call::Type) -> bool {
    use call::Type::{
        CreateVolumes, DestroyVolumes, GrowVolume, ReserveResources, ShrinkVolume, UnreserveResources,
    };
    matches!(
        kind,
        ReserveResources | UnreserveResources | CreateVolumes | DestroyVolumes | GrowVolume | ShrinkVolume
    )
}
