// SPDX-License-Identifier: Apache-2.0

//! CREATE: makes persistent volumes of reserved disk.

use kaon_api::v1::offer::Operation;

use super::Acceptance;
use crate::master::{Master, Turn};
use crate::validate::operation;

impl Master {
    pub(super) fn create_volumes(
        &mut self,
        turn: &mut Turn,
        acceptance: &mut Acceptance,
        order: Operation,
    ) -> Result<(), String> {
        if let Some(create) = &order.create {
            operation::create(create, self.wish(acceptance)).map_err(|e| self.on_agent(acceptance, &e))?;
        }
        self.convert(turn, acceptance, order, true)
    }
}
