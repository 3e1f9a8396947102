// SPDX-License-Identifier: Apache-2.0

//! GROW_VOLUME: adds offered disk to a volume.

use kaon_api::v1::offer::Operation;

use super::Acceptance;
use crate::master::{Master, Turn};
use crate::validate::operation;

impl Master {
    /// Mesos: the grown volume cannot be used in the same call.
    pub(super) fn grow_volume(
        &mut self,
        turn: &mut Turn,
        acceptance: &mut Acceptance,
        order: Operation,
    ) -> Result<(), String> {
        if let Some(grow) = &order.grow_volume {
            let capabilities = &self.state.agent(acceptance.agent).capabilities;
            operation::grow_volume(grow, capabilities).map_err(|e| self.on_agent(acceptance, &e))?;
        }
        self.convert(turn, acceptance, order, false)
    }
}
