// SPDX-License-Identifier: Apache-2.0

//! Whether an operator's call is well-formed by itself.

use kaon_api::v1::master::{Call, call};

/// Checks a call before it reaches the master. The text follows `Failed to validate master::Call: `.
pub fn operator_call(call: &Call) -> Result<(), String> {
    let kind = call.r#type.ok_or("Expecting 'type' to be present")?;
    let (there, name) = match kind {
        call::Type::GetMetrics => (call.get_metrics.is_some(), "get_metrics"),
        call::Type::SetLoggingLevel => (call.set_logging_level.is_some(), "set_logging_level"),
        call::Type::ListFiles => (call.list_files.is_some(), "list_files"),
        call::Type::ReadFile => (call.read_file.is_some(), "read_file"),
        call::Type::UpdateWeights => (call.update_weights.is_some(), "update_weights"),
        call::Type::ReserveResources => (call.reserve_resources.is_some(), "reserve_resources"),
        call::Type::UnreserveResources => (call.unreserve_resources.is_some(), "unreserve_resources"),
        call::Type::CreateVolumes => (call.create_volumes.is_some(), "create_volumes"),
        call::Type::DestroyVolumes => (call.destroy_volumes.is_some(), "destroy_volumes"),
        call::Type::GrowVolume => {
            let grow = call.grow_volume.as_ref();
            on_agent(grow.is_none_or(|grow| grow.agent_id.is_some()))?;
            (grow.is_some(), "grow_volume")
        }
        call::Type::ShrinkVolume => {
            let shrink = call.shrink_volume.as_ref();
            on_agent(shrink.is_none_or(|shrink| shrink.agent_id.is_some()))?;
            (shrink.is_some(), "shrink_volume")
        }
        call::Type::UpdateMaintenanceSchedule => {
            (call.update_maintenance_schedule.is_some(), "update_maintenance_schedule")
        }
        call::Type::StartMaintenance => (call.start_maintenance.is_some(), "start_maintenance"),
        call::Type::StopMaintenance => (call.stop_maintenance.is_some(), "stop_maintenance"),
        call::Type::DrainAgent => (call.drain_agent.is_some(), "drain_agent"),
        call::Type::DeactivateAgent => (call.deactivate_agent.is_some(), "deactivate_agent"),
        call::Type::ReactivateAgent => (call.reactivate_agent.is_some(), "reactivate_agent"),
        call::Type::UpdateQuota => (call.update_quota.is_some(), "update_quota"),
        call::Type::SetQuota => (call.set_quota.is_some(), "set_quota"),
        call::Type::RemoveQuota => (call.remove_quota.is_some(), "remove_quota"),
        call::Type::Teardown => (call.teardown.is_some(), "teardown"),
        call::Type::MarkAgentGone => (call.mark_agent_gone.is_some(), "mark_agent_gone"),
        _ => (true, ""),
    };
    if there { Ok(()) } else { Err(format!("Expecting '{name}' to be present")) }
}

/// What is said where only an agent's own resources could be meant, and none is named.
pub(crate) const NO_AGENT: &str =
    "Expecting 'agent_id' to be present; only agent default resources are supported right now";

fn on_agent(named: bool) -> Result<(), String> {
    if named { Ok(()) } else { Err(NO_AGENT.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_missing() {
        let check = |kind, text: &str| {
            let call = Call { r#type: kind, ..Default::default() };
            assert_eq!(operator_call(&call).err().unwrap_or_default(), text);
        };
        check(None, "Expecting 'type' to be present");
        check(Some(call::Type::GetState), "");
        check(Some(call::Type::GetMetrics), "Expecting 'get_metrics' to be present");
        check(Some(call::Type::Teardown), "Expecting 'teardown' to be present");
        check(Some(call::Type::MarkAgentGone), "Expecting 'mark_agent_gone' to be present");
    }
}
