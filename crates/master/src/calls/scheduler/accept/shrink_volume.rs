// SPDX-License-Identifier: Apache-2.0

//! SHRINK_VOLUME: takes disk off a volume.

use kaon_api::v1::offer::Operation;

use super::Acceptance;
use crate::master::{Master, Turn};
use crate::validate::operation;

impl Master {
    /// Mesos: neither the volume nor what was taken off it can be used in the same call.
    pub(super) fn shrink_volume(
        &mut self,
        turn: &mut Turn,
        acceptance: &mut Acceptance,
        order: Operation,
    ) -> Result<(), String> {
        if let Some(shrink) = &order.shrink_volume {
            let capabilities = &self.state.agent(acceptance.agent).capabilities;
            operation::shrink_volume(shrink, capabilities).map_err(|e| self.on_agent(acceptance, &e))?;
        }
        self.convert(turn, acceptance, order, false)
    }
}
