// SPDX-License-Identifier: Apache-2.0

//! DESTROY_DISK: would have a provider take a disk back.

use kaon_api::v1;
use kaon_api::v1::offer::Operation;
use kaon_model::resource_validity::describe;

use super::Acceptance;
use crate::master::Master;
use crate::validate::operation;

impl Master {
    /// As with CREATE_DISK.
    pub(super) fn destroy_disk(&self, acceptance: &Acceptance, order: &Operation) -> Result<(), String> {
        let Some(destroy) = &order.destroy_disk else { return Ok(()) };
        self.takes_providers(acceptance)?;
        operation::destroy_disk(destroy).map_err(|e| self.on_agent(acceptance, &e))?;
        self.not_held(acceptance, "DESTROY_DISK", &destroy.source)
    }

    pub(super) fn takes_providers(&self, acceptance: &Acceptance) -> Result<(), String> {
        let agent = self.state.agent(acceptance.agent);
        if agent.capabilities.resource_provider() {
            return Ok(());
        }
        Err(format!(
            "Not supported on agent {} because it does not have RESOURCE_PROVIDER capability",
            agent.title()
        ))
    }

    pub(super) fn not_held(
        &self,
        acceptance: &Acceptance,
        kind: &str,
        source: &v1::Resource,
    ) -> Result<(), String> {
        let rest = acceptance.holding.rest().allocate(&acceptance.role);
        Err(format!("Invalid {kind} Operation: {rest} does not contain {}", describe(source)))
    }
}
