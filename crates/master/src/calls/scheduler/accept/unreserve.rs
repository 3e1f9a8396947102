// SPDX-License-Identifier: Apache-2.0

//! UNRESERVE: takes the newest reservation off offered resources.

use kaon_api::v1::offer::Operation;

use super::Acceptance;
use crate::master::{Master, Turn};
use crate::validate::operation;

impl Master {
    pub(super) fn unreserve(
        &mut self,
        turn: &mut Turn,
        acceptance: &mut Acceptance,
        order: Operation,
    ) -> Result<(), String> {
        if let Some(unreserve) = &order.unreserve {
            operation::unreserve(unreserve).map_err(|e| self.on_agent(acceptance, &e))?;
        }
        self.convert(turn, acceptance, order, true)
    }
}
