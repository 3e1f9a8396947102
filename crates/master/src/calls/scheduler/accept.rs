// SPDX-License-Identifier: Apache-2.0

//! ACCEPT: a framework uses what it was offered, for one operation after another.

mod authorization;
mod create;
mod create_disk;
mod destroy;
mod destroy_disk;
mod grow_volume;
mod launch;
mod launch_group;
mod operation;
mod refusal;
mod reserve;
mod shrink_volume;
mod unreserve;

use std::collections::BTreeSet;

use kaon_allocator::{Holding, Withdrawal};
use kaon_api::v1;
use kaon_api::v1::offer::operation::Type;
use kaon_api::v1::scheduler::call;
use kaon_model::{OfferId, Role};

use crate::events;
use crate::master::{Master, Turn};
use crate::state::{AgentRow, FrameworkRow};

/// An acceptance being worked on: the offers are out no more, what is left of them is in the holding.
pub(super) struct Acceptance {
    pub framework: FrameworkRow,
    pub agent: AgentRow,
    pub role: Role,
    pub holding: Holding,
}

impl Master {
    /// A failing operation is dropped alone, and later ones go on; what is left at the end counts as declined.
    pub(super) fn accept(&mut self, turn: &mut Turn, row: FrameworkRow, call: call::Accept) {
        self.count_launches(&call);
        match self.open_offers(row, &call.offer_ids) {
            Ok(acceptance) => self.carry_out(turn, acceptance, call),
            Err(problem) => {
                self.discard_offers(row, &call.offer_ids);
                for operation in call.operations {
                    self.refuse_for_offers(turn, row, operation, &problem);
                }
            }
        }
    }

    /// Mesos: to launch nothing is to decline. Groups are not counted.
    fn count_launches(&mut self, call: &call::Accept) {
        let counters = &mut self.state.tables.counters;
        for operation in call.operations.iter().filter(|operation| operation.r#type == Some(Type::Launch)) {
            match operation.launch.as_ref().is_none_or(|launch| launch.task_infos.is_empty()) {
                true => counters.messages_decline_offers += 1,
                false => counters.messages_launch_tasks += 1,
            }
        }
    }

    fn carry_out(&mut self, turn: &mut Turn, mut acceptance: Acceptance, call: call::Accept) {
        let operations = self.prepare_all(turn, &acceptance, call.operations);
        for operation in operations {
            match (operation.r#type.unwrap_or_default(), operation.launch, operation.launch_group) {
                (Type::Launch, launch, _) => {
                    let launch = launch.unwrap_or_default();
                    self.launch(turn, &mut acceptance, launch, operation.id.is_some());
                }
                (Type::LaunchGroup, _, group) => {
                    let group = group.unwrap_or_default();
                    self.launch_group(turn, &mut acceptance, group, operation.id.is_some());
                }
                (_, launch, launch_group) => {
                    let operation = v1::offer::Operation { launch, launch_group, ..operation };
                    self.operate(turn, &mut acceptance, operation);
                }
            }
        }
        let refuse_seconds = call.filters.and_then(|filters| filters.refuse_seconds);
        self.allocator.close(turn.now.mono, acceptance.holding, refuse_seconds);
    }

    /// Drops the operations that cannot even be looked at.
    fn prepare_all(
        &mut self,
        turn: &mut Turn,
        acceptance: &Acceptance,
        operations: Vec<v1::offer::Operation>,
    ) -> Vec<v1::offer::Operation> {
        let mut prepared = Vec::with_capacity(operations.len());
        for mut operation in operations {
            if self.is_feedback_for_driver(turn, acceptance.framework, &operation) {
                continue;
            }
            let kind = operation.r#type.unwrap_or_default();
            let checked = if is_launch(kind) { Ok(()) } else { self.prepare(acceptance, &mut operation) };
            match checked {
                Ok(()) => prepared.push(operation),
                // Mesos: what it does not know is passed over.
                Err(_) if kind == Type::Unknown => {}
                Err(problem) => {
                    self.drop_operation(turn, acceptance.framework, kind, operation.id, problem);
                }
            }
        }
        prepared
    }

