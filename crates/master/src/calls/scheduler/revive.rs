// SPDX-License-Identifier: Apache-2.0

//! REVIVE: a framework wants offers again, whatever it refused before.

use std::sync::Arc;

use crate::master::{Master, Turn};
use crate::state::FrameworkRow;

impl Master {
    /// Mesos: a role that is not one, or not the framework's, makes the whole call void.
    pub(super) fn revive(&mut self, turn: &mut Turn, row: FrameworkRow, roles: &[String]) {
        self.state.tables.counters.messages_revive_offers += 1;
        let Ok(roles) = Master::roles_named(roles) else { return };
        let id = self.state.framework(row).id.clone();
        if self.allocator.revive(turn.now.mono, &id, &roles).is_ok() {
            self.state.machines.forget_asked(row);
            let suppressed = Arc::make_mut(&mut self.state.framework_mut(row).suppressed);
            suppressed.retain(|role| !roles.is_empty() && !roles.contains(role));
        }
    }
}
