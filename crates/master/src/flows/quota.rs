// SPDX-License-Identifier: Apache-2.0

//! Offers that are taken back to make a new quota true.

use kaon_allocator::{Quota, Withdrawal};
use kaon_model::{Quantities, Role};

use crate::master::{Master, Turn};
use crate::state::Offer;

impl Master {
    /// Mesos: first what goes beyond the new limits is taken back from the role and those below it; then what others
    /// were offered, until the guarantees could be met.
    pub(crate) fn rescind_to_fit(&mut self, turn: &mut Turn, role: &Role, quota: &Quota) {
        for framework in self.state.frameworks.rows().collect::<Vec<_>>() {
            for number in self.state.offers.of_framework(framework) {
                let consumed = self.allocator.books().consumed(role).quantities();
                if quota.limits.contains(&consumed) {
                    break;
                }
                // What would not help is left where it is.
                let helps = |offer: &Offer| {
                    let amounts = offer.resources.unreserved().non_revocable().quantities();
                    let mut beyond = quota.limits.iter().filter(|(name, limit)| consumed.get(name) > *limit);
                    offer.role.is_within(role) && beyond.any(|(name, _)| amounts.get(name).is_positive())
                };
                if self.state.offer(number).is_some_and(helps) {
                    self.rescind_offer(turn, number, Withdrawal::Rescinded);
                }
            }
        }
        let mut met = self.allocator.books().consumed(role).quantities();
        for agent in self.state.agents.rows().collect::<Vec<_>>() {
            for number in self.state.offers.of_agent(agent) {
                if met.contains(&quota.guarantees) {
                    return;
                }
                let Some(offer) = self.state.offer(number).filter(|offer| !offer.role.is_within(role)) else {
                    continue;
                };
                met += &offer.resources.quantities();
                self.rescind_offer(turn, number, Withdrawal::Rescinded);
            }
        }
    }

    /// Mesos: all offers of an agent go, whoever has them, until what came back could meet the guarantee and there is
    /// an agent for each framework of the role.
    pub(crate) fn rescind_whole_agents(&mut self, turn: &mut Turn, role: &Role, quota: &Quota) {
        let books = self.allocator.books();
        let frameworks = books.frameworks_in(role).filter(|id| books.wants_offers(id, role)).count();
        let (mut visited, mut returned) = (0, Quantities::new());
        for agent in self.state.agents.rows().collect::<Vec<_>>() {
            if visited >= frameworks && returned.contains(&quota.guarantees) {
                return;
            }
            let offers = self.state.offers.of_agent(agent);
            visited += usize::from(!offers.is_empty());
            for number in offers {
                if let Some(offer) = self.state.offer(number) {
                    returned += &offer.resources.quantities();
                }
                self.rescind_offer(turn, number, Withdrawal::Rescinded);
            }
        }
    }
}
