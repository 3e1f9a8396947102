// SPDX-License-Identifier: Apache-2.0

//! DESTROY: gives persistent volumes up, with all that is in them.

use kaon_allocator::Withdrawal;
use kaon_api::v1::offer::Operation;
use kaon_model::Resources;

use super::Acceptance;
use crate::master::{Master, Turn};
use crate::validate::operation;

impl Master {
    pub(super) fn destroy_volumes(
        &mut self,
        turn: &mut Turn,
        acceptance: &mut Acceptance,
        order: Operation,
    ) -> Result<(), String> {
        if let Some(destroy) = &order.destroy {
            let (agent, books) = (self.state.agent(acceptance.agent), self.allocator.books());
            operation::destroy(destroy, agent, books).map_err(|e| self.on_agent(acceptance, &e))?;
            let volumes = Resources::from_wire(&destroy.volumes).map_err(|error| error.to_string())?;
            self.rescind_offers_of(turn, acceptance, &volumes.unallocate());
        }
        self.convert(turn, acceptance, order, true)
    }

    /// A shared volume may be on offer to others at the same time.
    fn rescind_offers_of(&mut self, turn: &mut Turn, acceptance: &Acceptance, volumes: &Resources) {
        for number in self.state.offers.of_agent(acceptance.agent) {
            let offered = self.state.offer(number).map(|offer| offer.resources.clone());
            if offered.is_some_and(|offered| volumes.iter().any(|volume| offered.contains(volume))) {
                self.rescind_offer(turn, number, Withdrawal::Rescinded);
            }
        }
    }
}
