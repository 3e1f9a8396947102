// SPDX-License-Identifier: Apache-2.0

//! CheckpointResources: a master that sends no operations tells what all of them come to.

use kaon_api::internal::CheckpointResourcesMessage;
use kaon_model::Resources;

use crate::agent::{Agent, Cx};
use crate::journal::resources;

impl Agent {
    pub(crate) fn checkpoint_resources(&mut self, cx: &mut Cx, message: &CheckpointResourcesMessage) {
        let told = Resources::from_wire(&message.resources).map_err(|error| error.to_string());
        let base = self.described();
        let total = told.and_then(|told| base.with_checkpointed(&told).map_err(|error| error.to_string()));
        let total = match total {
            Ok(total) => total,
            Err(error) => return cx.warn(format!("Ignoring resources that cannot be had here: {error}")),
        };
        let (before, after) = (self.state.total.checkpointed(), total.checkpointed());
        if before != after {
            self.state.total = total;
            let ops = resources::change(&before, &after, self.state.operations.values().map(|one| &**one));
            self.record(cx, ops, None);
        }
    }
}
