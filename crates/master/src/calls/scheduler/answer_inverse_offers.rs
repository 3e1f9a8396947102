// SPDX-License-Identifier: Apache-2.0

//! ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS: a framework says whether it will give agents back in time.

use kaon_allocator::refusal_span;
use kaon_api::v1::allocator::inverse_offer_status::Status;
use kaon_api::v1::{Filters, OfferID};

use crate::master::{Master, Turn};
use crate::state::FrameworkRow;

impl Master {
    /// Mesos: it is only written down; nothing is killed. It is asked again when its refusal ends, whatever it said.
    pub(super) fn answer_inverse_offers(
        &mut self,
        turn: &mut Turn,
        row: FrameworkRow,
        offers: &[OfferID],
        filters: Option<Filters>,
        status: Status,
    ) {
        let refuse_seconds = filters.and_then(|filters| filters.refuse_seconds);
        let rest = refusal_span(refuse_seconds, self.config.allocation_interval);
        for id in offers {
            let Some(number) = self.offer_number(&id.value) else { continue };
            if self.state.inverse_offer(number).is_none_or(|offer| offer.framework != row) {
                continue;
            }
            let Some(offer) = self.take_inverse_offer_back(number) else { continue };
            if let Some(rest) = rest {
                self.state.machines.rest_until(offer.agent, row, turn.now.mono + rest);
            }
            self.note_answer(turn, offer.agent, row, status);
        }
    }
}
