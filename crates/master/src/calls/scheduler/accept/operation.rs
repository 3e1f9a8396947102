// SPDX-License-Identifier: Apache-2.0

//! What operations on offered resources have in common: they are checked, taken on the books, ordered.

use kaon_api::v1;
use kaon_api::v1::offer::operation::Type;
use kaon_api::wire::Enumeration;
use kaon_model::conversions;

use super::Acceptance;
use crate::config::MAX_OPERATIONS_PER_AGENT;
use crate::events;
use crate::master::{Master, Turn};
use crate::state::FrameworkRow;
use crate::validate::operation::{self, Wish};

impl Master {
    /// Whether an operation can be looked at: its resources are well-formed, and its feedback can be had. Mesos: looks at
    /// all operations of a call so before it carries out the first.
    pub(super) fn prepare(
        &self,
        acceptance: &Acceptance,
        order: &mut v1::offer::Operation,
    ) -> Result<(), String> {
        operation::adopt(order, Some(&acceptance.role))
            .and_then(|()| match &order.reserve {
                Some(reserve) if !reserve.source.is_empty() => {
                    Err("Reservation updates are not yet implemented for the scheduler API.".to_string())
                }
                _ => Ok(()),
            })
            .map_err(|error| format!("Operation attempted with invalid resources: {error}"))?;
        if order.id.is_none() {
            return Ok(());
        }
        let agent = self.state.agent(acceptance.agent);
        let (id, capabilities) = (&agent.id, &agent.capabilities);
        if !capabilities.resource_provider() {
            return Err(format!(
                "Operation requested feedback, but agent {id} does not have the required RESOURCE_PROVIDER capability"
            ));
        }
        let of_provider =
            kaon_model::resources_of(order).first().is_some_and(|one| one.provider_id.is_some());
        if !of_provider && !capabilities.agent_operation_feedback() {
            return Err(format!(
                "Operation on agent default resources requested feedback, but agent {id} does not have the required \
                 AGENT_OPERATION_FEEDBACK and RESOURCE_PROVIDER capabilities"
            ));
        }
        Ok(())
    }

    /// Carries out one operation that is no launch.
    pub(super) fn operate(
        &mut self,
        turn: &mut Turn,
        acceptance: &mut Acceptance,
        order: v1::offer::Operation,
    ) {
        let (kind, id) = (order.r#type.unwrap_or_default(), order.id.clone());
        let done = match kind {
            Type::Reserve => self.reserve(turn, acceptance, order),
            Type::Unreserve => self.unreserve(turn, acceptance, order),
            Type::Create => self.create_volumes(turn, acceptance, order),
            Type::Destroy => self.destroy_volumes(turn, acceptance, order),
            Type::GrowVolume => self.grow_volume(turn, acceptance, order),
            Type::ShrinkVolume => self.shrink_volume(turn, acceptance, order),
            Type::CreateDisk => self.create_disk(acceptance, &order),
            Type::DestroyDisk => self.destroy_disk(acceptance, &order),
            Type::Launch | Type::LaunchGroup | Type::Unknown => return,
        };
        match done {
            Ok(()) => self.state.framework_mut(acceptance.framework).counters.count_operation(kind),
            Err(message) => self.drop_operation(turn, acceptance.framework, kind, id, message),
        }
    }

    /// Takes the steps of an operation on the books, and orders the agent to take them.
    pub(super) fn convert(
        &mut self,
        turn: &mut Turn,
        acceptance: &mut Acceptance,
        order: v1::offer::Operation,
        usable: bool,
    ) -> Result<(), String> {
        let charged = conversions(&order).map_err(|error| error.to_string())?;
        let rest = acceptance.holding.rest().allocate(&acceptance.role);
        // The role counts: what is charged to another was not offered.
        if usable {
            rest.apply(&charged).map_err(|error| error.to_string())?;
        } else if let Some(step) = charged.first().filter(|step| !rest.contains_all(&step.consumed)) {
            let kind = order.r#type.unwrap_or_default().name();
            return Err(format!("Invalid {kind} operation: {rest} does not contain {}", step.consumed));
        }
        let unsettled = self.state.operations.count_of_agent(acceptance.agent);
        if unsettled.max(self.state.hopes.count(acceptance.agent)) >= MAX_OPERATIONS_PER_AGENT {
            return Err("The agent has too many operations that were not acknowledged".to_string());
        }
        let steps: Vec<_> = charged.iter().map(|step| step.unallocate()).collect();
        self.allocator
            .convert(&mut acceptance.holding, &steps, usable)
            .map_err(|refusal| refusal.to_string())?;
        let framework = self.state.framework(acceptance.framework).id.clone();
        self.order_operation(turn, acceptance.agent, Some(framework), order, steps);
        Ok(())
    }

    /// An operation comes to nothing before it was ordered. Its framework hears of it if it gave it an id.
    pub(super) fn drop_operation(
        &mut self,
        turn: &mut Turn,
        row: FrameworkRow,
        kind: Type,
        id: Option<v1::OperationID>,
        message: String,
    ) {
        let error = v1::OperationState::OperationError;
        self.state.tables.counters.count_operation(kind, error);
        if let Some(id) = id {
            self.tell(turn, row, events::operation_update(id, None, error, message));
        }
    }

    pub(super) fn wish<'a>(&'a self, acceptance: &Acceptance) -> Wish<'a> {
        let framework = self.state.framework(acceptance.framework);
        Wish {
            agent: self.state.agent(acceptance.agent),
            framework: Some(framework),
            principal: framework.info.principal.as_deref(),
        }
    }

    pub(super) fn on_agent(&self, acceptance: &Acceptance, error: &str) -> String {
        format!("{error}; on agent {}", self.state.agent(acceptance.agent).title())
    }
}
