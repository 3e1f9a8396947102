// SPDX-License-Identifier: Apache-2.0

//! CREATE_DISK: would have a provider set up a disk.

use kaon_api::v1::offer::Operation;

use super::Acceptance;
use crate::master::Master;
use crate::validate::operation;

impl Master {
    /// Nothing of a provider is ever offered here, so that a call which is right in itself finds nothing to take.
    pub(super) fn create_disk(&self, acceptance: &Acceptance, order: &Operation) -> Result<(), String> {
        let Some(create) = &order.create_disk else { return Ok(()) };
        self.takes_providers(acceptance)?;
        operation::create_disk(create).map_err(|e| self.on_agent(acceptance, &e))?;
        self.not_held(acceptance, "CREATE_DISK", &create.source)
    }
}