    /// Mesos: a driver is not told of operations, so none of its own may ask for that. Launches with an id have an error
    /// of their own.
    fn is_feedback_for_driver(
        &mut self,
        turn: &mut Turn,
        row: FrameworkRow,
        operation: &v1::offer::Operation,
    ) -> bool {
        let is_driver = self.state.framework(row).driver().is_some();
        let refused = is_driver && operation.id.is_some() && !is_launch(operation.r#type.unwrap_or_default());
        if refused {
            let text = "The 'id' field was set in an offer operation, but operation feedback is not supported for the \
                        SchedulerDriver API; please use the HTTP scheduler API for this feature";
            self.tell(turn, row, events::error(text));
        }
        refused
    }

    /// All offers must be there, the framework's own, of one role and one agent.
    fn open_offers(&mut self, row: FrameworkRow, ids: &[v1::OfferID]) -> Result<Acceptance, String> {
        let numbers = self.check_offers(row, ids)?;
        let first = numbers.first().and_then(|number| self.state.offer(*number));
        let (agent, role) =
            first.map(|offer| (offer.agent, offer.role.clone())).ok_or("No offers specified")?;
        let known = numbers.iter().filter_map(|number| self.state.offer(*number));
        let ids: Vec<OfferId> = known.map(|offer| offer.id.clone()).collect();
        let holding = self.allocator.open(&ids).map_err(|refusal| refusal.to_string())?;
        for number in numbers {
            self.forget_offer(number);
            self.state.framework_mut(row).counters.offers_accepted += 1;
        }
        Ok(Acceptance { framework: row, agent, role, holding })
    }

    /// The checks in Mesos's order, each over all offers.
    fn check_offers(&self, row: FrameworkRow, ids: &[v1::OfferID]) -> Result<Vec<u64>, String> {
        if ids.is_empty() {
            return Err("No offers specified".to_string());
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = ids.iter().find(|id| !seen.insert(id.value.as_str())) {
            return Err(format!("Duplicate offer {} in offer list", twice.value));
        }
        let mut offers = Vec::with_capacity(ids.len());
        for id in ids {
            let number = self.offer_number(&id.value);
            let offer = number.and_then(|number| self.state.offer(number));
            offers.push(offer.ok_or_else(|| format!("Offer {} is no longer valid", id.value))?);
        }
        if let Some(other) = offers.iter().find(|offer| offer.framework != row) {
            let (own, expected) = (&self.state.framework(other.framework).id, &self.state.framework(row).id);
            return Err(format!(
                "Offer {} has invalid framework {own} while framework {expected} is expected",
                other.id
            ));
        }
        let first = offers[0];
        if let Some(other) = offers.iter().find(|offer| offer.role != first.role) {
            return Err(format!(
                "Aggregated offers must be allocated to the same role. Offer {} uses role '{}' but another is using role \
                 '{}",
                other.id, other.role, first.role
            ));
        }
        if let Some(other) = offers.iter().find(|offer| offer.agent != first.agent) {
            let (own, expected) = (&self.state.agent(other.agent).id, &self.state.agent(first.agent).id);
            return Err(format!(
                "Aggregated offers must belong to one single agent. Offer {} uses agent {own} and agent {expected}",
                other.id
            ));
        }
        Ok(offers.iter().map(|offer| offer.number).collect())
    }

    /// One bad offer makes all void: the good ones go back, and nothing is held against the framework.
    fn discard_offers(&mut self, row: FrameworkRow, ids: &[v1::OfferID]) {
        for id in ids {
            let Some(number) = self.offer_number(&id.value) else { continue };
            if self.state.offer(number).is_some_and(|offer| offer.framework == row) {
                self.take_offer_back(number, Withdrawal::Rescinded);
            }
        }
    }
}

fn is_launch(kind: Type) -> bool {
    matches!(kind, Type::Launch | Type::LaunchGroup)
}
