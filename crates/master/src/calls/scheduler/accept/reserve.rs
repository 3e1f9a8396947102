// SPDX-License-Identifier: Apache-2.0

//! RESERVE: holds offered resources back for the role that they were offered in.

use kaon_api::v1::offer::Operation;

use super::Acceptance;
use crate::master::{Master, Turn};
use crate::validate::operation;

impl Master {
    pub(super) fn reserve(
        &mut self,
        turn: &mut Turn,
        acceptance: &mut Acceptance,
        order: Operation,
    ) -> Result<(), String> {
        if let Some(reserve) = &order.reserve {
            operation::reserve(reserve, self.wish(acceptance)).map_err(|e| self.on_agent(acceptance, &e))?;
        }
        self.convert(turn, acceptance, order, true)
    }
}
