// SPDX-License-Identifier: Apache-2.0

//! DECLINE: a framework gives offers back.

use kaon_allocator::Withdrawal;
use kaon_api::v1::scheduler::call;

use crate::master::Master;
use crate::state::FrameworkRow;

impl Master {
    /// Mesos: offers that are not the framework's, or not there any more, are passed over.
    pub(super) fn decline(&mut self, row: FrameworkRow, call: &call::Decline) {
        self.state.tables.counters.messages_decline_offers += 1;
        let refuse_seconds = call.filters.as_ref().and_then(|filters| filters.refuse_seconds);
        for id in &call.offer_ids {
            let Some(number) = self.offer_number(&id.value) else { continue };
            if self.state.offer(number).is_some_and(|offer| offer.framework == row) {
                self.take_offer_back(number, Withdrawal::Declined(refuse_seconds));
                self.state.framework_mut(row).counters.offers_declined += 1;
            }
        }
    }
}
