// SPDX-License-Identifier: Apache-2.0

//! Who calls, and what they are not allowed.

use std::collections::BTreeSet;

use kaon_api::v1::master::{Call, call::Type};

use crate::rejection::Rejection;

/// What operators can be kept from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    UpdateMaintenanceSchedule,
    StartMaintenance,
    StopMaintenance,
    DrainAgent,
    DeactivateAgent,
    ReactivateAgent,
    MarkAgentGone,
}

/// Who calls, as far as the front could tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// None where authentication is off.
    pub principal: Option<String>,
    pub denied: BTreeSet<Permission>,
}

impl Caller {
    pub(crate) fn may(&self, needed: &[Permission]) -> Result<(), Rejection> {
        if needed.iter().any(|permission| self.denied.contains(permission)) {
            return Err(Rejection::Forbidden);
        }
        Ok(())
    }
}

/// What one must be allowed for a call.
pub(crate) fn needed(call: &Call) -> &'static [Permission] {
    match call.r#type.unwrap_or_default() {
        Type::UpdateMaintenanceSchedule => &[Permission::UpdateMaintenanceSchedule],
        Type::StartMaintenance => &[Permission::StartMaintenance],
        Type::StopMaintenance => &[Permission::StopMaintenance],
        // The drain ends in it.
        Type::DrainAgent if call.drain_agent.as_ref().is_some_and(|drain| drain.mark_gone()) => {
            &[Permission::DrainAgent, Permission::MarkAgentGone]
        }
        Type::DrainAgent => &[Permission::DrainAgent],
        Type::DeactivateAgent => &[Permission::DeactivateAgent],
        Type::ReactivateAgent => &[Permission::ReactivateAgent],
        Type::MarkAgentGone => &[Permission::MarkAgentGone],
        _ => &[],
    }
}
